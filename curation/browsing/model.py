"""What browsing hands out: raw records, records taken apart, and orders of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    RowNumbers = NDArray[np.int64] | Sequence[int]

BLOCK = 4 << 20  # bytes read at a time while records are searched for
RAW_SHOWN = 4096  # bytes of what is no record that are shown

Stopped = Callable[[], bool]
"""Whether the caller has lost interest."""


@dataclass(frozen=True)
class Raw:
    """One record as it stands, not parsed.

    payload: JSON text in UTF-8; of what is no record, its first bytes. position: as in `RawChunk`. problem: "" or the
    quarantine reason, and `detail`. fate: what a run did with it, "" outside of runs.
    """

    source: str
    position: int
    payload: bytes
    problem: str = ""
    detail: str = ""
    fate: str = ""

    @property
    def record_id(self) -> str:
        """The id that the engine would give it."""
        return f"{self.source}:{self.position}"


@dataclass(frozen=True)
class Record:
    """One record taken apart. columns: everything of the object that is no text of a turn."""

    raw: Raw
    format: str
    turns: tuple[tuple[str, str], ...]
    columns: Mapping[str, Any] = field(default_factory=dict)

    @property
    def characters(self) -> int:
        """Characters of all turns."""
        return sum(len(content) for _, content in self.turns)

    @property
    def problem(self) -> str:
        """Why it is no record, "" if it is one."""
        return self.raw.problem


@dataclass(frozen=True)
class Order:
    """Rows to show, in order, and in words why. `rows` is an int64 array; None for every row as it comes."""

    rows: RowNumbers | None = None
    said: str = ""


class Segment(Protocol):
    """The records of one source. Rows are counted from 0; `count` grows while `grow` is iterated."""

    name: str
    kind: str

    @property
    def count(self) -> int:
        """Rows found up to now."""

    @property
    def notes(self) -> Sequence[str]:
        """What a user should know: a cut, a changed file."""

    def grow(self) -> Iterator[None]:
        """Find more rows, a portion at each step. Raises InputError."""

    def at_hand(self, row: int) -> bool:
        """Whether `raw` answers within a few milliseconds."""

    def raw(self, row: int) -> Raw:
        """One record. May be called from any thread."""

    def raws(self, first: int, last: int) -> Iterator[Raw]:
        """The records of rows `first` to `last`, the latter not included."""

    def close(self) -> None:
        """Let go of files."""
