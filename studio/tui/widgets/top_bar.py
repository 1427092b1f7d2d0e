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
_LEAST = 12  # cells of what is open that are worth more than blanks between the screens


class TopBar(Widget):
    """One line. `place` is the screen shown, `opened` what is open, `live` the number of runs going on."""

    opened: reactive[str] = reactive("")
    live: reactive[int] = reactive(0)

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place
        self._led, self._tightness = _NAME, 0

    def render(self) -> RenderResult:
        """The names of the screens on the left; what is open and the runs on the right, as far as there is room."""
        opened = line(self.opened, limit=200) if self.opened else Content("")
        live = Content("")
        if self.live:
            said = ngettext("{n} run going on", "{n} runs going on", self.live).format(n=self.live)
            live = Content.styled(f"● {said}", "bold")
        wanted = Content("  ").join([part for part in (opened, live) if part.plain]).cell_length + 2
        width = self.size.width
        full = Content("").join(self._places(0)).cell_length
        # The program's own name is what one can do without, then blanks between the screens, and then their names
        least = live.cell_length + min(opened.cell_length, _LEAST) + 4
        self._led = _NAME if len(_NAME) + full + wanted + 1 <= width else " " if full + least <= width else ""
        self._tightness = 0 if self._led else 1
        if self._tightness and Content("").join(self._places(1)).cell_length + 2 > width:
            self._tightness = 2
        left = Content.styled(self._led, "bold") + Content("").join(self._places(self._tightness))
        room = width - left.cell_length - 2
        if live.cell_length > room:
            live = Content.styled(f"● {self.live}", "bold")
        space = room - live.cell_length - (2 if live.plain else 0)
        if opened.cell_length > space:
            opened = opened.truncate(space, ellipsis=True) if space > 3 else Content("")
        right = Content("  ").join([part for part in (opened, live) if part.plain])
        gap = max(1, width - left.cell_length - right.cell_length - 1)
        return Content.assemble(left, " " * gap, right)

    def _places(self, tightness: int) -> list[Content]:
        """Each with a blank on either side; at 1 with one before it; at 2 the other screens are their keys alone."""
        found = []
        for place in PLACES:
            here = place.name == self.place
            style = "reverse" if here else ""
            name = f"{place.key} {_(place.title)}" if here or tightness < 2 else place.key
            found.append(
                Content(" ") + Content.styled(name, style) if tightness else Content.styled(f" {name} ", style)
            )
        return found

    def on_click(self, event: Click) -> None:
        """A click on a screen's name goes there."""
        start = len(self._led)
        for place, shown in zip(PLACES, self._places(self._tightness), strict=True):
            if start <= event.x < start + shown.cell_length:
                self.call_later(self.app.run_action, f"app.go('{place.name}')")
            start += shown.cell_length
