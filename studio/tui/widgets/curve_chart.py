"""Curves in a terminal: a line of braille dots, eight to a cell, and marks for single points. No colour is needed to read it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.app import RenderResult
from textual.content import Content
from textual.widget import Widget

from studio.tui.text import cell

if TYPE_CHECKING:
    from studio.runs.curves import Numbers

_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # of a braille cell: left and right, from the top
_GUTTER = 8  # cells left of the picture, for the scale


@dataclass(frozen=True)
class Curve:
    """Something over steps. mark: "" for a line, else the character of its points. dotted: every other column, to tell
    two lines apart without colour. window: points that each value is the mean of.
    """

    x: Numbers
    y: Numbers
    style: str = "$text-primary"
    mark: str = ""
    dotted: bool = False
    window: int = 1


@dataclass(frozen=True)
class Picture:
    """What a chart shows. levels: horizontal lines at these heights. last: the step at the right edge, 0 for the last
    there is. log: heights by their logarithm.
    """

    title: Content
    curves: tuple[Curve, ...] = ()
    levels: tuple[float, ...] = ()
    last: float = 0
    log: bool = False


class CurveChart(Widget):
    """One picture, as large as there is room. Drawn again by `show` only."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.picture: Picture | None = None

    def show(self, picture: Picture) -> None:
        """Show something else."""
        self.picture = picture
        self.refresh()

    def render(self) -> RenderResult:
        """The title, the picture with its scale, and the steps below it."""
        width, height = self.size.width, self.size.height
        if self.picture is None or width < 12 or height < 2:
            return Content("")
        lines = [self.picture.title.truncate(width, ellipsis=True)]
        return Content("\n").join([*lines, *drawn(self.picture, width, height - 1)])


def drawn(picture: Picture, width: int, height: int) -> list[Content]:
    """`height` lines: the picture, and where there are more than four the steps below it."""
    import numpy as np

    labelled = height > 3
    rows, columns = height - labelled, width - _GUTTER
    curves = [each for each in picture.curves if len(each.x) and np.isfinite(each.y).any()]
    if rows < 1 or columns < 4 or not curves:
        return [Content("")] * height
    first = min(float(each.x[0]) for each in curves)
    last = max(picture.last, *(float(each.x[-1]) for each in curves), first + 1)
    found = [_columns(each, first, last, 2 * columns, picture.log) for each in curves]
    levels = [_scaled(np.array([level]), picture.log)[0] for level in picture.levels]
    low, high = _range([*(part for pair in found for part in pair), np.array(levels)])
    canvas = _Canvas(rows, columns, low, high)
    for level in levels:
        canvas.level(level)
    for curve, (below, above) in sorted(zip(curves, found, strict=True), key=lambda pair: bool(pair[0].mark)):
        if curve.mark:
            canvas.points(above, curve.mark, curve.style)
        else:
            canvas.line(below, above, curve.style, dotted=curve.dotted)
    scale = _scale(low, high, rows, log=picture.log)
    lines = [Content.assemble((text, "dim"), row) for text, row in zip(scale, canvas.lines(), strict=True)]
    if labelled:
        left, right = f"{first:,.0f}", f"{last:,.0f}"
        gap = max(1, columns - len(left) - len(right))
        lines.append(Content.styled(" " * _GUTTER + left + " " * gap + right, "dim"))
    return lines


def _columns(curve: Curve, first: float, last: float, columns: int, log: bool) -> tuple[Numbers, Numbers]:
    """The lowest and the highest value of each column; a line goes straight through columns without a point."""
    import numpy as np

    from studio.runs.curves import extremes, smoothed

    values = _scaled(smoothed(curve.y, curve.window), log)
    low, high = extremes(curve.x, values, first, last, columns)
    if curve.mark:
        return low, high
    known = np.flatnonzero(np.isfinite(low))
    if len(known) > 1:
        between = np.arange(known[0], known[-1] + 1)
        low[between] = np.interp(between, known, low[known])
        high[between] = np.interp(between, known, high[known])
    return low, high


def _scaled(values: Numbers, log: bool) -> Numbers:
    import numpy as np

    if not log:
        return values
    return np.where(values > 0, np.log10(np.where(values > 0, values, 1.0)), np.nan)


