# ruff: noqa: E501 (tables of keys)
"""The topics of a map, one a line, with a line for all of them above; and the records of a topic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.strip import Strip

from studio.tui.bindings import Localised
from studio.tui.i18n import N_, _
from studio.tui.scatter import HUE_COLOURS, HUES
from studio.tui.screens.map_messages import PointChosen, PointMoved, TopicMoved
from studio.tui.text import cell
from studio.tui.widgets.line_list import LineList

if TYPE_CHECKING:
    from curation.topics.model import Map, Topic
    from studio.tui.points import Rows

MARKS = {"thin": "▾", "crowded": "▴", "emptied": "∅"}
"""What stands before the name of a topic that is to be looked at."""
_NARROW = 40  # cells below which the words of a name stand close together
NATURAL = {"size": True, "kept": False, "alike": True, "near": True, "name": False}
"""What topics can be sorted by, besides measures; whether the largest comes first."""


def sort_value(topic: Topic, by: str) -> float | str | None:
    """What a topic is sorted by; None where it has no such measure, which comes last."""
    if by == "size":
        return topic.size
    if by == "kept":
        return topic.kept / max(1, topic.size)
    if by == "alike":
        return topic.duplicates / max(1, topic.size)
    if by == "near":
        return topic.near
    return topic.name if by == "name" else topic.scores.get(by)


def sorted_topics(topics: Sequence[Topic], by: str, *, backwards: bool) -> list[Topic]:
    """The topics in order; measures from the lowest, as what is low is looked for."""
    there = [topic for topic in topics if sort_value(topic, by) is not None]
    rest = [topic for topic in topics if sort_value(topic, by) is None]
    there.sort(key=lambda topic: topic.number)
    there.sort(key=lambda topic: sort_value(topic, by), reverse=NATURAL.get(by, False) != backwards)  # type: ignore[arg-type, return-value]
    return [*there, *rest]


class TopicList(Localised, LineList):
    """The screen sets `show`. Posts TopicMoved."""

    HELP = N_(
        "Topics, named by their words: records, the share kept, copies. Marks: ▴ crowded, ▾ thin, ∅ nothing of it was kept. "
        "The dot has the topic's colour on the plane. s sorts by the next column or measure, S turns the order round; "
        "g plans a generation with the topic's records as seeds."
    )
    DEFAULT_CSS = """
    TopicList > .topic--mark { color: $text-warning; text-style: bold; }
    """ + "".join(f"TopicList > .topic--hue-{hue} {{ color: {colour}; }}\n" for hue, colour in enumerate(HUE_COLOURS))
    COMPONENT_CLASSES: ClassVar[set[str]] = {*(f"topic--hue-{hue}" for hue in range(HUES)), "topic--mark"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", N_("Down"), show=False, tooltip=N_("The next topic."), id="topics.down"),
        Binding("up,k", "move(-1)", N_("Up"), show=False, tooltip=N_("The topic before."), id="topics.up"),
        Binding("pagedown,ctrl+d", "page(1)", N_("Page down"), show=False, tooltip=N_("A screen further."), id="topics.page_down"),
        Binding("pageup,ctrl+u", "page(-1)", N_("Page up"), show=False, tooltip=N_("A screen back."), id="topics.page_up"),
        Binding("home", "page(-1000000000)", N_("First"), show=False, tooltip=N_("All topics together."), id="topics.first"),
        Binding("G,end", "page(1000000000)", N_("Last"), show=False, tooltip=N_("The last topic."), id="topics.last"),
        Binding("enter", "screen.to_records", N_("Records"), show=False, tooltip=N_("To the topic's records."), id="topics.choose"),
    ]  # fmt: skip

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.topics: Sequence[Topic] = ()
        self.map: Map | None = None
        self.by = "size"
        self._hues: Mapping[int, int] = {}

    @property
    def count(self) -> int:
        """All of them, and each."""
        return len(self.topics) + 1 if self.map is not None else 0

    @property
    def topic(self) -> Topic | None:
        """The one under the cursor, None for all."""
        return self.topics[self.cursor - 1] if 0 < self.cursor <= len(self.topics) else None

    @property
    def decided(self) -> bool:
        """Whether a run decided about the records."""
        return self.map is not None and bool(self.map.kept or self.map.dropped)

    def show(self, found: Map, topics: Sequence[Topic], by: str, hues: Mapping[int, int], topic: int) -> None:
        """These topics in this order, the cursor on the one with that number. hues: the colour of each, {} for none."""
        self.map, self.topics, self.by, self._hues = found, topics, by, hues
        self.resized()
        self.set_cursor(next((place for place, each in enumerate(topics, 1) if each.number == topic), 0))

    def moved(self, place: int) -> None:  # noqa: ARG002 - the list's signature
        """Show its records."""
        self.post_message(TopicMoved(self.topic.number if self.topic is not None else 0))

    def step(self, by: int) -> None:
        """One topic further or back, from anywhere on the screen."""
        self.action_move(by)

    # Drawing

    def columns(self, width: int) -> list[tuple[str, int]]:
        """The columns behind the name and their widths, as many as there is room for: the sorted one always."""
        shown = [("size", 7)]
        shown += [("kept", 6)] if self.decided else []
        shown += [("alike", 6)]
        if self.by not in ("name", *(name for name, _width in shown)):
            shown.insert(1, (self.by, 7))
        while sum(size for _name, size in shown) > width - 18 and len(shown) > 1:
            wanted = [place for place in range(len(shown) - 1, 0, -1) if shown[place][0] != self.by]
            if not wanted:
                break
            del shown[wanted[0]]
        return shown

    def header(self, width: int) -> str:
        """What the columns are."""
        names = {"size": _("records"), "kept": _("kept"), "alike": _("alike"), "near": _("near")}
        columns = self.columns(width)
        room = width - sum(size for _name, size in columns) - 1
        head = cell("      " + _("topic"), room)
        told = [names.get(name, name.rpartition(".")[2]) for name, _size in columns]
        return head + "".join(cell(text, size, right=True) for text, (_name, size) in zip(told, columns, strict=True))

    def render_line(self, y: int) -> Strip:
        """One topic: its colour, its number, its mark, its name, and numbers."""
        width, place = self.scrollable_content_region.width, round(self.scroll_offset.y) + y
        if place >= self.count or self.map is None:
            return Strip.blank(width, self.rich_style)
        here = place == self.cursor
        base = self.rich_style + (self.get_component_rich_style("line-list--cursor") if here else Style.null())
        columns = self.columns(width)
        room = width - sum(size for _name, size in columns) - 1
        topic = self.topics[place - 1] if place else None
        mark, dot, number, name = " ", " ", "", _("everything")
        if topic is not None:
            mark = MARKS[topic.marks[0]] if topic.marks else " "
            dot, number, name = "●" if self._hues else " ", str(topic.number), topic.name
        hue = self._style(f"topic--hue-{self._hues.get(topic.number, 0)}") if topic is not None else Style.null()
        warn = self._style("topic--mark")
        numbers = "".join(cell(self._number(topic, name), size, right=True) for name, size in columns)
        segments = [
            Segment("▸" if here else " ", base),
            Segment(dot, base if here else base + hue),
            Segment(cell(number, 3, right=True), base),
            Segment(mark, base if here else base + warn),
            Segment(cell(name.replace(" · ", " ") if width < _NARROW else name, max(1, room - 6)), base),
            Segment(numbers + " ", base),
        ]
        return Strip(segments).adjust_cell_length(width, base)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True)

    def _number(self, topic: Topic | None, column: str) -> str:
        if topic is not None:
            value = sort_value(topic, column)
            if value is None:
                return "–"
            if column in ("kept", "alike"):
                return f"{float(value):.0%}"
            return f"{value:,}" if column == "size" else f"{float(value):.3g}"
        found = self.map
        if found is None or column not in ("size", "kept", "alike"):
            return ""
        if column == "size":
            return f"{found.records:,}"
        total = found.kept if column == "kept" else sum(each.duplicates for each in found.topics)
        return f"{total / max(1, found.records):.0%}"


class PointList(Localised, LineList):
    """The records that are chosen, by their numbers in `rows`. Posts PointMoved and PointChosen."""

    HELP = N_(
        "The records of the topic, the rectangle and the filters together, the most central first; coloured by a measure, the "
        "lowest first. Marks: - dropped, = says nearly the same as another. ◆ shows on the plane where the record is. "
        "enter goes to it on the screen Data, v to what changed on the screen Review, w tells all of it here."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", N_("Down"), show=False, tooltip=N_("The next record."), id="points.down"),
        Binding("up,k", "move(-1)", N_("Up"), show=False, tooltip=N_("The record before."), id="points.up"),
        Binding("pagedown,ctrl+d", "page(1)", N_("Page down"), show=False, tooltip=N_("A screen further."), id="points.page_down"),
        Binding("pageup,ctrl+u", "page(-1)", N_("Page up"), show=False, tooltip=N_("A screen back."), id="points.page_up"),
        Binding("g,home", "page(-1000000000)", N_("First"), show=False, tooltip=N_("The first record."), id="points.first"),
        Binding("G,end", "page(1000000000)", N_("Last"), show=False, tooltip=N_("The last record."), id="points.last"),
        Binding("enter", "choose", N_("Data"), tooltip=N_("To the record on the screen Data."), id="points.choose"),
    ]  # fmt: skip

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.rows: Rows | Sequence[int] = ()
        self._line_of: Callable[[int, int], tuple[str, str, bool]] = lambda _row, _width: ("", "", True)

    @property
    def count(self) -> int:
        """How many records."""
        return len(self.rows)

    @property
    def row(self) -> int | None:
        """The number of the record under the cursor."""
        return int(self.rows[self.cursor]) if self.cursor < len(self.rows) else None

    def show(self, rows: Rows | Sequence[int], line_of: Callable[[int, int], tuple[str, str, bool]]) -> None:
        """These records, from the first; a line is made when it is drawn, from the row and the width."""
        self.rows, self._line_of = rows, line_of
        self.set_reactive(PointList.cursor, 0)
        self.resized()
        self.scroll_to(y=0, animate=False, immediate=True)
        self.refresh()

    def moved(self, place: int) -> None:
        """Show it."""
        self.post_message(PointMoved(place))

    def action_choose(self) -> None:
        """Open it."""
        if self.count:
            self.post_message(PointChosen(self.cursor))

    def on_click(self, event: Click) -> None:
        """A click puts the cursor there, a double click opens."""
        if event.chain == 2 and round(self.scroll_offset.y) + event.y == self.cursor:
            self.action_choose()

    def line_at(self, place: int) -> tuple[str, str, bool]:
        """Mark, id, first words; topic or measure."""
        left, right, dim = self._line_of(int(self.rows[place]), self.scrollable_content_region.width)
        return ("▸" if place == self.cursor else " ") + left, right, dim
