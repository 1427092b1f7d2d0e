"""What every screen has: the line at the top, the footer, a polite word on terminals that are too small."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from studio.tui.bindings import Localised
from studio.tui.forgiving import Forgiving
from studio.tui.i18n import _
from studio.tui.widgets.key_line import KeyLine
from studio.tui.widgets.plain import Plain
from studio.tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from studio.tui.app import StudioApp

SMALLEST = (60, 16)
"""Columns and lines below which only a sentence is shown."""


class StudioScreen(Forgiving, Localised, Screen[None]):
    """A screen of the table in `studio.tui.screens`. Derived classes say their PLACE, and yield widgets in `body`.

    Widths set the classes -tiny (below 60 columns), -narrow, -medium (from 100) and -wide (from 120), heights -low
    (below 16 lines) and -high.
    """

    PLACE: ClassVar[str] = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (SMALLEST[0], "-narrow"), (100, "-medium"), (120, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (SMALLEST[1], "-high")]  # noqa: RUF012

    focus_moved = 0.0
    """When the focus last moved, on the clock of events (monotonic seconds)."""

    def set_focus(self, widget: Widget | None, scroll_visible: bool = True, from_app_focus: bool = False) -> None:
        """Note when the focus moves, for keys that were typed before it did."""
        if widget is not self.focused:
            self.focus_moved = time.monotonic()
        super().set_focus(widget, scroll_visible, from_app_focus)

    def compose(self) -> ComposeResult:
        """The frame around `body`."""
        bar = TopBar(self.PLACE)
        bar.set_reactive(TopBar.live, len(self.studio.live))  # the message about them may have come before
        yield bar
        yield from self.body()
        yield TooSmall()
        yield KeyLine(show_command_palette=False)

    @property
    def studio(self) -> StudioApp:
        """The application, by its own type."""
        return cast("StudioApp", self.app)

    @property
    def is_on_top(self) -> bool:
        """Whether keys go to it. While the interface ends no screen is, and timers may still come round."""
        return bool(self.app.screen_stack) and self.app.screen is self

    def body(self) -> ComposeResult:
        """The screen's own widgets."""
        yield from ()


class TooSmall(Plain):
    """What a terminal below 60 columns and 16 lines shows instead of a screen."""

    def __init__(self) -> None:
        said = _("Please enlarge the terminal: at least {columns} columns and {lines} lines.")
        super().__init__(said.format(columns=SMALLEST[0], lines=SMALLEST[1]))
