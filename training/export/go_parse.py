"""Go's text/template as far as chat templates use it: from text to nodes. What is not known is refused, never guessed.

Syntax: https://pkg.go.dev/text/template.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from curation.errors import StudioError

_ACTION = re.compile(r"\{\{(-[ \t\r\n])?(.*?)([ \t\r\n]-)?\}\}", re.DOTALL)
_COMMENT = re.compile(r"\{\{(-[ \t\r\n])?\s*(/\*.*?\*/)\s*([ \t\r\n]-)?\}\}", re.DOTALL)
_STRINGS_INSIDE = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|`[^`]*`", re.DOTALL)
_WORD = re.compile(
    r"\s*(?:(?P<string>\"(?:\\.|[^\"\\\n])*\"|`[^`]*`)|(?P<number>-?\d+)|(?P<chain>(?<=\))(?:\.\w+)+)|(?P<field>(?:\$\w*)?(?:\.\w+)+|\$\w*|\.)"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<sign>:=|=|\||\(|\)|,))",
    re.DOTALL,
)


class GoTemplateError(StudioError):
    """The template is broken, or uses what this renderer does not know."""


@dataclass(frozen=True)
class Text:
    """What is written as it stands."""

    text: str


@dataclass(frozen=True)
class Print:
    """An action. target: the variable that it declares or assigns instead of printing."""

    pipe: tuple[Any, ...]
    target: str = ""
    declares: bool = False


@dataclass(frozen=True)
class Block:
    """if, with or range. names: the variables of a range."""

    kind: str
    pipe: tuple[Any, ...]
    then: tuple[Any, ...]
    other: tuple[Any, ...]
    names: tuple[str, ...] = ()


def parse(source: str) -> tuple[Any, ...]:
    """The nodes of a template: Text, Print and Block. Raises GoTemplateError."""
    return tuple(_Parser(_pieces(source)).nodes()[0])


def _pieces(source: str) -> list[tuple[str, str]]:
    """("text", …) and ("action", …), white space trimmed where the marks say so."""
    found: list[tuple[str, str]] = []
    at, trims = 0, False
    while match := _next_action(source, at):
        text = source[at : match.start()]
        text = text.lstrip(" \t\r\n") if trims else text
        found.append(("text", text.rstrip(" \t\r\n") if match[1] else text))
        found.append(("action", source[match.start(2) : match.end(2)]))
        at, trims = match.end(), bool(match[3])
    rest = source[at:]
    if "{{" in rest:
        raise GoTemplateError("An action is not closed.")
    found.append(("text", rest.lstrip(" \t\r\n") if trims else rest))
    return [piece for piece in found if piece[1] or piece[0] == "action"]


def _next_action(source: str, at: int) -> re.Match[str] | None:
    """The next action. A string inside it may hold "}}": its characters are hidden from the pattern."""
    begin = source.find("{{", at)
    if begin < 0:
        return None
    if comment := _COMMENT.match(source, begin):
        return comment
    inside, position = [], begin + 2
    while position < len(source) and not source.startswith("}}", position):
        string = _STRINGS_INSIDE.match(source, position)
        width = len(string[0]) if string else 1
        inside.append("\0" * width if string else source[position])
        position += width
    masked = "\0" * begin + "{{" + "".join(inside) + "}}"
    return _ACTION.match(masked, begin) if position < len(source) else None


class _Parser:
    """Nodes from pieces, by recursive descent."""

    def __init__(self, pieces: Sequence[tuple[str, str]]) -> None:
        self._pieces = list(pieces)

    def nodes(self, inside: str = "") -> tuple[list[Any], str]:
        """Up to the `end` or `else …` of the block `inside`, which is returned as it stands."""
        found: list[Any] = []
        while self._pieces:
            kind, text = self._pieces.pop(0)
            if kind == "text":
                found.append(Text(text))
                continue
            words = _words(text)
            head = words[0][0] if words and words[0][1] == "name" else ""
            if head in ("end", "else"):
                if not inside:
                    raise GoTemplateError(f"There is an {head} without a block.")
                return found, " ".join(str(value) for value, _ in words[:2]) + "\0" + text
            if head in ("if", "range", "with"):
                found.append(self._block(head, words[1:]))
            elif words:
                found.append(_print_of(words))
        if inside:
            raise GoTemplateError(f"The {inside} has no end.")
        return found, ""

    def _block(self, kind: str, words: list[Any]) -> Block:
        names: tuple[str, ...] = ()
        signs = [at for at, word in enumerate(words) if word == (":=", "sign")]
        if kind == "range" and signs:
            names = tuple(value for value, sort in words[: signs[0]] if sort == "field")
            words = words[signs[0] + 1 :]
        then, ending = self.nodes(kind)
        other: list[Any] = []
        if ending.startswith("else"):
            rest = _words(ending.partition("\0")[2])[1:]
            if rest:
                other = [self._block(rest[0][0], rest[1:])]
                return Block(kind, _pipe(words), tuple(then), tuple(other), names)
            other, _ = self.nodes(kind)
        return Block(kind, _pipe(words), tuple(then), tuple(other), names)


def _words(text: str) -> list[tuple[Any, str]]:
    """The words of an action with their kinds; none for a comment."""
    text = text.strip()
    if text.startswith("/*"):
        return []
    found: list[tuple[Any, str]] = []
    at = 0
    while at < len(text):
        match = _WORD.match(text, at)
        if match is None or match.end() == at:
            raise GoTemplateError(f"'{text[at : at + 20]}' cannot be read.")
        kind = match.lastgroup or ""
        value: Any = match[kind]
        if kind == "string":
            value = value[1:-1] if value[0] == "`" else ast.literal_eval(value)
        found.append((int(value) if kind == "number" else value, kind))
        at = match.end()
        at += len(text[at:]) - len(text[at:].lstrip())
    return found


def _print_of(words: list[Any]) -> Print:
    if len(words) > 2 and words[0][1] == "field" and words[1][0] in (":=", "=") and words[1][1] == "sign":
        return Print(_pipe(words[2:]), words[0][0], words[1][0] == ":=")
    return Print(_pipe(words))


def _pipe(words: list[Any]) -> tuple[Any, ...]:
    """Commands, each a tuple of (value, kind); a parenthesis is a value of kind `pipe`."""
    commands: list[list[Any]] = [[]]
    at = 0
    while at < len(words):
        value, kind = words[at]
        if kind == "sign" and value == "|":
            commands.append([])
        elif kind == "sign" and value == "(":
            end = _closing(words, at)
            commands[-1].append((_pipe(words[at + 1 : end]), "pipe"))
            at = end
        elif kind == "chain":
            commands[-1][-1] = (((commands[-1][-1], (value, kind)),), "pipe")
        elif kind == "sign":
            raise GoTemplateError(f"'{value}' is in the wrong place.")
        else:
            commands[-1].append((value, kind))
        at += 1
    if not all(commands):
        raise GoTemplateError("A command is missing.")
    return tuple(tuple(command) for command in commands)


def _closing(words: list[Any], at: int) -> int:
    depth = 0
    for index in range(at, len(words)):
        if words[index][1] == "sign":
            depth += {"(": 1, ")": -1}.get(words[index][0], 0)
        if depth == 0:
            return index
    raise GoTemplateError("A parenthesis is not closed.")
