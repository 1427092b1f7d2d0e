"""Watching a run from another process: its events as they come, until it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from studio.runs.events import EventReader
from studio.runs.folder import RunFolder
from studio.runs.status import Status, status_of


def follow(folder: RunFolder, *, offset: int = 0, every: float = 0.2) -> Iterator[dict[str, Any]]:
    """Events from byte `offset` on, as JSON objects; waits for more while the run is running.

    Looks `every` so many seconds. Ends by itself after the last event of a run that is not running (any more); a
    run that was stopped and resumed has an ending in the middle, so endings are not what it goes by.
    """
    reader = EventReader(folder.events, offset)
    while True:
        # The status first: what a run writes before it ends is then read after it has ended.
        running = status_of(folder) is Status.RUNNING
        yield from reader.read()
        if not running:
            return
        time.sleep(every)
