"""What happened, told upwards. Each message is a fact in the past tense; those that come fast replace one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from curation.browsing import Order, Record, RecordList
    from curation.browsing.measure import Distributions
    from curation.browsing.model import RowNumbers
    from studio.runs.snapshot import RunSnapshot
    from studio.tui.looking import Arrangement


@dataclass
class RunChanged(Message):
    """A run that is watched went on: its whole picture. `run` is the name of its folder."""

    run: str
    snapshot: RunSnapshot

    def can_replace(self, message: Message) -> bool:
        """Only the newest picture of a run is worth drawing."""
        return isinstance(message, RunChanged) and message.run == self.run


@dataclass
class LiveRunsFound(Message):
    """These runs are going on now (names of their folders)."""

    names: tuple[str, ...]

    def can_replace(self, message: Message) -> bool:
        """Only the newest list counts."""
        return isinstance(message, LiveRunsFound)


@dataclass
class ProblemMet(Message):
    """Something a user should know: a sentence, and what to do about it."""

    message: str
    hint: str = ""


@dataclass
class RecordsOpened(Message):
    """Something was opened; records are being counted and the first can be read."""

    records: RecordList


@dataclass
class RecordsCounted(Message):
    """So many records were found up to now; `whole` when there are no more."""

    records: RecordList
    count: int
    whole: bool

    def can_replace(self, message: Message) -> bool:
        """Only the newest count is worth drawing."""
        return isinstance(message, RecordsCounted)


@dataclass
class SearchAdvanced(Message):
    """A search, filter or sort has looked at `done` of `total` records and found `found`."""

    done: int
    total: int
    found: int

    def can_replace(self, message: Message) -> bool:
        """Only the newest state is worth drawing."""
        return isinstance(message, SearchAdvanced)


@dataclass
class RowsOrdered(Message):
    """A filter or sort is done: the rows to show, in order; `kept` are those the filter left, None for all."""

    records: RecordList
    order: Order
    wanted: Arrangement
    kept: RowNumbers | None


@dataclass
class MatchesFound(Message):
    """A search is done: the rows that match, in the order of the file."""

    records: RecordList
    rows: RowNumbers
    what: str


@dataclass
class RowsRead(Message):
    """Records that were asked for can now be had at once."""

    records: RecordList


@dataclass
class RecordRead(Message):
    """The record under the cursor was read; its language is "" while it is not known."""

    records: RecordList
    row: int
    record: Record
    language: str = ""


@dataclass
class DistributionsMeasured(Message):
    """Lengths, languages and sources of a sample."""

    records: RecordList
    distributions: Distributions


@dataclass
class PromptAnswered(Message):
    """The prompt line was filled in: which prompt, and what was typed."""

    prompt: str
    answer: str


@dataclass
class PromptLeft(Message):
    """The prompt line was closed without an answer."""

    prompt: str


@dataclass
class CursorMoved(Message):
    """The cursor of the table is on another place: its number in the order shown."""

    place: int

    def can_replace(self, message: Message) -> bool:
        """Where it has been on the way is of no interest."""
        return isinstance(message, CursorMoved)


@dataclass
class RowsWanted(Message):
    """The table would like to show these rows and they are not at hand."""

    rows: Sequence[int]

    def can_replace(self, message: Message) -> bool:
        """What has been scrolled past need not be read."""
        return isinstance(message, RowsWanted)


@dataclass
class RowChosen(Message):
    """A row was opened with enter or a double click."""

    place: int
