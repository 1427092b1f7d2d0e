"""Stopping a run from another process: ask, then insist."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from curation.errors import BusyError, OutputError
from studio.runs.folder import RunFolder
from studio.runs.lock import holder, is_held


def request_stop(folder: RunFolder) -> None:
    """Ask for a graceful stop: the run ends after what it is doing now, and can be resumed."""
    try:
        folder.stop.touch(mode=0o600)
    except OSError as error:
        raise OutputError(f"{folder.stop} cannot be written: {error.strerror}.") from error


def wait_until_free(folder: RunFolder, seconds: float) -> bool:
    """Whether nobody holds the run any more, at the latest after `seconds`."""
    deadline = time.monotonic() + seconds
    while is_held(folder):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
    return True


def force_stop(folder: RunFolder, grace: float) -> bool:
    """SIGTERM to the worker, and SIGKILL to it and its children where it still lives after `grace` seconds.

    Returns whether the run is free. Raises BusyError when its worker is on another machine or cannot be told.
    """
    if _signal(folder, signal.SIGTERM) and not wait_until_free(folder, grace):
        _kill_with_children(folder)
    return wait_until_free(folder, 5.0)


def _signal(folder: RunFolder, number: signal.Signals) -> bool:
    """Signal the holder, never a stranger that got its process id: the lock is looked at after the id is pinned."""
    by = holder(folder)
    if not is_held(folder):
        return False
    if by is None or not by.is_here:
        where = f"on {by.host}" if by else "unknown"
        raise BusyError(f"The process that holds {folder.name} is {where}.", "Stop it on its own machine.")
    if not hasattr(os, "pidfd_open"):
        with suppress(ProcessLookupError):
            os.kill(by.pid, number)
        return True
    try:
        pinned = os.pidfd_open(by.pid)
    except ProcessLookupError:
        return is_held(folder)
    try:
        if is_held(folder) and holder(folder) == by:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(pinned, number)
        return True
    finally:
        os.close(pinned)


def _kill_with_children(folder: RunFolder) -> None:
    import psutil

    by = holder(folder)
    try:
        children = psutil.Process(by.pid).children(recursive=True) if by and is_held(folder) else []
    except psutil.Error:
        children = []
    _signal(folder, signal.SIGKILL)
    for child in children:
        with suppress(psutil.Error):
            child.kill()
