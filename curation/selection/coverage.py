"""How well chosen records cover all: facility location, the mean over records of the likeness to their closest chosen.

Likeness is what the cosine is above a floor, times what a record counts, and rounded to 1/32768. So every gain is a sum of whole
numbers: exact in any order, and the same whatever the number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from curation.selection.model import F32, F64, I32, I64

SCALE: Final = 32_768
COMPARED: Final = 8_192  # records that coverage is measured on
_ROWS = 256  # candidates in one matrix product
_COLUMNS = 512  # records in it: 0.5 MB of likeness, and sums up to 2^24, which float32 adds exactly
_LISTED = 48_000_000  # noted likenesses in memory, 8 bytes each
_SHORT = 16  # a record that could still add to one of so many compared records, or fewer, is noted


class Coverage:
    """The coverage of `compared` records (m,) by chosen ones out of all (n,); gains are of the mean, from 0 to 1.

    vectors (n, d): of length 1, or zeros for a record without text, which covers nothing. counts (m,): how much each of
    the compared counts, greater than 0 and at most 1; the same by default. floor: cosine up to which a record is not
    covered at all, from 0 to below 1.
    """

    def __init__(self, vectors: F32, compared: I64, counts: F64 | None = None, floor: float = 0.0) -> None:
        counts = np.ones(len(compared)) if counts is None else counts
        self._vectors = vectors
        self._scaled = np.ascontiguousarray(vectors[compared] * (SCALE * counts[:, None]).astype(np.float32))
        self._cover = np.rint(SCALE * floor * counts).astype(np.float32)
        self._bare = float(self._cover.sum(dtype=np.float64))
        self._whole = max(1.0, float(np.rint(SCALE * counts).sum()) - self._bare)
        self._notes: dict[int, tuple[I32, F32]] = {}
        self._noted = 0

    @property
    def value(self) -> float:
        """The coverage so far."""
        return (float(self._cover.sum(dtype=np.float64)) - self._bare) / self._whole

    def gains(self, records: Sequence[int]) -> F64:
        """What each of `records` would add to the coverage now."""
        unseen = [record for record in records if record not in self._notes]
        fresh = dict(zip(unseen, self._compared(unseen).tolist(), strict=True)) if unseen else {}
        sums = [fresh[record] if record in fresh else self._from_notes(record) for record in records]
        return np.asarray(sums, dtype=np.float64) / self._whole

    def add(self, record: int) -> None:
        """Choose it."""
        likeness = np.rint(self._scaled @ self._vectors[record])
        np.maximum(self._cover, likeness, out=self._cover)
        self._forget(record)

    def _from_notes(self, record: int) -> float:
        """The same from what was noted. Coverage only grows, so what was covered better then is so for good."""
        places, likeness = self._notes[record]
        more = likeness - self._cover[places]
        left = more > 0
        kept = int(np.count_nonzero(left))
        if 2 * kept < len(places):
            self._noted -= len(places) - kept
            self._notes[record] = places[left], likeness[left]
        return float(more[left].sum(dtype=np.float64))

    def _forget(self, record: int) -> None:
        if record in self._notes:
            self._noted -= len(self._notes.pop(record)[0])

    def _compared(self, records: Sequence[int]) -> F64:
        sums = np.zeros(len(records), dtype=np.float64)
        for start in range(0, len(records), _ROWS):
            block = records[start : start + _ROWS]
            sums[start : start + _ROWS], notes = self._block(block, noting=self._noted < _LISTED)
            for place, note in notes.items():
                self._notes[block[place]] = note
                self._noted += len(note[0])
        return sums

    def _block(self, records: Sequence[int], noting: bool) -> tuple[F64, dict[int, tuple[I32, F32]]]:
        """The sums of some records, and, by place among them, what is to be noted."""
        rows = self._vectors[np.asarray(records)]
        sums = np.zeros(len(records), dtype=np.float64)
        whole: list[F32] = []
        for first in range(0, len(self._cover), _COLUMNS):
            more = rows @ self._scaled[first : first + _COLUMNS].T
            np.rint(more, out=more)
            more -= self._cover[first : first + _COLUMNS]
            np.maximum(more, 0, out=more)
            sums += more.sum(axis=1)
            if noting:
                whole.append(more)
        return sums, self._short_ones(np.concatenate(whole, axis=1)) if noting else {}

    def _short_ones(self, more: F32) -> dict[int, tuple[I32, F32]]:
        found: dict[int, tuple[I32, F32]] = {}
        for place, row in enumerate(more):
            if np.count_nonzero(row) * _SHORT <= len(row):
                places = np.flatnonzero(row)
                found[place] = places.astype(np.int32), row[places] + self._cover[places]
        return found
