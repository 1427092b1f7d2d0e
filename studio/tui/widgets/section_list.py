"""The sections of a training recipe, one a line, with what was changed in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from studio.tui.i18n import N_
from studio.tui.text import cell
from studio.tui.widgets.lines import LineList
from studio.tui.widgets.stage_form import StageForm


@dataclass(frozen=True)
class SectionFrame:
    """One section. mark: `*` where something was changed, `!` where something is missing, else a blank. said: a few of
    its values.
    """

    mark: str
    name: str
    said: str


class SectionList(LineList):
    """The screen sets `show`."""

    HELP = N_(
        "The sections of the recipe; the first line has what matters most. * something differs from the preset, ! something "
        "is missing. enter goes to the form."
    )

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.frames: tuple[SectionFrame, ...] = ()

    def show(self, frames: Sequence[SectionFrame]) -> None:
        """Show other sections, the cursor where it was."""
        if tuple(frames) != self.frames:
            self.frames = tuple(frames)
            self.redraw()

    @property
    def count(self) -> int:
        """The number of sections."""
        return len(self.frames)

    def line(self, place: int, width: int) -> Content:
        """Mark, name, values."""
        frame = self.frames[place]
        names = max(len(each.name) for each in self.frames) + 1
        style = "bold" if frame.mark != " " else ""
        return Content.assemble(
            (f"{frame.mark} ", "$text-error" if frame.mark == "!" else ""),
            (cell(frame.name, min(names, width - 2)), style),
            (cell(frame.said, max(0, width - names - 2)), "dim"),
        )


class TrainForm(StageForm):
    """The parameters of a section, with the keys that a form has."""

    NAMES = 0.62
    HELP = N_(
        "The parameters of the section. Marks: * differs from the preset, whose value stands behind ←, ! is wrong. enter "
        "lets you type a value: text without quotes, lists as a, b, c, null for none. left and right go through choices "
        "and numbers, backspace gives a parameter the preset's value again."
    )
