"""Wishes to a training run that goes on, as files in its folder: wait, go on, do more steps."""

from __future__ import annotations

from curation.errors import InputError, OutputError
from studio.runs.folder import RunFolder

PAUSE, EXTEND = "pause", "extend"


def is_paused(folder: RunFolder) -> bool:
    """Whether the run was asked to wait; it does so after the step it is at."""
    return (folder.path / PAUSE).exists()


def pause(folder: RunFolder, *, on: bool) -> None:
    """Ask the run to wait between two steps, or to go on. Raises OutputError."""
    path = folder.path / PAUSE
    try:
        if on:
            path.touch(mode=0o600)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error


def extend(folder: RunFolder, steps: int) -> None:
    """Ask the run for `steps` more than it was to do. Raises InputError for fewer than one, OutputError."""
    from curation.writers.atomic import write_atomic

    if steps < 1:
        raise InputError(f"A run cannot be extended by {steps} steps.", "Give a number from 1 on.")
    write_atomic(folder.path / EXTEND, f"{steps}\n".encode("ascii"), mode=0o600)
