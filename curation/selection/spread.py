"""Choosing records far from each other: k-centre, the record farthest from all chosen ones again and again."""

from __future__ import annotations

import numpy as np

from curation.selection.budget import Room
from curation.selection.model import F32, I32, ROUNDED, Picked

_AT_ONCE = 64  # farthest records whose likeness to all others is computed together
_COLUMNS = 16_384


def farthest_first(vectors: F32, first: int, room: Room) -> Picked:
    """`first`, then always the record least like its closest chosen one; ties go to the lowest number.

    vectors (n, d): of length 1. Gains are 1 - the cosine to the closest record chosen before, nan for the first. Where
    every record costs 1 and there is one group, the angle from any record to its closest chosen one is at most twice the
    least possible (Gonzalez 1985). Cosines are rounded to 1/4096.
    """
    picked = Picked()
    closest = np.full(len(vectors), -ROUNDED - 1, dtype=np.int32)  # the greatest cosine to a chosen record
    barred = np.iinfo(np.int32).max
    known: dict[int, I32] = {}
    record = first
    while room.is_open:
        if not room.fits(record):
            picked.refused[record] = room.refusal(record, len(picked.order))
            closest[record] = barred
        else:
            if record not in known:
                known = _likenesses(vectors, closest, record)
            picked.gains.append(1 - closest[record] / ROUNDED if picked.order else float("nan"))
            picked.order.append(record)
            room.take(record)
            free = closest != barred
            np.maximum(closest, known.pop(record), out=closest, where=free)
            closest[record] = barred
        record = int(closest.argmin())
    return picked


def most_central(vectors: F32) -> int:
    """The record closest to the mean of all."""
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    return int(np.rint(vectors @ mean * np.float32(ROUNDED)).argmax())


def _likenesses(vectors: F32, closest: I32, record: int) -> dict[int, I32]:
    """Rows of cosines to all records: of `record`, and of those that are likely to be next, the farthest by now."""
    count = min(_AT_ONCE, len(vectors))
    likely = np.argpartition(closest, count - 1)[:count].tolist() if closest[record] > -ROUNDED - 1 else []
    asked = list(dict.fromkeys([record, *likely]))
    rows = np.empty((len(asked), len(vectors)), dtype=np.int32)
    scaled = vectors[asked] * np.float32(ROUNDED)
    for start in range(0, len(vectors), _COLUMNS):
        np.rint(scaled @ vectors[start : start + _COLUMNS].T, out=rows[:, start : start + _COLUMNS], casting="unsafe")
    return dict(zip(asked, rows, strict=True))
