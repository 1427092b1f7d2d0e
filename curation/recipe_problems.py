"""What is wrong with a recipe, in words for people: all of it in one error, each with file, line and key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import ErrorDetails

from curation.errors import RecipeError, nearest

KeyPath = tuple[str | int, ...]
_SHOWN = 60  # characters of a refused value that a message quotes


@dataclass(frozen=True)
class Problem:
    """One thing to mend: in which file and 1-based line, or by which `--set` argument, and under which key."""

    where: str
    line: int | None
    key: str
    message: str
    hint: str = ""

    def sentence(self) -> str:
        """`recipe.yaml:12: length.min_chars: must be at least 0, got -3`: all but the hint."""
        place = self.where if self.line is None else f"{self.where}:{self.line}"
        return ": ".join(part for part in (place, self.key, self.message) if part)

    def __str__(self) -> str:
        return f"{self.sentence()}. {self.hint}" if self.hint else self.sentence()


class RecipeProblems(RecipeError):
    """Every problem found in one recipe; `problems` has them one by one, by line."""

    def __init__(self, origin: str, problems: Sequence[Problem]) -> None:
        self.origin = origin
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line or 0))
        if len(self.problems) == 1:
            super().__init__(self.problems[0].sentence(), self.problems[0].hint)
        else:
            lines = "".join(f"\n  {problem}" for problem in self.problems)
            super().__init__(f"{origin}: {len(self.problems)} problems{lines}")

    def __reduce__(self) -> tuple[type[RecipeProblems], tuple[str, tuple[Problem, ...]]]:  # type: ignore[override]
        return type(self), (self.origin, self.problems)


def quoted(value: Any) -> str:
    """A refused value in YAML's words: short, and with nothing that a terminal would act upon."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, str):  # repr keeps the letters of every script and escapes what is not printable
        return repr(value) if len(value) <= _SHOWN else repr(value[:_SHOWN]) + "…"
    return str(value)


def explain(errors: Iterable[ErrorDetails], data: Any, known: Mapping[str, Any]) -> list[tuple[KeyPath, str, str]]:
    """pydantic's findings about `data` as `(key path, message, hint)`, one for each key.

    A value that fits no branch of a union gives one finding a branch, told apart by a label at the end of its path
    that is no key of the data: those are joined with "or". `known` holds the keys that are valid at the top.
    """
    found: dict[KeyPath, list[tuple[str, str]]] = {}
    for error in errors:
        path = _path_in(data, error)
        said = _words(error, known if len(path) == 1 else {})
        messages = found.setdefault(path, [])
        if said not in messages:
            messages.append(said)
    return [(path, *_join(messages)) for path, messages in found.items()]


def _join(messages: list[tuple[str, str]]) -> tuple[str, str]:
    if len(messages) == 1:
        return messages[0]
    wanted = [message.partition(", got ")[0] for message, _ in messages]
    got = next((message.partition(", got ")[2] for message, _ in messages if ", got " in message), "")
    hint = next((hint for _, hint in messages if hint), "")
    return " or ".join(wanted) + (f", got {got}" if got else ""), hint


def _path_in(data: Any, error: ErrorDetails) -> KeyPath:
    """The part of the error's location that names keys of the data; what follows are labels of union branches."""
    path: list[str | int] = []
    for step in error["loc"]:
        inside = isinstance(data, Mapping) and step in data
        inside = inside or (isinstance(data, list) and isinstance(step, int) and step < len(data))
        if inside:
            path.append(step)
            data = data[step]
        elif error["type"] == "missing":
            path.append(step)
    return tuple(path)


_TYPE_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "bool": "true or false",
    "string": "text",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "dict": "a mapping of keys to values",
    "model": "a mapping of keys to values",
    "model_attributes": "a mapping of keys to values",
    "dataclass": "a mapping of keys to values",
    "none_required": "null",
    "path": "a path",
}

_BOUND_WORDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
    "multiple_of": ("a multiple of", "multiple_of"),
}


def _words(error: ErrorDetails, known: Mapping[str, Any]) -> tuple[str, str]:
    kind, value, ctx = error["type"], error.get("input"), error.get("ctx", {})
    if kind == "missing":
        return "is missing", ""
    if kind == "extra_forbidden":
        return "unknown key", nearest(str(error["loc"][-1]), known)
    if kind in _BOUND_WORDS:
        words, bound = _BOUND_WORDS[kind]
        limit = ctx[bound]
        limit = f"{limit:g}" if isinstance(limit, float) else limit
        return f"must be {words} {limit}, got {quoted(value)}", ""
    if kind in ("literal_error", "enum"):
        return _one_of(str(ctx["expected"]), value)
    if kind == "finite_number":
        return f"must be a finite number, got {quoted(value)}", ""
    if kind in ("value_error", "assertion_error"):
        return str(ctx.get("error", error["msg"])).strip().rstrip("."), ""
    if kind == "string_pattern_mismatch":
        return f"must match the pattern {ctx['pattern']}, got {quoted(value)}", ""
    if kind in ("string_too_short", "string_too_long", "too_short", "too_long"):
        return _size(kind, ctx, value)
    root = kind.removesuffix("_type").removesuffix("_parsing").removesuffix("_from_float").removesuffix("_size")
    if root in _TYPE_WORDS:
        return _wrong_type(root, value)
    message = error["msg"].removeprefix("Input should be ").removeprefix("Value error, ").rstrip(".")
    return f"{message}, got {quoted(value)}", ""


def _one_of(expected: str, value: Any) -> tuple[str, str]:
    options = [option.strip("'") for option in expected.replace(" or ", ", ").split(", ")]
    hint = nearest(value, options) if isinstance(value, str) else ""
    if hint.startswith("Known:"):
        hint = ""  # the message lists them already
    alone = len(options) == 1
    return f"must be {'' if alone else 'one of '}{', '.join(options)}, got {quoted(value)}", hint


def _size(kind: str, ctx: Mapping[str, Any], value: Any) -> tuple[str, str]:
    unit = "character" if kind.startswith("string") else "item"
    words, bound = ("at least", ctx.get("min_length")) if kind.endswith("short") else ("at most", ctx.get("max_length"))
    size = len(value) if hasattr(value, "__len__") else "?"
    return f"must have {words} {bound} {unit}{'' if bound == 1 else 's'}, got {size}", ""


def _wrong_type(root: str, value: Any) -> tuple[str, str]:
    hint = ""
    if root == "string" and isinstance(value, (bool, int, float)):
        hint = f'Put it in quotes to make it text: "{quoted(value)}".'
    elif root == "bool" and isinstance(value, str):
        hint = "Only true and false are yes and no in YAML 1.2."
    elif root in ("int", "float", "bool") and isinstance(value, str):
        hint = "Take the quotes away." if value.replace(".", "", 1).lstrip("+-").isdigit() else ""
    elif root in ("list", "tuple", "set", "frozen_set") and isinstance(value, (str, int, float)):
        hint = f"Write [{value}] for a list of one."
    return f"must be {_TYPE_WORDS[root]}, got {quoted(value)}", hint
