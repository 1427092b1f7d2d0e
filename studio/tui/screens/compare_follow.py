"""A comparison on the screen: begin, open, watch, stop, load again. It is another process and outlives the screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from studio.display import display
from studio.runs.compared import CompareSnapshot
from studio.tui.i18n import _
from studio.tui.screens import compare_work as work
from studio.tui.screens import curate_work
from studio.tui.screens.base import StudioScreen
from studio.tui.screens.compare_frames import Opinions
from studio.tui.screens.compare_messages import CompareChanged
from studio.tui.screens.curate_messages import RunBegun, RunStood

if TYPE_CHECKING:
    from studio.tui.screens.compare import CompareScreen


class FollowsCompare(StudioScreen):
    """What the Compare screen does with a run. `-open` shows one in place of the list."""

    following: work.CompareFollowing | None = None
    desk: work.Desk | None = None
    snapshot = CompareSnapshot()
    stood: RunStood | None = None
    opinions = Opinions()
    _asked_to_stop = ""

    @property
    def _compare(self) -> CompareScreen:
        return cast("CompareScreen", self)

    @property
    def followed(self) -> str:
        """The name of the comparison that is open, "" for none."""
        return self.following.path.name if self.following is not None else ""

    @property
    def goes_on(self) -> bool:
        """Whether its process lives."""
        return self.stood is not None and self.stood.status == "running"

    def on_unmount(self) -> None:
        """What was said is on the disk before the program ends; the run goes on."""
        self.following = None
        if self.desk is not None:
            self.desk.close()

    def work(self, group: str, work: object) -> None:
        """Run in a thread; a newer one of the same group takes its place."""
        self.run_worker(work, thread=True, exclusive=True, group=group, exit_on_error=True, name=group)  # type: ignore[arg-type]

    # Opening

    def attach(self, path: Path) -> None:
        """Open the comparison in this folder, from its beginning."""
        if self.desk is not None:
            self.desk.close()
        self.desk = work.Desk(path, self)
        self.following = work.CompareFollowing(path, self)
        self.snapshot, self.stood, self.opinions = CompareSnapshot(), None, Opinions()
        self._asked_to_stop = ""
        self._compare.forget()
        self.add_class("-open")
        self.remove_class("-voting", "-numbers", "-back")
        self.desk.read()
        self._compare.opened()
        self.watch_run()

    def leave(self) -> None:
        """The list again; what goes on, goes on."""
        if self.desk is not None:
            self.desk.close()
        self.desk = self.following = None
        self.remove_class("-open", "-voting", "-numbers", "-back")

    def watch_run(self) -> None:
        """Look once more, if there is something to see."""
        following = self.following
        ended = self.stood is not None and not self.goes_on
        if following is not None and not ended and self.app.screen is self:
            self.work("watch", following.look)

    # Hearing

    def on_compare_changed(self, message: CompareChanged) -> None:
        """It went on."""
        if message.run != self.followed:
            return
        before, self.snapshot = self.snapshot, message.snapshot
        self._compare.went_on(before)
        if (before.waiting, bool(before.writing)) != (self.snapshot.waiting, bool(self.snapshot.writing)):
            self.refresh_bindings()

    def on_run_stood(self, message: RunStood) -> None:
        """How it stands."""
        if message.run != self.followed:
            return
        before, self.stood = self.stood, message
        self._compare.draw()
        if before is not None and before.status == "running" and message.status != "running":
            said = {
                "finished": _("The comparison has ended; c loads the models again."),
                "stopped": _("The comparison has stopped; c goes on with it."),
            }
            severity = {"finished": "information", "stopped": "warning"}.get(message.status.value, "error")
            trouble = message.result.message if message.result is not None else ""
            told = said.get(message.status.value, f"{_('The comparison has failed.')} {trouble}")
            self.studio.say(told.strip(), severity)
        if before is None or before.status != message.status:
            self.refresh_bindings()

    def on_run_begun(self, message: RunBegun) -> None:
        """Open it; one that was open goes on being watched where it is."""
        self._compare.tell("")
        if Path(message.folder).name == self.followed and self.following is not None:
            self.stood = None
            self.watch_run()
        else:
            self.attach(Path(message.folder))

    # Doing

    def begin(self, run: str, preset: str, settings: tuple[str, ...] = ()) -> None:
        """Start a comparison."""
        runs_dir = self.studio.runs_dir
        self._compare.tell(_("Starting …"))
        self.work("begin", lambda: work.begin(run, settings, preset, runs_dir, self))

    def action_stop_run(self) -> None:
        """Ask it to stop, after a question; the second time end it."""
        from studio.tui.screens.runs_confirm import ConfirmScreen

        following = self.following
        if following is None or not self.goes_on:
            self.studio.say(_("No comparison is going on here."))
            return
        name, again = following.path.name, self._asked_to_stop == following.path.name

        def answered(yes: bool | None) -> None:
            if yes:
                self._asked_to_stop = name
                self.work("stop", lambda: curate_work.stop_run(following.path, self, force=again))
                self._compare.tell(_("Stopping … s once more ends it at once."))

        question = _("End {name} at once?") if again else _("Stop {name}?")
        detail = _("What was answered is kept, and the memory is given back. c loads the models again.")
        self.app.push_screen(ConfirmScreen(question.format(name=display(name)), detail), answered)

    def action_resume_run(self) -> None:
        """Load the models again, and do what is left."""
        following = self.following
        if following is None or self.stood is None or self.goes_on:
            return
        self._compare.tell(_("Loading the models …"))
        self.work("begin", lambda: work.open_again(following.path, self))
