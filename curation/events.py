"""What a run tells its listeners: one event, one JSON object, one vocabulary for every front end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """Base of all events. `time` is seconds since the epoch."""

    time: float = field(default_factory=time.time, kw_only=True)

    def as_json(self) -> dict[str, Any]:
        """The event as a flat JSON object whose `event` key names its kind."""
        return {"event": EVENT_NAMES[type(self)], **asdict(self)}


@dataclass(frozen=True)
class RunStarted(Event):
    """A run began, or went on after a stop (`resumed`)."""

    run: str
    kind: str
    recipe: str
    stages: list[str]
    workers: int
    resumed: bool = False


@dataclass(frozen=True)
class SourceFound(Event):
    """An input was recognised: its format, encoding and compression, said aloud."""

    source: str
    path: str
    format: str
    kind: str
    encoding: str
    compression: str
    bytes: int


@dataclass(frozen=True)
class DiskNeeded(Event):
    """About how many bytes the run will take on the disk of `folder`, rather too many than too few, and how many are free."""

    folder: str
    needed: int
    free: int


@dataclass(frozen=True)
class Progress(Event):
    """How far a phase is. `total` is None while it is not known. `rate` is units a second; `eta` in seconds."""

    phase: str
    done: int
    total: int | None
    unit: str
    rate: float
    eta: float | None


@dataclass(frozen=True)
class StageProgress(Event):
    """How far a stage that takes long is inside the shards under way, all of them together; once a second at most. The
    rest as in Progress.
    """

    stage: str
    done: int
    total: int
    unit: str
    rate: float
    eta: float | None


@dataclass(frozen=True)
class ShardFinished(Event):
    """One shard went through one pass. `counts` has drop, edit, flag and annotate by `stage/reason`."""

    phase: str
    shard: int
    records: int
    reused: bool
    counts: dict[str, int]


@dataclass(frozen=True)
class Warned(Event):
    """Something a user should know that does not stop the run."""

    message: str
    hint: str = ""


@dataclass(frozen=True)
class RunStopped(Event):
    """The run ended early at the user's wish; it can be resumed."""

    run: str


@dataclass(frozen=True)
class RunFailed(Event):
    """The run ended with an error."""

    run: str
    error: str
    message: str
    hint: str = ""


@dataclass(frozen=True)
class RunFinished(Event):
    """The run is whole. `summary` is the content of `summary.json`, its `counts` included."""

    run: str
    summary: dict[str, Any]


EVENT_NAMES: dict[type[Event], str] = {
    RunStarted: "run_started",
    SourceFound: "source_found",
    DiskNeeded: "disk_needed",
    Progress: "progress",
    StageProgress: "stage_progress",
    ShardFinished: "shard_finished",
    Warned: "warned",
    RunStopped: "run_stopped",
    RunFailed: "run_failed",
    RunFinished: "run_finished",
}

Listener = Callable[[Event], None]
