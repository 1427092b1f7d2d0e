"""The line of keys at the bottom."""

from __future__ import annotations

from textual.binding import Binding
from textual.screen import Screen
from textual.widgets import Footer


class KeyLine(Footer):
    """Made anew only where other keys apply. Screens that follow a run ask twice a second whether they do, and a new line
    of keys each time was four fifths of what such a screen sent to the terminal.
    """

    _applying: tuple[tuple[Binding, bool, str], ...] | None = None

    def bindings_changed(self, screen: Screen[object]) -> None:
        """Look whether they have."""
        applying = tuple(active[1:] for active in screen.active_bindings.values() if active.binding.show)
        if applying != self._applying and screen.app.app_focus and self.is_attached and screen is self.screen:
            self._applying = applying
            super().bindings_changed(screen)
