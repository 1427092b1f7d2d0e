"""As much of Go's text/template as chat templates for Ollama use: read, and executed as Ollama does.

Text, `{{- -}}`, comments, if / else if / else, range with and without variables, with, `$x :=` and `$x =`, fields, strings,
whole numbers, parentheses, pipes, and the functions eq, ne, lt, le, gt, ge, and, or, not, len, index, slice, print. The
semantics are those of https://pkg.go.dev/text/template; what is not known is refused, never guessed. What Ollama does around
it (merging messages of one role, `.System` / `.Prompt` / `.Response` for templates without `.Messages`, the cut behind
`.Response`) follows its template package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from training.export.go_parse import Block, GoTemplateError, Print, Text, parse


@dataclass
class _Scope:
    """Variables: an assignment reaches the block that declared the variable."""

    values: dict[str, Any]
    outer: _Scope | None = None

    def holder(self, name: str) -> _Scope:
        scope: _Scope | None = self
        while scope is not None and name not in scope.values:
            scope = scope.outer
        if scope is None:
            raise GoTemplateError(f"The variable {name} is not declared.")
        return scope


def render_for_ollama(source: str, messages: Sequence[Mapping[str, str]]) -> str:
    """What Ollama sends to the model for a chat. Raises GoTemplateError."""
    nodes = parse(source)
    used = set(_fields(nodes))
    chat = _collated(messages)
    if "Messages" in used:
        system = "\n\n".join(message["Content"] for message in chat if message["Role"] == "system")
        return _run(nodes, {"System": system, "Messages": chat, "Tools": [], "Response": ""})
    if "Response" not in used:
        nodes = (*nodes, Print((((".Response", "field"),),)))
    return _one_by_one(nodes, chat)


def _collated(messages: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Messages of one role that follow each other become one, results of tools excepted."""
    found: list[dict[str, str]] = []
    for message in messages:
        role, content = message["role"], message["content"]
        if found and found[-1]["Role"] == role != "tool":
            found[-1]["Content"] += "\n\n" + content
        else:
            found.append({"Role": role, "Content": content})
    return found


def _one_by_one(nodes: tuple[Any, ...], chat: Sequence[Mapping[str, str]]) -> str:
    """The older form: once for each exchange; the last time only up to where the answer begins."""
    values = {"System": "", "Prompt": "", "Response": ""}
    text = ""
    for message in chat:
        role, content = message["Role"], message["Content"]
        full = (role == "system" and (values["Prompt"] or values["Response"])) or (
            role == "user" and values["Response"]
        )
        if full:
            text += _run(nodes, values)
            values = dict.fromkeys(values, "")
        name = {"system": "System", "user": "Prompt", "assistant": "Response"}.get(role)
        if name:
            values[name] = content
    return text + _run(_cut(nodes)[0], values)


def _cut(nodes: Sequence[Any]) -> tuple[tuple[Any, ...], bool]:
    """The nodes up to `.Response`, and whether it was among them."""
    kept: list[Any] = []
    for node in nodes:
        if isinstance(node, Block):
            then, found = _cut(node.then)
            other, later = ((), True) if found else _cut(node.other)
            kept.append(replace(node, then=then, other=other))
            if found or (later and node.other):
                return tuple(kept), True
            continue
        kept.append(node)
        if "Response" in set(_fields((node,))):
            return tuple(kept), True
    return tuple(kept), False


def _fields(nodes: Sequence[Any]) -> Iterator[str]:
    """The names of every field that is used."""
    for node in nodes:
        if isinstance(node, Block):
            yield from _fields(node.then)
            yield from _fields(node.other)
        if isinstance(node, Block | Print):
            yield from _fields_of(node.pipe)


def _fields_of(pipe: Any) -> Iterator[str]:
    for command in pipe:
        for value, kind in command:
            if kind in ("field", "chain"):
                yield from value.split(".")[1:]
            elif kind == "pipe":
                yield from _fields_of(value)


def _run(nodes: Sequence[Any], data: Mapping[str, Any]) -> str:
    return "".join(_Execution(data).walk(nodes, data, _Scope({"$": data})))


