# ruff: noqa: E501 (tables of keys)
"""The prompts of a comparison, one a line."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType

from studio.tui.bindings import Localised
from studio.tui.i18n import N_
from studio.tui.screens.compare_messages import PromptMoved
from studio.tui.widgets.line_list import LineList


class PromptList(Localised, LineList):
    """Shows lines that the screen makes. Posts PromptMoved."""

    HELP = N_(
        "The prompts. Marks: … being answered, ✓ answered, ■ called off; then your vote: v sealed, A or B, = as good, "
        "∅ both bad; then the judge: a, b, = or ? for none; then ★ a favourite, ✎ a note."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", N_("Down"), show=False, tooltip=N_("The next prompt."), id="prompts.down"),
        Binding("up,k", "move(-1)", N_("Up"), show=False, tooltip=N_("The prompt before."), id="prompts.up"),
        Binding("pagedown,ctrl+d", "page(1)", N_("Page down"), show=False, tooltip=N_("A screen further."), id="prompts.page_down"),
        Binding("pageup,ctrl+u", "page(-1)", N_("Page up"), show=False, tooltip=N_("A screen back."), id="prompts.page_up"),
        Binding("g,home", "page(-1000000)", N_("First"), show=False, tooltip=N_("The first prompt."), id="prompts.first"),
        Binding("G,end", "page(1000000)", N_("Last"), show=False, tooltip=N_("The last prompt."), id="prompts.last"),
    ]  # fmt: skip

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._count = 0
        self._line_of: Callable[[int], tuple[str, bool]] = lambda _place: ("", True)
        self._seen: list[tuple[str, bool]] = []

    @property
    def count(self) -> int:
        """How many prompts."""
        return self._count

    def show(self, count: int, line_of: Callable[[int], tuple[str, bool]]) -> None:
        """So many lines; each (text, dim) is made when it is drawn. Drawn again where one in sight is another now."""
        self._line_of = line_of
        if count != self._count:
            self._count = count
            self.resized()
        top = round(self.scroll_offset.y)
        seen = [line_of(place) for place in range(top, min(count, top + self.size.height))]
        if seen != self._seen:
            self._seen = seen
            self.refresh()

    def moved(self, place: int) -> None:
        """Show it."""
        self.post_message(PromptMoved(place))

    def line_at(self, place: int) -> tuple[str, str, bool]:
        """Marks and question."""
        text, dim = self._line_of(place)
        return text, "", dim