def _range(parts: Iterable[Numbers]) -> tuple[float, float]:
    import numpy as np

    every = np.concatenate(list(parts))
    every = every[np.isfinite(every)]
    if not len(every):
        return 0.0, 1.0
    low, high = float(every.min()), float(every.max())
    if high - low < 1e-9 * max(1.0, abs(high)):
        margin = abs(high) / 2 or 1.0
        return low - margin, high + margin
    return low, high


def _scale(low: float, high: float, rows: int, *, log: bool) -> list[str]:
    """A number at the top and at the bottom, and in the middle where there is room."""
    at = {0: high, rows - 1: low} if rows > 1 else {0: high}
    if rows >= 7:
        at[rows // 2] = high - (high - low) * (rows // 2) / (rows - 1)
    said = {row: short(10**value if log else value) for row, value in at.items()}
    return [f"{said.get(row, ''):>{_GUTTER - 1}} " for row in range(rows)]


def short(value: float) -> str:
    """A number in at most seven characters."""
    size = abs(value)
    if value == 0:
        return "0"
    if size >= 1e6:
        return f"{value:.1e}".replace("e+0", "e")
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 0.01:
        return f"{value:.{2 if size >= 10 else 3}f}"
    return f"{value:.1e}".replace("e-0", "e-")


class _Canvas:
    """Cells of dots or characters, each with a style; row 0 is `high`."""

    def __init__(self, rows: int, columns: int, low: float, high: float) -> None:
        self.rows, self.columns = rows, columns
        self._low, self._span = low, max(high - low, 1e-300)
        self._dots = [[0] * columns for _ in range(rows)]
        self._marks: dict[tuple[int, int], str] = {}
        self._styles: dict[tuple[int, int], str] = {}

    def _dot(self, value: float) -> int:
        """The dot's row, from the top; a scale of four to a cell."""
        return round((1 - (value - self._low) / self._span) * (4 * self.rows - 1))

    def level(self, value: float) -> None:
        """A broken line across."""
        if value == value:
            row = self._dot(value) // 4
            for column in range(self.columns):
                if column % 2 == 0:
                    self._marks[row, column] = "-"
                    self._styles[row, column] = "dim"

    def line(self, low: Numbers, high: Numbers, style: str, *, dotted: bool) -> None:
        """Dots from the lowest to the highest of each column, joined to the column before."""
        before: tuple[int, int] | None = None
        for column, (bottom, top) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
            if bottom != bottom:
                before = None
                continue
            upper, lower = self._dot(top), self._dot(bottom)
            begin, end = upper, lower
            if before is not None:
                begin, end = min(upper, before[1] + 1), max(lower, before[0] - 1)
            before = (upper, lower)
            if dotted and column % 3:
                continue
            for dot in range(max(0, begin), min(4 * self.rows - 1, end) + 1):
                where = (dot // 4, column // 2)
                self._dots[where[0]][where[1]] |= _DOTS[column % 2][dot % 4]
                self._marks.pop(where, None)
                self._styles[where] = style

    def points(self, values: Numbers, mark: str, style: str) -> None:
        """A mark at each value."""
        for column, value in enumerate(values.tolist()):
            if value == value:
                where = (self._dot(value) // 4, column // 2)
                self._marks[where], self._styles[where] = mark, style

    def lines(self) -> list[Content]:
        """Row by row."""
        return [self._row(row) for row in range(self.rows)]

    def _row(self, row: int) -> Content:
        pieces: list[tuple[str, str]] = []
        for column in range(self.columns):
            where, dots = (row, column), self._dots[row][column]
            text = self._marks.get(where) or (chr(0x2800 + dots) if dots else " ")
            style = self._styles.get(where, "")
            if pieces and pieces[-1][1] == style:
                pieces[-1] = (pieces[-1][0] + text, style)
            else:
                pieces.append((text, style))
        return Content.assemble(*pieces)


def titled(name: str, parts: Sequence[tuple[str, str]]) -> Content:
    """A chart's title: its name, and what is in it (text and style)."""
    return Content.assemble((cell(name, len(name) + 1) if name.isascii() else name + " ", "bold"), *parts)
