"""One side of a pair (a prompt, a completion, a chosen answer): a string, one message, or a list of messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from curation.formats.chat import Shared, put_message, put_messages, take_answers, take_message
from curation.formats.errors import misfit
from curation.formats.slots import (
    Take,
    Turns,
    close_json,
    is_json_mark,
    is_number_mark,
    open_json,
    put_scalar,
    take_scalar,
)
from curation.readers.payload import BadRecord


def take_side(value: Any, turns: Turns, role: str, shared: Shared = (), plain: int = 0) -> Any:
    """Template of a side. `role` is that of its plain text; `shared` and `plain` are as in `take_answers`."""
    answer = "assistant" if role == "user" else role
    kind = type(value)
    if kind is str:
        opened = messages_in(value)
        if opened is None:
            turns.append((role, value))
            return len(turns) - 1
        return {"json": opened[1], "list": take_answers(opened[0], turns, answer, shared, plain)}
    if kind is list:
        return take_answers(value, turns, answer, shared, plain)
    if kind is dict:
        return take_message(value, turns, answer)
    if value is None or kind in (int, float, bool):
        return take_scalar(role)(value, turns)
    raise misfit(f"the {role} side is of type {kind.__name__}")


def put_side(mark: Any, turns: Sequence[tuple[str, str]]) -> Any:
    """The inverse of `take_side`."""
    if type(mark) is list:
        return put_messages(mark, turns)
    if type(mark) is dict:
        if is_json_mark(mark):
            return close_json(put_messages(mark["list"], turns), mark["json"])
        return put_scalar(mark, turns) if is_number_mark(mark) else put_message(mark, turns)
    return put_scalar(mark, turns)


def side_taker(role: str) -> Take:
    """`take_side` for a fixed role."""

    def take(value: Any, turns: Turns) -> Any:
        return take_side(value, turns, role)

    return take


def messages_in(text: str) -> tuple[list[Any], int | str] | None:
    """The list of messages written as JSON in `text`, and its style; None for any other text, JSON or not."""
    opened = open_json(text) if text.startswith("[") else None
    if opened is None or not opened[0]:
        return None
    try:
        take_answers(opened[0], [], "assistant")
    except BadRecord:
        return None
    return opened


def listed(value: Any) -> list[Any] | None:
    """The messages of a side as it is in an object, or None when it is a plain text, a number or null."""
    if type(value) is str:
        opened = messages_in(value)
        return None if opened is None else opened[0]
    if type(value) is dict:
        return [value]
    return value if type(value) is list else None
