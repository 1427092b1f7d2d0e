"""The work behind the Review screen: one review at a time, with its index and its journal.

An index may be used from one thread only, and verdicts must reach the journal in the order in which keys were pressed. So
each review has one thread of its own and does one thing after the other in it; every answer is a message to the screen.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.message import Message
from textual.screen import Screen

from curation.errors import InputError, StudioError
from studio.tui.i18n import _
from studio.tui.messages import ProblemMet
from studio.tui.screens.review_messages import (
    ClusterRead,
    HeadsRead,
    HunkRead,
    HunksCounted,
    HunkSought,
    ObjectRead,
    PatchWritten,
    ReviewOpened,
    RowsChosen,
    RunLaunched,
    Shown,
    VerdictsRefused,
    VerdictsSaved,
)

if TYPE_CHECKING:
    from curation.diff import Filter, Hunk, ReviewIndex
    from curation.synthesis.story import ItemStory
    from curation.verdicts import Journal, Verdict

_AT_HAND = 64  # hunks kept with their texts
Judging = Callable[["ReviewIndex", str], "list[Verdict]"]  # index and author to verdicts


class Review:
    """A run (`b` is ""), or two datasets. Every method returns at once; what it finds is posted to `target`."""

    def __init__(self, a: str, b: str, runs_dir: Path, target: Screen[Any]) -> None:
        self.a, self.b, self.runs_dir = a, b, runs_dir
        self.run: Path | None = None
        self.index: ReviewIndex | None = None
        self.waiting = 0
        self.closed = False
        self._target = target
        self._journal: Journal | None = None
        self._journal_path = Path()
        self._read: OrderedDict[int, Shown] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, "review")

    def do(self, work: Callable[[], Message | None], failed: type[ProblemMet] = ProblemMet) -> None:
        """Do something in the thread of this review and post what it returns, or `failed`."""
        if self.closed:
            return
        self.waiting += 1
        self._thread.submit(self._done, work, failed)

    def _done(self, work: Callable[[], Message | None], failed: type[ProblemMet]) -> None:
        try:
            message = work()
        except StudioError as error:
            message = failed(error.message, error.hint)
        except FileNotFoundError:  # deleted, or done again, while it is looked at
            message = failed(_("Files of what is reviewed are gone."), _("Open it again, if it still is there."))
        except Exception as error:  # a defect: it must end the interface as any other does, not vanish in a thread
            defect = error

            def fail() -> None:
                raise defect

            self._target.call_later(fail)
            message = None
        self.waiting -= 1
        if message is not None:
            self._target.post_message(message)

    def close(self) -> None:
        """Let everything that was asked for finish, and give the journal free."""
        if self.closed:
            return
        self.do(self._close)
        self.closed = True
        self._thread.shutdown(wait=True)

    def _close(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    # Opening

    def open(self) -> None:
        """Open the index, built if need be. Posts ReviewOpened or ProblemMet."""
        self.do(self._open)

    def _open(self) -> Message:
        from curation.diff import ReviewIndex
        from curation.verdicts import JOURNAL, fold, read_journal

        if self.b:
            folder = self._compared()
            self._journal_path = folder / JOURNAL
            self.index.judge(fold(read_journal(self._journal_path).verdicts))  # type: ignore[union-attr]
            name = f"{Path(self.a).name} → {Path(self.b).name}"
        else:
            from studio.runs.folder import RunFolder, find

            path = Path(self.a)
            folder = (RunFolder(path.resolve()) if (path / "run.json").is_file() else find(self.runs_dir, self.a)).path
            self.index = ReviewIndex.open(folder)
            self.run, self._journal_path, name = folder, folder / JOURNAL, folder.name
        assert self.index is not None  # noqa: S101 - it was opened above
        return ReviewOpened(self, name, self.index.statuses())

    def _compared(self) -> Path:
        """The index of two datasets, in a hidden folder beside the runs; built again when a file has changed."""
        from curation.diff import ReviewIndex, compare
        from curation.readers import find_sources

        sides = [[str(path) for path in dataset_of(self.runs_dir, word)] for word in (self.a, self.b)]
        stamp = [
            [[source.name, source.size, _changed_at(source.file or source.path)] for source in find_sources(side)]
            for side in sides
        ]
        named = hashlib.blake2b(json.dumps([[str(Path(p).absolute()) for p in s] for s in sides]).encode()).hexdigest()
        folder = self.runs_dir.absolute() / ".compared" / named[:16]
        stamped, facts = folder / "stamp.json", folder / "facts.json"
        try:
            if json.loads(stamped.read_bytes()) == stamp:
                self.index = ReviewIndex.of_pair(folder, json.loads(facts.read_bytes()))
                return folder
        except (OSError, ValueError):
            pass
        stamped.unlink(missing_ok=True)
        self.index = compare(sides[0], sides[1], folder)
        stamped.write_text(json.dumps(stamp))
        return folder

    def _now(self) -> ReviewIndex:
        if self.index is None:
            raise InputError(_("Nothing is open."))
        return self.index

    # Looking

    def choose(self, only: Filter) -> None:
        """The hunks that a filter leaves. Posts RowsChosen."""
        self.do(lambda: RowsChosen(self, only, self._now().rows(only)))

    def count(self, only: Filter) -> None:
        """Numbers for the queues and for the line of progress. Posts HunksCounted."""
        from dataclasses import replace

        from curation.diff import Filter

        base = replace(only, stage="", reason="")

        def counted() -> Message:
            index = self._now()
            everything = index.counts()
            queues = everything if base == Filter() else index.counts(base)
            return HunksCounted(self, queues, everything, len(self._state().added))

        self.do(counted)

    def _state(self) -> Any:
        from curation.verdicts import fold, read_journal

        lines = self._journal.verdicts if self._journal is not None else read_journal(self._journal_path).verdicts
        return fold(lines)

    def read(self, number: int, *, ahead: int | None = None) -> None:
        """One hunk with its texts, and the one after it for later. Posts HunkRead."""
        self.do(lambda: HunkRead(self, self._shown(number)))
        if ahead is not None:
            self.do(lambda: self._ahead(ahead))

    def _ahead(self, number: int) -> None:
        self._shown(number)

    def _shown(self, number: int) -> Shown:
        from dataclasses import replace

        index = self._now()
        found = self._read.get(number)
        if found is None:
            (hunk,) = index.hunks([number])
            twin = index.record(hunk.related_id) if hunk.related_id and index.run is not None else ()
            found = Shown(hunk, twin, self._made(hunk.record_id))
            self._read[number] = found
            while len(self._read) > _AT_HAND:
                self._read.popitem(last=False)
        return replace(found, hunk=replace(found.hunk, verdict=index.verdict_of(number)))

    def _made(self, record_id: str) -> ItemStory | None:
        """The item of a generation that a record of the run is."""
        if self.run is None:
            return None
        from training.compare.back.story import made_of

        try:
            return made_of(self.run, record_id)
        except StudioError:  # a run whose papers cannot be read: the hunk is shown without its way back
            return None

    def find(self, record_id: str) -> None:
        """The hunk of a record. Posts HunkSought."""

        def found() -> Message:
            from curation.diff import Filter

            rows = self._now().rows(Filter(record_id=record_id)).tolist()
            return HunkSought(self, record_id, rows[0] if rows else None)

        self.do(found)

    def heads(self, numbers: Sequence[int]) -> None:
        """Lines of the list. Posts HeadsRead."""
        self.do(lambda: HeadsRead(self, self._now().heads(numbers)))

    def cluster(self, record_id: str) -> None:
        """The duplicates of a record. Posts ClusterRead."""

        def found() -> Message:
            from curation.clusters import cluster_of

            return ClusterRead(self, cluster_of(self.run, record_id) if self.run is not None else None)

        self.do(found)

    def object_of(self, record_id: str) -> None:
        """A record as an object. Posts ObjectRead."""

        def found() -> Message:
            from curation.diff.pairs import object_of

            index = self._now()
            at = index.before.at(record_id)
            text = index.before.texts([at]).get(at) if at is not None else None
            if text is None:
                raise InputError(_("This record is only in the second dataset."))
            return ObjectRead(self, record_id, object_of(text))

        self.do(found)

    # Judging

    def judge(self, kind: str, judging: Judging) -> None:
        """Make verdicts and save them. Posts VerdictsSaved or VerdictsRefused."""

        def judged() -> Message:
            from curation.verdicts.author import author

            journal = self._writing()
            made = judging(self._now(), author())
            journal.append(*made)
            return self._saved(kind, len(made))

        self.do(judged, VerdictsRefused)

    def turn_back(self, which: str) -> None:
        """`undo` or `redo` the latest act. Posts VerdictsSaved, or VerdictsRefused where there is none."""

        def turned() -> Message:
            from curation.verdicts import Verdict, redoable, undoable
            from curation.verdicts.author import author

            journal = self._writing()
            of = undoable(journal.verdicts) if which == "undo" else redoable(journal.verdicts)
            if not of:
                raise InputError(_("There is nothing to undo.") if which == "undo" else _("There is nothing to redo."))
            first = of[0]
            about = next((line.record_id for line in journal.verdicts if line.id == first), "")
            journal.append(Verdict("undo" if which == "undo" else "redo", author=author(), of=of))
            return self._saved(which, len(of), about)

        self.do(turned, VerdictsRefused)

    def _writing(self) -> Journal:
        """The journal, held from the first verdict on: two people do not judge the same run at once."""
        if self._journal is None:
            from curation.verdicts import Journal

            self._journal = Journal.open(self._journal_path)
        return self._journal

    def _saved(self, kind: str, number: int, about: str = "") -> Message:
        from curation.diff import Filter

        index = self._now()
        index.judge(self._state())
        rows = index.rows(Filter(record_id=about)).tolist() if about else []
        return VerdictsSaved(self, kind, number, index.statuses(), rows[0] if rows else None)

    # What becomes of it

    def export(self, path: Path) -> None:
        """A patch for somebody else. Posts PatchWritten or ProblemMet."""

        def written() -> Message:
            from curation.diff.adopt import adopted
            from curation.verdicts import read_journal
            from curation.verdicts.patch import write_patch

            lines = read_journal(self._journal_path).verdicts
            return PatchWritten(str(path), write_patch(adopted(self._now(), lines) if self.b else lines, path))

        self.do(written)

    def launch(self) -> None:
        """Start the run again, detached; it replays the journal. Posts RunLaunched or ProblemMet."""

        def launched() -> Message:
            from studio.runs.folder import RunFolder
            from studio.runs.launch import launch
            from studio.runs.lock import RunLock

            if self.run is None:
                raise InputError(_("Only a run can be done again."), _("E writes a patch for studio apply."))
            folder = RunFolder(self.run)
            launch(folder, RunLock.acquire(folder))
            return RunLaunched(self)

        self.do(launched)


def dataset_of(runs_dir: Path, word: str) -> list[str]:
    """The files meant by a word: those of the dataset of a run, else what it names itself."""
    from studio.runs.folder import RunFolder, find

    path = Path(word)
    if path.exists() and not (path / "run.json").is_file():
        return [word]
    try:
        run = RunFolder(path.resolve()) if path.exists() else find(runs_dir, word)
    except StudioError:
        return [word]
    try:
        return [output["path"] for output in json.loads(run.summary.read_bytes())["outputs"]]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(_("{run} is not finished, so it has no dataset yet.").format(run=run.name)) from error


def _changed_at(path: str) -> int:
    return Path(path).stat().st_mtime_ns if Path(path).exists() else 0


def hunk_text(hunk: Hunk) -> str:
    """The record's text, to be copied: as it is after the run, or as it was where it was removed."""
    return "\n\n".join(turn.content for turn in hunk.after or hunk.before)
