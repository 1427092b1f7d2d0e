"""The work behind the Train screen, for thread workers: each function posts what it finds, and never touches a widget.

Whatever needs torch or a tokenizer is another process: this one stays small, and dies of nothing that they die of.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.message_pump import MessagePump
from textual.worker import get_current_worker

from curation.address import from_anywhere
from curation.errors import StudioError
from studio.tui.i18n import _
from studio.tui.messages import ProblemMet
from studio.tui.screens.curate_messages import RunBegun
from studio.tui.screens.curate_work import Following
from studio.tui.screens.train_messages import (
    DraftLoaded,
    MemoryEstimated,
    ModelsFound,
    OverlayRead,
    PreflightFailed,
    PreflightMade,
    TrainChanged,
)

if TYPE_CHECKING:
    from studio.runs.curves import TrainSnapshot
    from training.recipe import TrainRecipe

_STOPS_WITHIN = 600.0  # seconds: a step of a large model, and its checkpoint
RECORDS_SHOWN = 40
"""Records whose tokens preflight hands over to be looked at."""


def open_draft(name: str, target: MessagePump) -> None:
    """Read a recipe: a preset, a file, or the one of a run's folder. Posts DraftLoaded or ProblemMet."""
    try:
        target.post_message(_opened(name))
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))


def _opened(name: str) -> DraftLoaded:
    from studio.tui.screens.train_draft import Draft

    if not (Path(name) / "run.json").is_file():
        return DraftLoaded(Draft.load(name))
    from studio.runs.folder import RunFolder
    from studio.runs.spec import read_spec

    spec = read_spec(RunFolder(Path(name).resolve()))
    if spec.kind != "train":
        raise StudioError(_("{name} is no training run.").format(name=Path(name).name))
    return DraftLoaded(
        Draft.of_run(Path(name), spec.recipe), tuple(from_anywhere(spec.cwd, each) for each in spec.inputs)
    )


def find_models(target: MessagePump) -> None:
    """Posts ModelsFound."""
    from training.model_list import list_models

    target.post_message(ModelsFound(tuple(dict.fromkeys(each.name for each in list_models() if not each.problem))))


def begin(
    inputs: Sequence[str], recipe: TrainRecipe, runs_dir: Path, allow: Sequence[str], target: MessagePump
) -> None:
    """Start training in the background, in spite of the findings in `allow`. Posts RunBegun or ProblemMet."""
    from studio.runs.train_begin import begin_train

    try:
        folder = begin_train(inputs, recipe, runs_dir, allow=allow)
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))
        return
    target.post_message(RunBegun(str(folder.path)))


def pause_run(path: Path, target: MessagePump, *, on: bool) -> None:
    """Let a run wait, or go on. Posts ProblemMet where that fails."""
    from studio.runs.folder import RunFolder
    from studio.runs.steering import pause

    try:
        pause(RunFolder(path), on=on)
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))


def read_overlay(path: Path, target: MessagePump) -> None:
    """Read the curves of another run. Posts OverlayRead."""
    from studio.runs.curves import read_snapshot
    from studio.runs.folder import RunFolder

    target.post_message(OverlayRead(path.name, read_snapshot(RunFolder(path).events)))


class TrainFollowing(Following):
    """A training run that is followed. `look` belongs in a thread worker; posts TrainChanged and RunStood."""

    def __init__(self, path: Path, target: MessagePump) -> None:
        super().__init__(path, target)
        self.watch = TrainWatch(path, target)  # type: ignore[assignment]
        self._looking = threading.Lock()

    def look(self) -> None:
        """As its parent; but never twice at once: a look that is late would read the same events again."""
        if self._looking.acquire(blocking=False):
            try:
                super().look()
            finally:
                self._looking.release()


class TrainWatch:
    """As `studio.tui.live.RunWatch`, with curves."""

    def __init__(self, folder: Path, target: MessagePump) -> None:
        from studio.runs.events import EventReader
        from studio.runs.folder import RunFolder

        self.folder = RunFolder(folder)
        self.snapshot: TrainSnapshot | None = None
        self._reader = EventReader(self.folder.events)
        self._target = target

    def read(self) -> bool:
        """Read and fold what is new; True if something was."""
        from studio.runs.curves import TrainSnapshot, fold

        before = snapshot = self.snapshot or TrainSnapshot()
        for block in self._reader.blocks():
            snapshot = fold(snapshot, block)
        if snapshot is before:
            return False
        self.snapshot = snapshot
        self._target.post_message(TrainChanged(self.folder.name, snapshot))
        return True


