"""What the Review screen shows just now: which queue, which filters, which hunk of how many. No widget, no thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from studio.tui.i18n import _
from studio.tui.screens.review_text import word

if TYPE_CHECKING:
    from curation.diff import Counts, Filter, Hunk

_STATUSES = ("removed", "changed", "added", "flagged", "kept")
_VERDICTS = ("open", "accepted", "rejected", "dropped", "edited")


class Showing:
    """A queue (stage, reason), filters (status, verdict, text), the hunks they leave, and the place among them.

    The hunks stay the same while they are judged, so that nothing moves under a person's hands; choosing again takes what
    the filters leave then. marks: verdicts by number of the hunk, also those that are still on their way to the disk.
    """

    def __init__(self) -> None:
        self.stage = self.reason = self.status = self.verdict = self.text = ""
        self.rows: Any = ()  # numbers of hunks, an array of UInt32
        self.place = 0
        self.marks: dict[int, str] = {}
        self.hunk: Hunk | None = None
        self.counts: Counts | None = None
        self.added = 0
        self.is_open = False
        self.wanted = ""  # a record to go to when hunks are chosen

    def filter(self) -> Filter:
        """As the index understands it."""
        from curation.diff import Filter

        return Filter(status=self.status, stage=self.stage, reason=self.reason, text=self.text, verdict=self.verdict)

    @property
    def is_narrowed(self) -> bool:
        """Whether anything is left out."""
        return bool(self.stage or self.reason or self.status or self.verdict or self.text)

    def widen(self) -> None:
        """Leave nothing out, except by queue where a filter did it."""
        if self.status or self.verdict or self.text:
            self.status = self.verdict = self.text = ""
        else:
            self.stage = self.reason = ""

    def take(self, rows: Any) -> None:
        """Other hunks, from the first that nobody has judged; the same hunks from where one was."""
        before = self.number
        self.rows, self.place, self.is_open = rows, 0, True
        if before is not None and before in (places := self._places(before)):
            self.place = places[before]
        elif len(rows):
            self.place = -1
            if not self.next_open():
                self.place = 0

    def _places(self, number: int) -> dict[int, int]:
        import numpy as np

        found = int(np.searchsorted(self.rows, number))
        return {number: found} if found < len(self.rows) and self.rows[found] == number else {}

    @property
    def number(self) -> int | None:
        """The number of the hunk at the place, None where there is none."""
        return self.number_at(self.place)

    def number_at(self, place: int) -> int | None:
        """The number of a hunk."""
        return int(self.rows[place]) if 0 <= place < len(self.rows) else None

    def step(self, by: int) -> bool:
        """One further; False at the end."""
        if not 0 <= self.place + by < len(self.rows):
            return False
        self.place += by
        return True

    def next_open(self) -> bool:
        """To the next hunk that nobody has judged, from the top again after the end; False where all are judged."""
        for places in (range(self.place + 1, len(self.rows)), range(max(0, self.place))):
            for place in places:
                if int(self.rows[place]) not in self.marks:
                    self.place = place
                    return True
        return False

    def go_to(self, number: int) -> bool:
        """To a hunk, if it is among those shown."""
        found = self._places(number).get(number)
        if found is not None:
            self.place = found
        return found is not None

    def judged(self) -> int:
        """How many of those shown are judged."""
        if len(self.marks) < len(self.rows):
            return sum(number in self._places(number) for number in self.marks)
        return sum(int(number) in self.marks for number in self.rows)

    def said_judged(self) -> str:
        """In words."""
        return _("{judged} of {total} judged").format(judged=f"{self.judged():,}", total=f"{len(self.rows):,}")

    def said(self) -> str:
        """The filters in words, "" for everything."""
        parts = [
            " · ".join(part for part in (self.stage, self.reason) if part),
            word(self.status) if self.status else "",
            word(self.verdict) if self.verdict else "",
            _("with '{text}'").format(text=self.text) if self.text else "",
        ]
        return ", ".join(part for part in parts if part)

    def next_filter(self) -> None:
        """The next status or verdict of which there are any; after the last, everything."""
        names = self._there_are()
        now = self.status or self.verdict
        after = names[names.index(now) + 1 :] if now in names else names
        name = after[0] if after else ""
        self.status = name if name in _STATUSES else ""
        self.verdict = name if name in _VERDICTS else ""

    def _there_are(self) -> Sequence[str]:
        if self.counts is None:
            return ()
        verdicts = [name for name in _VERDICTS if self.counts.by_verdict.get(name)]
        return [
            *(name for name in _STATUSES if self.counts.by_status.get(name)),
            *(verdicts if len(verdicts) > 1 else ()),
        ]
