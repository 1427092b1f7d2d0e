"""The work behind the Curate screen, for thread workers: each function posts what it finds, and never touches a widget."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.message_pump import MessagePump
from textual.worker import get_current_worker

from curation.address import from_anywhere
from curation.errors import StudioError
from studio.tui.i18n import _
from studio.tui.live import RunWatch
from studio.tui.messages import ProblemMet
from studio.tui.screens.curate_messages import DraftOpened, PreviewFailed, PreviewMade, RunBegun, RunStood

if TYPE_CHECKING:
    from collections.abc import Sequence

    from curation.preview import Previewer
    from curation.recipe import Recipe

_LOG_LINES = 12


def open_draft(name: str, target: MessagePump) -> None:
    """Read a recipe: a starter, a file, or the one of a run's folder. Posts DraftOpened or ProblemMet."""
    try:
        target.post_message(_opened(name))
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))
    except OSError as error:
        target.post_message(ProblemMet(f"{name}: {error.strerror}"))


def _opened(name: str) -> DraftOpened:
    from curation.recipe_draft import RecipeDraft

    if (Path(name) / "run.json").is_file():
        from studio.runs.folder import RunFolder
        from studio.runs.spec import read_spec

        spec = read_spec(RunFolder(Path(name).resolve()))
        inputs = tuple(from_anywhere(spec.cwd, each) for each in spec.inputs)
        return DraftOpened(RecipeDraft(spec.recipe["yaml"], spec.recipe["name"]), inputs)
    return DraftOpened(RecipeDraft.load(name))


class Trial:
    """Recipes tried on a sample of the inputs. The sample is taken once for the same inputs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # an old worker may still be deciding when a new one begins
        self._inputs: tuple[str, ...] = ()
        self._previewer: Previewer | None = None

    def preview(self, inputs: Sequence[str], recipe: Recipe, text: str, target: MessagePump, *, dear: bool) -> None:
        """Posts PreviewMade, or PreviewFailed where the inputs cannot be read; nothing when called off."""
        from curation.preview import Previewer, PreviewStopped, take_sample

        worker = get_current_worker()
        with self._lock:
            if worker.is_cancelled:
                return
            try:
                if self._previewer is None or tuple(inputs) != self._inputs:
                    self._previewer, self._inputs = Previewer(take_sample(inputs)), tuple(inputs)
                made = self._previewer.preview(recipe, dear=dear, should_stop=lambda: worker.is_cancelled)
            except PreviewStopped:
                return
            except StudioError as error:
                target.post_message(PreviewFailed(error.message, error.hint))
                return
        if not worker.is_cancelled:
            target.post_message(PreviewMade(text, made))

    def forget(self) -> None:
        """Take the sample anew next time: the files may have changed."""
        self._inputs = ()


def begin_run(inputs: Sequence[str], recipe: Recipe, runs_dir: Path, target: MessagePump) -> None:
    """Start a run in the background. Posts RunBegun or ProblemMet."""
    from studio.runs.begin import begin

    try:
        folder = begin(inputs, recipe, runs_dir)
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))
        return
    target.post_message(RunBegun(str(folder.path)))


def resume_run(path: Path, recipe: Recipe | None, target: MessagePump) -> None:
    """Go on with a run, or do it again with another recipe. Posts RunBegun or ProblemMet."""
    from studio.runs.begin import go_on
    from studio.runs.folder import RunFolder

    try:
        if not go_on(RunFolder(path), recipe):
            said = _("{name} is finished already; there is nothing left to do.").format(name=path.name)
            target.post_message(ProblemMet(said))
            return
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))
        return
    target.post_message(RunBegun(str(path)))


def stop_run(path: Path, target: MessagePump, *, force: bool) -> None:
    """Ask a run to stop, or end it. Posts ProblemMet where that fails."""
    from studio.runs.folder import RunFolder
    from studio.runs.stop import force_stop, request_stop

    folder = RunFolder(path)
    try:
        if force:
            force_stop(folder, 3.0)
        else:
            request_stop(folder)
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))


class Following:
    """A run that is followed: its events, its state, and what its processes use. `look` belongs in a thread worker."""

    def __init__(self, path: Path, target: MessagePump) -> None:
        self.watch = RunWatch(path, target)
        self._target = target
        self._processes: dict[int, Any] = {}

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.watch.folder.path

    def look(self) -> None:
        """Posts RunChanged (by the watch) and RunStood."""
        from studio.runs.status import Status, read_result, status_of

        folder = self.watch.folder
        status = status_of(folder)
        self.watch.read()
        cores, memory = self._usage() if status is Status.RUNNING else (None, None)
        log = last_lines(folder.log) if status in (Status.CRASHED, Status.FAILED) else ()
        self._target.post_message(RunStood(folder.name, status, read_result(folder), cores, memory, log))

    def _usage(self) -> tuple[float | None, int | None]:
        """Cores busy since the last look and memory in use, of the worker and the processes it started."""
        import psutil

        from studio.runs.lock import holder

        by = holder(self.watch.folder)
        if by is None or not by.is_here:
            return None, None
        try:
            first = psutil.Process(by.pid)
            found = {each.pid: each for each in (first, *first.children(recursive=True))}
        except psutil.Error:
            return None, None
        self._processes = {pid: self._processes.get(pid, process) for pid, process in found.items()}
        cores, memory = 0.0, 0
        for process in self._processes.values():
            try:
                cores += process.cpu_percent() / 100
                memory += process.memory_info().rss
            except psutil.Error:
                continue
        return cores, memory


def last_lines(path: Path, most: int = _LOG_LINES) -> tuple[str, ...]:
    """The end of a log; nothing where there is none."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - 16_384))
            return tuple(stream.read().decode("utf-8", "replace").strip().splitlines()[-most:])
    except OSError:
        return ()
