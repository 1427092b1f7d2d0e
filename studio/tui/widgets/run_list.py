"""All runs, one a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from studio.tui.i18n import N_, _
from studio.tui.text import cell
from studio.tui.widgets.funnel import duration
from studio.tui.widgets.lines import LineList

if TYPE_CHECKING:
    from studio.tui.screens.runs_frames import RunFrame


class RunList(LineList):
    """Shows frames; `marked` are the paths of those marked for a comparison."""

    HELP = N_(
        "Runs, newest first: how they stand, records read and kept (of training: the held-out loss before and after, or step "
        "and loss), when they were started, how long they took. "
        "space marks two for a comparison, enter opens one."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "screen.mark", N_("Mark"), tooltip=N_("Mark the run for a comparison."), id="runs.mark"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.frames: tuple[RunFrame, ...] = ()
        self.marked: tuple[str, ...] = ()

    def show(self, frames: Sequence[RunFrame]) -> None:
        """Show other runs, the cursor on the same one."""
        if tuple(frames) == self.frames:
            return
        here = self.frames[self.cursor].path if self.cursor < len(self.frames) else ""
        self.frames = tuple(frames)
        place = next((number for number, each in enumerate(self.frames) if each.path == here), 0)
        self.set_reactive(RunList.cursor, place)
        self.redraw()

    def mark(self, paths: Sequence[str]) -> None:
        """Mark these runs."""
        self.marked = tuple(paths)
        self.redraw()

    @property
    def count(self) -> int:
        """The number of runs."""
        return len(self.frames)

    def header(self, width: int) -> Content | None:
        """What the columns are."""
        return Content.styled(
            self._row(("", _("run"), _("recipe"), _("read"), _("kept"), _("started"), _("time")), width), "dim"
        )

    def line(self, place: int, width: int) -> Content:
        """One run."""
        from studio.tui.screens.runs_frames import MARKS, STYLES, status_words

        frame = self.frames[place]
        mark = "»" if frame.path in self.marked else " "
        status = f"{mark}{MARKS[frame.status]} {status_words()[frame.status]}"
        parts = (
            status,
            frame.name,
            frame.recipe,
            f"{frame.read:,}" if frame.read >= 0 else "",
            f"{frame.kept:,}" if frame.kept >= 0 else "",
            frame.started[5:],
            duration(frame.seconds) if frame.seconds else "",
        )
        row = Content(self._row(parts, width, frame.note))
        style = STYLES.get(frame.status, "")
        return row.stylize(style, 0, len(cell(status, 11))) if style else row

    def _row(self, parts: Sequence[str], width: int, note: str = "") -> str:
        """Columns that fit: the time and the start go first, then the recipe. A note takes the place of both counts."""
        status, name, recipe, read, kept, started, took = parts
        room = width - 11 - 2 * 9 - 2
        columns = [cell(status, 11)]
        taken = 12 if room >= 54 else 0
        began = 12 if room >= 44 else 0
        names = max(8, min(28, room - taken - began - 1 - (9 if room > 40 else 0)))
        used = max(0, room - taken - began - names - 1)
        columns += [" ", cell(name, names), " ", cell(recipe, used)]
        columns += [cell(note, 18, right=True)] if note else [cell(read, 9, right=True), cell(kept, 9, right=True)]
        if began:
            columns.append(" " + cell(started, began - 1))
        if taken:
            columns.append(" " + cell(took, taken - 1, right=True))
        return "".join(columns)
