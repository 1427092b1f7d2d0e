"""A run's status is derived from its folder, never stored: a stored one would be wrong after every crash."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from studio.runs.folder import RunFolder
from studio.runs.lock import is_held


class Status(StrEnum):
    """How a run stands."""

    FINISHED = "finished"
    """It ended well: result.json says so."""
    FAILED = "failed"
    """It ended with an error, which result.json holds."""
    STOPPED = "stopped"
    """It was asked to stop and did; it can be resumed."""
    RUNNING = "running"
    """No result yet, and a living process holds the lock."""
    CRASHED = "crashed"
    """No result and nobody holds the lock: it was killed. It can be resumed."""


@dataclass(frozen=True)
class Result:
    """How a run ended. `error` is the error's class name; `seconds` the wall time of the last leg."""

    status: Status
    ended: str
    seconds: float
    exit_code: int
    error: str = ""
    message: str = ""
    hint: str = ""
    summary: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: RunFolder) -> None:
        """The last thing a run does, whole or not at all."""
        from curation.writers.atomic import write_atomic

        write_atomic(folder.result, json.dumps(asdict(self), indent=2, default=str).encode("ascii") + b"\n", mode=0o600)


def read_result(folder: RunFolder) -> Result | None:
    """The run's result, or None while it has none (or a damaged one, which then counts as none)."""
    try:
        found = json.loads(folder.result.read_bytes())
        return Result(**{**found, "status": Status(found["status"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def status_of(folder: RunFolder) -> Status:
    """Finished, failed or stopped by its result; else running or crashed by its lock."""
    result = read_result(folder)
    if result is None and is_held(folder):
        return Status.RUNNING
    # A run that ended between the two looks has a result now.
    result = result or read_result(folder)
    return result.status if result else Status.CRASHED
