"""Distributions drawn with block characters: a bar a line, its number beside it, readable without colour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual.app import RenderResult
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from studio.tui.i18n import _
from studio.tui.text import cell

_EIGHTHS = " ▏▎▍▌▋▊▉"
_UPRIGHT = " ▁▂▃▄▅▆▇█"
Bars = Sequence[tuple[str, int]]


def bar(share: float, width: int) -> str:
    """A bar of `share` (0 to 1) of `width` cells, to an eighth of a cell; never empty for more than nothing."""
    eighths = max(1 if share > 0 else 0, round(share * width * 8))
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()).ljust(width)


def chart(title: str, bars: Bars, width: int, most: int) -> list[Content]:
    """A title and up to `most` bars; what is left out is added up in a last line."""
    if not bars:
        return []
    shown = list(bars[:most])
    rest = bars[most:]
    if rest and most >= 3:
        shown[-1:] = [(_("{n} others").format(n=len(rest) + 1), shown[-1][1] + sum(number for _name, number in rest))]
    largest = max(1, *(number for _name, number in shown))
    names = max(8, min(14, width // 3))  # the same for every chart, so that bars begin under one another
    numbers = max(len(f"{number:,}") for _name, number in shown)
    room = max(4, width - names - numbers - 2)
    lines = [Content.styled(title, "bold")]
    for name, number in shown:
        drawn = bar(number / largest, room)
        lines.append(
            Content.assemble(cell(name, names), " ", (drawn, "$text-primary"), (f" {number:>{numbers},}", "dim"))
        )
    return lines


def columns(title: str, bars: Bars, width: int, height: int) -> list[Content]:
    """A title, and bars side by side, `height` lines high, with their names below: for what has an order."""
    if not bars or height < 1:
        return []
    largest = max(1, *(number for _name, number in bars))
    each = max(4, min(8, width // len(bars)))
    bars = bars[: max(1, width // each)]
    eighths = [max(1 if number else 0, round(number / largest * height * 8)) for _name, number in bars]
    lines = [Content.assemble((title, "bold"), (_("   most: {n}").format(n=f"{largest:,}"), "dim"))]
    for level in reversed(range(height)):
        drawn = "".join(_UPRIGHT[max(0, min(8, part - 8 * level))] * (each - 1) + " " for part in eighths)
        lines.append(Content.styled(drawn, "$text-primary"))
    lines.append(Content.styled("".join(cell(name, each) for name, _number in bars), "dim"))
    return lines


@dataclass(frozen=True)
class Drawing:
    """What to draw: title and bars; upright for bars that have an order."""

    title: str
    bars: Bars
    upright: bool = False


class Charts(Widget):
    """Several charts under one another, as many lines as there is room for. `note`: what they were measured on."""

    drawings: reactive[tuple[Drawing, ...]] = reactive((), layout=True)
    note: reactive[str] = reactive("")

    def render(self) -> RenderResult:
        """Upright charts get up to six lines, the others an equal share of what is left, and what others do not need."""
        width, height = self.size.width, self.size.height - (1 if self.note else 0)
        left = [drawing for drawing in self.drawings if drawing.bars]
        lines: list[Content] = []
        while left and width > 8:
            drawing = left.pop(0)
            room = height - len(lines) - (3 if left else 0)
            if drawing.upright:
                lines.extend(columns(drawing.title, drawing.bars, width, min(3 if height < 20 else 4, room - 2)))
                continue
            free = height - len(lines)
            if free < 2:
                break
            most = max(2, free // (len(left) + 1)) - 1  # the first charts say more than the last
            lines.extend(chart(drawing.title, drawing.bars, width, min(most, len(drawing.bars))))
        if self.note:
            lines.append(Content.styled(cell(self.note, width), "dim"))
        return Content("\n").join(lines)


def length_bars(edges: Iterable[int], counts: Sequence[int]) -> Bars:
    """Bins of lengths as bars, named by their upper edge."""
    edges = list(edges)
    names = [f"≤{_short(edge)}" for edge in edges] + [f">{_short(edges[-1])}"]
    return list(zip(names, counts, strict=True)) if any(counts) else []


def _short(number: int) -> str:
    return f"{number // 1000}k" if number >= 1000 else str(number)
