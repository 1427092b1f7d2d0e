# ruff: noqa: E501 (tables of keys)
"""The plane of a map: points as dots, a cross to move with the keys, a rectangle to grow, a part to look at closer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.events import Click, MouseDown, MouseMove, MouseScrollDown, MouseScrollUp, MouseUp
from textual.strip import Strip
from textual.widget import Widget

from studio.tui.bindings import Localised
from studio.tui.i18n import N_
from studio.tui.points import Box
from studio.tui.scatter import DROPPED, HERE, HUE, HUE_COLOURS, HUES, KEPT, LEVEL, OTHER, UNKNOWN, WHOLE, Scatter
from studio.tui.screens.map_messages import BoxDrawn, PlaceChosen, PlaneChanged

_STYLES = {
    0: "",
    OTHER: "plane--other",
    HERE: "plane--here",
    KEPT: "plane--kept",
    DROPPED: "plane--dropped",
    UNKNOWN: "plane--other",
    LEVEL: "plane--low",
    LEVEL + 1: "plane--middle",
    LEVEL + 2: "plane--high",
    **{HUE + hue: f"plane--hue-{hue}" for hue in range(HUES)},
}
_FAR = 64.0  # times the whole plane can be magnified


@dataclass(frozen=True)
class PlaneLabel:
    """Words at a place of the plane. texts: from the longest to the shortest, that which fits is written."""

    x: float
    y: float
    texts: tuple[str, ...]
    style: str = "plane--label"


class Plane(Localised, Widget, can_focus=True):
    """Shows a `Scatter` that the screen has painted. Posts PlaneChanged when another part is to be painted, BoxDrawn, and
    PlaceChosen.
    """

    HELP = N_(
        "Records that are like each other lie near each other; distances mean something only nearby. Arrows move the cross, "
        "shift+arrows by eight cells. space begins a rectangle that grows with the cross, space once more fixes it, and the "
        "list below shows its records. + looks closer (at the rectangle, where there is one), - from farther, 0 at everything. "
        "enter goes to the topic under the cross."
    )
    DEFAULT_CSS = """
    Plane {
        background: $background;
    }
    Plane > .plane--other { color: $text-disabled; }
    Plane > .plane--here { color: $text-accent; text-style: bold; }
    Plane > .plane--kept { color: $text-success; }
    Plane > .plane--dropped { color: $text-error; text-style: bold; }
    Plane > .plane--low { color: $text-primary; }
    Plane > .plane--middle { color: $text-success; }
    Plane > .plane--high { color: $text-warning; text-style: bold; }
    Plane > .plane--label { color: $foreground; background: $panel; text-style: bold; }
    Plane > .plane--this { color: $block-cursor-foreground; background: $block-cursor-background; text-style: bold; }
    Plane > .plane--mark { color: $text-warning; text-style: bold; }
    Plane > .plane--box { color: $text-accent; }
    Plane > .plane--cross { text-style: reverse bold; }
    """ + "".join(f"Plane > .plane--hue-{hue} {{ color: {colour}; }}\n" for hue, colour in enumerate(HUE_COLOURS))
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(name for name in _STYLES.values() if name),
        *("plane--label", "plane--this", "plane--mark", "plane--box", "plane--cross"),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1, 0)", N_("Left"), show=False, tooltip=N_("The cross to the left; beyond the edge, the part that is shown."), id="plane.left"),
        Binding("right,l", "step(1, 0)", N_("Right"), show=False, tooltip=N_("The cross to the right."), id="plane.right"),
        Binding("up,k", "step(0, -1)", N_("Up"), show=False, tooltip=N_("The cross up."), id="plane.up"),
        Binding("down,j", "step(0, 1)", N_("Down"), show=False, tooltip=N_("The cross down."), id="plane.down"),
        Binding("shift+left,H", "step(-8, 0)", N_("Far left"), show=False, tooltip=N_("Eight cells to the left."), id="plane.far_left"),
        Binding("shift+right,L", "step(8, 0)", N_("Far right"), show=False, tooltip=N_("Eight cells to the right."), id="plane.far_right"),
        Binding("shift+up,K", "step(0, -4)", N_("Far up"), show=False, tooltip=N_("Four lines up."), id="plane.far_up"),
        Binding("shift+down,J", "step(0, 4)", N_("Far down"), show=False, tooltip=N_("Four lines down."), id="plane.far_down"),
        Binding("space", "box", N_("Rectangle"), tooltip=N_("Begin a rectangle at the cross; once more fixes it, a third time takes it away."), id="plane.box"),
        Binding("plus,equals_sign", "zoom(0.5)", N_("Closer"), show=False, tooltip=N_("Look closer: at the rectangle, or around the cross."), id="plane.closer", key_display="+"),
        Binding("minus", "zoom(2)", N_("Farther"), show=False, tooltip=N_("Look from farther."), id="plane.farther", key_display="-"),
        Binding("0", "whole", N_("Whole"), show=False, tooltip=N_("Look at the whole plane."), id="plane.whole"),
        Binding("enter", "choose", N_("Topic"), show=False, tooltip=N_("To the topic under the cross."), id="plane.choose"),
    ]  # fmt: skip

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.scatter: Scatter | None = None
        self.window: Box = WHOLE
        self.box: Box | None = None
        self.labels: Sequence[PlaneLabel] = ()
        self.marked: tuple[float, float] | None = None
        self._cross = (0, 0)
        self._anchor: tuple[float, float] | None = None  # where a rectangle that grows began
        self._lines: list[list[tuple[str, str]]] = []

    # What the screen sets

    def show(self, scatter: Scatter) -> None:
        """Another picture."""
        self.scatter = scatter
        self._draw()

    def label(self, labels: Sequence[PlaneLabel], marked: tuple[float, float] | None) -> None:
        """What stands over the points: the first labels are the most wanted. marked: the record under the cursor."""
        if (tuple(labels), marked) != (tuple(self.labels), self.marked):
            self.labels, self.marked = tuple(labels), marked
            self._draw()

    def forget(self) -> None:
        """Another map."""
        self.scatter, self.window, self.box, self._anchor = None, WHOLE, None, None
        self.labels, self.marked = (), None
        self._cross = (self.size.width // 2, self.size.height // 2)
        self._draw()

    def take_box(self) -> bool:
        """Take the rectangle away; whether there was one."""
        there = self.box is not None
        self.box = self._anchor = None
        if there:
            self.post_message(BoxDrawn(None))
            self._draw()
        return there

    @property
    def growing(self) -> bool:
        """Whether a rectangle grows with the cross."""
        return self._anchor is not None

    # Moving

    @property
    def at(self) -> tuple[float, float]:
        """The middle of the cell under the cross, in the plane."""
        return self._place(*self._cross)

    def _place(self, column: float, row: float) -> tuple[float, float]:
        left, bottom, right, top = self.window
        width, height = max(1, self.size.width), max(1, self.size.height)
        return left + (column + 0.5) / width * (right - left), top - (row + 0.5) / height * (top - bottom)

    def _cell(self, x: float, y: float) -> tuple[int, int]:
        left, bottom, right, top = self.window
        return int((x - left) / (right - left) * self.size.width // 1), int(
            (top - y) / (top - bottom) * self.size.height // 1
        )

    def action_step(self, across: int, down: int) -> None:
        """Move the cross; where it would leave a part that is looked at closer, the part moves."""
        column, row = self._cross[0] + across, self._cross[1] + down
        inside = max(0, min(self.size.width - 1, column)), max(0, min(self.size.height - 1, row))
        if (column, row) != inside and self.window != WHOLE:
            self._pan(column - inside[0], row - inside[1])
        self._to(*inside)

    def _pan(self, columns: int, rows: int) -> None:
        left, bottom, right, top = self.window
        x = columns * (right - left) / max(1, self.size.width)
        y = -rows * (top - bottom) / max(1, self.size.height)
        x = max(WHOLE[0] - left, min(WHOLE[2] - right, x))
        y = max(WHOLE[1] - bottom, min(WHOLE[3] - top, y))
        self._look((left + x, bottom + y, right + x, top + y))

    def _to(self, column: int, row: int) -> None:
        self._cross = (column, row)
        if self._anchor is not None:
            self._span()
        self._draw()

    def _span(self) -> None:
        """The rectangle from the anchor to the cross, whole cells."""
        if self._anchor is None:
            return
        left, bottom, right, top = self.window
        half = (right - left) / max(1, self.size.width) / 2, (top - bottom) / max(1, self.size.height) / 2
        (x, y), (other_x, other_y) = self.at, self._anchor
        self.box = (
            min(x, other_x) - half[0], min(y, other_y) - half[1], max(x, other_x) + half[0], max(y, other_y) + half[1]
        )  # fmt: skip
        self.post_message(BoxDrawn(self.box))

    def action_box(self) -> None:
        """Begin a rectangle; fix it; take it away."""
        if self._anchor is not None:
            self._anchor = None
        elif self.box is not None:
            self.take_box()
        else:
            self._anchor = self.at
            self._span()
        self._draw()
        self.screen.refresh_bindings()

    def action_choose(self) -> None:
        """To the topic under the cross."""
        self.post_message(PlaceChosen(*self.at))

    # Looking

    def action_zoom(self, by: float) -> None:
        """Closer or from farther."""
        left, bottom, right, top = self.window
        if by < 1 and self.box is not None:
            self._anchor, target = None, self.box
            x, y = (target[0] + target[2]) / 2, (target[1] + target[3]) / 2
            wide, high = (target[2] - target[0]) * 1.1, (target[3] - target[1]) * 1.1
        else:
            (x, y), wide, high = self.at, (right - left) * by, (top - bottom) * by
        most_x, most_y = WHOLE[2] - WHOLE[0], WHOLE[3] - WHOLE[1]
        wide = max(most_x / _FAR, min(most_x, wide))
        high = max(most_y / _FAR, min(most_y, high))
        left = max(WHOLE[0], min(WHOLE[2] - wide, x - wide / 2))
        bottom = max(WHOLE[1], min(WHOLE[3] - high, y - high / 2))
        self._look((left, bottom, left + wide, bottom + high))
        column, row = self._cell(x, y)
        self._cross = max(0, min(self.size.width - 1, column)), max(0, min(self.size.height - 1, row))
        self._draw()

    def action_whole(self) -> None:
        """Everything."""
        self._look(WHOLE)
        self._draw()

    def _look(self, window: Box) -> None:
        if window != self.window:
            self.window = window
            self.post_message(PlaneChanged())

    @property
    def magnified(self) -> float:
        """How many times wider the whole plane is than the part that is shown."""
        return (WHOLE[2] - WHOLE[0]) / (self.window[2] - self.window[0])

    def on_resize(self) -> None:
        """Painted for the room there is."""
        column, row = self._cross
        if (column, row) == (0, 0):
            column, row = self.size.width // 2, self.size.height // 2
        self._cross = max(0, min(self.size.width - 1, column)), max(0, min(self.size.height - 1, row))
        self.post_message(PlaneChanged())
        self._draw()

    def on_focus(self) -> None:
        """The cross is drawn."""
        self._draw()

    def on_blur(self) -> None:
        """The cross goes."""
        self._draw()

    # The mouse

    def on_mouse_down(self, event: MouseDown) -> None:
        """Where a rectangle begins, if the mouse is moved."""
        if event.button == 1:
            self._cross = (event.x, event.y)
            self.capture_mouse()
            self._draw()

    def on_mouse_move(self, event: MouseMove) -> None:
        """The rectangle grows."""
        if event.button == 1 and self.app.mouse_captured is self:
            if self._anchor is None:
                self._anchor = self.at
            self._to(max(0, min(self.size.width - 1, event.x)), max(0, min(self.size.height - 1, event.y)))

    def on_mouse_up(self, _event: MouseUp) -> None:
        """And is fixed."""
        self.release_mouse()
        self._anchor = None

    def on_click(self, event: Click) -> None:
        """Twice: to the topic there."""
        if event.chain == 2:
            self.action_choose()

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Closer."""
        event.stop()
        self.action_zoom(0.5)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Farther."""
        event.stop()
        self.action_zoom(2)

    # Drawing

    def _draw(self) -> None:
        """Everything over the points anew; then only the lines that differ go to the terminal."""
        lines = self._composed()
        if len(lines) != len(self._lines):
            self._lines = lines
            self.refresh()
            return
        differing = [y for y, (old, new) in enumerate(zip(self._lines, lines, strict=True)) if old != new]
        self._lines = lines
        if differing:
            from textual.geometry import Region

            self.refresh(*(Region(0, y, self.size.width, 1) for y in differing))

    def _composed(self) -> list[list[tuple[str, str]]]:
        """Characters and their styles, cell by cell; of a wide character the second cell is empty."""
        scatter, width, height = self.scatter, self.size.width, self.size.height
        if scatter is None or (scatter.view.columns, scatter.view.rows) != (width, height):
            lines = [[(" ", "")] * width for _ in range(height)]
        else:
            lines = [
                [(character, _STYLES[style]) for character, style in zip(text, styles, strict=True)]
                for text, styles in zip(scatter.text, scatter.styles.tolist(), strict=True)
            ]
        if self.box is not None:
            self._put_box(lines, self.box)
        taken: set[tuple[int, int]] = set()
        for label in self.labels:
            self._put_label(lines, label, taken)
        if self.marked is not None:
            column, row = self._cell(*self.marked)
            if 0 <= column < width and 0 <= row < height and (row, column) not in taken:
                lines[row][column] = ("◆", "plane--this")
        if self.has_focus and width and height:
            column, row = self._cross
            if (row, column) not in taken:
                lines[row][column] = ("┼", "plane--cross")
        return lines

    def _put_label(self, lines: list[list[tuple[str, str]]], label: PlaneLabel, taken: set[tuple[int, int]]) -> None:
        column, row = self._cell(label.x, label.y)
        width = self.size.width
        if not (0 <= row < len(lines) and 0 <= column < width):
            return
        for text in label.texts:
            size = cell_len(text)
            begin = max(0, min(width - size, column - size // 2))
            around = {(line, at) for line in (row - 1, row, row + 1) for at in range(begin - 1, begin + size + 1)}
            if size <= width and not around & taken:
                at = begin
                for character in text:
                    lines[row][at] = (character, label.style)
                    if cell_len(character) == 2:
                        lines[row][at + 1] = ("", label.style)
                    at += cell_len(character)
                taken |= {(row, at) for at in range(begin, begin + size)}
                return

    def _put_box(self, lines: list[list[tuple[str, str]]], box: Box) -> None:
        left, top = self._cell(box[0] + 1e-6, box[3] - 1e-6)
        right, bottom = self._cell(box[2] - 1e-6, box[1] + 1e-6)
        width, height = self.size.width, len(lines)

        def put(row: int, column: int, character: str) -> None:
            if 0 <= row < height and 0 <= column < width:
                lines[row][column] = (character, "plane--box")

        for column in range(max(0, left), min(width - 1, right) + 1):
            put(top, column, "─")
            put(bottom, column, "─")
        for row in range(max(0, top), min(height - 1, bottom) + 1):
            put(row, left, "│")
            put(row, right, "│")
        for row, column, character in ((top, left, "┌"), (top, right, "┐"), (bottom, left, "└"), (bottom, right, "┘")):
            put(row, column, character)

    def render_line(self, y: int) -> Strip:
        """One line, pieces of the same style together."""
        base = self.rich_style
        if y >= len(self._lines):
            return Strip.blank(self.size.width, base)
        segments: list[Segment] = []
        text, style = "", ""
        for character, own in self._lines[y]:
            if own != style and text:
                segments.append(self._segment(text, style))
                text = ""
            style = own
            text += character
        if text:
            segments.append(self._segment(text, style))
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _segment(self, text: str, style: str) -> Segment:
        return Segment(text, self.rich_style + self.get_component_rich_style(style) if style else self.rich_style)
