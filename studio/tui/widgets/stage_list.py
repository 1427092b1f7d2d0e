# ruff: noqa: E501 (tables of keys)
"""The stages of a recipe, one a line: whether it runs, its name, what it would do to the sample."""

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
class StageFrame:
    """One line. mark: `+` runs, a blank is switched off, `!` has a problem. effect: such as "-12 ~3"."""

    mark: str
    name: str
    use: str
    effect: str
    problem: bool = False


class StageList(LineList):
    """The screen sets `show`; keys that change the recipe are actions of the screen."""

    HELP = N_(
        "The stages in the order in which they look at the records. Marks: + runs, blank is switched off, ! needs a look. "
        "Behind the name: what it would do to the sample, - dropped, ~ edited, ? flagged, … decides only when p is pressed."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "screen.switch", N_("On/off"), tooltip=N_("Switch the stage on or off."), id="stages.switch"),
        Binding("J,ctrl+down", "screen.shift(1)", N_("Move down"), show=False, tooltip=N_("Let the stage run later."), id="stages.down"),
        Binding("K,ctrl+up", "screen.shift(-1)", N_("Move up"), show=False, tooltip=N_("Let the stage run earlier."), id="stages.up"),
        Binding("x,delete", "screen.remove", N_("Take out"), show=False, tooltip=N_("Take the stage out of the recipe; u brings it back."), id="stages.remove"),
    ]  # fmt: skip

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.frames: tuple[StageFrame, ...] = ()

    def show(self, frames: Sequence[StageFrame]) -> None:
        """Show other stages, the cursor where it was."""
        if tuple(frames) != self.frames:
            self.frames = tuple(frames)
            self.redraw()

    @property
    def count(self) -> int:
        """The number of stages."""
        return len(self.frames)

    def line(self, place: int, width: int) -> Content:
        """Mark, name, effect."""
        frame = self.frames[place]
        effect = cell(frame.effect, min(len(frame.effect), max(0, width - 10)))
        name = frame.name if frame.name == frame.use or width < 34 else f"{frame.name} ({frame.use})"
        room = max(1, width - len(effect) - 4)
        style = "$text-error" if frame.problem else "" if frame.mark == "+" else "dim"
        return Content.assemble((f"{frame.mark} ", style), (cell(name, room), style), " ", (effect, "dim"))
