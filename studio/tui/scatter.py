"""Points as characters: eight dots to a cell, or a bar as high as a measure; from counts in a grid, however many points.

Nothing here knows a widget; all of it may run in any thread. A million points take some 20 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from curation.topics.model import Topic
    from studio.tui.points import Box, Points, Rows

WHOLE: Box = (-0.01, -0.01, 1.01, 1.01)
TOPIC, FATE = "topic", "fate"
"""What a picture may be coloured by, besides the name of a measure."""
HUE_COLOURS = ("$text-primary", "$text-warning", "$text-success", "$text-error", "$foreground", "$primary")
"""Variables of the theme that topics are told apart by."""
HUES = len(HUE_COLOURS)
EMPTY, OTHER, HERE, KEPT, DROPPED, UNKNOWN = range(6)
LEVEL = 6  # three styles from here on: low, middle, high
HUE = 9  # HUES styles from here on
BARS = "▁▂▃▄▅▆▇█"
GONE = "x"
"""A cell of which more than GONE_FROM of the records were dropped."""
GONE_FROM = 0.25
_BLANK = 0x2800
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], dtype=np.int64)  # of a braille cell
_DITHER = (np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) + 0.5) / 16


@dataclass(frozen=True)
class View:
    """What is looked at. columns, rows: cells. window: the part of the plane. colour: TOPIC, FATE or a measure. only:
    leave out what is not chosen.
    """

    columns: int
    rows: int
    window: Box = WHOLE
    colour: str = TOPIC
    only: bool = False


@dataclass(frozen=True)
class Scatter:
    """A picture. text: one character a cell, row by row from the top. styles: what each is drawn in. shown: chosen records
    in the window; there: all in it.
    """

    view: View
    text: tuple[str, ...]
    styles: NDArray[np.uint8]
    shown: int
    there: int


def hues(topics: Sequence[Topic]) -> dict[int, int]:
    """A colour for each topic, as far as can be from others of the same colour: 0 to HUES - 1."""
    found: dict[int, int] = {}
    for topic in topics:
        nearest = [np.inf] * HUES
        for other in topics:
            if other.number in found:
                hue = found[other.number]
                nearest[hue] = min(nearest[hue], (other.x - topic.x) ** 2 + (other.y - topic.y) ** 2)
        found[topic.number] = int(np.argmax(nearest))
    return found


class Painter:
    """Draws the points of one map. The last window is remembered: moving to another topic counts only that topic anew."""

    def __init__(self, points: Points) -> None:
        self.points = points
        self._hues = np.zeros(len(points.map.topics) + 1, dtype=np.int64)
        for number, hue in hues(points.map.topics).items():
            self._hues[number] = hue
        self._binned: tuple[View, NDArray[np.int32], NDArray[np.int64]] | None = None

    def hue(self, topic: int) -> int:
        """The colour of a topic, 0 to HUES - 1."""
        return int(self._hues[topic])

    def paint(self, view: View, chosen: Rows | None) -> Scatter:
        """The picture; chosen: the records that stand out, None where all do."""
        dots, counts = self._bins(view)
        there = int(counts.sum())
        cells = np.zeros((view.rows, view.columns), dtype=np.int64)
        styles = np.zeros((view.rows, view.columns), dtype=np.uint8)
        if chosen is not None and not view.only:
            cells = _bits(counts, view)
            styles[cells > 0] = OTHER
        mine = dots if chosen is None else dots[chosen]
        inside = mine >= 0
        mine = mine[inside]
        rows = np.flatnonzero(inside) if chosen is None else chosen[inside]
        stand_out = counts if chosen is None else _counted(mine, len(counts))
        over = _bits(stand_out, view)
        here = over > 0
        cells[here] = over[here] + _BLANK
        cells[(cells > 0) & ~here] += _BLANK
        self._colour(view, rows, _cell_of(mine, view), here, cells, styles)
        cells[cells == 0] = ord(" ")
        text = tuple("".join(map(chr, row)) for row in cells.tolist())
        return Scatter(view, text, styles, len(rows), there)

    def _bins(self, view: View) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The dot of each point, -1 outside of the window, and how many points each dot has."""
        known = self._binned
        if known is not None and (known[0].columns, known[0].rows, known[0].window) == (
            view.columns, view.rows, view.window,
        ):  # fmt: skip
            return known[1], known[2]
        left, bottom, right, top = view.window
        wide, high = 2 * view.columns, 4 * view.rows
        with np.errstate(invalid="ignore"):
            across = (self.points.x - np.float32(left)) * np.float32(wide / (right - left))
            down = (np.float32(top) - self.points.y) * np.float32(high / (top - bottom))
            inside = (across >= 0) & (across < wide) & (down >= 0) & (down < high)
            dots = np.where(inside, down.astype(np.int32) * np.int32(wide) + across.astype(np.int32), np.int32(-1))
        counts = _counted(dots[inside], wide * high)
        self._binned = (view, dots, counts)
        return dots, counts

    def _colour(
        self,
        view: View,
        rows: Rows,
        places: NDArray[np.int64],
        here: NDArray[np.bool_],
        cells: NDArray[np.int64],
        styles: NDArray[np.uint8],
    ) -> None:
        """Styles, and other characters, of the cells that stand out. places: the cell of each of the `rows`."""
        size = view.rows * view.columns
        flat = here.reshape(-1)
        if view.colour == TOPIC:
            votes = np.bincount(places * HUES + self._hues[self.points.topic[rows]], minlength=size * HUES)
            styles.reshape(-1)[flat] = (HUE + votes.reshape(size, HUES).argmax(axis=1))[flat]
            return
        total = np.maximum(np.bincount(places, minlength=size), 1)
        if view.colour == FATE:
            gone = (np.bincount(places, self.points.dropped[rows], minlength=size) / total > GONE_FROM) & flat
            styles.reshape(-1)[flat] = KEPT
            styles.reshape(-1)[gone] = DROPPED
            cells.reshape(-1)[gone] = ord(GONE)
            return
        values = self.points.measure(view.colour)[rows]
        known = np.isfinite(values)
        numbers = np.bincount(places[known], minlength=size)
        means = np.bincount(places[known], values[known], minlength=size) / np.maximum(numbers, 1)
        low, high = self.points.spread(view.colour)
        levels = np.clip((means - low) / max(high - low, 1e-9) * len(BARS), 0, len(BARS) - 1).astype(np.int64)
        told = flat & (numbers > 0)
        styles.reshape(-1)[flat] = UNKNOWN
        styles.reshape(-1)[told] = LEVEL + np.array([0, 0, 0, 1, 1, 2, 2, 2])[levels[told]]
        cells.reshape(-1)[told] = np.array([ord(each) for each in BARS])[levels[told]]


