"""Generations, one a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from studio.tui.i18n import N_, _
from studio.tui.text import cell
from studio.tui.widgets.lines import LineList


@dataclass(frozen=True)
class GenerateFrame:
    """A line: a generation. said: what it was made from and what came of it. started: such as 2026-03-04 10:15."""

    name: str
    path: str
    status: str
    said: str
    started: str


class GenerateList(LineList):
    """The screen sets `show`."""

    HELP = N_(
        "Generations, newest first: what they were made from, who writes, and how many of the items asked for were accepted. "
        "enter opens one, n plans a new one."
    )

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.frames: tuple[GenerateFrame, ...] = ()

    def show(self, frames: Sequence[GenerateFrame]) -> None:
        """Show other runs, the cursor on the same one."""
        if tuple(frames) == self.frames:
            return
        here = self.frames[self.cursor].path if self.cursor < len(self.frames) else ""
        self.frames = tuple(frames)
        place = next((number for number, each in enumerate(self.frames) if each.path == here), 0)
        self.set_reactive(GenerateList.cursor, place)
        self.redraw()

    @property
    def frame(self) -> GenerateFrame | None:
        """The one under the cursor."""
        return self.frames[self.cursor] if self.cursor < len(self.frames) else None

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.frames)

    def header(self, width: int) -> Content | None:
        """What the columns are."""
        return Content.styled(self._row(("", _("run"), _("accepted, from what, by whom"), _("started")), width), "dim")

    def line(self, place: int, width: int) -> Content:
        """One run."""
        from studio.tui.screens.runs_frames import MARKS, STYLES, status_words

        frame = self.frames[place]
        status = f"{MARKS[frame.status]} {status_words()[frame.status]}"
        row = Content(self._row((status, frame.name, frame.said, frame.started[5:]), width))
        style = STYLES.get(frame.status, "")
        return row.stylize(style, 0, len(cell(status, 10))) if style else row

    def _row(self, parts: tuple[str, str, str, str], width: int) -> str:
        """Columns that fit: when it was started goes first."""
        status, name, said, started = parts
        began = 12 if width >= 95 else 0
        names = 28 if width >= 72 else max(8, width // 3)
        columns = [cell(status, 10), " ", cell(name, names), " ", cell(said, max(0, width - 12 - names - began))]
        return "".join(columns) + (" " + cell(started, began - 1) if began else "")
