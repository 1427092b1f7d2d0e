"""A comparison on the screen: begin, open, watch, stop, load again. It is another process and outlives the screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from studio.runs.compared import CompareSnapshot
from studio.tui.i18n import N_, _
from studio.tui.screens import compare_work as work
from studio.tui.screens.compare_frames import Opinions
from studio.tui.screens.compare_messages import CompareChanged
from studio.tui.screens.curate_messages import RunBegun
from studio.tui.screens.watching import RunWords, WatchesRun

if TYPE_CHECKING:
    from studio.tui.screens.compare import CompareScreen


class FollowsCompare(WatchesRun):
    """What the Compare screen does with a run. `-open` shows one in place of the list."""

    WORDS = RunWords(
        kept=N_("What was answered is kept, and the memory is given back. c loads the models again."),
        none=N_("No comparison is going on here."),
        finished=N_("The comparison has ended; c loads the models again."),
        stopped=N_("The comparison has stopped; c goes on with it."),
        failed=N_("The comparison has failed."),
    )

    following: work.CompareFollowing | None
    desk: work.Desk | None = None
    snapshot = CompareSnapshot()
    opinions = Opinions()

    @property
    def _compare(self) -> CompareScreen:
        return cast("CompareScreen", self)

    def on_unmount(self) -> None:
        """What was said is on the disk before the program ends; the run goes on."""
        super().on_unmount()
        if self.desk is not None:
            self.desk.close()

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
        if following is not None and not ended and self.is_on_top:
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

    def stood_anew(self) -> None:
        """Draw how it stands."""
        self._compare.draw()

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

    def action_resume_run(self) -> None:
        """Load the models again, and do what is left."""
        following = self.following
        if following is None or self.stood is None or self.goes_on:
            return
        self._compare.tell(_("Loading the models …"))
        self.work("begin", lambda: work.open_again(following.path, self))
