"""What every screen does that watches a run: it is told how the run stands, and may stop it. The run outlives the screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from studio.display import display
from studio.tui.i18n import N_, _
from studio.tui.screens import curate_work
from studio.tui.screens.base import StudioScreen

if TYPE_CHECKING:
    from studio.tui.screens.curate_messages import RunStood

_SEVERITY = {"finished": "information", "stopped": "warning"}


@dataclass(frozen=True)
class RunWords:
    """What a screen says of its kind of run, marked for translation. stop: the question, with {name}; kept: what a stop
    leaves; lost: what ending it at once costs, "" for nothing more."""

    kept: str
    stop: str = N_("Stop {name}?")
    lost: str = ""
    none: str = N_("No run is going on here.")
    finished: str = N_("The run has finished.")
    stopped: str = N_("The run has stopped; c resumes it.")
    failed: str = N_("The run has failed.")


class WatchesRun(StudioScreen):
    """Derived classes say their WORDS, and draw in `stood_anew`."""

    WORDS: ClassVar[RunWords]

    following: Any = None  # has `path`, the run's folder, and `look`, which posts what is new
    stood: RunStood | None = None
    _asked_to_stop = ""

    if TYPE_CHECKING:

        def tell(self, text: str) -> None:
            """The line at the bottom."""

        def stood_anew(self) -> None:
            """Draw how the run stands."""

    @property
    def followed(self) -> str:
        """The name of the run that is watched, "" for none."""
        return self.following.path.name if self.following is not None else ""

    @property
    def goes_on(self) -> bool:
        """Whether its process lives."""
        return self.stood is not None and self.stood.status == "running"

    def finished_words(self) -> str:
        """What is said when it has finished."""
        return _(self.WORDS.finished)

    def on_unmount(self) -> None:
        """Nothing is watched any more; the run goes on."""
        self.following = None

    def work(self, group: str, work: object) -> None:
        """Run in a thread; a newer one of the same group takes its place."""
        self.run_worker(work, thread=True, exclusive=True, group=group, exit_on_error=True, name=group)  # type: ignore[arg-type]

    def on_run_stood(self, message: RunStood) -> None:
        """How it stands; an end is said aloud."""
        if message.run != self.followed:
            return
        before, self.stood = self.stood, message
        self.stood_anew()
        if before is not None and before.status == "running" and message.status != "running":
            self.tell("")
            self.studio.say(self._ended(message), _SEVERITY.get(message.status.value, "error"))
        if before is None or before.status != message.status:
            self.refresh_bindings()

    def _ended(self, message: RunStood) -> str:
        if message.status.value == "finished":
            return self.finished_words()
        if message.status.value == "stopped":
            return _(self.WORDS.stopped)
        trouble = message.result.message if message.result is not None else ""
        return f"{_(self.WORDS.failed)} {trouble}".strip()

    def action_stop_run(self) -> None:
        """Ask it to stop, after a question; the second time end it."""
        from studio.tui.screens.runs_confirm import ConfirmScreen

        following = self.following
        if following is None or not self.goes_on:
            self.studio.say(_(self.WORDS.none))
            return
        name, again = following.path.name, self._asked_to_stop == following.path.name

        def answered(yes: bool | None) -> None:
            if yes:
                self._asked_to_stop = name
                self.work("stop", lambda: curate_work.stop_run(following.path, self, force=again))
                self.tell(_("Stopping … s once more ends it at once."))

        question = _("End {name} at once?") if again else _(self.WORDS.stop)
        detail = _(self.WORDS.lost if again and self.WORDS.lost else self.WORDS.kept)
        self.app.push_screen(ConfirmScreen(question.format(name=display(name)), detail), answered)
