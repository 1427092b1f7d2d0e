"""A generation on the screen: open, watch, stop, resume. It is another process and outlives the screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from studio.runs.generated import GenerateSnapshot
from studio.tui.i18n import N_, _
from studio.tui.screens import curate_work
from studio.tui.screens import generate_work as work
from studio.tui.screens.curate_messages import RunBegun
from studio.tui.screens.generate_messages import GenerateChanged
from studio.tui.screens.watching import RunWords, WatchesRun

if TYPE_CHECKING:
    from studio.runs.generated_items import GeneratedItems
    from studio.tui.screens.generate import GenerateScreen


class FollowsGenerate(WatchesRun):
    """What the Generate screen does with a run. `-open` shows one in place of the list."""

    WORDS = RunWords(
        kept=N_("Every answer that has come is kept and never paid for again. c goes on from there."),
        none=N_("No generation is going on here."),
        stopped=N_("The generation has stopped; c goes on with it."),
        failed=N_("The generation has failed."),
    )

    following: work.GenerateFollowing | None
    desk: work.Desk | None = None
    snapshot = GenerateSnapshot()
    model = ""  # who writes, as the recipe names it

    @property
    def _generate(self) -> GenerateScreen:
        return cast("GenerateScreen", self)

    @property
    def items(self) -> GeneratedItems | None:
        """Its items."""
        return self.following.watch.items if self.following is not None else None  # type: ignore[attr-defined]

    @property
    def can_go_on(self) -> bool:
        """Whether there is something that another leg could do: ask, ask anew, ask again what failed in passing."""
        stood, items = self.stood, self.items
        if stood is None or items is None or self.goes_on:
            return False
        if stood.status != "finished":
            return True
        from curation.synthesis.reasons import PASSING

        failed = any(status == "failed" and reason in PASSING for status, reason in list(items.counts))
        return failed or bool(self._generate.waiting)

    def on_unmount(self) -> None:
        """What was decided is on the disk before the program ends; the run goes on."""
        super().on_unmount()
        if self.desk is not None:
            self.desk.close()

    # Opening

    def attach(self, path: Path) -> None:
        """Open the generation in this folder, from its beginning."""
        if self.desk is not None:
            self.desk.close()
        self.desk = work.Desk(path, self)
        self.following = work.GenerateFollowing(path, self)
        self.snapshot, self.stood = GenerateSnapshot(), None
        self._asked_to_stop, self.model = "", work.model_of(path)
        self.remove_class("-plan", "-dry", "-documents", "-prompt")
        self.add_class("-open")
        self._generate.opened()
        self.watch_run()

    def leave(self) -> None:
        """The list again; what goes on, goes on."""
        if self.desk is not None:
            self.desk.close()
        self.desk = self.following = None
        self.remove_class("-open", "-documents", "-prompt")

    def watch_run(self, *, again: bool = False) -> None:
        """Look once more, if there is something to see. again: also at one that has ended."""
        following = self.following
        ended = self.stood is not None and not self.goes_on
        if following is not None and (again or (not ended and self.is_on_top)):
            self.work("watch", following.look)

    # Hearing

    def on_generate_changed(self, message: GenerateChanged) -> None:
        """It went on."""
        if message.run == self.followed:
            self.snapshot = message.snapshot
            self._generate.went_on()

    def stood_anew(self) -> None:
        """Draw how it stands."""
        self._generate.draw()

    def finished_words(self) -> str:
        """With what came of it."""
        return _("The generation has finished: {n} accepted.").format(n=f"{self._generate.accepted:,}")

    def on_run_begun(self, message: RunBegun) -> None:
        """Open it; one that was open goes on being watched where it is."""
        self._generate.tell("")
        if Path(message.folder).name == self.followed and self.following is not None:
            self.stood = None
            self.watch_run()
        else:
            self.attach(Path(message.folder))

    # Doing

    def action_resume_run(self) -> None:
        """Let it go on: what was not asked, what may succeed now, and what is to be asked for anew."""
        following = self.following
        if following is None or self.stood is None or self.goes_on:
            return
        self._generate.tell(_("Starting …"))
        self.work("begin", lambda: curate_work.resume_run(following.path, None, self))
