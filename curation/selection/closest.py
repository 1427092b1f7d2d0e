"""To which chosen record each of the others is closest: what it lost to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from curation.selection.model import F32, F64, I64, ROUNDED

_ROWS = 256
_COLUMNS = 2048


def closest_chosen(vectors: F32, order: Sequence[int], rest: I64) -> tuple[I64, F64]:
    """For each record of `rest`, the chosen one with the greatest cosine and that cosine; the first chosen of equals.

    order: the chosen records, at least one. Cosines are rounded to 1/4096.
    """
    chosen = vectors[np.asarray(order)]
    best = np.full(len(rest), -np.inf, dtype=np.float32)
    place = np.zeros(len(rest), dtype=np.int64)
    for start in range(0, len(rest), _ROWS):
        rows = vectors[rest[start : start + _ROWS]] * np.float32(ROUNDED)
        mine, where = best[start : start + _ROWS], place[start : start + _ROWS]
        for first in range(0, len(chosen), _COLUMNS):
            likeness = np.rint(rows @ chosen[first : first + _COLUMNS].T)
            found = likeness.argmax(axis=1)
            greatest = likeness[np.arange(len(likeness)), found]
            better = greatest > mine
            mine[better] = greatest[better]
            where[better] = found[better] + first
    return np.asarray(order, dtype=np.int64)[place], best.astype(np.float64) / ROUNDED
