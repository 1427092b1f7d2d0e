"""A training run on the screen: start, watch, pause, stop, resume, extend, clone. It is another process and outlives it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from studio.display import display
from studio.tui.i18n import N_, _
from studio.tui.live import EVERY
from studio.tui.screens import curate_work
from studio.tui.screens import train_work as work
from studio.tui.screens.curate_messages import RunBegun
from studio.tui.screens.train_messages import OverlayRead, TrainChanged
from studio.tui.screens.train_run_frames import SMOOTH, Look
from studio.tui.screens.watching import RunWords, WatchesRun
from studio.tui.widgets.curve_chart import CurveChart
from studio.tui.widgets.plain import Plain
from studio.tui.widgets.scrolled import ScrolledText
from studio.tui.widgets.section_list import SectionList

if TYPE_CHECKING:
    from studio.runs.curves import TrainSnapshot
    from studio.tui.screens.train import TrainScreen

VIEWS = ("", "-samples", "-messages")
"""What a narrow terminal shows of a run, one after another: curves, answers, messages."""


class FollowsTraining(WatchesRun):
    """What the Train screen does with a run. `-following` shows the run in place of the recipe."""

    WORDS = RunWords(
        kept=N_("It ends after the step it is at; c goes on from there, to the same weights."),
        stop=N_("Save a checkpoint and stop {name}?"),
        lost=N_("What was learned since the last checkpoint is lost."),
    )

    following: work.TrainFollowing | None
    snapshot: TrainSnapshot | None = None
    other: TrainSnapshot | None = None
    look = Look()
    _timer: object | None = None

    @property
    def _train(self) -> TrainScreen:
        return cast("TrainScreen", self)

    # Starting

    def action_run(self) -> None:
        """Start training with the recipe as it is shown; what preflight found is asked about first."""
        from studio.tui.screens.runs_confirm import ConfirmScreen

        draft, inputs = self._train.draft, self._train.inputs
        if draft is None:
            return
        if not inputs:
            self.studio.say(_("Say with i what to train on."), "warning")
            return
        if not draft.recipe.model.name:
            self.studio.say(_("Say with m which model to train."), "warning")
            return
        blocking = self._train.blocking()
        if not blocking:
            self._begin(())
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._begin(blocking)

        detail = _("Preflight found what would make it fail or learn the wrong thing: {names}.")
        self.app.push_screen(
            ConfirmScreen(_("Train all the same?"), detail.format(names=display(", ".join(blocking)))), answered
        )

    def _begin(self, allow: tuple[str, ...]) -> None:
        draft, inputs, runs_dir = self._train.draft, self._train.inputs, self.studio.runs_dir
        if draft is not None:
            recipe = draft.recipe
            self._train.tell(_("Starting …"))
            self.work("begin", lambda: work.begin(inputs, recipe, runs_dir, allow, self))

    def on_run_begun(self, message: RunBegun) -> None:
        """Watch it. What was cloned stays behind its clone's curves."""
        behind = self.snapshot if self._train.cloned and self._train.cloned == self.followed else None
        self._train.tell("")
        self._train.cloned = ""
        same = self.followed == Path(message.folder).name
        other = self.other if same else behind
        self.follow(Path(message.folder))
        self.other = other

    def follow(self, path: Path, *, show: bool = True) -> None:
        """Watch the run in this folder, from its beginning."""
        self.following = work.TrainFollowing(path, self)
        self.snapshot = self.stood = self.other = None
        self._asked_to_stop = ""
        self.query_one("#head", Plain).show(_("Opening {path} …").format(path=path.name))
        if show:
            self.show_run(on=True)
        self._watch()
        self._timer = self._timer or self.set_interval(EVERY, self._watch)

    def attach(self, path: Path) -> None:
        """Follow a run that was started elsewhere, its recipe behind it."""
        self.work("recipe", lambda: work.open_draft(str(path), self))
        self.follow(path)

    def show_run(self, *, on: bool) -> None:
        """The run, or the recipe."""
        self.set_class(on, "-following")
        self.remove_class("-report")
        self.query_one("#notes" if on else SectionList).focus()
        self.draw_run()
        self._train.show_all()
        self.refresh_bindings()

    def _watch(self) -> None:
        following = self.following
        ended = self.stood is not None and not self.goes_on
        if following is not None and not ended:
            self.work("watch", following.look)

    # Hearing

    def on_train_changed(self, message: TrainChanged) -> None:
        """It went on."""
        if message.run == self.followed:
            paused = self.snapshot is not None and self.snapshot.paused
            self.snapshot = message.snapshot
            self.draw_run()
            if paused != message.snapshot.paused:
                self.refresh_bindings()

    def stood_anew(self) -> None:
        """Draw how it stands."""
        self.draw_run()

    def on_overlay_read(self, message: OverlayRead) -> None:
        """Behind the curves."""
        self.other = message.snapshot
        self.draw_run()

    def draw_run(self) -> None:
        """Everything about the run, as far as it is known."""
        from studio.tui.screens import train_run_frames as frames

        if self.stood is None or not self.has_class("-following"):
            return
        snapshot, width = self.snapshot, max(40, self.size.width - 4)
        self.query_one("#head", Plain).show(frames.head_content(self.stood, snapshot, width), same_size=True)
        notes, samples = self.query_one("#notes", ScrolledText), self.query_one("#samples", ScrolledText)
        notes.show(frames.notes_content(self.stood, snapshot))
        if snapshot is None:
            return
        beside = self.size.width >= 120 and not self.has_class("-samples")  # as in train.tcss
        samples.show(frames.samples_content(snapshot, max(20, self.size.width * (2 if beside else 5) // 5 - 5)))
        self.query_one("#loss", CurveChart).show(frames.loss_picture(snapshot, self.look, self.other))
        for name, picture in zip(
            ("#rate", "#norm", "#speed"), frames.small_pictures(snapshot, self.look, self.other), strict=True
        ):
            self.query_one(name, CurveChart).show(picture)

    # Doing

    def action_follow(self) -> None:
        """Between recipe and run."""
        if self.following is None:
            self.studio.say(_("No run was started here. r starts one; the screen Runs has the others."))
            return
        self.show_run(on=not self.has_class("-following"))

    def action_pause(self) -> None:
        """Wait after this step, or go on."""
        following = self.following
        if following is None or not self.goes_on:
            self.studio.say(_("No run is going on here."))
            return
        from studio.runs.folder import RunFolder
        from studio.runs.steering import is_paused

        path, on = following.path, not is_paused(RunFolder(following.path))
        work.pause_run(path, self, on=on)
        self.studio.say(_("It waits after this step; space lets it go on.") if on else _("It goes on."))

    def action_resume_run(self) -> None:
        """Let it go on."""
        following = self.following
        if following is None or self.stood is None or self.stood.status in ("running", "finished"):
            self.studio.say(_("There is no run here that could go on."))
            return
        self._train.tell(_("Starting …"))
        self.work("begin", lambda: curate_work.resume_run(following.path, None, self))

    def extend(self, steps: int) -> None:
        """So many steps more than it was to do: what a run does is changed between a stop and a start only."""
        following, snapshot = self.following, self.snapshot
        if following is not None and snapshot is not None:
            goal = snapshot.steps + steps
            self._train.tell(_("Saving, then going on to step {n} …").format(n=f"{goal:,}"))
            self.work("begin", lambda: work.do_more_steps(following.path, goal, self))

    def action_clone(self) -> None:
        """The run's recipe and data in the form; its curves stay behind those of the new run."""
        following = self.following
        if following is None:
            self.studio.say(_("No run is shown here that could be cloned."))
            return
        self._train.cloned = following.path.name
        self.show_run(on=False)
        self._train.open(str(following.path))
        self.studio.say(_("Change one thing, then r starts it; both curves are drawn."))

    def action_log_scale(self) -> None:
        """Losses by their logarithm, or not."""
        self.look = Look(not self.look.log, self.look.smooth)
        self.draw_run()

    def action_smooth(self) -> None:
        """More smoothing, then none."""
        self.look = Look(self.look.log, (self.look.smooth + 1) % len(SMOOTH))
        said = SMOOTH[self.look.smooth]
        self.studio.say(
            _("The mean of {share} of the steps is drawn.").format(share=f"{said:.0%}")
            if said
            else _("Each step is drawn.")
        )
        self.draw_run()

    def view_next(self) -> None:
        """Curves, answers, messages."""
        now = next((number for number, name in enumerate(VIEWS) if name and self.has_class(name)), 0)
        for number, name in enumerate(VIEWS):
            if name:
                self.set_class(number == (now + 1) % len(VIEWS), name)
        self.draw_run()

    def run_actions(self, action: str) -> bool | None:
        """Which of the keys for runs apply now; None where the action is not one of them."""
        following = self.has_class("-following")
        answers = {
            "run": not following,
            "pause": following and self.goes_on,
            "stop_run": self.goes_on,
            "resume_run": self.stood is not None and self.stood.status not in ("running", "finished"),
            "follow": self.following is not None,
            "extend": following,
            "clone": following,
            "overlay": following,
            "log_scale": following,
            "smooth": following,
        }
        return answers.get(action)
