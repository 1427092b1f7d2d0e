"""Removing a run: never one that is running, never half of one under its own name."""

from __future__ import annotations

import shutil

from curation.errors import InputError, OutputError
from studio.runs.folder import RunFolder
from studio.runs.lock import RunLock


def remove(folder: RunFolder) -> None:
    """Delete the run's folder and all in it. Raises BusyError while it runs, OutputError where it may not be deleted."""
    if folder.path.is_symlink() or not folder.spec.is_file():
        raise InputError(f"{folder.path} is not a run folder.", "Only folders that hold a run.json are removed.")
    hidden = folder.path.with_name(f".{folder.name}.removing")
    with RunLock.acquire(folder):
        try:
            folder.path.rename(hidden)
            shutil.rmtree(hidden)
        except OSError as error:
            raise OutputError(f"{error.filename or folder.path} cannot be removed: {error.strerror}.") from error
