"""The work behind the Compare screen, for thread workers: each function posts what it finds, and never touches a widget.

Models are in another process. What people think is kept by a desk with one thread: votes reach the disk in the order in
which keys were pressed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.message_pump import MessagePump

from curation.errors import StudioError
from studio.tui.i18n import _
from studio.tui.messages import ProblemMet
from studio.tui.screens.compare_frames import Opinions
from studio.tui.screens.compare_messages import (
    CompareChanged,
    ComparesListed,
    FactsFound,
    OpinionsRead,
    ReportWritten,
    VoteUndone,
)
from studio.tui.screens.curate_messages import RunBegun
from studio.tui.screens.curate_work import Following
from studio.tui.screens.run_book import RunBook
from studio.tui.screens.runs_work import frame_of
from studio.tui.widgets.compare_list import CompareFrame

if TYPE_CHECKING:
    from studio.runs.compared import CompareSnapshot
    from studio.runs.folder import RunFolder
    from training.compare.votes import Choice

EVERY = 0.2
"""Seconds between two looks at answers that grow; how the run stands is looked at less often."""
_STANDS_EVERY = 3


def compare_book(runs_dir: Path) -> RunBook[CompareFrame]:
    """Comparisons, and behind them training runs. Posts ComparesListed."""

    def listed(lines: tuple[CompareFrame, ...]) -> ComparesListed:
        return ComparesListed(tuple(each for kind in ("compare", "train") for each in lines if each.kind == kind))

    return RunBook(runs_dir, compare_frame, listed)


def compare_frame(folder: RunFolder) -> CompareFrame:
    """One run as its files tell it."""
    told = frame_of(folder)
    said = told.problem
    if not said and told.kind == "compare":
        said = _compared(folder)
    elif not said and told.kind == "train":
        said = " · ".join(word for word in (told.recipe, told.note) if word)
    return CompareFrame(told.name, told.path, told.kind, told.status, said, told.started)


def _compared(folder: RunFolder) -> str:
    """`better · base ↔ tuned · train-5a1c`."""
    from studio.runs.spec import read_spec
    from studio.runs.status import read_result

    spec, result = read_spec(folder), read_result(folder)
    sides = (spec.recipe.get("resolved") or {}).get("sides") or {}
    who = [Path(str(sides.get(side, "?"))).name or "?" for side in ("a", "b")]
    run = Path(str(sides.get("run") or "")).name
    conclusion = (result.summary.get("conclusion") or {}) if result is not None else {}
    words = {"better": _("better"), "worse": _("worse"), "not shown": _("not shown")}
    verdict = str(conclusion.get("verdict") or "")
    parts = (words.get(verdict, verdict), " ↔ ".join(who), "-".join(run.split("-")[-2:]))
    return " · ".join(part for part in parts if part)


class CompareFollowing(Following):
    """A comparison that is followed. `look` belongs in a thread worker; posts CompareChanged and RunStood."""

    def __init__(self, path: Path, target: MessagePump) -> None:
        super().__init__(path, target)
        self.watch = CompareWatch(path, target)  # type: ignore[assignment]
        self._looking = threading.Lock()
        self._looks = 0

    def look(self) -> None:
        """What was said since; every now and then how the run stands. Never twice at once."""
        if not self._looking.acquire(blocking=False):
            return
        try:
            if self._looks % _STANDS_EVERY:
                self.watch.read()
            else:
                super().look()
            self._looks += 1
        finally:
            self._looking.release()


class CompareWatch:
    """As `studio.tui.live.RunWatch`, with prompts and answers."""

    def __init__(self, folder: Path, target: MessagePump) -> None:
        from studio.runs.compared import CompareSnapshot, PromptReader
        from studio.runs.events import EventReader
        from studio.runs.folder import RunFolder

        self.folder = RunFolder(folder)
        self.snapshot: CompareSnapshot = CompareSnapshot()
        self._reader = EventReader(self.folder.events)
        self._prompts = PromptReader(folder)
        self._target = target
        self._told = False

    def read(self) -> bool:
        """Read and fold what is new; True if something was."""
        from studio.runs.compared import fold

        snapshot = self.snapshot
        changed = not self._told
        for block in self._reader.blocks():
            if block:
                snapshot, changed = fold(snapshot, block), True
        prompts = self._prompts.read()  # behind the events: a prompt is in its file before it is answered
        if not changed and not prompts:
            return False
        self.snapshot, self._told = snapshot.with_prompts(prompts), True
        self._target.post_message(CompareChanged(self.folder.name, self.snapshot))
        return True


def begin(run: str, settings: Sequence[str], preset: str, runs_dir: Path, target: MessagePump) -> None:
    """Start a comparison in the background. Posts RunBegun or ProblemMet."""
    from studio.runs.compare_begin import begin_compare

    try:
        folder = begin_compare(run, runs_dir, settings=settings, preset=preset, interactive=True)
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))
        return
    target.post_message(RunBegun(str(folder.path)))


def open_again(path: Path, target: MessagePump) -> None:
    """Load the models of a comparison once more. Posts RunBegun or ProblemMet."""
    from studio.runs import compare_begin
    from studio.runs.folder import RunFolder

    try:
        compare_begin.open_again(RunFolder(path))
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))
        return
    target.post_message(RunBegun(str(path)))


def write_report(path: Path, target: MessagePump) -> None:
    """Write the report from the files as they are. Posts ReportWritten or ProblemMet."""
    from training.compare import report

    try:
        written = report.write_report(path)
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))
        return
    target.post_message(ReportWritten(tuple(str(each) for each in written)))


class Desk:
    """What people think of one comparison: votes, notes, favourites, and what is asked of it. Every method returns at
    once; what it finds is posted to `target`.
    """

    def __init__(self, folder: Path, target: MessagePump) -> None:
        from studio.runs.folder import RunFolder
        from studio.runs.spec import read_spec
        from training.compare.asks import AskWriter
        from training.compare.notes import NoteBook
        from training.compare.votes import VoteBook

        spec = read_spec(RunFolder(folder))
        self.folder = folder
        self.run = Path(spec.options["run"]) if spec.options.get("run") else None
        """The training run that is compared, None for none."""
        self.votes = VoteBook(folder, spec.seed)
        self.notes = NoteBook(folder)
        self.asks = AskWriter(folder)
        self._target = target
        self._thread = ThreadPoolExecutor(1, "compare")
        self._closed = False

    def close(self) -> None:
        """Everything that was said is on the disk after this."""
        if not self._closed:
            self._closed = True
            self._thread.shutdown(wait=True)

    def do(self, work: Callable[[], Any], ahead: Sequence[str] | None = None) -> None:
        """Do something in the desk's thread. Posts OpinionsRead or ProblemMet. ahead: prompts, the next of which without
        my vote is wanted.
        """
        if not self._closed:
            self._thread.submit(self._done, work, ahead)

    def _done(self, work: Callable[[], Any], ahead: Sequence[str] | None) -> None:
        try:
            work()
            self._target.post_message(self._read(ahead))
        except StudioError as error:
            self._target.post_message(ProblemMet(error.message, error.hint))
        except Exception as error:  # a defect: it must end the interface as any other does, not vanish in a thread
            failed = error

            def fail() -> None:
                raise failed

            self._target.call_later(fail)

    def _read(self, ahead: Sequence[str] | None) -> OpinionsRead:
        from curation.verdicts.author import author

        mine = author()
        votes = [vote for vote in self.votes.fresh() if vote.author == mine]
        opened = self.votes.is_open()
        winners = {vote.prompt_id: "bad" if vote.choice == "bad" else vote.winner for vote in votes} if opened else {}
        voted = frozenset(vote.prompt_id for vote in votes)
        opinions = Opinions(voted, winners, frozenset(self.notes.favourites()), self.notes.notes())
        following = (self.votes.next_unvoted(ahead) or "") if ahead is not None else None
        return OpinionsRead(self, opinions, *self.votes.progress(), opened, following)

    def read(self) -> None:
        """What is thought up to now."""
        self.do(lambda: None)

    def next(self, ahead: Sequence[str]) -> None:
        """The first of these prompts that I have not voted on."""
        self.do(lambda: None, ahead)

    def vote(self, prompt_id: str, choice: Choice, ahead: Sequence[str]) -> None:
        """Say which is better, and go on to the next."""
        self.do(lambda: self.votes.cast(prompt_id, choice), ahead)

    def undo(self) -> None:
        """Take the last vote back, and go back to it."""

        def undone() -> None:
            vote = self.votes.undo()
            if vote is None:
                raise StudioError(_("There is no vote to take back."))
            self._target.post_message(VoteUndone(self, vote.prompt_id))

        self.do(undone)

    def reveal(self) -> None:
        """Show which side is which, for good."""
        self.do(self.votes.reveal)

    def note(self, prompt_id: str, text: str) -> None:
        """Write a note."""
        self.do(lambda: self.notes.note(prompt_id, text))

    def favour(self, prompt_id: str, *, on: bool) -> None:
        """Make it a favourite, or no longer."""
        self.do(lambda: self.notes.favour(prompt_id, on))

    def count(self) -> None:
        """All numbers, from the files. Posts FactsFound or ProblemMet."""

        def counted() -> None:
            from training.compare.report import compare_facts

            self._target.post_message(FactsFound(self, compare_facts(self.folder)))

        self.do(counted)
