"""Letting a training run wait between two steps, by a file in its folder."""

from __future__ import annotations

from curation.errors import OutputError
from studio.runs.folder import RunFolder


def is_paused(folder: RunFolder) -> bool:
    """Whether the run was asked to wait; it does so after the step it is at."""
    return folder.pause.exists()


def pause(folder: RunFolder, *, on: bool) -> None:
    """Ask the run to wait between two steps, or to go on. Raises OutputError."""
    try:
        if on:
            folder.pause.touch(mode=0o600)
        else:
            folder.pause.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{folder.pause} cannot be written: {error.strerror}.") from error
