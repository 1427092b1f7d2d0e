"""The Runs screen: all runs, and the one under the cursor in full."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content

from studio.display import display
from studio.tui.i18n import N_, _
from studio.tui.live import EVERY
from studio.tui.messages import ProblemMet, RunChanged
from studio.tui.screens import curate_work, runs_work
from studio.tui.screens.base import StudioScreen
from studio.tui.screens.curate_messages import RunBegun, RunStood
from studio.tui.screens.runs_frames import RunFrame, compared_content, run_content
from studio.tui.screens.runs_keys import RUNS_KEYS
from studio.tui.screens.runs_work import RunsCompared, RunsListed
from studio.tui.text import line
from studio.tui.widgets.funnel import Funnel
from studio.tui.widgets.lines import LineChosen, LineMoved
from studio.tui.widgets.plain import Plain
from studio.tui.widgets.run_list import RunList

if TYPE_CHECKING:
    from studio.runs.snapshot import RunSnapshot
    from studio.tui.screens.run_book import RunBook
    from studio.tui.screens.runs_frames import RunFrame


class RunsScreen(StudioScreen):
    """One timer looks at the folder and at the run under the cursor twice a second, in one thread worker."""

    PLACE = "runs"
    CSS_PATH = "runs.tcss"
    HELP = N_(
        "Runs are processes of their own, each with a folder. The lower half shows the run under the cursor; enter gives it "
        "the whole screen. Mark two with space and compare them with =."
    )
    BINDINGS = RUNS_KEYS

    def __init__(self) -> None:
        super().__init__()
        self.book: RunBook[RunFrame] | None = None
        self.following: curate_work.Following | None = None
        self.snapshot: RunSnapshot | None = None
        self.stood: RunStood | None = None
        self._compared: RunsCompared | None = None
        self._asked_to_stop = ""

    def body(self) -> ComposeResult:
        """The table above, the run below."""
        yield RunList(id="runs")
        yield Funnel(id="run")
        with Container(id="none"):
            yield Plain(id="none-text")

    def on_mount(self) -> None:
        """Begin to look."""
        self.book = runs_work.runs_book(self.studio.runs_dir)
        self.query_one(RunList).focus()
        self._look()
        self.set_interval(EVERY, self._look)

    def _look(self) -> None:
        book, following = self.book, self.following
        if book is None or not self.is_on_top:
            return

        def look() -> None:
            book.read(self)
            if following is not None:
                following.look()

        self._work("watch", look)

    def _work(self, group: str, work: object) -> None:
        """Run in a thread; a newer one of the same group takes its place."""
        self.run_worker(work, thread=True, exclusive=True, group=group, exit_on_error=True, name=group)  # type: ignore[arg-type]

    # The table

    @property
    def frame(self) -> RunFrame | None:
        """The run under the cursor."""
        runs = self.query_one(RunList)
        return runs.frames[runs.cursor] if runs.cursor < len(runs.frames) else None

    def on_runs_listed(self, message: RunsListed) -> None:
        """Draw them."""
        runs = self.query_one(RunList)
        runs.show(message.runs)
        self.set_class(not message.runs, "-none")
        if not message.runs:
            said = [
                _("There is no run in {path}.").format(path=self.studio.runs_dir),
                _("2 goes to Curate, where r starts one."),
            ]
            self.query_one("#none-text", Plain).show(Content("\n\n").join(map(line, said)))
        self._follow_cursor()

    def on_line_moved(self, message: LineMoved) -> None:
        """Another run."""
        message.stop()
        self._follow_cursor()

    def _follow_cursor(self) -> None:
        frame = self.frame
        if frame is None:
            self.following = None
        elif self.following is None or str(self.following.path) != frame.path:
            self.following, self.snapshot, self.stood = curate_work.Following(Path(frame.path), self), None, None
            self._compared = None
            self._work("watch", self.following.look)
        self.refresh_bindings()

    def on_line_chosen(self, message: LineChosen) -> None:
        """Enter: the run on the whole screen."""
        message.stop()
        self.add_class("-whole")
        self.query_one(Funnel).focus()
        self.refresh_bindings()

    def action_back(self) -> None:
        """The table again."""
        self.remove_class("-whole")
        self._compared = None
        self._draw()
        self.query_one(RunList).focus()
        self.refresh_bindings()

    def on_resize(self) -> None:
        """What was cut to the width is cut to another one."""
        self._draw()

    # The run

    def on_run_changed(self, message: RunChanged) -> None:
        """It went on."""
        if self.following is not None and message.run == self.following.path.name:
            self.snapshot = message.snapshot
            self._draw()

    def on_run_stood(self, message: RunStood) -> None:
        """How it stands."""
        if self.following is not None and message.run == self.following.path.name:
            self.stood = message
            self._draw()
            self.refresh_bindings()

    def _draw(self) -> None:
        funnel = self.query_one(Funnel)
        if self._compared is not None:
            funnel.show(compared_content(self._compared.left, self._compared.right, max(60, self.size.width - 4)))
        elif self.stood is not None:
            funnel.show(run_content(self.stood, self.snapshot, max(40, self.size.width - 4)))

    def on_problem_met(self, message: ProblemMet) -> None:
        """In the corner."""
        message.stop()
        self.studio.say(f"{message.message} {message.hint}".strip(), "error")

    # What can be done

    def action_mark(self) -> None:
        """Mark it; of three, the oldest mark goes."""
        runs, frame = self.query_one(RunList), self.frame
        if frame is not None:
            others = [path for path in runs.marked if path != frame.path]
            runs.mark(others if frame.path in runs.marked else [*others, frame.path][-2:])

    def action_compare(self) -> None:
        """The two marked runs, the older one first."""
        marked = self.query_one(RunList).marked
        if len(marked) != 2:
            self.studio.say(_("Mark two runs with space first."))
            return
        left, right = sorted(map(Path, marked), key=lambda path: path.name)
        self._work("compare", lambda: runs_work.compare(left, right, self))

    def on_runs_compared(self, message: RunsCompared) -> None:
        """Side by side, on the whole screen."""
        self._compared = message
        self.add_class("-whole")
        self._draw()
        funnel = self.query_one(Funnel)
        funnel.scroll_home(animate=False)
        funnel.focus()
        self.refresh_bindings()

    def action_attach(self) -> None:
        """Follow it where it belongs: on the screen Curate, Train, Compare, Generate or Map."""
        frame = self.frame
        if frame is None:
            return
        path = Path(frame.path)
        place = frame.kind if frame.kind in ("train", "compare", "generate", "map") else "curate"

        def attach() -> None:
            if isinstance(self.app.screen, StudioScreen) and place == self.app.screen.PLACE:
                self.app.screen.attach(path)  # type: ignore[attr-defined]

        self.studio.action_go(place)
        self.studio.call_after_refresh(attach)

    def action_stop(self) -> None:
        """Ask it to stop, after a question; the second time end it."""
        from studio.tui.screens.runs_confirm import ConfirmScreen

        frame = self.frame
        if frame is None or frame.status != "running":
            self.studio.say(_("It is not running."))
            return
        again = self._asked_to_stop == frame.name

        def answered(yes: bool | None) -> None:
            if yes:
                self._asked_to_stop = frame.name
                self._work("stop", lambda: curate_work.stop_run(Path(frame.path), self, force=again))

        question = _("End {name} at once?") if again else _("Stop {name}?")
        detail = _("What is finished is kept, and c goes on from there.")
        self.app.push_screen(ConfirmScreen(question.format(name=display(frame.name)), detail), answered)

    def action_resume(self) -> None:
        """Let it go on."""
        frame = self.frame
        if frame is None or frame.status in ("running", "finished"):
            self.studio.say(_("There is no run here that could go on."))
            return
        self._work("begin", lambda: curate_work.resume_run(Path(frame.path), None, self))

    def on_run_begun(self, message: RunBegun) -> None:
        """It goes on; the next look shows it."""
        message.stop()
        self.following = None
        self._look()

    def action_thresholds(self) -> None:
        """Move a threshold, and do the run again."""
        from studio.tui.screens.curate_threshold import ThresholdScreen

        frame = self.frame
        if frame is None or frame.status != "finished":
            self.studio.say(_("Thresholds are moved on a finished run: its scores are in its ledger."))
            return
        path = Path(frame.path)

        def chosen(setting: str | None) -> None:
            if setting:
                from studio.runs.begin import recipe_of
                from studio.runs.folder import RunFolder

                recipe = recipe_of(RunFolder(path)).with_settings([setting])
                self._work("begin", lambda: curate_work.resume_run(path, recipe, self))

        self.app.push_screen(ThresholdScreen(path), chosen)

    def action_remove(self) -> None:
        """Delete it, after a question that says what goes."""
        from studio.tui.screens.runs_confirm import ConfirmScreen

        frame = self.frame
        if frame is None:
            return
        if frame.status == "running":
            self.studio.say(_("A run that is going on is not deleted. Stop it first."), "warning")
            return
        path = Path(frame.path)
        megabytes = runs_work.size_of(path) / 1e6

        def answered(yes: bool | None) -> None:
            if yes:
                self.following = None
                self._work("remove", lambda: self._remove(path))

        detail = _("Its folder goes, {n} MB: dataset, ledger, report and verdicts. What was written elsewhere stays.")
        question = _("Delete {name}?").format(name=display(frame.name))
        self.app.push_screen(ConfirmScreen(question, detail.format(n=f"{megabytes:,.1f}")), answered)

    def _remove(self, path: Path) -> None:
        runs_work.remove_run(path, self)
        if self.book is not None:
            self.book.read(self)

    def action_data(self) -> None:
        """Its records on the Data screen."""
        self._open_on("data", "open_path")

    def action_review(self) -> None:
        """Its changes on the Review screen."""
        self._open_on("review", "open_path")

    def _open_on(self, place: str, method: str) -> None:
        from studio.tui.screens import PLACES

        frame = self.frame
        if frame is None:
            return
        if place not in {each.name for each in PLACES}:
            self.studio.say(_("There is no screen for that yet."))
            return
        path = frame.path

        def opened() -> None:
            opener = getattr(self.app.screen, method, None)
            if opener is not None:
                opener(path)

        self.studio.opened = path
        self.studio.action_go(place)
        self.studio.call_after_refresh(opened)

    def action_copy(self) -> None:
        """The path of its folder."""
        if self.frame is not None:
            self.studio.copy(self.frame.path)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """The footer offers what applies to the run under the cursor."""
        status = self.frame.status if self.is_mounted and self.frame is not None else ""
        if action == "stop":
            return status == "running"
        if action == "resume":
            return status in ("stopped", "failed", "crashed")
        return action != "back" or self.has_class("-whole")
