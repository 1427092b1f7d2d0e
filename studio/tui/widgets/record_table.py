"""A table of records of any number: only the lines on the screen are read and drawn."""

from __future__ import annotations

from collections.abc import Container
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.events import Click
from textual.geometry import Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from studio.tui.bindings import Localised
from studio.tui.frames import RowFrame, Rows
from studio.tui.i18n import N_, _
from studio.tui.messages import CursorMoved, RowChosen, RowsWanted
from studio.tui.text import cell


class RecordTable(Localised, ScrollView, can_focus=True):
    """Lines of records under a header, with a cursor. `rows` may grow while they are shown; `matches` are rows to mark.

    Posts CursorMoved, RowChosen, and RowsWanted for what is not at hand.
    """

    HELP = N_(
        "The records, one a line: number, characters, question, answer, other columns. "
        "Marks: ! no record, - dropped, ~ edited, » found. Only what is on the screen is read, so size does not matter."
    )
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "record-table--header",
        "record-table--cursor",
        "record-table--dim",
        "record-table--match",
        "record-table--problem",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", N_("Down"), show=False, tooltip=N_("The next record."), id="table.down"),
        Binding("up,k", "move(-1)", N_("Up"), show=False, tooltip=N_("The record before."), id="table.up"),
        Binding("pagedown,ctrl+d", "page(1)", N_("Page down"), show=False, tooltip=N_("A screen further."), id="table.page_down"),
        Binding("pageup,ctrl+u", "page(-1)", N_("Page up"), show=False, tooltip=N_("A screen back."), id="table.page_up"),
        Binding("g,home", "first", N_("First"), show=False, tooltip=N_("The first record."), id="table.first"),
        Binding("G,end", "last", N_("Last"), show=False, tooltip=N_("The last record found up to now."), id="table.last"),
        Binding("enter", "choose", N_("Read"), show=False, tooltip=N_("Read the record in its pane."), id="table.choose"),
    ]  # fmt: skip

    cursor: reactive[int] = reactive(0, repaint=False)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.rows: Rows | None = None
        self.matches: Container[int] = frozenset()
        self._strips: LRUCache[tuple[int, int, bool, bool], Strip] = LRUCache(512)
        self._wanted: list[int] = []

    # What the screen sets

    def show(self, rows: Rows | None, *, cursor: int = 0) -> None:
        """Show other rows, or the same in another order."""
        self.rows = rows
        self._strips.clear()
        self.virtual_size = Size(0, self.count + 1)
        self.cursor = min(cursor, max(0, self.count - 1))
        self.scroll_to(y=0, animate=False)
        self._keep_cursor_in_sight()
        self.refresh()
        self.post_message(CursorMoved(self.cursor))

    def grown(self) -> None:
        """There are more rows now."""
        self.virtual_size = Size(0, self.count + 1)
        self.refresh()

    def arrived(self) -> None:
        """Rows that were wanted are at hand now."""
        self._wanted = []
        self.refresh()

    def mark(self, matches: Container[int]) -> None:
        """Mark the records with these numbers as found."""
        self.matches = matches
        self._strips.clear()
        self.refresh()

    def go_to(self, place: int) -> None:
        """Put the cursor on a place."""
        if self.count:
            self.cursor = max(0, min(self.count - 1, place))

    @property
    def count(self) -> int:
        """The number of rows."""
        return len(self.rows) if self.rows is not None else 0

    # Moving

    def watch_cursor(self, before: int, now: int) -> None:
        """Keep it in sight, draw the two lines it was and is on, and say where it is."""
        self._keep_cursor_in_sight()
        for place in (before, now):
            self.refresh_line(place + 1)
        self.post_message(CursorMoved(now))

    def _keep_cursor_in_sight(self) -> None:
        visible = self._lines()
        top = round(self.scroll_offset.y)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= top + visible:
            self.scroll_to(y=self.cursor - visible + 1, animate=False, immediate=True)

    def _lines(self) -> int:
        return max(1, self.scrollable_content_region.height - 1)

    def action_move(self, by: int) -> None:
        """Some lines down or up."""
        self.go_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        """A screen down or up."""
        self.go_to(self.cursor + by * self._lines())

    def action_first(self) -> None:
        """To the first record."""
        self.go_to(0)

    def action_last(self) -> None:
        """To the last record."""
        self.go_to(self.count - 1)

    def action_choose(self) -> None:
        """Open the record under the cursor."""
        if self.count:
            self.post_message(RowChosen(self.cursor))

    def on_click(self, event: Click) -> None:
        """A click puts the cursor there, a double click opens."""
        if event.y >= 1 and self.count:
            place = round(self.scroll_offset.y) + event.y - 1
            if place < self.count:
                self.go_to(place)
                if event.chain == 2:
                    self.action_choose()

    def notify_style_update(self) -> None:
        """Colours changed: draw everything again."""
        super().notify_style_update()
        self._strips.clear()

    def on_resize(self) -> None:
        """The cursor stays in sight."""
        self._keep_cursor_in_sight()

    # Drawing

    def render_line(self, y: int) -> Strip:
        """The header, which does not scroll, or a row."""
        width = self.scrollable_content_region.width
        if y == 0:
            return self._header(width)
        place = round(self.scroll_offset.y) + y - 1
        if self.rows is None or place >= self.count:
            return Strip.blank(width, self.rich_style)
        row = self.rows.row(place)
        key = (row, width, place == self.cursor, row in self.matches)
        strip = self._strips.get(key)
        if strip is None:
            frame = self.rows.frame(place)
            if frame is None:
                self._want(row)
                waiting = RowFrame(" ", f"{row + 1:,}", -1, "…", "", "")
                return self._draw(waiting, width, cursor=place == self.cursor, match=False)
            strip = self._draw(frame, width, cursor=place == self.cursor, match=row in self.matches)
            self._strips[key] = strip
        return strip

    def _want(self, row: int) -> None:
        if not self._wanted:
            self.call_after_refresh(self._ask)
        if row not in self._wanted:
            self._wanted.append(row)

    def _ask(self) -> None:
        if self._wanted:
            self.post_message(RowsWanted(tuple(self._wanted)))
            self._wanted = []

    def _widths(self, width: int) -> tuple[int, int, int, int, int]:
        """Cells of number, characters, left, right and more; 0 for a column there is no room for."""
        number = max(3, len(f"{self.count:,}"))
        size = 7
        room = width - number - size - 4
        more = 0 if room < 60 else room // 4 if room < 110 else room // 3
        texts = room - (more + 1 if more else 0)
        left = max(8, texts * 2 // 5)
        right = max(0, texts - left - 1)
        return number, size, left, right, more

    def _header(self, width: int) -> Strip:
        number, size, left, right, more = self._widths(width)
        style = self.get_component_rich_style("record-table--header")
        text = "  " + " ".join(
            (
                cell("#", number, right=True),
                cell(_("chars"), size, right=True),
                cell(_("question or text"), left),
                cell(_("answer"), right),
                cell(_("other columns"), more),
            )
        )
        return Strip([Segment(text, style)]).adjust_cell_length(width, style)

    def _draw(self, frame: RowFrame, width: int, *, cursor: bool, match: bool) -> Strip:
        number, size, left, right, more = self._widths(width)
        base = self.rich_style
        over = self.get_component_rich_style("record-table--cursor") if cursor else Style.null()
        dim = base + self.get_component_rich_style("record-table--dim") + over
        problem = base + self.get_component_rich_style("record-table--problem") + over
        found = base + self.get_component_rich_style("record-table--match") + over
        text = base + over
        if not frame.right and right:
            left, right = left + right + 1, 0
        segments = [
            Segment("»" if match else " ", found),
            Segment(frame.mark, problem if frame.mark != " " else text),
            Segment(cell(frame.number, number, right=True) + " ", dim),
            Segment(cell(f"{frame.size:,}" if frame.size >= 0 else "", size, right=True) + " ", dim),
            Segment(cell(frame.left, left), problem if frame.mark == "!" else text),
        ]
        if right:
            segments.append(Segment(" " + cell(frame.right, right), dim if frame.mark == "-" else text))
        if more:
            segments.append(Segment(" " + cell(frame.more, more), dim))
        return Strip(segments).adjust_cell_length(width, text)
