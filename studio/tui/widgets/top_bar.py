"""The line at the top: the screens and their keys, what is open, and how many runs go on."""

from __future__ import annotations

from textual.app import RenderResult
from textual.content import Content
from textual.events import Click
from textual.reactive import reactive
from textual.widget import Widget

from studio.tui.i18n import _, ngettext
from studio.tui.screens import PLACES
from studio.tui.text import line

_NAME = " studio "


class TopBar(Widget):
    """One line. `place` is the screen shown, `opened` what is open, `live` the number of runs going on."""

    opened: reactive[str] = reactive("")
    live: reactive[int] = reactive(0)

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place
        self._led = _NAME

    def render(self) -> RenderResult:
        """The names of the screens on the left; what is open and the runs on the right, as far as there is room."""
        parts = [line(self.opened, limit=200)] if self.opened else []
        if self.live:
            said = ngettext("{n} run going on", "{n} runs going on", self.live).format(n=self.live)
            parts.append(Content.styled(f"● {said}", "bold"))
        right = Content("  ").join(parts)
        places = Content("").join(self._places())
        fits = len(_NAME) + places.cell_length + right.cell_length + 3 <= self.size.width
        self._led = _NAME if fits else " "  # the program's own name is what one can do without
        left = Content.styled(self._led, "bold") + places
        room = self.size.width - left.cell_length - 3
        if right.cell_length > room and self.live:
            right = Content.styled(f"● {self.live}", "bold")
        if right.cell_length > room:
            right = right.truncate(max(0, room), ellipsis=True)
        gap = max(1, self.size.width - left.cell_length - right.cell_length - 1)
        return Content.assemble(left, " " * gap, right)

    def _places(self) -> list[Content]:
        return [
            Content.styled(f" {place.key} {_(place.title)} ", "reverse" if place.name == self.place else "")
            for place in PLACES
        ]

    def on_click(self, event: Click) -> None:
        """A click on a screen's name goes there."""
        start = len(self._led)
        for place, shown in zip(PLACES, self._places(), strict=True):
            if start <= event.x < start + shown.cell_length:
                self.call_later(self.app.run_action, f"app.go('{place.name}')")
            start += shown.cell_length
