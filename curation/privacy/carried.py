"""What a record carries besides its turns: other columns, arguments of tool calls, names of speakers.

Stages see texts in turns only, and the engine changes nothing else; but personal data may stand there, and somebody
should know. Every string, and every number of six digits or more, is read with its key before it, which is context.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from curation.formats.chat import ROLE_KEYS
from curation.formats.meta import load_template
from curation.formats.slots import is_json_mark, is_number_mark

FEWEST_DIGITS = 6
_DEEPEST = 64


def carried(meta: str) -> dict[str, str]:
    """The text that each column carries, by its name; columns that carry none are left out."""
    found = {}
    for column, value in load_template(meta).items() if meta else ():
        lines = list(_lines(column, value, 0))
        if lines:
            found[column] = "\n".join(lines)
    return found


def _lines(key: str, value: Any, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        # Beside the list of such a mark stands, as its style, the text that the turns were taken from.
        inner = {key: value["list"]} if is_json_mark(value) else {} if is_number_mark(value) else value
        for name, each in inner.items():
            yield from _lines(name, each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            yield from _lines(key, each, depth + 1)
    elif _is_data(key, value):
        yield f"{key}: {value}"


def _is_data(key: str, value: Any) -> bool:
    """Whether a scalar may be somebody's: text that is no role, or a number that is long enough."""
    if isinstance(value, str):
        return value != "" and key not in ROLE_KEYS
    return isinstance(value, (int, float)) and sum(map(str.isdigit, str(value))) >= FEWEST_DIGITS
