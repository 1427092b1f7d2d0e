"""A map on the screen: open, watch while it is made, stop, resume, and read when it is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from studio.runs.snapshot import RunSnapshot
from studio.tui.i18n import N_, _
from studio.tui.messages import RunChanged
from studio.tui.screens import curate_work
from studio.tui.screens import map_work as work
from studio.tui.screens.curate_messages import RunBegun
from studio.tui.screens.map_messages import MapRead, MapUnread
from studio.tui.screens.watching import RunWords, WatchesRun

if TYPE_CHECKING:
    from studio.tui.screens.map import MapScreen


class FollowsMap(WatchesRun):
    """What the Map screen does with a run. `-open` shows one in place of the list, `-there` its map in place of its funnel."""

    WORDS = RunWords(
        kept=N_("Texts that were embedded are not embedded again: c goes on from there."),
        none=N_("No map is being made here."),
        finished=N_("The map is there."),
        stopped=N_("The map has stopped; c goes on with it."),
        failed=N_("The map has failed."),
    )

    following: curate_work.Following | None
    snapshot = RunSnapshot()
    inputs: tuple[str, ...] = ()
    _asked_for = ""  # the run whose map is being read, or was

    @property
    def _map(self) -> MapScreen:
        return cast("MapScreen", self)

    @property
    def can_go_on(self) -> bool:
        """Whether it stopped before its end."""
        return self.stood is not None and self.stood.status in ("stopped", "failed", "crashed")

    def attach(self, path: Path) -> None:
        """Open the map in this folder, finished or not."""
        self.following = curate_work.Following(path, self)
        self.snapshot, self.stood = RunSnapshot(), None
        self._asked_to_stop = self._asked_for = ""
        self.remove_class("-there", "-why")
        self.add_class("-open")
        self._map.opened()
        self.watch_run()

    def leave(self) -> None:
        """The list again; what goes on, goes on."""
        self.following, self.stood = None, None
        self.remove_class("-open", "-there", "-why")
        self._map.closed()

    def watch_run(self) -> None:
        """Look once more, if there is something to see."""
        following = self.following
        if following is not None and (self.stood is None or self.goes_on):
            self.work("watch", following.look)

    def on_run_changed(self, message: RunChanged) -> None:
        """It went on."""
        if message.run == self.followed:
            self.snapshot = message.snapshot
            self._map.draw()

    def stood_anew(self) -> None:
        """Draw how it stands; read the map when it is there."""
        self._map.draw()
        following = self.following
        if (
            following is not None
            and self.stood is not None
            and self.stood.status == "finished"
            and self._asked_for != self.followed
        ):
            self._asked_for = self.followed
            path = following.path
            self._map.tell(_("Reading the map …"))
            self.work("read", lambda: work.read(path, self))

    def on_map_read(self, message: MapRead) -> None:
        """Show it."""
        if message.run == self.followed:
            self.inputs = message.inputs
            self.add_class("-there")
            self._map.show_map(message.points)

    def on_map_unread(self, message: MapUnread) -> None:
        """Say why; the run is shown all the same."""
        if message.run == self.followed:
            self._map.tell("")
            self.studio.say(f"{message.message} {message.hint}".strip(), "error")

    def on_run_begun(self, message: RunBegun) -> None:
        """Open it."""
        self._map.tell("")
        self.attach(Path(message.folder))

    def action_resume_run(self) -> None:
        """Let it go on."""
        following = self.following
        if following is not None and self.can_go_on:
            self._map.tell(_("Starting …"))
            self.work("begin", lambda: curate_work.resume_run(following.path, None, self))
