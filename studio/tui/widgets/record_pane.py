"""One record, whole: who says what, how long it is, its other columns."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.visual import Visual

from studio.tui.bindings import Localised
from studio.tui.i18n import N_


class RecordPane(Localised, ScrollView, can_focus=True):
    """Shows what `studio.tui.frames.record_content` makes of a record.

    Lines are laid out here and drawn by themselves: a child of automatic height would have the whole screen laid out
    and sent again for every record, 40 kB at 120 by 40.
    """

    HELP = N_("The record under the cursor. Long texts are cut with a mark; e opens all of it in your editor.")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", N_("Down"), show=False, tooltip=N_("A line down."), id="pane.down"),
        Binding("k", "scroll_up", N_("Up"), show=False, tooltip=N_("A line up."), id="pane.up"),
        Binding("g", "scroll_home", N_("Top"), show=False, tooltip=N_("To the beginning."), id="pane.top"),
        Binding("G", "scroll_end", N_("Bottom"), show=False, tooltip=N_("To the end."), id="pane.bottom"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.content = Content("")
        self._strips: list[Strip] = []

    def show(self, content: Content, *, from_top: bool = True) -> None:
        """Show another record, from its beginning unless it is the same one again."""
        self.content = content
        self._lay_out()
        if from_top:
            self.scroll_to(y=0, animate=False, immediate=True)

    def render_line(self, y: int) -> Strip:
        """A line of what was laid out."""
        place = y + round(self.scroll_offset.y)
        width = self.scrollable_content_region.width
        if place < len(self._strips):
            return self._strips[place].adjust_cell_length(width, self.rich_style)
        return Strip.blank(width, self.rich_style)

    def on_resize(self) -> None:
        """Other widths break lines elsewhere."""
        self._lay_out()

    def notify_style_update(self) -> None:
        """Other colours."""
        super().notify_style_update()
        self._lay_out()

    def selection_updated(self, selection: Selection | None) -> None:
        """What is selected with the mouse looks so."""
        super().selection_updated(selection)
        self._lay_out()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text."""
        return selection.extract(self.content.plain), "\n"

    def _lay_out(self) -> None:
        width = self.scrollable_content_region.width
        if width > 0:
            self._strips = Visual.to_strips(self, self.content, width, None, self.visual_style)
            self.virtual_size = Size(width, len(self._strips))
            self.refresh()
