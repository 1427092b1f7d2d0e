"""A budget, in records or in tokens, and how it is shared among groups."""

from __future__ import annotations

from typing import Literal

import numpy as np

from curation.selection.model import F64, I64, Refusal, Refused

Share = Literal["equal", "root", "proportional"]


def shared(total: int, sizes: I64, share: Share) -> I64:
    """How much of `total` each group may have, never more than its size; what a small group leaves goes to the others.

    sizes: of the groups, in records or tokens. equal: the same to all; root: by the square root of the size;
    proportional: by the size. Whole numbers by the largest remainder, ties to the first group. Their sum is the lesser
    of `total` and all sizes together.
    """
    weights = {"equal": np.ones(len(sizes)), "root": np.sqrt(sizes), "proportional": sizes.astype(np.float64)}[share]
    weights = np.where(sizes > 0, weights, 0.0)
    given = np.zeros(len(sizes), dtype=np.int64)
    left, open_ = min(total, int(sizes.sum())), sizes > 0
    while left and open_.any():
        wanted = left * weights / weights[open_].sum()
        full = open_ & (wanted >= sizes - given)
        if full.any():  # give these all they have, and share the rest again
            left -= int((sizes - given)[full].sum())
            given[full] = sizes[full]
            open_ &= ~full
            continue
        given[open_] += _whole(wanted[open_], left)
        return given
    return given


def _whole(wanted: F64, total: int) -> I64:
    floors = np.floor(wanted + 1e-9).astype(np.int64)
    order = np.argsort(-(wanted - floors), kind="stable")
    floors[order[: total - int(floors.sum())]] += 1
    return floors


class Room:
    """What is left of the budget of each group.

    costs (n,): what a record takes, 1 or its tokens. groups (n,): the number of its group. limits (groups,).
    """

    def __init__(self, costs: I64, groups: I64, limits: I64) -> None:
        self.costs, self.groups, self.left = costs, groups, limits.copy()
        self._gone = np.zeros(len(costs), dtype=bool)
        order = np.lexsort((costs, groups))
        edges = np.searchsorted(groups[order], np.arange(len(limits) + 1))
        self._cheapest = [order[edges[group] : edges[group + 1]] for group in range(len(limits))]
        self._next = [0] * len(limits)
        self._open = sum(self._is_open(group) for group in range(len(limits)))

    @property
    def is_open(self) -> bool:
        """Whether some record that was not taken still fits."""
        return self._open > 0

    def fits(self, record: int) -> bool:
        """Whether there is room for it."""
        return bool(self.costs[record] <= self.left[self.groups[record]])

    def refusal(self, record: int, taken: int) -> Refused:
        """Why a record does not fit, when `taken` others were."""
        group = int(self.groups[record])
        why: Refusal = "over_quota" if len(self.left) > 1 and not self._is_open(group) else "too_long"
        return Refused(why, taken, int(self.left[group]))

    def take(self, record: int) -> None:
        """Take it: it must fit."""
        group = int(self.groups[record])
        was_open = self._is_open(group)
        self.left[group] -= self.costs[record]
        self._gone[record] = True
        self._open += int(self._is_open(group)) - int(was_open)

    def _is_open(self, group: int) -> bool:
        mine, place = self._cheapest[group], self._next[group]
        while place < len(mine) and self._gone[mine[place]]:
            place += 1
        self._next[group] = place
        return place < len(mine) and bool(self.costs[mine[place]] <= self.left[group])
