"""Lines with a cursor, of any number: only those on the screen are made. What a line says is for derived classes."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.geometry import Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from studio.tui.text import cell


class LineList(ScrollView, can_focus=True):
    """Draws `line_at` for each place below `count`, and tells `moved` when a person moves the cursor."""

    DEFAULT_CSS = """
    LineList {
        background: $background;
    }
    LineList > .line-list--cursor {
        background: $block-cursor-blurred-background;
        color: $foreground;
        text-style: bold;
    }
    LineList:focus > .line-list--cursor {
        background: $block-cursor-background;
        color: $block-cursor-foreground;
        text-style: bold;
    }
    LineList > .line-list--dim {
        color: $text-muted;
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"line-list--cursor", "line-list--dim"}

    cursor: reactive[int] = reactive(0)

    @property
    def count(self) -> int:
        """How many lines there are."""
        return 0

    def line_at(self, place: int) -> tuple[str, str, bool]:
        """What stands on the left, what on the right, and whether it is dim. Raw: made harmless when drawn."""
        raise NotImplementedError

    def moved(self, place: int) -> None:
        """A person put the cursor on another line."""

    def resized(self) -> None:
        """There are more lines now, or fewer, or others."""
        self.virtual_size = Size(0, self.count)
        self.set_cursor(min(self.cursor, max(0, self.count - 1)))
        self.refresh()

    def set_cursor(self, place: int) -> None:
        """Put the cursor on a line, and the line in sight; nothing is told."""
        self.cursor = place
        height, top = max(1, self.scrollable_content_region.height), round(self.scroll_offset.y)
        if place < top:
            self.scroll_to(y=place, animate=False, immediate=True)
        elif place >= top + height:
            self.scroll_to(y=place - height + 1, animate=False, immediate=True)
        self.refresh()

    def action_move(self, by: int) -> None:
        """Some lines down or up."""
        self._go(self.cursor + by)

    def action_page(self, by: int) -> None:
        """A screen down or up."""
        self._go(self.cursor + by * max(1, self.scrollable_content_region.height))

    def _go(self, place: int) -> None:
        place = max(0, min(self.count - 1, place))
        if self.count and place != self.cursor:
            self.set_cursor(place)
            self.moved(place)

    def on_click(self, event: Click) -> None:
        """A click puts the cursor there."""
        place = round(self.scroll_offset.y) + event.y
        if place < self.count:
            self._go(place)

    def on_resize(self) -> None:
        """The cursor stays in sight."""
        if self.count:
            self.set_cursor(self.cursor)

    def render_line(self, y: int) -> Strip:
        """One line: the left part is cut where there is no room for both."""
        width, place = self.scrollable_content_region.width, round(self.scroll_offset.y) + y
        if place >= self.count:
            return Strip.blank(width, self.rich_style)
        left, right, dim = self.line_at(place)
        over = self.get_component_rich_style("line-list--cursor") if place == self.cursor else Style.null()
        style = self.rich_style + (self.get_component_rich_style("line-list--dim") if dim else Style.null()) + over
        room = max(1, width - len(right) - 1)
        text = f"{cell(left, room)} {cell(right, len(right), right=True)}"
        return Strip([Segment(text, style)]).adjust_cell_length(width, style)
