"""The work behind the Generate screen, for thread workers: each function posts what it finds, and never touches a widget.

Models, documents and prompts are the business of other processes. What people decide is kept by a desk with one thread:
decisions reach the disk in the order in which keys were pressed.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.message_pump import MessagePump
from textual.worker import get_current_worker

from curation.errors import StudioError
from studio.tui.i18n import _
from studio.tui.messages import ProblemMet
from studio.tui.screens.curate_messages import RunBegun
from studio.tui.screens.curate_work import Following
from studio.tui.screens.generate_messages import (
    DatasetWritten,
    DocumentsRead,
    GenerateChanged,
    GeneratesListed,
    ItemDecided,
    PromptFound,
)
from studio.tui.screens.run_book import RunBook
from studio.tui.screens.runs_work import frame_of
from studio.tui.screens.train_work import run_apart
from studio.tui.widgets.generate_list import GenerateFrame

if TYPE_CHECKING:
    from curation.synthesis.decisions import Action
    from curation.synthesis.model import Exchange, Span
    from curation.synthesis.recipe import GenerateRecipe
    from studio.runs.folder import RunFolder

_TAIL = 1 << 16  # bytes of events in which the latest progress is looked for


def generate_book(runs_dir: Path) -> RunBook[GenerateFrame]:
    """Posts GeneratesListed."""
    return RunBook(runs_dir, generate_frame, GeneratesListed, kind="generate")


def generate_frame(folder: RunFolder) -> GenerateFrame:
    """One run as its files tell it."""
    from studio.runs.spec import read_spec
    from studio.runs.status import read_result
    from studio.tui.screens.generate_frames import list_line

    told = frame_of(folder)
    said = told.problem
    if not said:
        spec, result = read_spec(folder), read_result(folder)
        counts = (result.summary.get("counts") or {}) if result is not None else {}
        progress = {} if counts else last_progress(folder.events)
        said = list_line(spec.inputs, spec.recipe.get("resolved") or {}, counts, progress)
    return GenerateFrame(told.name, told.path, told.status, said, told.started)


def model_of(path: Path) -> str:
    """Who writes, as the recipe of a run names it; "" where that cannot be read."""
    from studio.runs.folder import RunFolder
    from studio.runs.spec import read_spec

    try:
        resolved = read_spec(RunFolder(path)).recipe.get("resolved") or {}
    except StudioError:
        return ""
    return str((resolved.get("model") or {}).get("name") or "")


def last_progress(events: Path) -> dict[str, Any]:
    """How far the asking is, as the end of a file of events tells it; {} where it does not."""
    try:
        with events.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - _TAIL))
            lines = stream.read().split(b"\n")
    except OSError:
        return {}
    for each in reversed(lines):
        if b'"progress"' in each and b'"generate"' in each:
            try:
                found = json.loads(each)
            except ValueError:
                continue
            return dict(found) if isinstance(found, dict) else {}
    return {}


class GenerateFollowing(Following):
    """A generation that is followed. `look` belongs in a thread worker; posts GenerateChanged and RunStood."""

    def __init__(self, path: Path, target: MessagePump) -> None:
        super().__init__(path, target)
        self.watch = GenerateWatch(path, target)  # type: ignore[assignment]
        self._looking = threading.Lock()
        self._wanted = threading.Event()

    def look(self) -> None:
        """What was said since, and how the run stands. Never twice at once: who comes meanwhile has it looked once more,
        since what it came for may have been written behind where the other one had read."""
        self._wanted.set()
        while self._wanted.is_set() and self._looking.acquire(blocking=False):
            try:
                self._wanted.clear()
                super().look()
            finally:
                self._looking.release()


class GenerateWatch:
    """As `studio.tui.live.RunWatch`, with items."""

    def __init__(self, folder: Path, target: MessagePump) -> None:
        from studio.runs.events import EventReader
        from studio.runs.folder import RunFolder
        from studio.runs.generated import GenerateSnapshot
        from studio.runs.generated_items import GeneratedItems

        self.folder = RunFolder(folder)
        self.snapshot: GenerateSnapshot = GenerateSnapshot()
        self.items = GeneratedItems(folder)
        self._reader = EventReader(self.folder.events)
        self._target = target
        self._told = False

    def read(self) -> bool:
        """Read and fold what is new; True if something was."""
        from studio.runs.generated import fold

        snapshot, changed = self.snapshot, not self._told
        for block in self._reader.blocks():
            if block:
                snapshot, changed = fold(snapshot, block), True
        changed = self.items.read() or changed  # behind the events: an outcome is in its file before it is told
        if not changed:
            return False
        self.snapshot, self._told = snapshot, True
        self._target.post_message(GenerateChanged(self.folder.name, self.snapshot))
        return True


def begin(inputs: Sequence[str], recipe: GenerateRecipe, runs_dir: Path, target: MessagePump) -> None:
    """Start a generation in the background. Posts RunBegun or ProblemMet."""
    from studio.runs.generate_begin import begin_generate

    try:
        folder = begin_generate(inputs, recipe, runs_dir)
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))
        return
    target.post_message(RunBegun(str(folder.path)))


def read_documents(path: Path, target: MessagePump) -> None:
    """Posts DocumentsRead or ProblemMet."""
    from curation.json_lines import lines_of
    from curation.synthesis.coverage import coverage

    try:
        found = coverage(path)
        unread = [(str(each.get("path", "")), str(each.get("reason", ""))) for each in lines_of(path / "unread.jsonl")]
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))
        return
    target.post_message(DocumentsRead(path.name, found, unread))


def find_prompt(path: Path, unit_id: str, item_id: str, target: MessagePump) -> None:
    """What was asked for an item, by another process: personal data is masked in it. Posts PromptFound or ProblemMet."""
    worker = get_current_worker()
    words = [sys.executable, "-m", "studio.runs.generate_look", "--unit", unit_id, str(path)]
    done = run_apart(words, lambda: worker.is_cancelled)
    if done is None or worker.is_cancelled:
        return
    try:
        found: dict[str, Any] = json.loads(done.stdout.strip().rpartition(b"\n")[2])
    except ValueError:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        found = {"error": lines[-1] if lines else _("The preview ended without a word."), "hint": ""}
    if "error" in found:
        target.post_message(ProblemMet(str(found["error"]), str(found.get("hint", ""))))
        return
    messages = [(str(each["role"]), str(each["content"])) for each in found["messages"]]
    target.post_message(PromptFound(path.name, item_id, messages))


class Desk:
    """What people decide about the items of one generation. Every method returns at once; what comes of it is posted to
    `target`."""

    def __init__(self, folder: Path, target: MessagePump) -> None:
        self.folder = folder
        self._target = target
        self._thread = ThreadPoolExecutor(1, "generate")
        self._closed = False
        self._waiting = 0  # things that are to be done

    def close(self) -> None:
        """Everything that was decided is on the disk after this, and the dataset is as it was decided."""
        if not self._closed:
            self._closed = True
            self._thread.shutdown(wait=True)

    def decide(
        self, item_id: str, action: Action, exchanges: Sequence[Exchange] = (), spans: Sequence[Span] = ()
    ) -> None:
        """Write a decision down. Posts ItemDecided, and DatasetWritten where no run is going on."""

        def done() -> None:
            from curation.synthesis.decisions import decide
            from curation.verdicts.author import author

            made = decide(self.folder, item_id, action, author(), exchanges, spans)
            self._target.post_message(ItemDecided(self, made))

        self._do(done)

    def undo(self) -> None:
        """Take the latest decision back. Posts as `decide` does, or ProblemMet where there is none."""

        def done() -> None:
            from curation.synthesis.decisions import undo
            from curation.synthesis.model import UNITS, Unit, read_rows
            from curation.verdicts.author import author

            made = {unit.unit_id for unit in read_rows(self.folder / UNITS, Unit) if unit.again}
            decision = undo(self.folder, author(), made)
            if decision is None:
                raise StudioError(_("There is no decision to take back."))
            self._target.post_message(ItemDecided(self, decision, undone=True))

        self._do(done)

    def _do(self, work: Callable[[], Any]) -> None:
        if not self._closed:
            self._waiting += 1
            self._thread.submit(self._done, work)

    def _done(self, work: Callable[[], Any]) -> None:
        try:
            try:
                work()
            finally:
                self._waiting -= 1
            if not self._waiting:  # a dataset for every one of ten keys in a second would be nine too many
                self._publish()
        except StudioError as error:
            self._target.post_message(ProblemMet(error.message, error.hint))
        except Exception as error:  # a defect: it must end the interface as any other does, not vanish in a thread
            failed = error

            def fail() -> None:
                raise failed

            self._target.call_later(fail)

    def _publish(self) -> None:
        """The dataset as decided. A run that goes on does that itself in the end."""
        from curation.errors import BusyError
        from curation.synthesis.publish import publish
        from studio.runs.folder import RunFolder
        from studio.runs.lock import RunLock

        try:
            with RunLock.acquire(RunFolder(self.folder)):
                summary = publish(self.folder)
        except BusyError:
            return
        self._target.post_message(DatasetWritten(self, int(summary["counts"]["accepted"])))
