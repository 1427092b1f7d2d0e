"""A list of lines with a cursor: what stages, parameters, runs and choices are shown in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Click
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive

from studio.tui.bindings import Localised
from studio.tui.i18n import N_
from studio.tui.widgets.plain import Plain


@dataclass
class LineMoved(Message):
    """The cursor of a list is on another line."""

    lines: LineList
    place: int


@dataclass
class LineChosen(Message):
    """A line was opened with enter or a double click."""

    lines: LineList
    place: int


class LineList(Localised, VerticalScroll, can_focus=True):
    """Derived classes say how many lines there are (`count`) and draw one (`line`); `redraw` when they have changed.

    Posts LineMoved and LineChosen. The line under the cursor begins with ▸, so that it can be told without colour.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", N_("Down"), show=False, tooltip=N_("The next line."), id="lines.down"),
        Binding("up,k", "move(-1)", N_("Up"), show=False, tooltip=N_("The line before."), id="lines.up"),
        Binding("pagedown,ctrl+d", "page(1)", N_("Page down"), show=False, tooltip=N_("A screen further."), id="lines.page_down"),
        Binding("pageup,ctrl+u", "page(-1)", N_("Page up"), show=False, tooltip=N_("A screen back."), id="lines.page_up"),
        Binding("g,home", "first", N_("First"), show=False, tooltip=N_("The first line."), id="lines.first"),
        Binding("G,end", "last", N_("Last"), show=False, tooltip=N_("The last line."), id="lines.last"),
        Binding("enter", "choose", N_("Open"), show=False, tooltip=N_("Open the line under the cursor."), id="lines.choose"),
    ]  # fmt: skip

    cursor: reactive[int] = reactive(0)

    def compose(self) -> ComposeResult:
        """One text."""
        yield Plain(classes="lines")

    # What derived classes say

    @property
    def count(self) -> int:
        """The number of lines."""
        return 0

    def line(self, place: int, width: int) -> Content:
        """The line at `place`, not wider than `width` cells."""
        raise NotImplementedError

    def header(self, width: int) -> Content | None:  # noqa: ARG002
        """A line above the others, None for none."""
        return None

    # Drawing

    def redraw(self) -> None:
        """Draw every line again, the cursor kept inside."""
        self.set_reactive(LineList.cursor, max(0, min(self.cursor, self.count - 1)))
        if not self.is_mounted:
            return
        width = max(4, self.scrollable_content_region.width - 1)
        head = self.header(width)
        lines = [] if head is None else [Content(" ") + head]
        for place in range(self.count):
            drawn = self.line(place, width - 1)
            if place == self.cursor:
                drawn = Content("▸") + drawn + Content(" " * max(0, width - 1 - drawn.cell_length))
                lines.append(drawn.stylize(self._cursor_style))
            else:
                lines.append(Content(" ") + drawn)
        self.query_one(".lines", Plain).show(Content("\n").join(lines))

    @property
    def _cursor_style(self) -> str:
        if self.has_focus:
            return "bold $block-cursor-foreground on $block-cursor-background"
        return "bold on $block-cursor-blurred-background"

    def on_mount(self) -> None:
        """The first picture."""
        self.redraw()

    def on_resize(self) -> None:
        """Lines are cut to the width."""
        self.redraw()

    def on_focus(self) -> None:
        """The cursor is drawn stronger."""
        self.redraw()

    def on_blur(self) -> None:
        """The cursor is drawn weaker."""
        self.redraw()

    # Moving

    def watch_cursor(self) -> None:
        """Draw, keep it in sight, say where it is."""
        self.redraw()
        self.call_after_refresh(self._show_cursor)
        if self.count:
            self.post_message(LineMoved(self, self.cursor))

    def _show_cursor(self) -> None:
        top = 0 if self.header(10) is None else 1
        self.scroll_to_region(Region(0, self.cursor + top, 1, 1), animate=False)

    def go_to(self, place: int) -> None:
        """Put the cursor on a line."""
        self.cursor = max(0, min(self.count - 1, place))

    def action_move(self, by: int) -> None:
        """Some lines down or up."""
        self.go_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        """A screen down or up."""
        self.go_to(self.cursor + by * max(1, self.scrollable_content_region.height - 1))

    def action_first(self) -> None:
        """To the first line."""
        self.go_to(0)

    def action_last(self) -> None:
        """To the last line."""
        self.go_to(self.count - 1)

    def action_choose(self) -> None:
        """Open the line under the cursor."""
        if self.count:
            self.post_message(LineChosen(self, self.cursor))

    def on_click(self, event: Click) -> None:
        """A click puts the cursor there, a double click opens."""
        place = event.get_content_offset_capture(self).y + round(self.scroll_offset.y)
        place -= 0 if self.header(10) is None else 1
        if 0 <= place < self.count:
            self.go_to(place)
            if event.chain == 2:
                self.action_choose()
