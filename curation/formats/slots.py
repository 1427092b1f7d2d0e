"""Taking text out of an object and putting it back.

A *template* is the object with each text replaced by its *slot*: the number of the turn that holds the text. Only
places where a format expects text are ever looked at, and a number is never left standing in such a place, so that a
slot cannot be mistaken for data. What is not text (null, missing keys, other columns) stays as it was.

Marks that may stand in a template in the place of text:

=====================================  =====================================================================
`3`                                    the content of turn 3
`{"slot": 3, "was": 42}`               a number or boolean in the place of text: shown as turn 3, restored as 42
`{"json": style, "list": [...]}`       a list that was written as JSON inside a string, as CSV files have it
=====================================  =====================================================================
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from curation.formats.errors import misfit
from curation.readers.payload import BadRecord, dumps_exact, loads_exact

Turns = list[tuple[str, str]]
Take = Callable[[Any, Turns], Any]
Put = Callable[[Any, Sequence[tuple[str, str]]], Any]

MAX_JSON_CELL = 4 * 1024 * 1024  # characters; a longer string is text, whatever it looks like


class Field(NamedTuple):
    """One column that a format takes apart.

    kind: what it is in a conversation (see `exchange.py`). role: of the turn made from a plain string; "" when `take`
    must look at strings too. take and put: from value to mark and back.
    """

    column: str
    kind: str
    role: str
    take: Take
    put: Put


def take_scalar(role: str) -> Take:
    """A taker for a string, null, or a number written where text is expected (`"answer": 42`)."""

    def take(value: Any, turns: Turns) -> Any:
        if value is None:
            return None
        kind = type(value)
        if kind is str:
            turns.append((role, value))
            return len(turns) - 1
        if kind is int or kind is float or kind is bool:
            turns.append((role, dumps_exact(value)))
            return {"slot": len(turns) - 1, "was": value}
        raise misfit(f"the {role} text is of type {kind.__name__}")

    return take


def take_optional(role: str) -> Take:
    """Like `take_scalar`, but "" makes no turn: an empty `input` or `system` is the usual way to say there is none."""
    scalar = take_scalar(role)

    def take(value: Any, turns: Turns) -> Any:
        return value if value == "" else scalar(value, turns)

    return take


def put_scalar(mark: Any, turns: Sequence[tuple[str, str]]) -> Any:
    """The inverse of `take_scalar` and `take_optional`."""
    if type(mark) is int:
        return turns[mark][1]
    if type(mark) is dict:
        content = turns[mark["slot"]][1]
        return mark["was"] if content == dumps_exact(mark["was"]) else content
    return mark


def is_number_mark(mark: Any) -> bool:
    """Whether a template's dict is the mark of a number (no message has these two keys and no other)."""
    return len(mark) == 2 and "slot" in mark and "was" in mark


def is_json_mark(mark: Any) -> bool:
    """Whether a template's dict is the mark of a list inside a string."""
    return len(mark) == 2 and "json" in mark and "list" in mark


def open_json(text: str) -> tuple[list[Any], int | str] | None:
    """The list written as JSON in `text` and the style it was written in; None when it is no JSON list.

    The style is a number for the usual ways of writing JSON, else the text itself, so that it can be restored exactly.
    """
    if not text.startswith("[") or not text.rstrip().endswith("]") or len(text) > MAX_JSON_CELL:
        return None
    try:
        value = loads_exact(text)
        if type(value) is not list:
            return None
        styles = (write(value) for write in _WRITERS)
        return value, next((number for number, written in enumerate(styles) if written == text), text)
    except (ValueError, RecursionError, BadRecord):
        return None


def close_json(value: list[Any], style: int | str) -> str:
    """The string that `open_json` opened, or, after an edit, its list in the style nearest to it."""
    if isinstance(style, str):
        return style if loads_exact(style) == value else dumps_exact(value)
    return _WRITERS[style](value)


def _spaced(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _escaped(value: Any) -> str:
    return json.dumps(value)


_WRITERS: tuple[Callable[[Any], str], ...] = (dumps_exact, _spaced, _escaped)


def take_listed(take: Take) -> Take:
    """A taker that also opens a list written as JSON inside a string."""

    def take_any(value: Any, turns: Turns) -> Any:
        if type(value) is str:
            opened = open_json(value)
            if opened is None:
                raise misfit("a text stands where a list of messages belongs")
            return {"json": opened[1], "list": take(opened[0], turns)}
        return take(value, turns)

    return take_any


def put_listed(put: Put) -> Put:
    """The inverse of `take_listed`."""

    def put_any(mark: Any, turns: Sequence[tuple[str, str]]) -> Any:
        if type(mark) is dict and is_json_mark(mark):
            return close_json(put(mark["list"], turns), mark["json"])
        return put(mark, turns)

    return put_any
