"""The records of a map as arrays: which of them are chosen, in which order, without a copy of their texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

    from curation.topics.model import Map

F32 = NDArray[np.float32]
Rows = NDArray[np.int64]
Box = tuple[float, float, float, float]
"""A rectangle of the plane: left, bottom, right, top, each 0 to 1 in the whole plane."""

NEAR = "near"
"""The measure that every map has: how alike a record's neighbours are."""
FATES = ("kept", "dropped")
COPIES = "copies"
_TAILS = (5.0, 95.0)  # percentiles between which a measure is told apart: single values must not flatten the rest


@dataclass(frozen=True)
class Choice:
    """Which records are shown. topic: 0 for all. fate: "", kept, dropped or copies. words: that the opening holds."""

    topic: int = 0
    box: Box | None = None
    fate: str = ""
    words: str = ""


class Points:
    """One row a record, as `curation.topics.model.POINTS` has them.

    x, y: 0 to 1, nan for a record without text. topic: 0 without text. Methods may be called from any thread.
    """

    def __init__(self, frame: pl.DataFrame, found: Map) -> None:
        self.frame, self.map = frame, found
        self.topic = frame["topic"].to_numpy().astype(np.int32)
        self.x: F32 = frame["x"].to_numpy().astype(np.float32)
        self.y: F32 = frame["y"].to_numpy().astype(np.float32)
        self.dropped: NDArray[np.bool_] = (frame["fate"] == "dropped").to_numpy()
        self.decided = bool(found.kept or found.dropped)
        self._kept: NDArray[np.bool_] = (frame["fate"] == "kept").to_numpy()
        self._copies: NDArray[np.bool_] = (frame["copy_of"] != "").to_numpy()
        self._measures: dict[str, F32] = {}
        self._orders: dict[str, Rows] = {"": self._by_topic()}
        self._found: tuple[str, NDArray[np.bool_]] | None = None
        self._starts = np.searchsorted(self._key()[self._orders[""]], np.arange(1, len(found.topics) + 2))

    def __len__(self) -> int:
        return self.frame.height

    def _key(self) -> NDArray[np.int32]:
        """Records without text behind all topics."""
        return np.where(self.topic == 0, np.int32(len(self.map.topics) + 1), self.topic)

    def _by_topic(self) -> Rows:
        """Topic by topic, the most central first."""
        return np.lexsort((-np.nan_to_num(self.frame["central"].to_numpy()), self._key())).astype(np.int64)

    # Measures

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of what records were measured by: NEAR, and what stages noted."""
        return (NEAR, *self.map.scores)

    def measure(self, name: str) -> F32:
        """The values of a measure, nan where there is none."""
        from curation.topics.model import SCORE

        found = self._measures.get(name)
        if found is None:
            found = self.frame[name if name == NEAR else SCORE + name].to_numpy().astype(np.float32)
            self._measures[name] = found
        return found

    def spread(self, name: str) -> tuple[float, float]:
        """The range in which most values of a measure lie."""
        values = self.measure(name)
        values = values[np.isfinite(values)]
        if not len(values):
            return 0.0, 0.0
        low, high = np.percentile(values, _TAILS)
        return (float(low), float(high)) if high > low else (float(values.min()), float(values.max()))

    # Choosing

    def rows(self, choice: Choice, by: str = "") -> Rows:
        """The numbers of the chosen records: topic by topic, or with `by` from the lowest value of a measure."""
        rows = self._order(by)
        if choice.topic and not by:
            rows = rows[self._starts[choice.topic - 1] : self._starts[choice.topic]]
        elif choice.topic:
            rows = rows[self.topic[rows] == choice.topic]
        if choice.fate:
            masks = {"kept": self._kept, "dropped": self.dropped, COPIES: self._copies}
            rows = rows[masks[choice.fate][rows]]
        if choice.box is not None:
            left, bottom, right, top = choice.box
            x, y = self.x[rows], self.y[rows]
            rows = rows[(x >= left) & (x <= right) & (y >= bottom) & (y <= top)]
        if choice.words:
            rows = rows[self._holds(choice.words)[rows]]
        return rows

    def _order(self, by: str) -> Rows:
        found = self._orders.get(by)
        if found is None:
            found = np.argsort(self.measure(by), kind="stable").astype(np.int64)  # nan is sorted to the end
            self._orders = {"": self._orders[""], by: found}  # one at a time: it is 8 bytes a record
        return found

    def _holds(self, words: str) -> NDArray[np.bool_]:
        """Whether openings hold a text; small letters match capitals too."""
        import polars as pl

        known = self._found
        if known is not None and known[0] == words:
            return known[1]
        column = pl.col("opening") if words != words.lower() else pl.col("opening").str.to_lowercase()
        mask: NDArray[np.bool_] = self.frame.select(column.str.contains(words, literal=True)).to_series().to_numpy()
        self._found = (words, mask)
        return mask

    def record(self, row: int) -> dict[str, Any]:
        """Everything that is known about one."""
        return self.frame.row(row, named=True)
