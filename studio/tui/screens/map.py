"""The Map screen: what a dataset is about, topic by topic and on a plane, and from there to records and to new ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget

from studio.tui.i18n import N_, _
from studio.tui.messages import ProblemMet
from studio.tui.screens import map_work as work
from studio.tui.screens.listing import ListsRuns
from studio.tui.screens.map_ask import AsksForMap
from studio.tui.screens.map_follow import FollowsMap
from studio.tui.screens.map_frames import head_content
from studio.tui.screens.map_keys import MAP_KEYS
from studio.tui.screens.map_look import LooksAtMap
from studio.tui.screens.map_messages import MapsListed
from studio.tui.screens.runs_frames import run_content
from studio.tui.text import line
from studio.tui.widgets.lines import LineChosen, LineMoved
from studio.tui.widgets.map_list import MakingPane, MapList, PointPane
from studio.tui.widgets.plain import Plain
from studio.tui.widgets.plane import Plane
from studio.tui.widgets.prompt import PromptLine
from studio.tui.widgets.topic_list import PointList, TopicList

_LOOKING = (
    "generate",
    "colour",
    "colour_by",
    "sort",
    "backwards",
    "fate",
    "find",
    "only",
    "step",
    "why",
    "data",
    "review",
    "page",
)
_ASKING = ("new", "find", "generate")


class MapScreen(AsksForMap, LooksAtMap, FollowsMap, ListsRuns):
    """Holds one map. Making one is another process's business; all that takes time here is `map_work`'s."""

    PLACE = "map"
    CSS_PATH = "map.tcss"
    HELP = N_(
        "What the records are about: topics and their sizes on the left, every record as a dot on the right, the chosen "
        "records below. n makes a map, enter opens one; g takes a topic's records as seeds for new ones."
    )
    BINDINGS = MAP_KEYS

    def __init__(self) -> None:
        super().__init__()
        self._told = ""
        self._focused: Widget | None = None

    def body(self) -> ComposeResult:
        """The list; in its place the map that is open, or how far it is."""
        with Container(id="choose"):
            yield MapList(id="maps")
            with Container(id="none"):
                yield Plain(id="none-text")
        with Vertical(id="run"):
            yield Plain(id="head")
            yield MakingPane(id="making")
            with Vertical(id="map"):
                yield Plain(id="choice")
                with Horizontal(id="upper"):
                    with Vertical(id="left"):
                        yield Plain(id="topics-head")
                        yield TopicList(id="topics")
                    yield Plane(id="plane")
                yield Plain(id="about")
                with Horizontal(id="lower"):
                    yield PointList(id="points")
                    yield PointPane(id="record")
        yield Plain(id="command")
        yield PromptLine()

    def on_mount(self) -> None:
        """The list, or what was opened."""
        self.begin_list(work.map_book(self.studio.runs_dir), self.query_one(MapList))

    def on_resize(self) -> None:
        """What was cut to the width is cut to another one."""
        self.call_after_refresh(self.draw)

    # The list

    def on_maps_listed(self, message: MapsListed) -> None:
        """Draw them; where there are none, say what to do."""
        self.query_one(MapList).show(message.frames)
        said = [
            _("No map was made here yet."),
            _("n makes one of a run, or of files: topics, named by their words, and every record beside its like."),
            _("Nothing is fetched, and nothing leaves this machine: the model for it is part of the studio."),
        ]
        self.show_whether_any(message.frames, said)
        self.draw_command()

    def on_line_moved(self, message: LineMoved) -> None:
        """Another map."""
        message.stop()
        self.draw_command()

    def on_line_chosen(self, message: LineChosen) -> None:
        """Enter: open it."""
        message.stop()
        frame = self.query_one(MapList).frame
        if frame is not None:
            self.attach(Path(frame.path))

    # The run

    def opened(self) -> None:
        """Another map is open."""
        self.points = self.painter = self.rows = None
        self.query_one(MakingPane).focus()
        self.tell("")
        self.draw()
        self.refresh_bindings()

    def closed(self) -> None:
        """The list again; the arrays of a large map are let go of."""
        self.points = self.painter = self.rows = self.told = None
        self.query_one(PointList).show((), lambda _row, _width: ("", "", True))
        self.query_one(Plane).forget()

    def on_problem_met(self, message: ProblemMet) -> None:
        """In the corner."""
        message.stop()
        self.tell("")
        self.studio.say(f"{message.message} {message.hint}".strip(), "error")

    # Drawing

    def draw(self) -> None:
        """Everything that is not the plane itself or a list."""
        if not self.is_mounted:
            return
        width = max(40, self.size.width - 2)
        found = self.points.map if self.points is not None else None
        self.query_one("#head", Plain).show(head_content(self.stood, found, width))
        if self.has_class("-there"):
            self.draw_map()
        elif self.stood is not None:
            told = replace(self.snapshot, stages=())  # no stage of a map decides anything
            self.query_one(MakingPane).show(run_content(self.stood, told, width - 2))
        self.draw_command()

    def tell(self, text: str) -> None:
        """What is under way."""
        self._told = text
        self.draw_command()

    def command_line(self) -> str:
        """What one would type for what is shown."""
        from studio.runs.folder import reference

        following = self.following
        if following is None:
            return ""
        run = reference(following.watch.folder)
        return self.map_command(run) if self.has_class("-there") else f"studio runs attach {run}"

    def draw_command(self) -> None:
        """What is under way; else the command line that does the same."""
        if not self.is_mounted:
            return
        shown = Content("")
        if self._told:
            shown = line(self._told, style="bold", limit=400)
        elif self.has_class("-open"):
            shown = line(f"$ {self.command_line()}", limit=400)
        elif self.query_one(MapList).frame is not None:
            shown = line(_("⏎ opens the map; n makes a new one"))
        self.query_one("#command", Plain).show(shown, same_size=True)

    # Doing

    def focus_again(self) -> None:
        """Where the focus was before a question."""
        before = self._focused
        if before is not None and before.is_mounted and before.focusable:
            self.set_focus(before)
        else:
            self.query_one("#topics" if self.has_class("-there") else "#maps").focus()

    def set_focus(self, widget: Widget | None, scroll_visible: bool = True, from_app_focus: bool = False) -> None:
        """Remember it, as long as it is no question."""
        if isinstance(widget, TopicList | Plane | PointList | PointPane | MapList | MakingPane):
            self._focused = widget
        super().set_focus(widget, scroll_visible, from_app_focus)

    def action_page(self) -> None:
        """The page, for a browser."""
        from curation.topics.model import PAGE

        following = self.following
        if following is not None:
            path = following.path / PAGE
            self.studio.copy(str(path))
            self.studio.say(_("Open it in a browser: {path}").format(path=path))

    def action_copy(self) -> None:
        """The command line."""
        self.studio.copy(self.command_line())

    def action_back(self) -> None:
        """One step back."""
        beginning = [each for each in self.workers if each.group in ("begin", "seeds") and each.is_running]
        plane = self.query_one(Plane)
        if beginning:
            for each in beginning:
                each.cancel()
            self.tell("")
        elif self.has_class("-why"):
            self.leave_why()
        elif plane.take_box():
            pass
        elif self.choice.words or self.choice.fate:
            self.choose(words="", fate="")
        elif self.has_class("-open"):
            self.leave()
            self.query_one(MapList).focus()
            self.tell("")
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """The footer offers what applies now."""
        opened, there = self.has_class("-open"), self.has_class("-there")
        if action in _ASKING and self.is_mounted and self.query_one(PromptLine).is_open:
            return False
        if action in _LOOKING:
            return there
        answers = {
            "copy": opened,
            "resume_run": opened and self.can_go_on,
            "stop_run": opened and self.goes_on,
        }
        return answers.get(action, True)
