"""What happened on the Review screen and behind it. Facts in the past tense, told upwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message

from studio.tui.messages import ProblemMet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from curation.clusters import Cluster
    from curation.diff import Counts, Filter, Head, Hunk
    from curation.ledger import Turn
    from curation.synthesis.story import ItemStory
    from studio.tui.screens.review_work import Review


@dataclass(frozen=True)
class Shown:
    """A hunk and what is shown beside it: the kept twin as it was read, () where there is none; made: the item of a
    generation that the record is, None for a record that nobody generated."""

    hunk: Hunk
    twin: tuple[Turn, ...] = ()
    made: ItemStory | None = None


@dataclass
class VerdictsRefused(ProblemMet):
    """What was decided, undone or done again could not be written down."""


@dataclass
class ReviewOpened(Message):
    """The index is open: a name for it, and what people decided up to now, by number of the hunk."""

    review: Review
    name: str
    marks: Mapping[int, str]


@dataclass
class RowsChosen(Message):
    """The hunks that a filter leaves: their numbers, in order."""

    review: Review
    only: Filter
    rows: NDArray[np.uint32]


@dataclass
class HunksCounted(Message):
    """Counts: of the queues as the filter leaves them, and of everything."""

    review: Review
    queues: Counts
    everything: Counts
    added: int

    def can_replace(self, message: Message) -> bool:
        """Only the newest counts are worth drawing."""
        return isinstance(message, HunksCounted)


@dataclass
class HunkSought(Message):
    """The hunk of a record that was asked for, None where nothing was done to it."""

    review: Review
    record_id: str
    number: int | None


@dataclass
class HunkRead(Message):
    """A hunk was read with its texts."""

    review: Review
    shown: Shown


@dataclass
class HeadsRead(Message):
    """Lines of the list of hunks were read."""

    review: Review
    heads: Sequence[Head]


@dataclass
class VerdictsSaved(Message):
    """Verdicts are on the disk: of which kind, how many, and what is decided now, by number of the hunk. `hunk`: the one
    that an act which was taken back was about, if it is one.
    """

    review: Review
    kind: str
    number: int
    marks: Mapping[int, str]
    hunk: int | None = None


@dataclass
class ClusterRead(Message):
    """The cluster of duplicates of a record; None where it is in none."""

    review: Review
    cluster: Cluster | None


@dataclass
class ObjectRead(Message):
    """A record as the object it is in its file."""

    review: Review
    record_id: str
    obj: Mapping[str, Any]


@dataclass
class PatchWritten(Message):
    """Verdicts were written to a file for somebody else."""

    path: str
    number: int


@dataclass
class RunLaunched(Message):
    """The run was started again, to replay verdicts."""

    review: Review


@dataclass
class QueueChosen(Message):
    """Another queue is under the cursor: its stage and reason, both "" for all."""

    stage: str
    reason: str

    def can_replace(self, message: Message) -> bool:
        """What was passed on the way is not opened."""
        return isinstance(message, QueueChosen)


@dataclass
class HunkChosen(Message):
    """Another line of the list of hunks is under the cursor: its place among those shown."""

    place: int

    def can_replace(self, message: Message) -> bool:
        """What was passed on the way is not read."""
        return isinstance(message, HunkChosen)


@dataclass
class HeadsWanted(Message):
    """The list would like to show these hunks (numbers) and has not read them."""

    numbers: Sequence[int]
