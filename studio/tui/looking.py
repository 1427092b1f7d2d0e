"""The work behind the Data screen, for thread workers: each function posts what it finds to the screen, and is stopped
by its worker being cancelled. Nothing here touches a widget.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message
from textual.message_pump import MessagePump
from textual.worker import get_current_worker

from curation.errors import StudioError
from studio.tui.i18n import _
from studio.tui.messages import (
    DistributionsMeasured,
    MatchesFound,
    ProblemMet,
    RecordRead,
    RecordsCounted,
    RecordsOpened,
    RowsOrdered,
    RowsRead,
    SearchAdvanced,
)

if TYPE_CHECKING:
    from curation.browsing import RecordList
    from curation.browsing.model import RowNumbers

_PAUSE = 0.1  # seconds between two messages about progress


@dataclass(frozen=True)
class Arrangement:
    """What is to be shown, and in which order. fate: "", kept, edited or dropped (of a run)."""

    condition: str = ""
    sort: str = ""
    fate: str = ""

    def said(self) -> str:
        """In words, "" for everything as it comes."""
        parts = [
            _("filter: {condition}").format(condition=self.condition) if self.condition else "",
            {"kept": _("only kept"), "edited": _("only edited"), "dropped": _("only dropped")}.get(self.fate, ""),
            _("sorted by {column}").format(column=self.sort) if self.sort else "",
        ]
        return " · ".join(part for part in parts if part)


class _Throttle:
    """Lets a message through every tenth of a second."""

    def __init__(self, target: MessagePump) -> None:
        self._target, self._last = target, 0.0

    def post(self, make: Callable[[], Message]) -> None:
        now = time.monotonic()
        if now - self._last >= _PAUSE:
            self._last = now
            self._target.post_message(make())


def open_and_count(path: str, target: MessagePump) -> None:
    """Open what the path names, then find its records. Posts RecordsOpened, RecordsCounted, ProblemMet."""
    worker = get_current_worker()
    from curation.browsing import open_records

    try:
        records = open_records(path, cache=_cache())
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))
        return
    target.post_message(RecordsOpened(records))
    throttle = _Throttle(target)
    try:
        for count in records.grow(lambda: worker.is_cancelled):
            throttle.post(partial(RecordsCounted, records, count, False))
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))
    if not worker.is_cancelled:
        target.post_message(RecordsCounted(records, len(records), True))


def _cache() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("studio")


def arrange(records: RecordList, wanted: Arrangement, target: MessagePump, known: RowNumbers | None = None) -> None:
    """Filter and sort. Posts SearchAdvanced, then RowsOrdered or ProblemMet. known: what the filter is known to leave."""
    worker = get_current_worker()
    from curation.browsing import Order
    from curation.browsing.condition import filter_rows
    from curation.browsing.order import rows_with_fate, sort_rows

    throttle = _Throttle(target)

    def stopped() -> bool:
        return worker.is_cancelled

    def advanced(done: int, total: int, found: int) -> None:
        throttle.post(lambda: SearchAdvanced(done, total, found))

    kept: RowNumbers | None = known
    try:
        if kept is None and wanted.condition:
            kept = filter_rows(records, wanted.condition, stopped, advanced)
        if known is None and wanted.fate and not stopped():
            fated = rows_with_fate(records, wanted.fate, stopped, advanced)
            kept = (
                fated
                if kept is None
                else sorted(set(map(int, kept)) & set(map(int, fated if fated is not None else ())))
            )
        rows = sort_rows(records, wanted.sort, kept, stopped, advanced) if wanted.sort and not stopped() else kept
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))
        return
    if not stopped():
        target.post_message(RowsOrdered(records, Order(rows, wanted.said()), wanted, kept))


def search(records: RecordList, text: str, target: MessagePump) -> None:
    """Find a text, or between slashes a regular expression. Posts SearchAdvanced, then MatchesFound or ProblemMet."""
    worker = get_current_worker()
    from curation.browsing.search import Search, find_rows

    throttle = _Throttle(target)
    regex = len(text) > 2 and text[0] == text[-1] == "/"

    def advanced(done: int, total: int, found: int) -> None:
        throttle.post(lambda: SearchAdvanced(done, total, found))

    try:
        wanted = Search(text[1:-1] if regex else text, regex)
        rows = find_rows(records, wanted, lambda: worker.is_cancelled, advanced)
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))
        return
    if rows is not None:
        target.post_message(MatchesFound(records, rows, text))


def read_record(records: RecordList, row: int, target: MessagePump) -> None:
    """Read one record, then find out its language. Posts RecordRead, twice where that takes a while."""
    worker = get_current_worker()
    try:
        record = records.record(row)
    except IndexError:
        return
    known = "curation.browsing.measure" in sys.modules  # else it takes a second the first time
    if not known or not record.turns:
        target.post_message(RecordRead(records, row, record))
    if record.turns and not worker.is_cancelled:
        from curation.browsing.measure import language_of

        language = language_of(record)
        if not worker.is_cancelled:
            target.post_message(RecordRead(records, row, record, language))


def read_rows(records: RecordList, rows: tuple[int, ...], target: MessagePump) -> None:
    """Read the records of these rows. Posts RowsRead."""
    worker = get_current_worker()
    for row in rows:
        if worker.is_cancelled:
            return
        try:
            records.record(row)
        except IndexError:
            continue
    target.post_message(RowsRead(records))


def measure(records: RecordList, target: MessagePump) -> None:
    """Distributions of a sample. Posts DistributionsMeasured."""
    worker = get_current_worker()
    from curation.browsing.measure import measure as measured

    found = measured(records, lambda: worker.is_cancelled)
    if found is not None:
        target.post_message(DistributionsMeasured(records, found))
