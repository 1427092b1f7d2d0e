# ruff: noqa: E501 (tables of keys)
"""The thresholds of a finished run, one a line, with what changes where one is moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from studio.tui.i18n import N_, _
from studio.tui.text import cell
from studio.tui.widgets.lines import LineList

if TYPE_CHECKING:
    from curation.thresholds import Dial


class ThresholdList(LineList):
    """Holds where each dial was moved to; `values` has their places."""

    HELP = N_(
        "Thresholds that dropped something. left and right move one, with shift in larger steps; behind it stands how many "
        "of the dropped records would pass this stage, and how many of the others would not, where their scores are noted. "
        "≤ is at most: another rule of the stage may still drop some. "
        "enter writes it into the recipe and does the run again from there."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "slide(-1)", N_("Lower"), tooltip=N_("Lower the threshold."), id="thresholds.lower"),
        Binding("right,l", "slide(1)", N_("Higher"), tooltip=N_("Raise the threshold."), id="thresholds.higher"),
        Binding("shift+left,H", "slide(-10)", N_("Much lower"), show=False, tooltip=N_("Lower it by ten steps."), id="thresholds.much_lower"),
        Binding("shift+right,L", "slide(10)", N_("Much higher"), show=False, tooltip=N_("Raise it by ten steps."), id="thresholds.much_higher"),
        Binding("backspace", "back", N_("As it was"), show=False, tooltip=N_("Put the threshold back."), id="thresholds.back"),
    ]  # fmt: skip

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.dials: tuple[Dial, ...] = ()
        self.values: list[float] = []

    def show(self, dials: Sequence[Dial]) -> None:
        """Show the dials, where they were in the run."""
        self.dials, self.values = tuple(dials), [dial.value for dial in dials]
        self.redraw()

    @property
    def count(self) -> int:
        """The number of dials."""
        return len(self.dials)

    def header(self, width: int) -> Content | None:
        """What the columns are."""
        names, value = max(12, width - 40), _("threshold")
        text = (
            cell("", names)
            + cell(value, 14, right=True)
            + cell(_("pass"), 12, right=True)
            + cell(_("fall"), 12, right=True)
        )
        return Content.styled(text, "dim")

    def line(self, place: int, width: int) -> Content:
        """Setting, value, how many change sides."""
        dial, value = self.dials[place], self.values[place]
        moved = dial.moved(value)
        names = max(12, width - 40)
        changed = value != dial.value
        shown = f"{dial.value:g} → {value:g}" if changed else f"{value:g}"
        stay = f"+{moved.stay:,}" if moved.exact else f"≤{moved.stay:,}"
        leave = "?" if moved.leave is None else f"{moved.leave:,}"
        return Content.assemble(
            (cell(dial.setting, names), "bold" if changed else ""),
            cell(shown, 14, right=True),
            (f"{f'{stay}/{len(dial.dropped):,}':>12}", "$text-success" if moved.stay else "dim"),
            (f"{f'-{leave}':>12}", "$text-error" if moved.leave else "dim"),
        )

    def action_slide(self, by: int) -> None:
        """Move the dial under the cursor."""
        if self.dials:
            dial = self.dials[self.cursor]
            self.values[self.cursor] = dial.clamped(self.values[self.cursor] + by * dial.stride)
            self.redraw()

    def action_back(self) -> None:
        """Where it was."""
        if self.dials:
            self.values[self.cursor] = self.dials[self.cursor].value
            self.redraw()
