"""What happened to a generation, its plan, and the items that people look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from curation.synthesis.coverage import Coverage
    from curation.synthesis.model import Decision
    from studio.runs.generated import GenerateSnapshot
    from studio.runs.generated_items import Queue
    from studio.tui.screens.generate_draft import GenerateDraft
    from studio.tui.widgets.generate_list import GenerateFrame


@dataclass
class ItemMoved(Message):
    """The cursor is on another item."""

    place: int

    def can_replace(self, message: Message) -> bool:
        """Where it has been on the way is of no interest."""
        return isinstance(message, ItemMoved)


@dataclass
class QueueMoved(Message):
    """The cursor is on another queue."""

    queue: Queue

    def can_replace(self, message: Message) -> bool:
        """Where it has been on the way is of no interest."""
        return isinstance(message, QueueMoved)


@dataclass
class GeneratesListed(Message):
    """Every generation, newest first."""

    frames: tuple[GenerateFrame, ...]

    def can_replace(self, message: Message) -> bool:
        """Only the newest list counts."""
        return isinstance(message, GeneratesListed)


@dataclass
class GenerateChanged(Message):
    """A generation that is watched went on, or somebody decided something: its whole picture. The items are the watch's."""

    run: str
    snapshot: GenerateSnapshot

    def can_replace(self, message: Message) -> bool:
        """Only the newest picture is worth drawing."""
        return isinstance(message, GenerateChanged) and message.run == self.run


@dataclass
class ItemDecided(Message):
    """A decision is on the disk; undone: it took the latest one back."""

    desk: object
    decision: Decision
    undone: bool = False


@dataclass
class DatasetWritten(Message):
    """The dataset is as people decided. records: how many it has."""

    desk: object
    records: int


@dataclass
class GenerateDraftLoaded(Message):
    """A recipe was read. inputs: those of the run it came from, None to leave them as they are."""

    draft: GenerateDraft
    inputs: tuple[str, ...] | None = None


@dataclass
class DryRunMade(Message):
    """What would be asked, as `studio generate --dry-run --json` tells it. command: what was looked at."""

    command: str
    report: Mapping[str, Any]


@dataclass
class DryRunFailed(Message):
    """There was nothing to look at, and why."""

    message: str
    hint: str


@dataclass
class DocumentsRead(Message):
    """The documents of a generation and how much of each is covered; unread: those that could not be read, and why."""

    run: str
    coverage: Coverage
    unread: Sequence[tuple[str, str]]


@dataclass
class PromptFound(Message):
    """What was asked for an item, message by message (role, text)."""

    run: str
    item_id: str
    messages: Sequence[tuple[str, str]]
