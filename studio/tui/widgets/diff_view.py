"""One hunk: what became of the record, why, what was measured, and its text before and after."""

from __future__ import annotations

from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive

from studio.tui.bindings import Localised
from studio.tui.i18n import N_
from studio.tui.screens.review_messages import Shown
from studio.tui.screens.review_text import hunk_content
from studio.tui.widgets.plain import Plain

Layout = Literal["auto", "side", "unified"]
SIDE_FROM = 100  # columns of the terminal from which two columns of text are easier to read than one


class DiffView(Localised, VerticalScroll, can_focus=True):
    """Shows a hunk side by side where there is room, else unified. `whole`: equal lines are not left out."""

    HELP = N_(
        "The change: - before, + after; words that differ are struck out or underlined. Beside a duplicate stands the copy "
        "that was kept. Long stretches that did not change are left out: w shows them. v changes the layout."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll_down", N_("Down"), show=False, tooltip=N_("A line down."), id="diff.down"),
        Binding("k,up", "scroll_up", N_("Up"), show=False, tooltip=N_("A line up."), id="diff.up"),
        Binding("g,home", "scroll_home", N_("Top"), show=False, tooltip=N_("To the beginning."), id="diff.top"),
        Binding("G,end", "scroll_end", N_("Bottom"), show=False, tooltip=N_("To the end."), id="diff.bottom"),
    ]

    whole: reactive[bool] = reactive(False)
    arranged: reactive[Layout] = reactive("auto")

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.shown: Shown | None = None
        self.place = ""
        self._drawn: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """One text."""
        yield Plain(id="hunk")

    def show(self, shown: Shown | None, place: str) -> None:
        """Another hunk from its top, or the same again where it was. `place`: such as 3/40."""
        same = shown is not None and self.shown is not None and shown.hunk.number == self.shown.hunk.number
        self.shown, self.place = shown, place
        self._draw()
        if not same:
            self.scroll_home(animate=False)

    @property
    def is_side_by_side(self) -> bool:
        """Whether there are two columns now."""
        return self.arranged == "side" or (self.arranged == "auto" and self.app.size.width >= SIDE_FROM)

    def watch_whole(self) -> None:
        """Draw again."""
        self._draw()

    def watch_arranged(self) -> None:
        """Draw again."""
        self._draw()

    def on_resize(self) -> None:
        """Lines are laid out for a width."""
        self._draw()

    def _room(self) -> int:
        return self.scrollable_content_region.width

    def _draw(self) -> None:
        if not self.is_mounted or self._room() < 10:
            return
        about = (self.shown, self.place, self._room(), self.whole, self.is_side_by_side)
        if about == self._drawn:
            return
        self._drawn = about
        content = Content("")
        if self.shown is not None:
            content = hunk_content(self.shown, self.place, self._room(), side=self.is_side_by_side, whole=self.whole)
        self.query_one("#hunk", Plain).show(content)