def _counted(dots: NDArray[np.int32], size: int) -> NDArray[np.int64]:
    return np.bincount(dots, minlength=size)


def _cell_of(dots: NDArray[np.int32], view: View) -> NDArray[np.int64]:
    """The cell, counted row by row, that a dot is in."""
    wide = 2 * view.columns
    found: NDArray[np.int64] = (dots // wide // 4).astype(np.int64) * view.columns + (dots % wide) // 2
    return found


def _bits(counts: NDArray[np.int64], view: View) -> NDArray[np.int64]:
    """The dots of each cell. Where points are so many that every dot would be there, fewer of them where fewer points are."""
    high, wide = 4 * view.rows, 2 * view.columns
    grid = counts.reshape(high, wide)
    lit = grid > 0
    some = lit.reshape(view.rows, 4, view.columns, 2).any(axis=(1, 3))
    if some.any():
        full = lit.sum() / (8 * some.sum())  # how many of the dots of cells with points in them
        strength = float(np.clip((full - 0.4) / 0.4, 0.0, 1.0))
        if strength:
            most = float(np.percentile(grid[lit], 99))
            dense = np.log1p(grid) / np.log1p(max(most, 1.0))
            lit = lit & (dense >= strength * np.tile(_DITHER, (high // 4 + 1, wide // 4 + 1))[:high, :wide])
            lit |= _peaks(grid, view, some & ~lit.reshape(view.rows, 4, view.columns, 2).any(axis=(1, 3)))
    found: NDArray[np.int64] = (lit.reshape(view.rows, 4, view.columns, 2) * _DOTS[None, :, None, :]).sum(axis=(1, 3))
    return found


def _peaks(grid: NDArray[np.int64], view: View, cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The fullest dot of each of these cells: no cell with a point in it is empty."""
    eight = grid.reshape(view.rows, 4, view.columns, 2).transpose(0, 2, 1, 3).reshape(view.rows, view.columns, 8)
    found = np.zeros_like(eight, dtype=bool)
    rows, columns = np.nonzero(cells)
    found[rows, columns, eight[rows, columns].argmax(axis=1)] = True
    return found.reshape(view.rows, view.columns, 4, 2).transpose(0, 2, 1, 3).reshape(grid.shape)
