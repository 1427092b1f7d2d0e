"""One immutable picture of a run, folded from its events: all that a view of it needs, however it is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class RunSnapshot:
    """A run after the events seen so far.

    done, total, rate (units a second) and eta (seconds) are those of the current phase; phases the names of all, in
    order. inside: how far a stage that takes long is in the shards under way (the event `stage_progress`), None where none
    is. decided: how many decisions each `stage/reason` has, in shards finished. outcome: "" while it goes on, else
    "finished", "stopped" or "failed". started, updated: seconds since the epoch.
    """

    run: str = ""
    kind: str = ""
    recipe: str = ""
    stages: tuple[str, ...] = ()
    workers: int = 0
    resumed: bool = False
    started: float = 0.0
    updated: float = 0.0
    sources: tuple[Mapping[str, Any], ...] = ()
    phases: tuple[str, ...] = ()
    done: int = 0
    total: int | None = None
    unit: str = ""
    rate: float = 0.0
    eta: float | None = None
    inside: Mapping[str, Any] | None = None
    shards: int = 0
    reused: int = 0
    decided: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    outcome: str = ""
    error: str = ""
    hint: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)

    @property
    def phase(self) -> str:
        """The name of the current phase."""
        return self.phases[-1] if self.phases else ""


def fold(snapshot: RunSnapshot, events: Iterable[Mapping[str, Any]]) -> RunSnapshot:
    """The snapshot after `events` (JSON objects). A later start of the same run begins a new picture."""
    for event in events:
        step = _STEPS.get(event["event"])
        if step is not None:
            snapshot = replace(step(snapshot, event), updated=event.get("time", snapshot.updated))
    return snapshot


def _started(_: RunSnapshot, event: Mapping[str, Any]) -> RunSnapshot:
    return RunSnapshot(
        run=event["run"],
        kind=event["kind"],
        recipe=event["recipe"],
        stages=tuple(event["stages"]),
        workers=event["workers"],
        resumed=event["resumed"],
        started=event["time"],
    )


def _source(snapshot: RunSnapshot, event: Mapping[str, Any]) -> RunSnapshot:
    facts = {key: value for key, value in event.items() if key not in ("event", "time")}
    return replace(snapshot, sources=(*snapshot.sources, facts))


def _progress(snapshot: RunSnapshot, event: Mapping[str, Any]) -> RunSnapshot:
    new = event["phase"] != snapshot.phase
    return replace(
        snapshot,
        phases=(*snapshot.phases, event["phase"]) if new else snapshot.phases,
        shards=0 if new else snapshot.shards,
        reused=0 if new else snapshot.reused,
        done=event["done"],
        total=event["total"],
        unit=event["unit"],
        rate=event["rate"] or 0.0,
        eta=event["eta"],
        inside=None,
    )


def _inside(snapshot: RunSnapshot, event: Mapping[str, Any]) -> RunSnapshot:
    return replace(snapshot, inside=event)


def _shard(snapshot: RunSnapshot, event: Mapping[str, Any]) -> RunSnapshot:
    decided = dict(snapshot.decided)
    for name, count in event["counts"].items():
        decided[name] = decided.get(name, 0) + count
    return replace(
        snapshot, shards=snapshot.shards + 1, reused=snapshot.reused + bool(event["reused"]), decided=decided
    )


def _warned(snapshot: RunSnapshot, event: Mapping[str, Any]) -> RunSnapshot:
    return replace(snapshot, warnings=(*snapshot.warnings, f"{event['message']} {event['hint']}".strip()))


def _stopped(snapshot: RunSnapshot, _: Mapping[str, Any]) -> RunSnapshot:
    return replace(snapshot, inside=None, outcome="stopped")


def _failed(snapshot: RunSnapshot, event: Mapping[str, Any]) -> RunSnapshot:
    return replace(snapshot, inside=None, outcome="failed", error=event["message"], hint=event["hint"])


def _finished(snapshot: RunSnapshot, event: Mapping[str, Any]) -> RunSnapshot:
    return replace(snapshot, inside=None, outcome="finished", summary=event["summary"])


_STEPS = {
    "run_started": _started,
    "source_found": _source,
    "progress": _progress,
    "stage_progress": _inside,
    "shard_finished": _shard,
    "warned": _warned,
    "run_stopped": _stopped,
    "run_failed": _failed,
    "run_finished": _finished,
}
