"""Following a run on a screen: start, watch, stop, resume, move thresholds. The run is another process and outlives it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from studio.tui.i18n import N_, _
from studio.tui.live import EVERY
from studio.tui.messages import RunChanged
from studio.tui.screens import curate_work as work
from studio.tui.screens.curate_messages import RunBegun
from studio.tui.screens.watching import RunWords, WatchesRun
from studio.tui.text import line
from studio.tui.widgets.funnel import Funnel
from studio.tui.widgets.plain import Plain
from studio.tui.widgets.stage_list import StageList

if TYPE_CHECKING:
    from studio.runs.snapshot import RunSnapshot
    from studio.tui.screens.curate import CurateScreen


class FollowsRun(WatchesRun):
    """What the Curate screen does with a run. `-following` shows the run in place of the recipe."""

    WORDS = RunWords(kept=N_("What is finished is kept, and c goes on from there."))

    following: work.Following | None
    snapshot: RunSnapshot | None = None

    @property
    def _curate(self) -> CurateScreen:
        from typing import cast

        return cast("CurateScreen", self)

    def tell(self, text: str) -> None:
        """The line at the bottom."""
        self.query_one("#state", Plain).show(line(text))

    # Starting

    def action_run(self) -> None:
        """Start a run of the recipe as it is shown."""
        draft, inputs = self._curate.draft, self._curate.inputs
        if draft is None:
            return
        if draft.recipe is None:
            self.studio.say(str(draft.problems[0]), "error")
        elif not inputs:
            self.studio.say(_("Say with i which files to curate."), "warning")
        else:
            recipe, runs_dir = draft.recipe, self.studio.runs_dir
            self.tell(_("Starting …"))
            self.work("begin", lambda: work.begin_run(inputs, recipe, runs_dir, self))

    def on_run_begun(self, message: RunBegun) -> None:
        """Watch it."""
        self.tell("")
        self.follow(Path(message.folder))

    def follow(self, path: Path, *, show: bool = True) -> None:
        """Watch the run in this folder, from its beginning."""
        self.following, self.snapshot, self.stood = work.Following(path, self), None, None
        self._asked_to_stop = ""
        self.set_class(show, "-following")
        if show:
            self.query_one(Funnel).focus()
        self._watch()
        self._timer = getattr(self, "_timer", None) or self.set_interval(EVERY, self._watch)

    def attach(self, path: Path) -> None:
        """Follow a run that was started elsewhere, its recipe beside it."""
        self.work("recipe", lambda: work.open_draft(str(path), self))
        self.follow(path)

    def _watch(self) -> None:
        following = self.following
        ended = self.stood is not None and self.stood.status != "running"
        if following is not None and not ended:
            self.work("watch", following.look)

    # Hearing

    def on_run_changed(self, message: RunChanged) -> None:
        """It went on."""
        if self.following is not None and message.run == self.following.path.name:
            self.snapshot = message.snapshot
            self._draw_run()

    def stood_anew(self) -> None:
        """Draw how it stands."""
        self._draw_run()

    def _draw_run(self) -> None:
        from studio.tui.screens.runs_frames import run_content

        funnel = self.query_one(Funnel)
        if self.following is not None and self.stood is not None:
            funnel.show(run_content(self.stood, self.snapshot, max(40, self.size.width - 4)))

    # Doing

    def action_follow(self) -> None:
        """Between recipe and run."""
        if self.following is None:
            self.studio.say(_("No run was started here. r starts one; the screen Runs has the others."))
            return
        self.toggle_class("-following")
        shown = self.has_class("-following")
        self.query_one(Funnel if shown else StageList).focus()

    def action_resume_run(self) -> None:
        """Let it go on."""
        following = self.following
        if following is None or self.stood is None or self.stood.status in ("running", "finished"):
            self.studio.say(_("There is no run here that could go on."))
            return
        self.tell(_("Starting …"))
        self.work("begin", lambda: work.resume_run(following.path, None, self))

    def action_thresholds(self) -> None:
        """Move the thresholds of the finished run."""
        from studio.tui.screens.curate_threshold import ThresholdScreen

        following = self.following
        if following is None or self.stood is None or self.stood.status != "finished":
            self.studio.say(_("Thresholds are moved on a finished run: its scores are in its ledger."))
            return

        def chosen(setting: str | None) -> None:
            if setting:
                self._take_setting(following.path, setting)

        self.app.push_screen(ThresholdScreen(following.path), chosen)

    def _take_setting(self, path: Path, setting: str) -> None:
        """The new threshold into the run's recipe, and the run done again from there, its verdicts replayed."""
        from curation.recipe_draft import RecipeDraft
        from studio.runs.begin import recipe_of
        from studio.runs.folder import RunFolder

        recipe = recipe_of(RunFolder(path)).with_settings([setting])
        draft = self._curate.draft
        text = recipe.to_yaml()
        if draft is None:
            self._curate.draft = RecipeDraft(text, recipe.name)
        else:
            self._curate.change(lambda: draft.replace(text))
        self.studio.say(_("{setting} is in the recipe; the run is done again from there.").format(setting=setting))
        self.work("begin", lambda: work.resume_run(path, recipe, self))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """The footer offers what applies now."""
        running = self.stood is not None and self.stood.status == "running"
        if action == "stop_run":
            return running
        if action == "resume_run":
            return self.stood is not None and self.stood.status not in ("running", "finished")
        if action == "follow":
            return self.following is not None
        return not (action in ("add", "open_recipe", "inputs") and self.has_class("-following"))
