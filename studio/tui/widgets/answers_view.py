"""Two answers, growing: lines are laid out here, and only those that changed are drawn again."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.visual import Visual

from studio.tui.bindings import Localised
from studio.tui.i18n import N_
from studio.tui.screens.compare_messages import RoomChanged


def _vote(key: str, choice: str, name: str, tooltip: str) -> Binding:
    return Binding(key, f"screen.vote('{choice}')", name, tooltip=tooltip, id=f"vote.{choice}")


class AnswersView(Localised, ScrollView, can_focus=True):
    """Shows what `compare_frames.answers_content` makes. While a vote is asked for, the arrows are the vote's."""

    HELP = N_(
        "A prompt, what the data answers, and what both models say. d underlines the words that differ, l what the model "
        "itself found unlikely: underlined below 50 %, between ‹ and › below 10 %. While you vote, ← and → say which is "
        "better, t or ↓ that both are as good, b that both are bad; j and k scroll."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        _vote("left", "left", N_("Left"), N_("The answer on the left is better.")),
        _vote("right", "right", N_("Right"), N_("The answer on the right is better.")),
        _vote("t", "tie", N_("As good"), N_("Neither is better; both are good enough.")),
        _vote("b", "bad", N_("Both bad"), N_("Neither is better; neither is good enough.")),
        Binding("down", "screen.vote('tie')", N_("As good"), show=False, tooltip=N_("Neither is better; both are good enough."),
                id="vote.down"),
        Binding("j,down", "scroll_down", N_("Down"), show=False, tooltip=N_("A line down."), id="answers.down"),
        Binding("k,up", "scroll_up", N_("Up"), show=False, tooltip=N_("A line up."), id="answers.up"),
        Binding("g,home", "scroll_home", N_("Top"), show=False, tooltip=N_("To the beginning."), id="answers.top"),
        Binding("G,end", "scroll_end", N_("Bottom"), show=False, tooltip=N_("To the end."), id="answers.bottom"),
    ]  # fmt: skip

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.content = Content("")
        self._strips: list[Strip] = []

    @property
    def room(self) -> int:
        """Cells of a line."""
        return self.scrollable_content_region.width

    def show(self, content: Content, *, from_top: bool = False, to_end: bool = False) -> None:
        """Show something else: where one was reading, from its beginning, or its end where one was there."""
        was_at_end = self.scroll_offset.y >= self.max_scroll_y
        self.content = content
        self._lay_out()
        if from_top:
            self.scroll_to(y=0, animate=False, immediate=True)
        elif to_end and was_at_end:
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)

    def on_resize(self) -> None:
        """Answers are laid out for a width: whoever makes them has to make them again."""
        self.post_message(RoomChanged())

    def render_line(self, y: int) -> Strip:
        """A line of what was laid out."""
        place = y + round(self.scroll_offset.y)
        if place < len(self._strips):
            return self._strips[place].adjust_cell_length(self.room, self.rich_style)
        return Strip.blank(self.room, self.rich_style)

    def notify_style_update(self) -> None:
        """Other colours."""
        super().notify_style_update()
        self._lay_out()
        self.refresh()

    def selection_updated(self, selection: Selection | None) -> None:
        """What is selected with the mouse looks so."""
        super().selection_updated(selection)
        self._lay_out()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text."""
        return selection.extract(self.content.plain), "\n"

    def _lay_out(self) -> None:
        if self.room <= 0:
            return
        before = self._strips
        self._strips = Visual.to_strips(self, self.content, self.room, None, self.visual_style)
        size = Size(self.room, len(self._strips))
        if size != self.virtual_size:
            self.virtual_size = size
        top = round(self.scroll_offset.y)
        for y in range(self.scrollable_content_region.height):
            old, new = (each[top + y] if top + y < len(each) else None for each in (before, self._strips))
            if old != new:
                self.refresh(Region(0, y, self.size.width, 1))
