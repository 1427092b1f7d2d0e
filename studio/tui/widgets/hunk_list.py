"""The hunks of the queue that is open, one a line; only those on the screen are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.cache import LRUCache

from studio.tui.bindings import Localised
from studio.tui.i18n import N_
from studio.tui.screens.review_messages import HeadsWanted, HunkChosen
from studio.tui.screens.review_text import VERDICT_MARKS
from studio.tui.widgets.line_list import LineList

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from curation.diff import Head

_MARKS = {"removed": "-", "changed": "~", "added": "+", "flagged": "!", "kept": "="}  # as curation.diff.MARKS
_AHEAD = 40  # lines read together


class HunkList(Localised, LineList):
    """Numbers of hunks with a cursor; `marks` are the verdicts. Posts HunkChosen, and HeadsWanted for what was not read."""

    HELP = N_(
        "The changes of the queue. Marks: - removed, ~ changed, + added, ! flagged, = kept against a stage; before them "
        "what was decided: ✓ accepted, ✗ rejected, D dropped, e edited."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", N_("Down"), show=False, tooltip=N_("The next change."), id="hunks.down"),
        Binding("up,k", "move(-1)", N_("Up"), show=False, tooltip=N_("The change before."), id="hunks.up"),
        Binding("pagedown", "page(1)", N_("Page down"), show=False, tooltip=N_("A screen further."), id="hunks.page_down"),
        Binding("pageup", "page(-1)", N_("Page up"), show=False, tooltip=N_("A screen back."), id="hunks.page_up"),
    ]  # fmt: skip

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.rows: NDArray[np.uint32] | Sequence[int] = ()
        self.marks: Mapping[int, str] = {}
        self._heads: LRUCache[int, Head] = LRUCache(1000)
        self._wanted: set[int] = set()

    @property
    def count(self) -> int:
        """How many hunks."""
        return len(self.rows)

    def show(self, rows: NDArray[np.uint32] | Sequence[int], place: int) -> None:
        """Other hunks."""
        self.rows = rows
        self.resized()
        self.set_cursor(place)

    def forget(self) -> None:
        """Another index: its numbers mean other hunks."""
        self._heads.clear()
        self._wanted.clear()

    def mark(self, marks: Mapping[int, str]) -> None:
        """Other verdicts."""
        self.marks = marks
        self.refresh()

    def arrived(self, heads: Sequence[Head]) -> None:
        """Lines that were asked for."""
        for head in heads:
            self._heads[head.number] = head
            self._wanted.discard(head.number)
        self.refresh()

    def moved(self, place: int) -> None:
        """Open it."""
        self.post_message(HunkChosen(place))

    def line_at(self, place: int) -> tuple[str, str, bool]:
        """`✓ - file.jsonl:12`, and what was measured."""
        number = int(self.rows[place])
        head = self._heads.get(number)
        mark = VERDICT_MARKS.get(self.marks.get(number, ""), " ")
        if head is None:
            self._want(place)
            return f"{mark} …", "", True
        score = f"{head.score:.3g}" if head.score is not None else ""
        return f"{mark} {_MARKS[head.status]} {head.record_id}", score, mark != " "

    def _want(self, place: int) -> None:
        start = max(0, place - _AHEAD // 4)
        numbers = [
            int(n) for n in self.rows[start : start + _AHEAD] if int(n) not in self._heads and n not in self._wanted
        ]
        if numbers:
            self._wanted.update(numbers)
            self.post_message(HeadsWanted(numbers))
