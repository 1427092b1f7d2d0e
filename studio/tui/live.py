"""Watching runs without being flooded: a timer, a thread that reads what is new, one message with the whole picture."""

from __future__ import annotations

from pathlib import Path

from textual.message_pump import MessagePump
from textual.worker import get_current_worker

from curation.errors import StudioError
from studio.runs.snapshot import RunSnapshot, fold
from studio.tui.messages import LiveRunsFound, RunChanged

EVERY = 0.5
"""Seconds between two looks at a run: charts are redrawn twice a second at most."""


class RunWatch:
    """Watches one run and posts `RunChanged` to `target` whenever something happened.

    `read` does the work of one look and belongs in a thread worker of the screen:

        self.watch = RunWatch(folder, self)
        self.set_interval(EVERY, lambda: self.run_worker(self.watch.read, thread=True, exclusive=True, group="watch"))

    Reading starts at byte 0, so a run that began before this program did is seen whole.
    """

    def __init__(self, folder: Path, target: MessagePump) -> None:
        from studio.runs.events import EventReader
        from studio.runs.folder import RunFolder

        self.folder = RunFolder(folder)
        self.snapshot = RunSnapshot()
        self._reader = EventReader(self.folder.events)
        self._target = target

    def read(self) -> bool:
        """Read and fold what is new; True if something was."""
        events = self._reader.read()
        if not events:
            return False
        self.snapshot = fold(self.snapshot, events)
        self._target.post_message(RunChanged(self.folder.name, self.snapshot))
        return True


def live_runs(runs_dir: Path) -> tuple[str, ...]:
    """The names of the runs that are going on. Only runs without a result have their lock looked at."""
    from studio.runs.folder import every
    from studio.runs.lock import is_held

    try:
        return tuple(run.name for run in every(runs_dir) if not run.result.exists() and is_held(run))
    except StudioError:  # a folder that cannot be listed has no runs to speak of
        return ()


def look_for_runs(runs_dir: Path, target: MessagePump, every_seconds: float = 2.0) -> None:
    """Post `LiveRunsFound` whenever the runs going on have changed, until the worker this is in is cancelled."""
    worker = get_current_worker()
    before: tuple[str, ...] = ()
    while not worker.is_cancelled:
        now = live_runs(runs_dir)
        if now != before:
            target.post_message(LiveRunsFound(now))
            before = now
        worker.cancelled_event.wait(every_seconds)
