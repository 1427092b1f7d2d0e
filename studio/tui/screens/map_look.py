"""Looking at a map: topics, the plane, and the records that a topic, a rectangle and filters choose together."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.events import DescendantFocus

from curation.errors import StudioError
from studio.tui.i18n import _
from studio.tui.points import COPIES, FATES, Choice, Points
from studio.tui.scatter import FATE, TOPIC, Painter, View
from studio.tui.screens import map_work as work
from studio.tui.screens.base import StudioScreen
from studio.tui.screens.map_frames import choice_content, colour_words, labels, point_content, point_line, topic_content
from studio.tui.screens.map_messages import (
    BoxDrawn,
    PlaceChosen,
    PlaneChanged,
    PlanePainted,
    PointChosen,
    PointMoved,
    RecordTold,
    RowsSelected,
    TopicMoved,
)
from studio.tui.widgets.plain import Plain
from studio.tui.widgets.plane import Plane
from studio.tui.widgets.scrolled import ScrolledText
from studio.tui.widgets.topic_list import NATURAL, PointList, TopicList, sorted_topics

if TYPE_CHECKING:
    from curation.topics.model import Topic
    from studio.tui.points import Rows
    from studio.tui.screens.map import MapScreen

_WIDE = 120  # columns from which labels have words, and the record stands beside its list


class LooksAtMap(StudioScreen):
    """What the Map screen does with a map that is there. `-why` gives the record the room of the plane where it has none."""

    points: Points | None = None
    painter: Painter | None = None
    choice = Choice()
    colour = TOPIC
    only = False
    sort = "size"
    backwards = False
    rows: Rows | None = None
    told: work.Told | None = None

    @property
    def _looker(self) -> MapScreen:
        return cast("MapScreen", self)

    @property
    def by(self) -> str:
        """The measure that records are sorted by: the one that is drawn; "" for none."""
        return "" if self.colour in (TOPIC, FATE) else self.colour

    @property
    def topic(self) -> Topic | None:
        """The topic under the cursor."""
        return self.query_one(TopicList).topic

    def show_map(self, points: Points) -> None:
        """Another map, from its topics."""
        self.points, self.painter = points, Painter(points)
        self.choice, self.rows, self.told = Choice(), None, None
        self.colour, self.only, self.sort, self.backwards = TOPIC, False, "size", False
        self.query_one(Plane).forget()
        self.query_one(PointList).show((), lambda _row, _width: ("", "", True))
        self._show_topics()
        self.query_one(TopicList).focus()
        self._looker.tell("")
        self._looker.draw()
        self.refresh_bindings()
        self.call_after_refresh(self.choose)

    # Choosing

    def choose(self, **changes: object) -> None:
        """Another choice of records: what is listed and what stands out on the plane."""
        self.choice = replace(self.choice, **changes)  # type: ignore[arg-type]
        points, painter, view, choice, by = self.points, self.painter, self._view(), self.choice, self.by
        if points is not None and painter is not None:
            self._looker.work("look", lambda: work.look(points, choice, by, painter, view, self))
        self._looker.draw()

    def _view(self) -> View | None:
        plane = self.query_one(Plane)
        if plane.size.width < 2 or plane.size.height < 1:
            return None
        return View(plane.size.width, plane.size.height, plane.window, self.colour, self.only)

    def on_rows_selected(self, message: RowsSelected) -> None:
        """List them."""
        points = self.points
        if points is None or message.points is not points or (message.choice, message.by) != (self.choice, self.by):
            return
        self.rows, self.told = message.rows, None
        by = message.by
        self.query_one(PointList).show(message.rows, lambda row, width: point_line(points, row, by, width))
        self._looker.draw()
        self._show_record(home=True)

    def on_plane_changed(self, message: PlaneChanged) -> None:
        """Another part of it."""
        message.stop()
        self._paint()
        self._looker.draw()

    def _paint(self) -> None:
        painter, view = self.painter, self._view()
        rows = None if self.choice == Choice() else self.rows
        if painter is not None and view is not None and (rows is not None or self.choice == Choice()):
            self._looker.work("paint", lambda: work.paint(painter, view, rows, self))

    def on_plane_painted(self, message: PlanePainted) -> None:
        """Show it."""
        if message.points is self.points and message.scatter.view == self._view():
            self.query_one(Plane).show(message.scatter)

    def on_topic_moved(self, message: TopicMoved) -> None:
        """Its records."""
        message.stop()
        self.choose(topic=message.topic)

    def on_box_drawn(self, message: BoxDrawn) -> None:
        """Those in the rectangle."""
        message.stop()
        self.choose(box=message.box)

    def on_place_chosen(self, message: PlaceChosen) -> None:
        """The topic of the record that is nearest."""
        message.stop()
        points = self.points
        if points is None:
            return
        import numpy as np

        away = (points.x - np.float32(message.x)) ** 2 + (points.y - np.float32(message.y)) ** 2
        if np.isfinite(away).any():
            self._go_to(int(points.topic[int(np.nanargmin(away))]))

    def _go_to(self, number: int) -> None:
        topics = self.query_one(TopicList)
        place = next((place for place, each in enumerate(topics.topics, 1) if each.number == number), 0)
        topics.set_cursor(place)
        topics.moved(place)

    def action_step(self, by: int) -> None:
        """The next topic, or the one before."""
        self.query_one(TopicList).step(by)

    def action_to_records(self) -> None:
        """From the topics to the records."""
        self.query_one(PointList).focus()

    # Topics

    def _show_topics(self) -> None:
        topics, painter = self.query_one(TopicList), self.painter
        if self.points is None or painter is None:
            return
        found = self.points.map
        order = sorted_topics(found.topics, self.sort, backwards=self.backwards)
        hues = {each.number: painter.hue(each.number) for each in found.topics} if self.colour == TOPIC else {}
        topics.show(found, order, self.sort, hues, self.choice.topic)

    def action_sort(self) -> None:
        """By the next column, or measure."""
        if self.points is None:
            return
        columns = [name for name in NATURAL if name != "kept" or self.points.decided]
        names = [*columns, *self.points.map.scores]
        self.sort = names[(names.index(self.sort) + 1) % len(names)]
        self.backwards = False
        self._show_topics()
        self._looker.draw()

    def action_backwards(self) -> None:
        """The other way round."""
        self.backwards = not self.backwards
        self._show_topics()
        self._looker.draw()

    # Colours and filters

    def colours(self) -> list[str]:
        """What the plane can be coloured by."""
        if self.points is None:
            return [TOPIC]
        return [TOPIC, *([FATE] if self.points.decided else []), *self.points.measures]

    def action_colour(self) -> None:
        """By the next of them."""
        names = self.colours()
        self._colour(names[(names.index(self.colour) + 1) % len(names)])

    def action_colour_by(self) -> None:
        """Choose from all."""
        from studio.tui.screens.curate_add import Choice as Line
        from studio.tui.screens.curate_add import ChooseScreen

        points = self.points
        if points is None:
            return
        lines = [Line(name, name, colour_words(points, name)) for name in self.colours()]

        def chosen(name: str | None) -> None:
            if name:
                self._colour(name)

        self.app.push_screen(ChooseScreen(_("Colour by"), lines), chosen)

    def _colour(self, name: str) -> None:
        self.colour = name
        self._show_topics()
        self.choose()

    def action_fate(self) -> None:
        """All, kept, dropped, copies."""
        if self.points is None:
            return
        fates = ["", *(FATES if self.points.decided else ()), COPIES]
        self.choose(fate=fates[(fates.index(self.choice.fate) + 1) % len(fates)])

    def action_only(self) -> None:
        """Nothing but what is in the list."""
        self.only = not self.only
        self._paint()

    # The record

    def on_point_moved(self, message: PointMoved) -> None:
        """Another record."""
        message.stop()
        self.told = None
        self._show_record(home=True)
        self._looker.draw()
        if self.has_class("-why"):
            self._tell_record()

    def on_point_chosen(self, message: PointChosen) -> None:
        """To its place."""
        message.stop()
        self.action_data()

    def _show_record(self, *, home: bool = False) -> None:
        points, row = self.points, self.query_one(PointList).row
        pane = self.query_one("#record", ScrolledText)
        if points is None or row is None:
            pane.show(Content.styled(_("No record is chosen."), "dim"), home=home)
        else:
            pane.show(point_content(points, row, self.told), home=home)

    def action_why(self) -> None:
        """All of the record; once more, the plane again."""
        if self.has_class("-why") and self.size.width < _WIDE:
            self.leave_why()
            return
        if self.query_one(PointList).row is None:
            return
        self.add_class("-why")
        self._tell_record()
        self.query_one("#record").focus()
        self.refresh_bindings()

    def leave_why(self) -> None:
        """The plane in its place again."""
        self.remove_class("-why")
        self.query_one(PointList).focus()

    def _tell_record(self) -> None:
        points, row, inputs = self.points, self.query_one(PointList).row, self._looker.inputs
        if points is not None and row is not None:
            self._looker.work("tell", lambda: work.tell(points, inputs, row, self))

    def on_record_told(self, message: RecordTold) -> None:
        """Show it, if it is still the one."""
        if message.points is self.points and message.row == self.query_one(PointList).row:
            self.told = message.told
            self._show_record()

    def action_data(self) -> None:
        """The record on the screen Data."""
        self._open_on("data")

    def action_review(self) -> None:
        """What was done to it on the screen Review."""
        self._open_on("review")

    def _open_on(self, place: str) -> None:
        points, row = self.points, self.query_one(PointList).row
        if points is None or row is None:
            return
        try:
            path = work.where(points, self._looker.inputs, row)
        except StudioError as error:
            self.studio.say(f"{error.message} {error.hint}".strip(), "error")
            return
        if place == "review" and not (Path(path) / "index.json").is_file():
            self.studio.say(_("This map was made of files; only what a run did can be reviewed."))
            return
        record_id = points.record(row)["record_id"]

        def opened() -> None:
            opener = getattr(self.app.screen, "open_record", None)
            if opener is not None:
                opener(path, record_id)

        self.studio.opened = path
        self.studio.action_go(place)
        self.studio.call_after_refresh(opened)

    # Drawing

    def on_descendant_focus(self, _event: DescendantFocus) -> None:
        """The record under the cursor is marked while its list has the focus; the line at the bottom is about the focus."""
        self._looker.draw()

    def draw_map(self) -> None:
        """Everything around the plane."""
        points = self.points
        if points is None:
            return
        topics, plane, listed = self.query_one(TopicList), self.query_one(Plane), self.query_one(PointList)
        width = self.size.width - 2
        shown = len(self.rows) if self.rows is not None else len(points)
        said = choice_content(
            points, self.choice, shown, self.colour, magnified=plane.magnified, growing=plane.growing, width=width
        )
        self.query_one("#choice", Plain).show(said, same_size=True)
        self.query_one("#topics-head", Plain).show(topics.header(topics.scrollable_content_region.width))
        about = self.query_one("#about", Plain)
        about.show(topic_content(topics.topic, points.map, width, max(1, about.size.height)), same_size=True)
        marked = None
        row = listed.row
        if row is not None and listed.has_focus and points.x[row] == points.x[row]:
            marked = (float(points.x[row]), float(points.y[row]))
        plane.label(labels(points.map, self.choice.topic, wide=self.size.width >= _WIDE), marked)

    def map_command(self, run: str) -> str:
        """The command line that does what is under the cursor."""
        points, listed, topic = self.points, self.query_one(PointList), self.topic
        row = listed.row
        if points is not None and row is not None and (listed.has_focus or self.query_one("#record").has_focus):
            record = points.record(row)
            folder = Path(self._looker.inputs[record["input"]])
            if (folder / "index.json").is_file():
                from studio.runs.folder import RunFolder, reference

                return f"studio why {reference(RunFolder(folder))} {shlex.quote(record['record_id'])}"
        return f"studio map {run}" + (f" --topic {topic.number}" if topic is not None else "")
