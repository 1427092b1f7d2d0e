"""One way to choose, by name, over whatever is known about the records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np

from curation.selection.budget import Room
from curation.selection.coverage import Coverage
from curation.selection.greedy import Blend, Objective, greedy
from curation.selection.likeness import by_region
from curation.selection.model import F32, F64, I64, Picked
from curation.selection.quality import best_first
from curation.selection.spread import farthest_first, most_central

_Array = TypeVar("_Array", bound=np.ndarray[Any, Any])
By = Literal["quality", "coverage", "spread", "blend"]
Counted = Literal["region", "record"]


@dataclass(frozen=True)
class Candidates:
    """What is known about n records.

    quality (n,): from 0 to 1, None where nothing was measured. vectors (n, d): of length 1, None where none are needed.
    costs (n,): 1, or tokens. groups (n,): a number from 0 on. limits (groups,): most records or tokens of each.
    """

    quality: F64 | None
    vectors: F32 | None
    costs: I64
    groups: I64
    limits: I64

    def room(self) -> Room:
        """The whole budget."""
        return Room(self.costs, self.groups, self.limits)

    @property
    def chosen(self) -> float:
        """About how many records there is room for."""
        return min(len(self.costs), float(self.limits.sum()) / max(1.0, float(self.costs.mean())))


def choose(
    by: By, known: Candidates, diversity: float, compared: int, counted: Counted = "record", floor: float = 0.0
) -> Picked:
    """The records to keep. diversity: of `blend`, from 0 to 1. compared: how many of the first records coverage is
    measured on (at least twice as many as there is room for). counted: whether in coverage each record counts as one, or
    each region, however many records are in it. floor: cosine up to which a record is not covered at all.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    if not len(known.costs):
        return Picked()
    # The threads of one product wait for each other busily, which costs twice the CPU on a machine that has other work.
    with threadpool_limits(1, "blas"):
        return _chosen(by, known, diversity, compared, counted, floor)


def _chosen(by: By, known: Candidates, diversity: float, compared: int, counted: Counted, floor: float) -> Picked:
    if by == "quality":
        return best_first(_needed(known.quality), known.room())
    vectors = _needed(known.vectors)
    if by == "spread":
        first = int(known.quality.argmax()) if known.quality is not None else most_central(vectors)
        return farthest_first(vectors, first, known.room())
    held = np.arange(min(len(vectors), max(compared, int(2 * known.chosen))))
    counts = by_region(vectors, held) if counted == "region" else None

    def objective() -> Objective:
        coverage = Coverage(vectors, held, counts, floor)
        return coverage if by == "coverage" else Blend(coverage, _needed(known.quality), known.chosen, diversity)

    return _greedy(objective, known)


def _greedy(objective: Callable[[], Objective], known: Candidates) -> Picked:
    """Where records cost differently, the better of two: by what they add, and by what they add for a token.

    Either alone can be far off; of the better one the value is at least (1 - 1/e) / 2 of the best possible (Leskovec et
    al. 2007), as long as there is one group.
    """
    plain = greedy(objective(), known.room())
    if (known.costs == known.costs[0]).all():
        return plain
    priced = greedy(objective(), known.room(), np.maximum(known.costs, 1).astype(np.float64))
    return priced if priced.value > plain.value else plain


def _needed(found: _Array | None) -> _Array:
    if found is None:
        raise TypeError("this way to choose needs what was not given")
    return found
