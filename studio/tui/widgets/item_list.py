# ruff: noqa: E501 (tables of keys)
"""The items of a generation, one a line, and the queues that they stand in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from studio.tui.bindings import Localised
from studio.tui.i18n import N_, _
from studio.tui.screens.generate_messages import ItemMoved, QueueMoved
from studio.tui.widgets.line_list import LineList

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from studio.runs.generated_items import Queue


class ItemList(Localised, LineList):
    """Shows lines that the screen makes, of the numbers in `rows`. Posts ItemMoved."""

    HELP = N_(
        "The items of the queue. Marks: ✓ accepted, ✗ rejected, ! failed; before them what was decided by people: + accepted, "
        "- rejected, ~ edited, ↻ to be asked for anew. On the last line, the cursor goes along with what comes."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", N_("Down"), show=False, tooltip=N_("The next item."), id="items.down"),
        Binding("up,k", "move(-1)", N_("Up"), show=False, tooltip=N_("The item before."), id="items.up"),
        Binding("pagedown,ctrl+d", "page(1)", N_("Page down"), show=False, tooltip=N_("A screen further."), id="items.page_down"),
        Binding("pageup,ctrl+u", "page(-1)", N_("Page up"), show=False, tooltip=N_("A screen back."), id="items.page_up"),
        Binding("g,home", "page(-1000000000)", N_("First"), show=False, tooltip=N_("The first item."), id="items.first"),
        Binding("G,end", "page(1000000000)", N_("Last"), show=False, tooltip=N_("The newest item; the cursor goes along with what comes."), id="items.last"),
    ]  # fmt: skip

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.rows: NDArray[np.uint32] | Sequence[int] = ()
        self._line_of: Callable[[int], tuple[str, bool]] = lambda _number: ("", True)
        self._seen: list[tuple[str, bool]] = []

    @property
    def count(self) -> int:
        """How many items."""
        return len(self.rows)

    @property
    def number(self) -> int | None:
        """The number of the item under the cursor."""
        return int(self.rows[self.cursor]) if self.cursor < len(self.rows) else None

    def show(self, rows: NDArray[np.uint32] | Sequence[int], line_of: Callable[[int], tuple[str, bool]]) -> None:
        """These items; each line (text, dim) is made when it is drawn. Drawn again where one in sight is another now."""
        self._line_of = line_of
        more = len(rows) != len(self.rows)
        self.rows = rows
        if more:
            self.resized()
        top = round(self.scroll_offset.y)
        seen = [line_of(int(rows[place])) for place in range(top, min(len(rows), top + self.size.height))]
        if seen != self._seen:
            self._seen = seen
            self.refresh()

    def moved(self, place: int) -> None:
        """Show it."""
        self.post_message(ItemMoved(place))

    def line_at(self, place: int) -> tuple[str, str, bool]:
        """Marks and question."""
        text, dim = self._line_of(int(self.rows[place]))
        return text, "", dim


@dataclass(frozen=True)
class QueueLine:
    """A queue with what it is called and how many items are in it; depth: steps in from the left."""

    queue: Queue
    name: str
    total: int
    depth: int = 0


class QueueList(Localised, LineList):
    """The queues, with a cursor. Posts QueueMoved."""

    HELP = N_(
        "Items by what came of them, and why: accepted, rejected by which gate, failed by what. Moving the cursor shows the "
        "items of a queue."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", N_("Down"), show=False, tooltip=N_("The next queue."), id="reasons.down"),
        Binding("up,k", "move(-1)", N_("Up"), show=False, tooltip=N_("The queue before."), id="reasons.up"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.lines: Sequence[QueueLine] = ()

    @property
    def count(self) -> int:
        """How many queues."""
        return len(self.lines)

    def show(self, lines: Sequence[QueueLine], queue: Queue) -> None:
        """Other numbers or other queues; the cursor goes to the one that is open."""
        if tuple(lines) != tuple(self.lines):
            self.lines = tuple(lines)
            self.resized()
        place = next((place for place, each in enumerate(lines) if each.queue == queue), 0)
        if place != self.cursor:
            self.set_cursor(place)

    def moved(self, place: int) -> None:
        """Open it."""
        self.post_message(QueueMoved(self.lines[place].queue))

    def line_at(self, place: int) -> tuple[str, str, bool]:
        """`  quote_not_found` and how many."""
        line = self.lines[place]
        return " " + "  " * line.depth + line.name, f"{line.total:,} ", not line.total


def queue_lines(counts: dict[tuple[str, str], int], decided: int) -> list[QueueLine]:
    """Every queue that has an item in it: all, the three statuses, their reasons (the most frequent first), people's."""
    from studio.runs.generated_items import DECIDED, Queue

    words = {"accepted": _("accepted"), "rejected": _("rejected"), "failed": _("failed")}
    found = [QueueLine(Queue(), _("everything"), sum(counts.values()))]
    for status, word in words.items():
        reasons = sorted(
            ((reason, total) for (name, reason), total in counts.items() if name == status and reason),
            key=lambda each: (-each[1], each[0]),
        )
        total = sum(number for (name, _reason), number in counts.items() if name == status)
        found.append(QueueLine(Queue(status), word, total))
        found += [QueueLine(Queue(status, reason), reason, number, 1) for reason, number in reasons]
    if decided:
        found.append(QueueLine(DECIDED, _("decided by people"), decided))
    return found
