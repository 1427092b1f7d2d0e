"""From what a judge wrote to marks. Strict: a mark is taken only where nothing about it can be doubted.

JSON is read as a generation's is (`curation.synthesis.read_json`): as it is, within a code fence or amid talk, and only then
repaired. A repair may mend the form and must not make a number: every mark of a mended reply stands in it as it is.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from curation.scoring.rate_rubric import Mark, Rubric
from curation.synthesis.read_json import THOUGHT, Several, json_in, mended

_NUMBER = re.compile(r"-?\d{1,3}(?:\.\d{1,6})?")
_VALUE = re.compile(
    r"[\"'\w]\s*:\s*[\"']?(-?\d{1,3}(?:\.\d{1,6})?)[\"']?\s*(?=[,}\]])"
)  # one at the end may be cut off
LONGEST_REASON: Final = 2000  # characters; more is no reason but talk

Unread = Literal["unreadable", "out_of_range"]


class Marks(NamedTuple):
    """What a judge says of a record. numbers: in the order of the rubric; reasons: likewise, "" where none was given."""

    numbers: tuple[float, ...]
    reasons: tuple[str, ...]


def read_marks(text: str, rubric: Rubric) -> Marks | Unread:
    """The marks in a reply, each of the rubric and no other; else why there are none. Raises nothing."""
    text = THOUGHT.sub("", text, count=1)
    if text.lstrip().startswith("<think>"):
        return "unreadable"
    try:
        found, repaired = json_in(text), False
        if found is None:
            found, repaired = mended(text), True
    except Several:
        return "unreadable"
    names = [mark.name for mark in rubric.marks]
    if not isinstance(found, dict) or set(found) != set(names):
        return "unreadable"
    read = [_mark(found[name]) for name in names]
    marks = [one for one in read if one is not None]
    if len(marks) < len(read):
        return "unreadable"
    numbers = tuple(number for number, _ in marks)
    if repaired and not _stand_in(numbers, text):
        return "unreadable"
    if not all(_is_on(mark, number) for mark, number in zip(rubric.marks, numbers, strict=True)):
        return "out_of_range"
    return Marks(numbers, tuple(reason for _, reason in marks))


def _mark(found: Any) -> tuple[float, str] | None:
    """A number, or an object of a number and its reason; a number may be written as text."""
    reason: Any = ""
    if isinstance(found, Mapping):
        if not {"mark"} <= set(found) <= {"mark", "reason"}:
            return None
        found, reason = found["mark"], found.get("reason", "")
    if isinstance(found, str) and _NUMBER.fullmatch(found.strip()):
        found = float(found)
    if isinstance(found, bool) or not isinstance(found, int | float) or not isinstance(reason, str):
        return None
    try:
        number = float(found)
    except OverflowError:
        return None
    said = reason.strip()[:LONGEST_REASON].encode("utf-8", "replace").decode()  # halves of surrogate pairs
    return (number, said) if math.isfinite(number) else None


def _is_on(mark: Mark, number: float) -> bool:
    return mark.lowest <= number <= mark.highest


def _stand_in(numbers: Sequence[float], text: str) -> bool:
    """Whether these are exactly the numbers that stand as values in the text, such as `"mark": 4`."""
    return Counter(numbers) == Counter(float(found) for found in _VALUE.findall(text))
