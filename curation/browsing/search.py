"""Which records hold a text: a substring or a regular expression, over everything that was found, stoppable.

A substring is first looked for in the bytes, some megabytes at once; only records whose bytes may hold it are taken
apart. Regular expressions are those of Rust: linear in the length of the text, whatever the pattern and the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curation.browsing.lines import LineSegment
from curation.browsing.model import Order, Raw, Segment, Stopped
from curation.browsing.reading import take_apart
from curation.browsing.record_list import RecordList
from curation.errors import StageError

if TYPE_CHECKING:
    from curation.browsing.model import RowNumbers

Advanced = Callable[[int, int, int], None]
"""Told now and then: records looked at, of how many, and how many were found."""

Rows = NDArray[np.int64]
PORTION = 4096  # rows between two looks at whether to stop
_ESCAPED = frozenset('"\\/')  # characters that JSON may write in two ways besides \u


@dataclass(frozen=True)
class Search:
    """What is looked for, in the text of turns and in other columns. Small letters match capitals, too; a capital
    matches itself only.
    """

    text: str
    regex: bool = False

    @property
    def any_case(self) -> bool:
        """Whether case is of no importance."""
        return self.text == self.text.lower()


def find_rows(records: RecordList, search: Search, stopped: Stopped, advanced: Advanced) -> Rows | None:
    """The rows that match, in order; None if stopped. Raises StageError for a pattern that is none."""
    matches = _matcher(search)
    found: list[Rows] = []
    number = 0
    total = len(records)
    for segment, begin, end in records.segment_rows():
        for first in range(begin, end, PORTION):
            if stopped():
                return None
            last = min(end, first + PORTION)
            near = _candidates(segment, first - begin, last - begin, search)
            rows = [row + begin for row, raw in near]
            texts = [text_of(records, raw) for _row, raw in near]
            hits = np.array(rows, np.int64)[matches(texts)] if rows else np.zeros(0, np.int64)
            found.append(hits)
            number += len(hits)
            advanced(last, total, number)
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def text_of(records: RecordList, raw: Raw) -> str:
    """Everything of a record that is searched: its turns and its other columns, or the bytes of what is no record."""
    from curation.readers import dumps_exact

    record = take_apart(raw, records.formats.get(raw.source))
    if record.problem:
        return record.raw.payload.decode("utf-8", "replace")
    columns = (value if isinstance(value, str) else dumps_exact(value) for value in record.columns.values())
    return "\n".join((*(content for _, content in record.turns), *columns))


def _matcher(search: Search) -> Callable[[Sequence[str]], Any]:
    """From texts to a mask."""
    if not search.regex:
        wanted = search.text
        if search.any_case:
            return lambda texts: np.array([wanted in text.lower() for text in texts], bool)
        return lambda texts: np.array([wanted in text for text in texts], bool)
    import polars as pl

    pattern = f"(?i){search.text}" if search.any_case else search.text

    def contains(texts: Sequence[str]) -> Any:
        try:
            return pl.Series(texts, dtype=pl.String).str.contains(pattern).to_numpy()
        except pl.exceptions.PolarsError as error:
            said = str(error).split("\n")[-1].strip() or str(error)
            raise StageError(f"not a regular expression: {said}", "Put \\ before signs meant literally.") from error

    contains([""])
    return contains


def _candidates(segment: Segment, first: int, last: int, search: Search) -> list[tuple[int, Raw]]:
    """Rows of the segment that may match."""
    needle = _needle(search)
    if needle is None:
        return list(enumerate(segment.raws(first, last), first))
    if isinstance(segment, LineSegment):
        return [(row, segment.raw(row)) for row in _lines_with(segment, first, last, needle, search.any_case)]
    lowered = (lambda data: data.lower()) if search.any_case else bytes
    return [
        (row, raw)
        for row, raw in enumerate(segment.raws(first, last), first)
        if needle in lowered(raw.payload) or b"\\u" in raw.payload
    ]


def _needle(search: Search) -> bytes | None:
    """The bytes that a record without \\u escapes holds if it matches; None where that cannot be said."""
    text = search.text
    if search.regex or _ESCAPED & set(text) or any(character < " " for character in text):
        return None
    if search.any_case and any(each > "\x7f" and each.upper() != each for each in text):
        return None  # bytes have capitals in ASCII only
    return text.encode("utf-8", "surrogatepass")


def _lines_with(segment: LineSegment, first: int, last: int, needle: bytes, any_case: bool) -> Iterator[int]:
    text, starts = segment.span(first, last)
    searched = text.lower() if any_case else text
    wanted = (needle, b"\\u") if b"\\u" in searched else (needle,)
    hits: set[int] = set()
    for each in wanted:
        at = searched.find(each)
        while at >= 0:
            place = int(np.searchsorted(starts, at, side="right"))
            hits.add(first + place - 1)
            if place >= len(starts):
                break
            at = searched.find(each, int(starts[place]))
    return iter(sorted(hits))


class Matches:
    """Rows that were found, in order: a set for the eye, and a way to the next one in whatever order is shown."""

    def __init__(self, rows: RowNumbers) -> None:
        self.rows = np.asarray(rows, np.int64)

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, row: object) -> bool:
        if not isinstance(row, int) or not len(self.rows):
            return False
        at = int(np.searchsorted(self.rows, row))
        return at < len(self.rows) and int(self.rows[at]) == row

    def next_place(self, order: Order, place: int, step: int) -> int | None:
        """The place of the nearest match after (`step` 1) or before (-1) `place`, going around; None for none."""
        places = self.rows if order.rows is None else np.flatnonzero(np.isin(order.rows, self.rows))
        if not len(places):
            return None
        if step > 0:
            return int(places[int(np.searchsorted(places, place, side="right")) % len(places)])
        return int(places[int(np.searchsorted(places, place)) - 1])