# Preflight


def preflight(inputs: Sequence[str], recipe: TrainRecipe, command: str, target: MessagePump) -> None:
    """`studio preflight --json` on the recipe as it is shown. Posts PreflightMade or PreflightFailed, or nothing when
    called off: then the process is ended too.
    """
    done = _preflight(inputs, recipe, "--show", str(RECORDS_SHOWN))
    if done is None:
        return
    report = _last_object(done.stdout)
    target.post_message(PreflightMade(command, report) if report is not None else _why(done.stderr))


def estimate_memory(inputs: Sequence[str], recipe: TrainRecipe, command: str, target: MessagePump) -> None:
    """As `preflight`, for the memory alone, which takes longer. Posts MemoryEstimated, {} where it cannot be told."""
    done = _preflight(inputs, recipe, "--memory")
    if done is not None:
        target.post_message(MemoryEstimated(command, (_last_object(done.stdout) or {}).get("memory") or {}))


def _preflight(inputs: Sequence[str], recipe: TrainRecipe, *options: str) -> subprocess.CompletedProcess[bytes] | None:
    worker = get_current_worker()
    with tempfile.TemporaryDirectory(prefix="studio-") as folder:
        file = Path(folder) / "recipe.yaml"
        file.touch(mode=0o600)
        file.write_text(recipe.to_yaml(), encoding="utf-8")
        words = [sys.executable, "-m", "studio", "preflight", "--json", "--recipe", str(file), *options]
        for each in inputs:
            words += ["--data", each]
        done = run_apart(words, lambda: worker.is_cancelled)
    return None if worker.is_cancelled else done


def run_apart(words: Sequence[str], called_off: Any) -> subprocess.CompletedProcess[bytes] | None:
    """Run a process to its end, or end it with all it started when called off."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        environment = {**os.environ, "PYTHONWARNINGS": "ignore", "NO_COLOR": "1"}
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True, env=environment
        )
        while process.poll() is None:
            if called_off():
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return None
            time.sleep(0.05)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(list(words), process.returncode, out.read(), err.read())


def _last_object(output: bytes) -> dict[str, Any] | None:
    for each in reversed(output.splitlines()):
        with suppress(ValueError):
            found = json.loads(each)
            if isinstance(found, dict) and "findings" in found:
                return found
    return None


def _why(errors: bytes) -> PreflightFailed:
    """From what the command line says: `Error: …`, `Hint: …`."""
    lines = errors.decode("utf-8", "replace").splitlines()
    message = next((each.removeprefix("Error: ") for each in lines if each.startswith("Error: ")), "")
    hint = next((each.removeprefix("Hint: ") for each in lines if each.startswith("Hint: ")), "")
    return PreflightFailed(message or (lines[-1] if lines else _("Preflight ended without a word.")), hint)


def training_runs(runs_dir: Path) -> list[tuple[str, str]]:
    """Names of the training runs, newest first, and what each trained on what."""
    from studio.runs.folder import every
    from studio.runs.spec import read_spec

    found = []
    for folder in reversed(every(runs_dir)):
        if "-train-" not in folder.name:
            continue
        try:
            spec = read_spec(folder)
        except StudioError:
            continue
        model = (spec.recipe.get("resolved") or {}).get("model", {}).get("name", "")
        found.append((folder.name, f"{spec.recipe['name']} · {model}"))
    return found


def do_more_steps(path: Path, steps: int, target: MessagePump) -> None:
    """Let a run go on up to step `steps`; one that goes on saves and stops first. Posts RunBegun or ProblemMet."""
    from studio.runs.begin import reopen
    from studio.runs.folder import RunFolder, reference
    from studio.runs.launch import launch
    from studio.runs.lock import is_held
    from studio.runs.stop import request_stop, wait_until_free

    folder = RunFolder(path)
    try:
        if is_held(folder):
            request_stop(folder)
        if not wait_until_free(folder, _STOPS_WITHIN):
            hint = f"studio train --resume {reference(folder)} --max-steps {steps}"
            raise StudioError(_("{name} does not stop; extend it later.").format(name=path.name), hint)
        lock = reopen(folder, settings=[f"schedule.max_steps={steps}"])
        if lock is not None:
            launch(folder, lock)
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))
        return
    target.post_message(RunBegun(str(path)))
