"""The frame of the Review screen: its widgets, its line of progress, prompts, duplicates, and doing the run again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.reactive import reactive
from textual.timer import Timer

from studio.tui.i18n import N_, _, ngettext
from studio.tui.live import EVERY, RunWatch
from studio.tui.messages import PromptAnswered, PromptLeft, RunChanged
from studio.tui.screens import review_acts as acts
from studio.tui.screens.base import StudioScreen
from studio.tui.screens.review_ask import AskScreen
from studio.tui.screens.review_clusters import ClusterScreen
from studio.tui.screens.review_keys import REVIEW_KEYS
from studio.tui.screens.review_messages import ClusterRead, HunksCounted, PatchWritten, RunLaunched
from studio.tui.screens.review_state import Showing
from studio.tui.screens.review_work import Judging, Review
from studio.tui.text import line
from studio.tui.widgets.diff_view import DiffView
from studio.tui.widgets.hunk_list import HunkList
from studio.tui.widgets.plain import Plain
from studio.tui.widgets.prompt import PromptLine
from studio.tui.widgets.reason_tree import ReasonTree, queues_of

if TYPE_CHECKING:
    from curation.diff import Hunk

_RESTING = 0.15  # seconds after a verdict until the queues are counted again


class ReviewBase(StudioScreen):
    """One review at a time. All that takes time is done by `review_work.Review`, which answers by messages."""

    PLACE = "review"
    CSS_PATH = "review.tcss"
    HELP = N_(
        "a accepts a change, x rejects it, e edits the text; then the next one is shown. n and p move, ] and [ go to the "
        "next reason. Everything is saved at once, and u takes it back. R does the run again with what you decided."
    )
    BINDINGS = REVIEW_KEYS

    progress: reactive[str] = reactive("")

    def __init__(self) -> None:
        super().__init__()
        self.review: Review | None = None
        self.showing = Showing()
        self._opened = ""
        self._run_said = ""
        self._run_watch: RunWatch | None = None
        self._counting: Timer | None = None
        self._following: Timer | None = None

    def body(self) -> ComposeResult:
        """Queues and hunks on the left, the hunk on the right; under one another on narrow terminals."""
        with Container(id="empty"):
            yield Plain(id="empty-text")
        with Container(id="split"):
            with Vertical(id="lists"):
                yield ReasonTree(id="queues")
                yield HunkList(id="hunks")
            yield DiffView(id="view")
        yield Plain(id="progress")
        yield PromptLine()

    # What derived classes do

    def open_review(self, a: str, b: str = "") -> None:
        """Open a run, or two datasets."""
        raise NotImplementedError

    def _judge(self, kind: str, judging: Judging | None, mark: str = "", *, on: bool = False) -> None:
        raise NotImplementedError

    def _hunk(self) -> Hunk | None:
        raise NotImplementedError

    def _choose(self) -> None:
        raise NotImplementedError

    # Progress

    def _count(self) -> None:
        if self.review is not None:
            self.review.count(self.showing.filter())

    def _count_soon(self) -> None:
        """After the last of several verdicts that follow one another quickly."""
        if self._counting is not None:
            self._counting.stop()
        self._counting = self.set_timer(_RESTING, self._count)

    def on_hunks_counted(self, message: HunksCounted) -> None:
        """Numbers on the queues."""
        if message.review is not self.review:
            return
        self.showing.counts, self.showing.added = message.everything, message.added
        self.query_one(ReasonTree).show(queues_of(message.queues), self.showing.stage, self.showing.reason)
        self._tell()

    def _tell(self) -> None:
        """The line of progress."""
        showing = self.showing
        if not showing.is_open:
            return
        total = showing.counts.total if showing.counts is not None else len(showing.rows)
        said = _("{judged} of {total} judged").format(judged=f"{len(showing.marks):,}", total=f"{total:,}")
        added = ngettext("{n} record added", "{n} records added", showing.added).format(n=showing.added)
        here = f"{showing.place + 1:,}/{len(showing.rows):,}"
        parts = (self._run_said, said, here, showing.said(), added if showing.added else "")
        self.progress = " · ".join(part for part in parts if part)
        self.query_one("#progress", Plain).show(line(self.progress, limit=300))

    # Finding and filtering

    def action_find(self) -> None:
        """Ask for a text."""
        self._ask("find", _("Find"), _("a text before or after; nothing shows everything again"), self.showing.text)

    def action_filter(self) -> None:
        """The next kind of change."""
        self.showing.next_filter()
        self._choose()
        self._count_soon()

    def action_everything(self) -> None:
        """No filter any more."""
        if self.showing.is_narrowed:
            self.showing.widen()
            self._choose()
            self._count_soon()

    # Prompts

    def action_tag(self) -> None:
        """Ask for tags."""
        if (hunk := self._hunk()) is not None:
            known = hunk.verdict.tags.tags if hunk.verdict is not None and hunk.verdict.tags is not None else ()
            self._ask("tag", _("Tags"), _("words with commas between; nothing takes them away"), ", ".join(known))

    def action_note(self) -> None:
        """Ask for a remark."""
        if (hunk := self._hunk()) is not None:
            known = hunk.verdict.note.note if hunk.verdict is not None and hunk.verdict.note is not None else ""
            self._ask("note", _("Note"), _("a remark; nothing takes it away"), known)

    def action_export(self) -> None:
        """Ask for a file."""
        self._ask("export", _("Export to"), _("a file; it will hold the texts that were typed"), "verdicts.patch.jsonl")

    def action_open(self) -> None:
        """Ask for a run or two datasets."""
        hint = _("last, a run, or two files with a blank between")
        self.query_one(PromptLine).ask("open", _("Open"), hint=hint)

    def _ask(self, prompt: str, label: str, hint: str, text: str = "") -> None:
        if not self.showing.is_open:
            self.studio.say(_("Nothing is open. Press o to open something."))
            return
        self.query_one(PromptLine).ask(prompt, label, hint=hint, text=text)

    def on_prompt_left(self, message: PromptLeft) -> None:
        """Back to the hunk."""
        message.stop()
        self._back()

    def on_prompt_answered(self, message: PromptAnswered) -> None:
        """Do what was asked for."""
        message.stop()
        self._back()
        answer, hunk = message.answer, self._hunk()
        if message.prompt == "open":
            self._open_words(answer)
        elif message.prompt == "find":
            self.showing.text = answer
            self._choose()
            self._count_soon()
        elif message.prompt == "export":
            if answer and self.review is not None:
                self.review.export(Path(answer).expanduser())
        elif hunk is not None:
            self._judge(message.prompt, (acts.tag if message.prompt == "tag" else acts.note)(hunk, answer))

    def _open_words(self, answer: str) -> None:
        import shlex

        try:
            words = shlex.split(answer)
        except ValueError:
            words = [answer]
        if 1 <= len(words) <= 2:
            self.open_review(*words)
        elif words:
            self.studio.say(_("Name a run, or two datasets."), "warning")

    def _back(self) -> None:
        if self.showing.is_open:
            self.query_one(DiffView).focus()
        else:
            self.set_focus(None)

    def on_patch_written(self, message: PatchWritten) -> None:
        """Say where."""
        said = ngettext("{n} verdict is in {path}", "{n} verdicts are in {path}", message.number)
        self.studio.say(said.format(n=f"{message.number:,}", path=message.path))

    # Layout

    def action_layout(self) -> None:
        """The other one."""
        view = self.query_one(DiffView)
        view.arranged = "unified" if view.is_side_by_side else "side"

    def action_whole(self) -> None:
        """All lines, or those around changes."""
        view = self.query_one(DiffView)
        view.whole = not view.whole

    # Duplicates

    def action_cluster(self) -> None:
        """Read the cluster."""
        if (hunk := self._hunk()) is not None and self.review is not None:
            self.review.cluster(hunk.record_id)

    def on_cluster_read(self, message: ClusterRead) -> None:
        """Show it; what is picked is a verdict."""
        hunk, review = self._hunk(), self.review
        if message.review is not review or hunk is None or review is None:
            return
        if message.cluster is None:
            self.studio.say(_("This record has no duplicates."))
            return

        def picked(record_id: str | None) -> None:
            if record_id and review is self.review:
                review.judge("keep", acts.keep(record_id))

        self.app.push_screen(ClusterScreen(message.cluster, hunk.record_id), picked)

    # The run again

    def action_again(self) -> None:
        """Ask, then start it."""
        review = self.review
        if review is None or not self.showing.is_open or self._run_said:
            return
        if review.run is None:
            self.studio.say(_("Only a run can be done again. E writes a patch for studio apply."), "warning")
            return
        said = ngettext(
            "Do the run again with your {n} verdict?",
            "Do the run again with your {n} verdicts?",
            len(self.showing.marks),
        ).format(n=f"{len(self.showing.marks):,}")
        more = _("Only what is concerned is done again. It goes on in the background when you leave.")

        def answered(choice: str | None) -> None:
            if choice and review is self.review:
                self._run_said = _("starting the run")
                self._tell()
                review.launch()

        self.app.push_screen(AskScreen(f"{said}\n{more}", _("y or enter starts it, esc leaves."), ("yes",)), answered)

    def on_run_launched(self, message: RunLaunched) -> None:
        """Watch it from here."""
        if message.review is self.review and message.review.run is not None:
            self._run_watch = RunWatch(message.review.run, self)
            self._following = self.set_interval(EVERY, self._look)

    def _look(self) -> None:
        if self._run_watch is not None:
            self.run_worker(
                self._run_watch.read, thread=True, exclusive=True, group="watch", exit_on_error=True, name="watch"
            )

    def on_run_changed(self, message: RunChanged) -> None:
        """How far it is; when it has ended, what it changed now."""
        snapshot, review = message.snapshot, self.review
        if review is None or review.run is None or message.run != review.run.name:
            return
        if not snapshot.outcome:
            done = f"{snapshot.done:,}" + (f"/{snapshot.total:,}" if snapshot.total else "")
            self._run_said = _("running: {phase} {done}").format(phase=snapshot.phase, done=done)
            self._tell()
            return
        if self._following is not None:
            self._following.stop()
        self._run_said, self._run_watch = "", None
        if snapshot.outcome == "finished":
            self.studio.say(_("The run is done again. What you decided holds in its dataset."))
            self.open_review(str(review.run))
        else:
            said = _("The run ended: {outcome}. {error}")
            self.studio.say(said.format(outcome=snapshot.outcome, error=snapshot.error), "error")
            self._tell()
