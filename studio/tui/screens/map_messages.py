"""What happened to maps, to the one that is open, and to what is looked at in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from studio.tui.points import Box, Choice, Points, Rows
    from studio.tui.scatter import Scatter
    from studio.tui.widgets.generate_list import GenerateFrame


@dataclass
class MapsListed(Message):
    """Every map, newest first."""

    frames: tuple[GenerateFrame, ...]

    def can_replace(self, message: Message) -> bool:
        """Only the newest list counts."""
        return isinstance(message, MapsListed)


@dataclass
class MapRead(Message):
    """A finished map was read. run: the name of its folder. inputs: what it was made of, as paths from anywhere."""

    run: str
    points: Points
    inputs: tuple[str, ...]


@dataclass
class MapUnread(Message):
    """A map could not be read, and why."""

    run: str
    message: str
    hint: str


@dataclass
class RowsSelected(Message):
    """The records that a choice leaves, in their order."""

    points: Points
    choice: Choice
    by: str
    rows: Rows

    def can_replace(self, message: Message) -> bool:
        """Only the newest choice is worth showing."""
        return isinstance(message, RowsSelected)


@dataclass
class PlanePainted(Message):
    """The plane as it is to be shown."""

    points: Points
    scatter: Scatter

    def can_replace(self, message: Message) -> bool:
        """Only the newest picture is worth drawing."""
        return isinstance(message, PlanePainted)


@dataclass
class RecordTold(Message):
    """All of a record: who says what, other columns, and what became of it."""

    points: Points
    row: int
    told: Any  # studio.tui.screens.map_work.Told


@dataclass
class SeedsWritten(Message):
    """The records of a topic are in a file. changed: those that are no longer what was mapped, and left out."""

    path: str
    topic: int
    records: int
    changed: int


@dataclass
class TopicMoved(Message):
    """The cursor is on another topic; 0: on all of them."""

    topic: int

    def can_replace(self, message: Message) -> bool:
        """Where it has been on the way is of no interest."""
        return isinstance(message, TopicMoved)


@dataclass
class PointMoved(Message):
    """The cursor is on another record."""

    place: int

    def can_replace(self, message: Message) -> bool:
        """Where it has been on the way is of no interest."""
        return isinstance(message, PointMoved)


@dataclass
class PointChosen(Message):
    """A record was opened."""

    place: int


@dataclass
class PlaneChanged(Message):
    """Another part of the plane, or in another size, is to be shown."""

    def can_replace(self, message: Message) -> bool:
        """Once is enough."""
        return isinstance(message, PlaneChanged)


@dataclass
class BoxDrawn(Message):
    """A rectangle was drawn; None: taken away."""

    box: Box | None

    def can_replace(self, message: Message) -> bool:
        """Only the newest rectangle counts."""
        return isinstance(message, BoxDrawn)


@dataclass
class PlaceChosen(Message):
    """A place of the plane was chosen."""

    x: float
    y: float