@dataclass
class _Execution:
    """Walks the nodes. data: what `$` is."""

    data: Mapping[str, Any]
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=lambda: _FUNCTIONS)

    def walk(self, nodes: Sequence[Any], dot: Any, scope: _Scope) -> Iterator[str]:
        for node in nodes:
            if isinstance(node, Text):
                yield node.text
            elif isinstance(node, Block):
                yield from self._block(node, dot, scope)
            else:
                value = self._value(node.pipe, dot, scope)
                if not node.target:
                    yield _shown(value)
                elif node.declares:
                    scope.values[node.target] = value
                else:
                    scope.holder(node.target).values[node.target] = value

    def _block(self, node: Block, dot: Any, scope: _Scope) -> Iterator[str]:
        value = self._value(node.pipe, dot, scope)
        if not value:
            yield from self.walk(node.other, dot, _Scope({}, scope))
        elif node.kind == "range":
            if not isinstance(value, list):
                raise GoTemplateError("Only a list can be ranged over.")
            for index, item in enumerate(value):
                named = dict(zip(node.names, (index, item) if len(node.names) == 2 else (item,), strict=False))
                yield from self.walk(node.then, item, _Scope(named, scope))
        else:
            yield from self.walk(node.then, value if node.kind == "with" else dot, _Scope({}, scope))

    def _value(self, pipe: Sequence[Any], dot: Any, scope: _Scope) -> Any:
        carried: list[Any] = []
        for command in pipe:
            (value, kind), rest = command[0], command[1:]
            if rest and rest[0][1] == "chain":
                carried = [_fields_from(self._operand(command[0], dot, scope), rest[0][0])]
            elif kind == "name" and value not in ("true", "false", "nil"):
                if value not in self.functions:
                    raise GoTemplateError(f"The function {value} is not known here.")
                values = [self._operand(one, dot, scope) for one in rest]
                carried = [_called(self.functions[value], [*values, *carried])]
            elif rest or carried:
                raise GoTemplateError(f"'{value}' takes no arguments.")
            else:
                carried = [self._operand(command[0], dot, scope)]
        return carried[0]

    def _operand(self, word: tuple[Any, str], dot: Any, scope: _Scope) -> Any:
        value, kind = word
        if kind == "pipe":
            return self._value(value, dot, scope)
        if kind == "name":
            if value not in ("true", "false", "nil"):
                raise GoTemplateError(f"'{value}' is no value.")
            return {"true": True, "false": False, "nil": None}[value]
        if kind != "field":
            return value
        head = value.partition(".")[0]
        return _fields_from(scope.holder(head).values[head] if head else dot, value)


def _fields_from(found: Any, names: str) -> Any:
    """The fields that follow each other in `names` (`.Role`). A message lacks what it has not; the data may."""
    for name in filter(None, names.split(".")[1:]):
        if not isinstance(found, Mapping) or ("Role" in found and name not in found):
            raise GoTemplateError(f"There is no field {name} there.")
        found = found.get(name)
    return found


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | Mapping):
        raise GoTemplateError("A list or a message cannot be printed.")
    return "<no value>" if value is None else str(value)


def _called(function: Callable[..., Any], values: list[Any]) -> Any:
    try:
        return function(*values)
    except (TypeError, IndexError, KeyError, AttributeError, ValueError) as error:
        raise GoTemplateError(f"A function cannot be called like that: {error}.") from error


def _same(first: Any, *others: Any) -> bool:
    for other in others:
        if type(first) is not type(other):
            raise GoTemplateError("Values of different kinds are compared.")
    return any(first == other for other in others)


def _and(*values: Any) -> Any:
    return next((value for value in values if not value), values[-1])


def _or(*values: Any) -> Any:
    return next((value for value in values if value), values[-1])


def _index(value: Any, *at: Any) -> Any:
    for one in at:
        value = value[one] if isinstance(value, list) else value.get(one)
    return value


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "eq": _same,
    "ne": lambda a, b: not _same(a, b),
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "and": _and,
    "or": _or,
    "not": lambda value: not value,
    "len": len,
    "index": _index,
    "slice": lambda value, *at: value[slice(*at)] if len(at) > 1 else value[at[0] if at else 0 :],
    "print": lambda *values: "".join(map(_shown, values)),
}
