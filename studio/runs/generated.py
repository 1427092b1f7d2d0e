"""A generation as its events tell it: how far it is, what it cost, how fast it goes. Items are in `generated_items`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from studio.runs.snapshot import RunSnapshot
from studio.runs.snapshot import fold as fold_run

_WINDOW = 60.0
"""Seconds over which the rate is measured: long enough for units that take some, short enough to tell of a slower endpoint."""
_MOST = 256  # points kept of them


@dataclass(frozen=True)
class GenerateSnapshot:
    """A generation after the events seen so far, over all its legs.

    run: what every run has. prepared: what this leg asks (`generate_prepared`), empty before that. units: finalised by this
    leg. paid, reused: units whose calls were paid, and that were in the ledger. Tokens and money are of all legs. pace:
    (seconds since the epoch, items finalised by this leg) of the last minute.
    """

    run: RunSnapshot = field(default_factory=RunSnapshot)
    prepared: Mapping[str, Any] = field(default_factory=dict)
    units: int = 0
    items: int = 0
    paid: int = 0
    reused: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    money: float = 0.0
    under_way: int = 0
    limit: int = 0
    pace: tuple[tuple[float, int], ...] = ()

    @property
    def requested(self) -> int:
        """Items that are asked for in all; 0 while that is not known."""
        return int(self.prepared.get("requested", 0))

    @property
    def rate(self) -> float | None:
        """Items a second over the last minute; None where it cannot be told yet."""
        if len(self.pace) < 2:
            return None
        (began, first), (ended, last) = self.pace[0], self.pace[-1]
        return (last - first) / (ended - began) if ended > began and last > first else None

    def left(self, finalised: int) -> float | None:
        """Seconds until everything is asked, at this rate, with so many items finalised."""
        rate = self.rate
        return max(0, self.requested - finalised) / rate if rate and self.requested else None


def fold(snapshot: GenerateSnapshot, events: Iterable[Mapping[str, Any]]) -> GenerateSnapshot:
    """The snapshot after `events` (JSON objects). Events that are not about generating change `run` only."""
    common: list[Mapping[str, Any]] = []
    sums = _Sums(snapshot)
    for event in events:
        kind = event["event"]
        if kind == "unit_finished":
            sums.take(event)
            continue
        if kind == "run_started":
            sums.start(resumed=bool(event["resumed"]))
        elif kind == "generate_prepared":
            sums.prepare(event)
        elif kind in ("run_stopped", "run_failed", "run_finished"):
            sums.under_way = 0
        if kind == "progress" and common and common[-1]["event"] == kind and common[-1]["phase"] == event["phase"]:
            common.pop()  # only the newest of a phase counts
        common.append(event)
    snapshot = sums.onto(snapshot)
    return replace(snapshot, run=fold_run(snapshot.run, common)) if common else snapshot


class _Sums:
    """What units come to, while events are folded."""

    def __init__(self, snapshot: GenerateSnapshot) -> None:
        self.prepared = snapshot.prepared
        self.units, self.items = snapshot.units, snapshot.items
        self.paid, self.reused = snapshot.paid, snapshot.reused
        self.tokens = [snapshot.prompt_tokens, snapshot.completion_tokens]
        self.money = snapshot.money
        self.under_way, self.limit = snapshot.under_way, snapshot.limit
        self.pace = list(snapshot.pace)

    def start(self, *, resumed: bool) -> None:
        self.units = self.items = self.under_way = 0
        self.pace = []
        self.prepared = {}
        if not resumed:
            self.paid = self.reused = 0
            self.tokens, self.money = [0, 0], 0.0

    def prepare(self, event: Mapping[str, Any]) -> None:
        self.prepared = event
        self.pace = [(float(event["time"]), 0)]

    def take(self, event: Mapping[str, Any]) -> None:
        self.units += 1
        self.items += event["accepted"] + event["rejected"] + event["failed"]
        if event["from_ledger"]:
            self.reused += 1
        else:
            self.paid += 1
            self.tokens[0] += event["prompt_tokens"]
            self.tokens[1] += event["completion_tokens"]
            self.money += event["money"]
        self.under_way, self.limit = event["under_way"], event["limit"]
        at = float(event["time"])
        self.pace.append((at, self.items))
        if len(self.pace) > 2 * _MOST or self.pace[0][0] < at - 2 * _WINDOW:
            self._thin(at)

    def _thin(self, at: float) -> None:
        recent = [point for point in self.pace if point[0] >= at - _WINDOW]
        self.pace = recent[-_MOST:] if len(recent) > 1 else self.pace[-2:]

    def onto(self, snapshot: GenerateSnapshot) -> GenerateSnapshot:
        return replace(
            snapshot,
            prepared=self.prepared,
            units=self.units,
            items=self.items,
            paid=self.paid,
            reused=self.reused,
            prompt_tokens=self.tokens[0],
            completion_tokens=self.tokens[1],
            money=self.money,
            under_way=self.under_way,
            limit=self.limit,
            pace=tuple(self.pace),
        )
