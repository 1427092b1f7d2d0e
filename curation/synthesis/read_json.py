"""The JSON in what a model wrote: strictly, and else repaired."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NoReturn

MOST_TO_MEND = 100_000
"""Characters; repairing takes time that grows faster than the text."""

DEEPEST = 32
"""Brackets within brackets. An answer has five; 50,000 of them keep the repair busy for a minute."""

THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
"""What a model thought before it answered."""

_FENCE = re.compile(r"^[ \t]*```[ \t]*\w*[ \t]*\n(.*?)\n[ \t]*```[ \t]*$", re.DOTALL | re.MULTILINE)
_BRACKET = re.compile(r"[\[\]{}]")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_NOT_WORD = re.compile(r"[\W_]+")


class Several(Exception):
    """There is more than one answer, and nothing says which is meant."""


def json_in(text: str) -> dict[str, Any] | list[Any] | None:
    """The one JSON object or list in the text, or a list of its objects where there is one after the other and nothing but
    blanks and commas between them. None where there is none. Raises Several."""
    if _is_deep(text):
        return None
    fenced = _FENCE.findall(text)
    text = fenced[0] if len(fenced) == 1 else text
    values, between = _values(text)
    if not values:
        return None
    if len(values) == 1:
        only: dict[str, Any] | list[Any] = values[0]
        return only
    if all(isinstance(value, dict) and "items" not in value for value in values) and not any(between):
        return list(values)
    raise Several


def mended(text: str) -> dict[str, Any] | list[Any] | None:
    """The JSON that the text would be if its form were right; None if there is none, or if words would change."""
    from json_repair import repair_json

    starts = [at for at in (text.find("{"), text.find("[")) if at >= 0]
    if not starts or len(text) > MOST_TO_MEND or _is_deep(text):
        return None
    try:
        found = repair_json(text[min(starts) :], return_objects=True, skip_json_loads=True)
    except (ValueError, RecursionError, IndexError, TypeError, AttributeError):
        return None
    if not isinstance(found, dict | list) or not found:
        return None
    words = _words(_unescaped(text))
    mended_one: dict[str, Any] | list[Any] = found
    return mended_one if all(_words(said) in words for said in _texts(found)) else None


def _values(text: str) -> tuple[list[Any], list[str]]:
    """Every whole object and list at the top, and what stands between them, without blanks and commas.

    Something that begins as JSON and does not end as such makes the whole unreadable here, so that it comes to be mended.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)
    values: list[Any] = []
    between: list[str] = []
    at = 0
    while True:
        start = next((place for place in range(at, len(text)) if text[place] in "{["), -1)
        if start < 0:
            return values, between
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            if text[start] == "[" and not values:  # [1], [note]: talk, more likely than not
                at = start + 1
                continue
            return [], []
        if _is_items(value):
            if values:
                between.append(text[at:start].strip(" \t\r\n,"))
            values.append(value)
        at = end


def _is_deep(text: str) -> bool:
    """Whether brackets stand within brackets as no answer has them. Those in strings are counted too."""
    depth = 0
    for bracket in _BRACKET.findall(text):
        depth = depth + 1 if bracket in "{[" else max(0, depth - 1)
        if depth > DEEPEST:
            return True
    return False


def _is_items(value: Any) -> bool:
    """Whether it can be meant as an answer: an object, or a list with objects."""
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(each, dict) for each in value))


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _texts(found: Any) -> list[str]:
    if isinstance(found, str):
        return [found]
    inner = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    return [text for each in inner for text in _texts(each)]


def _unescaped(text: str) -> str:
    blanks = {"n": "\n", "t": "\t", "r": "\r", "b": " ", "f": " "}
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else blanks.get(found[2], found[2]), text)


def _words(text: str) -> str:
    return _NOT_WORD.sub("", text)
