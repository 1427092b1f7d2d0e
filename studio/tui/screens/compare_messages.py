"""What happened to a comparison, its votes, and the way back to its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from studio.runs.compared import CompareSnapshot
    from studio.tui.screens.compare_frames import Opinions
    from studio.tui.widgets.compare_list import CompareFrame
    from training.compare.back.nearest import Near
    from training.compare.back.story import RecordStory
    from training.compare.model import SideName


@dataclass
class PromptMoved(Message):
    """The cursor is on another prompt."""

    place: int

    def can_replace(self, message: Message) -> bool:
        """Where it has been on the way is of no interest."""
        return isinstance(message, PromptMoved)


@dataclass
class RoomChanged(Message):
    """There is more room for answers now, or less."""

    def can_replace(self, message: Message) -> bool:
        """Only the newest size counts."""
        return isinstance(message, RoomChanged)


@dataclass
class ComparesListed(Message):
    """Every comparison, newest first, and every training run below them."""

    frames: tuple[CompareFrame, ...]

    def can_replace(self, message: Message) -> bool:
        """Only the newest list counts."""
        return isinstance(message, ComparesListed)


@dataclass
class CompareChanged(Message):
    """A comparison that is watched went on: its whole picture."""

    run: str
    snapshot: CompareSnapshot

    def can_replace(self, message: Message) -> bool:
        """Only the newest picture is worth drawing."""
        return isinstance(message, CompareChanged) and message.run == self.run


@dataclass
class OpinionsRead(Message):
    """What people think, as it is on the disk. desk: that read it. done, total: pairs that I have voted on, and that there
    are. opened: I may see which side is which. following: the next prompt without my vote, "" for none, where one was
    asked for, else None.
    """

    desk: object
    opinions: Opinions
    done: int
    total: int
    opened: bool
    following: str | None = None


@dataclass
class VoteUndone(Message):
    """My last vote was taken back: the prompt it was about."""

    desk: object
    prompt_id: str


@dataclass
class FactsFound(Message):
    """All numbers of the comparison, as in compare.json."""

    desk: object
    facts: Mapping[str, Any]


@dataclass
class ReportWritten(Message):
    """The report lies in these files."""

    paths: Sequence[str]


@dataclass
class IndexGrew(Message):
    """The records of the training run are being made searchable: so many of so many."""

    done: int
    total: int

    def can_replace(self, message: Message) -> bool:
        """Only the newest state is worth drawing."""
        return isinstance(message, IndexGrew)


@dataclass
class NearFound(Message):
    """The training records nearest to an answer, the nearest first."""

    prompt_id: str
    side: SideName
    found: Sequence[Near]


@dataclass
class StoryTold(Message):
    """Where a training record came from, and what became of it."""

    record_id: str
    story: RecordStory


@dataclass
class RecordDecided(Message):
    """A verdict about a training record is on the disk, or was taken back (`undone`). verdicts: their ids; journal: of
    which curation; action: drop, flag or edit.
    """

    record_id: str
    action: str
    curation: str
    verdicts: tuple[str, ...]
    undone: bool = False
