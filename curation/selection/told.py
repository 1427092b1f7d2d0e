"""What was chosen, told as decisions: every kept record with its place and gain, every dropped one with what it lost to."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from curation.schema import Decisions
from curation.selection.choose import By, Candidates
from curation.selection.closest import closest_chosen
from curation.selection.model import F64, I64, Picked, Refused

_GAINS = {
    "quality": "score: its own",
    "coverage": "score: what it added to the coverage, from 0 to 1",
    "spread": "score: 1 - cosine to the closest record chosen before",
    "blend": "score: what it added to (1 - diversity) * quality + diversity * coverage",
}
_COSINE = "score: cosine to the related record"
_Row = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What else is known about all records, in the order of `prints`.

    number: the score as it was measured, nan where there is none. inside: whether it is within `least` and `most`.
    """

    by: By
    number: F64
    inside: NDArray[np.bool_]
    least: float | None
    most: float | None
    in_tokens: bool


def tell(prints: pl.DataFrame, rows: I64, known: Candidates, picked: Picked, told: Told) -> Decisions:
    """One decision a record. prints: `record_id, …` of all; rows: which of them were candidates, in the order of `known`."""
    ids = prints["record_id"].to_list()
    decided: list[_Row] = [_outside(ids[row], row, told) for row in _others(len(ids), rows)]
    decided += [_kept(ids, rows, known, picked, told, place) for place in range(len(picked.order))]
    decided += _Lost(ids, rows, known, picked, told).rows()
    return Decisions.of(pl.DataFrame(decided, schema=_SCHEMA))


_SCHEMA = {
    "record_id": pl.String,
    "action": pl.String,
    "reason": pl.String,
    "score": pl.Float64,
    "threshold": pl.Float64,
    "related_id": pl.String,
    "values": pl.String,
    "detail": pl.String,
}


def _others(count: int, rows: I64) -> list[int]:
    others = np.ones(count, dtype=bool)
    others[rows] = False
    return np.flatnonzero(others).tolist()


def _outside(record_id: str, row: int, told: Told) -> _Row:
    """A record that was no candidate."""
    if told.inside[row]:
        return _row(record_id, "drop", "no_text")
    number = float(told.number[row])
    low = told.least is not None and number < told.least
    return _row(record_id, "drop", "out_of_range", number, told.least if low else told.most, detail="score: its own")


def _kept(ids: list[str], rows: I64, known: Candidates, picked: Picked, told: Told, place: int) -> _Row:
    record = picked.order[place]
    gain = float(told.number[rows[record]]) if told.by == "quality" else picked.gains[place]
    values = _values(known, told, record) | {"place": place + 1}
    return _row(ids[rows[record]], "annotate", "chosen", gain, values=values, detail=_GAINS[told.by])


def _values(known: Candidates, told: Told, record: int) -> dict[str, float]:
    found: dict[str, float] = {}
    if known.quality is not None:
        found["rank"] = round(float(known.quality[record]), 6)
    if told.in_tokens:
        found["tokens"] = int(known.costs[record])
    return found


class _Lost:
    """The candidates that were not chosen."""

    def __init__(self, ids: list[str], rows: I64, known: Candidates, picked: Picked, told: Told) -> None:
        self.ids, self.places, self.known, self.picked, self.told = ids, rows, known, picked, told
        self.taken: dict[int, list[int]] = {}  # by group, the places in the order of those that were taken
        for place, record in enumerate(picked.order):
            self.taken.setdefault(int(known.groups[record]), []).append(place)

    def rows(self) -> list[_Row]:
        """A row each."""
        chosen = np.zeros(len(self.places), dtype=bool)
        chosen[self.picked.order] = True
        rest = np.flatnonzero(~chosen)
        if self.known.vectors is not None and self.picked.order and len(rest):
            closest, cosines = closest_chosen(self.known.vectors, self.picked.order, rest)
            near = zip(closest.tolist(), cosines.tolist(), strict=True)
            return [self._row(record, *item) for record, item in zip(rest.tolist(), near, strict=True)]
        return [self._row(record, None, None) for record in rest.tolist()]

    def _rival(self, record: int, taken: int) -> int | None:
        """The last of the first `taken` that were chosen: of its own group, if there is one."""
        places = self.taken.get(int(self.known.groups[record]), [])
        before = bisect_left(places, taken)
        if before:
            return self.picked.order[places[before - 1]]
        return self.picked.order[taken - 1] if taken else None

    def _row(self, record: int, closest: int | None, cosine: float | None) -> _Row:
        refused = self.picked.refused.get(record)
        if refused is not None:
            return self._refused(record, refused)
        rival = self._rival(record, len(self.picked.order))
        if rival is None:  # nothing at all fitted in
            limit = int(self.known.limits[self.known.groups[record]])
            return self._refused(record, Refused("too_long", 0, limit))
        if not self._worse(record, rival):
            return self._drop(record, "covered", cosine, None, closest, _COSINE)
        if np.isnan(self._number(record)):
            return self._drop(record, "unscored", None, None, rival, "")
        detail = "score: its own; threshold: that of the last one chosen"
        return self._drop(record, "less_quality", self._number(record), self._number(rival), rival, detail)

    def _refused(self, record: int, refused: Refused) -> _Row:
        rival = self._rival(record, refused.taken)
        if refused.why == "too_long":
            detail = "score: its tokens; threshold: what was left of the budget"
            return self._drop(record, "too_long", float(self.known.costs[record]), refused.left, rival, detail)
        limit = int(self.known.limits[self.known.groups[record]])
        detail = f"threshold: the share of its group, in {'tokens' if self.told.in_tokens else 'records'}"
        return self._drop(record, "over_quota", None, limit, rival, detail)

    def _worse(self, record: int, rival: int) -> bool:
        """Whether it lost by quality. Where it was as good as the last one chosen, it can only have added less."""
        if self.told.by in ("coverage", "spread") or self.known.quality is None:
            return False
        return self.told.by == "quality" or bool(self.known.quality[record] < self.known.quality[rival])

    def _number(self, record: int) -> float:
        return float(self.told.number[self.places[record]])

    def _drop(
        self,
        record: int,
        reason: str,
        score: float | None,
        threshold: float | None,
        rival: int | None,
        detail: str,
    ) -> _Row:
        values = _values(self.known, self.told, record)
        related = None if rival is None else self.ids[self.places[rival]]
        return _row(self.ids[self.places[record]], "drop", reason, score, threshold, related, values, detail)


def _row(
    record_id: str,
    action: str,
    reason: str,
    score: float | None = None,
    threshold: float | None = None,
    related: str | None = None,
    values: dict[str, float] | None = None,
    detail: str = "",
) -> _Row:
    return {
        "record_id": record_id,
        "action": action,
        "reason": reason,
        "score": None if score is None or np.isnan(score) else score,
        "threshold": None if threshold is None or np.isnan(threshold) else threshold,
        "related_id": related,
        "values": orjson.dumps(values).decode() if values else None,
        "detail": detail or None,
    }
