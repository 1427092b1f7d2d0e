"""A text of any length in a pane that scrolls."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content

from studio.tui.bindings import Localised
from studio.tui.i18n import N_
from studio.tui.widgets.plain import Plain


class ScrolledText(Localised, VerticalScroll, can_focus=True):
    """Shows one `Content`, which the screen makes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", N_("Down"), show=False, tooltip=N_("A line down."), id="text.down"),
        Binding("k", "scroll_up", N_("Up"), show=False, tooltip=N_("A line up."), id="text.up"),
        Binding("g", "scroll_home", N_("Top"), show=False, tooltip=N_("To the beginning."), id="text.top"),
        Binding("G", "scroll_end", N_("Bottom"), show=False, tooltip=N_("To the end."), id="text.bottom"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.content = Content("")

    def compose(self) -> ComposeResult:
        """One text."""
        yield Plain(self.content, classes="text")

    def show(self, content: Content, *, home: bool = False) -> None:
        """Show something else, from where one was reading or from its beginning."""
        if not content.is_same(self.content):
            self.content = content
            if self.is_mounted:
                self.query_one(".text", Plain).show(content)
        if home:
            self.scroll_home(animate=False)
