"""Greedy choice of the record that adds most, again and again; lazily, since what a record adds only shrinks."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from curation.selection.budget import Room
from curation.selection.coverage import Coverage
from curation.selection.model import F64, I64, Picked

_AT_ONCE = 64  # records whose gains are computed together; twice as many whenever that was not enough for one step
_AT_MOST = 1024


class Objective(Protocol):
    """A value of sets of records that never falls when one is added, nor rises what a record would add (submodular)."""

    def gains(self, records: Sequence[int]) -> F64:
        """What each of `records` would add now."""
        ...

    def add(self, record: int) -> None:
        """Choose it."""
        ...


class Blend:
    """(1 - diversity) * mean quality of the chosen + diversity * coverage of all; both from 0 to 1.

    quality (n,): from 0 to 1. chosen: how many records there is room for.
    """

    def __init__(self, coverage: Coverage, quality: F64, chosen: float, diversity: float) -> None:
        self._coverage, self._diversity = coverage, diversity
        self._share = quality * ((1 - diversity) / max(chosen, 1.0))

    def gains(self, records: Sequence[int]) -> F64:
        """What each of `records` would add now."""
        found: F64 = self._share[np.asarray(records)] + self._diversity * self._coverage.gains(records)
        return found

    def add(self, record: int) -> None:
        """Choose it."""
        self._coverage.add(record)


def greedy(objective: Objective, room: Room, prices: F64 | None = None) -> Picked:
    """While there is room, take the record with the greatest gain (for its price); ties go to the lowest number.

    Exactly what computing all gains in every step would take. Where every record costs 1 and there is one group, the
    value is at least 1 - 1/e of the best possible (Nemhauser, Wolsey, Fisher 1978), and 1/2 with shares of groups.
    prices (n,): what gains are divided by; 1 by default.
    """
    picked = Picked()
    count = len(room.costs)
    everything = list(range(count))
    bounds = objective.gains(everything) if count else np.zeros(0)
    gains = bounds.copy()
    known_at = np.zeros(count, dtype=np.int64)  # how many were chosen when the gain was computed
    if prices is not None:
        bounds = bounds / prices
    heap = list(zip((-bounds).tolist(), everything, strict=True))
    heapq.heapify(heap)
    at_once = _AT_ONCE
    while heap and room.is_open:
        _, record = heap[0]
        if known_at[record] < len(picked.order):
            _refresh(objective, heap, gains, known_at, len(picked.order), prices, at_once)
            at_once = min(2 * at_once, _AT_MOST)
            continue
        at_once = _AT_ONCE
        heapq.heappop(heap)
        if not room.fits(record):
            picked.refused[record] = room.refusal(record, len(picked.order))
            continue
        room.take(record)
        objective.add(record)
        picked.order.append(record)
        picked.gains.append(float(gains[record]))
    return picked


def _refresh(
    objective: Objective,
    heap: list[tuple[float, int]],
    gains: F64,
    known_at: I64,
    now: int,
    prices: F64 | None,
    at_once: int,
) -> None:
    """Compute anew the gains of those that may be next: from the top of the heap to the first that is known."""
    stale: list[int] = []
    while heap and len(stale) < at_once and known_at[heap[0][1]] < now:
        stale.append(heapq.heappop(heap)[1])
    found = objective.gains(stale)
    gains[stale] = found
    known_at[stale] = now
    bounds = found if prices is None else found / prices[stale]
    for record, bound in zip(stale, bounds.tolist(), strict=True):
        heapq.heappush(heap, (-bound, record))
