"""The folder of runs, read again and again; of a run that has ended nothing can change, so it is read once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from textual.message import Message
from textual.message_pump import MessagePump

from curation.errors import StudioError
from studio.runs.folder import RunFolder, every
from studio.tui.messages import ProblemMet

Line = TypeVar("Line")


class RunBook(Generic[Line]):
    """For thread workers. line_of: a run as a line of a list. listed: the message with the lines, newest run first.
    kind: only runs of this kind, by their names; "" for all."""

    def __init__(
        self,
        runs_dir: Path,
        line_of: Callable[[RunFolder], Line],
        listed: Callable[[tuple[Line, ...]], Message],
        kind: str = "",
    ) -> None:
        self.runs_dir = runs_dir
        self._line_of, self._listed, self._kind = line_of, listed, kind
        self._known: dict[str, tuple[int, Line]] = {}

    def read(self, target: MessagePump) -> None:
        """Posts what `listed` makes, or ProblemMet."""
        try:
            folders = [run for run in every(self.runs_dir) if not self._kind or f"-{self._kind}-" in run.name]
        except StudioError as error:
            target.post_message(ProblemMet(error.message, error.hint))
            return
        target.post_message(self._listed(tuple(self._line(folder) for folder in reversed(folders))))

    def _line(self, folder: RunFolder) -> Line:
        try:
            stamp = folder.result.stat().st_mtime_ns
        except OSError:
            stamp = 0
        known = self._known.get(folder.name)
        if known is not None and stamp and known[0] == stamp:
            return known[1]
        line = self._line_of(folder)
        self._known[folder.name] = (stamp, line)
        return line
