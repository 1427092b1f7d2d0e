# ruff: noqa: E501 (tables of keys)
"""The parameters of a stage, one a line: name, value, and a mark for what is written in the recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from studio.tui.i18n import N_
from studio.tui.text import cell
from studio.tui.widgets.lines import LineList


@dataclass(frozen=True)
class FieldFrame:
    """One parameter. value: as one types it. set: it stands in the recipe; else the default is shown. problem: what is
    wrong with it, "" for nothing.
    """

    name: str
    value: str
    set: bool
    problem: str = ""


class StageForm(LineList):
    """The screen sets `show`, and does what the keys ask for."""

    HELP = N_(
        "The parameters of the stage. Marks: * stands in the recipe, ! is wrong; the others have their defaults. enter "
        "lets you type a value: text without quotes, lists as a, b, c, null for none. left and right go through choices "
        "and numbers, backspace gives a parameter its default again."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,minus", "screen.nudge(-1)", N_("Less"), show=False, tooltip=N_("The choice before, or a smaller number."), id="form.less"),
        Binding("right,plus,space", "screen.nudge(1)", N_("More"), show=False, tooltip=N_("The next choice, or a larger number."), id="form.more"),
        Binding("backspace,delete", "screen.unset", N_("Default"), tooltip=N_("Give the parameter its default again."), id="form.unset"),
        Binding("escape", "screen.to_stages", N_("Stages"), show=False, tooltip=N_("Back to the list of stages."), id="form.leave"),
    ]  # fmt: skip

    NAMES: ClassVar[float] = 0.5
    """Share of the width that names may take."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.frames: tuple[FieldFrame, ...] = ()

    def show(self, frames: Sequence[FieldFrame]) -> None:
        """Show other parameters, or other values."""
        if tuple(frames) != self.frames:
            self.frames = tuple(frames)
            self.redraw()

    @property
    def count(self) -> int:
        """The number of parameters."""
        return len(self.frames)

    def line(self, place: int, width: int) -> Content:
        """Mark, name, value."""
        frame = self.frames[place]
        names = min(max((len(each.name) for each in self.frames), default=0), max(8, int(width * self.NAMES)))
        mark = "!" if frame.problem else "*" if frame.set else " "
        style = "$text-error" if frame.problem else "" if frame.set else "dim"
        value = frame.value or '""'
        return Content.assemble(
            (f"{mark} ", style), (cell(frame.name, names), ""), " ", (cell(value, max(1, width - names - 3)), style)
        )
