"""Comparisons, and the training runs that can be compared, one a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from studio.tui.i18n import N_, _
from studio.tui.text import cell
from studio.tui.widgets.lines import LineList


@dataclass(frozen=True)
class CompareFrame:
    """A line: a comparison, or a training run (kind `train`). said: who is compared and what it showed, or what was
    trained and how the loss fell. started: such as 2026-03-04 10:15.
    """

    name: str
    path: str
    kind: str
    status: str
    said: str
    started: str


class CompareList(LineList):
    """The screen sets `show`."""

    HELP = N_(
        "Comparisons, newest first; below them training runs. enter opens a comparison. n begins one of the training run under "
        "the cursor: base against fine-tuned, or any two models."
    )

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.frames: tuple[CompareFrame, ...] = ()

    def show(self, frames: Sequence[CompareFrame]) -> None:
        """Show other runs, the cursor on the same one."""
        if tuple(frames) == self.frames:
            return
        here = self.frames[self.cursor].path if self.cursor < len(self.frames) else ""
        self.frames = tuple(frames)
        place = next((number for number, each in enumerate(self.frames) if each.path == here), 0)
        self.set_reactive(CompareList.cursor, place)
        self.redraw()

    @property
    def frame(self) -> CompareFrame | None:
        """The one under the cursor."""
        return self.frames[self.cursor] if self.cursor < len(self.frames) else None

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.frames)

    def header(self, width: int) -> Content | None:
        """What the columns are."""
        names = ("", _("what"), _("run"), _("models, and what was shown"), _("started"))
        return Content.styled(self._row(names, width), "dim")

    def line(self, place: int, width: int) -> Content:
        """One run."""
        from studio.tui.screens.runs_frames import MARKS, STYLES, status_words

        frame = self.frames[place]
        kind = _("comparison") if frame.kind == "compare" else _("training")
        status = f"{MARKS[frame.status]} {status_words()[frame.status]}"
        row = Content(self._row((status, kind, frame.name, frame.said, frame.started[5:]), width))
        style = STYLES.get(frame.status, "")
        return row.stylize(style, 0, len(cell(status, 10))) if style else row

    def _row(self, parts: tuple[str, str, str, str, str], width: int) -> str:
        """Columns that fit: when it was started goes first, then what it is."""
        status, kind, name, said, started = parts
        began = 12 if width >= 95 else 0
        kinds = 11 if width >= 70 else 0
        names = max(8, min(28, width // 3))
        room = max(0, width - 10 - kinds - names - began - 2)
        columns = [cell(status, 10), " ", cell(kind, kinds), cell(name, names), " ", cell(said, room)]
        return "".join(columns) + (" " + cell(started, began - 1) if began else "")
