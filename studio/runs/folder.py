"""A run is a folder: where its files are, how one is made, and how one is found again by a part of its name."""

from __future__ import annotations

import os
import secrets
import shlex
import time
from dataclasses import dataclass
from pathlib import Path

from curation.errors import InputError, OutputError, nearest

DEFAULT_RUNS_DIR = "runs"
RUNS_DIR_VARIABLE = "STUDIO_RUNS_DIR"


@dataclass(frozen=True)
class RunFolder:
    """The files of one run. `path` is absolute; nothing here says that they exist."""

    path: Path

    @property
    def name(self) -> str:
        """The run's name, which is its folder's."""
        return self.path.name

    @property
    def spec(self) -> Path:
        """What was asked for, written before the run starts."""
        return self.path / "run.json"

    @property
    def lock(self) -> Path:
        """Locked by the worker for as long as it lives."""
        return self.path / "run.lock"

    @property
    def events(self) -> Path:
        """Every event, one JSON object a line, append-only."""
        return self.path / "events.jsonl"

    @property
    def stop(self) -> Path:
        """Its presence asks the run to stop."""
        return self.path / "stop"

    @property
    def pause(self) -> Path:
        """Its presence lets a training run wait between two steps."""
        return self.path / "pause"

    @property
    def log(self) -> Path:
        """What a detached worker writes to its terminal, and the traceback of an unexpected error."""
        return self.path / "worker.log"

    @property
    def result(self) -> Path:
        """How the run ended; written last."""
        return self.path / "result.json"

    @property
    def summary(self) -> Path:
        """The engine's own account of a finished run."""
        return self.path / "summary.json"


def create(runs_dir: Path, kind: str) -> RunFolder:
    """A new folder such as `20261122-1412-curate-1a2b`, readable by its owner only: it holds what the source holds.

    Raises OutputError when it cannot be made.
    """
    parent = runs_dir.absolute()
    try:
        parent.mkdir(parents=True, exist_ok=True)
        while True:
            name = f"{time.strftime('%Y%m%d-%H%M')}-{kind}-{secrets.token_hex(2)}"
            try:
                (parent / name).mkdir(mode=0o700)
            except FileExistsError:
                continue
            return RunFolder(parent / name)
    except OSError as error:
        raise OutputError(
            f"No run folder can be made in {parent}: {error.strerror}.",
            "Name a folder you may write to with --runs-dir.",
        ) from error


def every(runs_dir: Path) -> list[RunFolder]:
    """Every run in `runs_dir`, oldest first; none when the folder does not exist."""
    try:
        with os.scandir(runs_dir.absolute()) as entries:
            names = [e.name for e in entries if e.is_dir(follow_symlinks=False) and not e.name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"{runs_dir} cannot be listed: {error.strerror}.") from error
    found = [RunFolder(runs_dir.absolute() / name) for name in names]
    return sorted((run for run in found if run.spec.is_file()), key=lambda run: (run.name[:13], _made(run)))


def find(runs_dir: Path, wanted: str) -> RunFolder:
    """The run meant by `wanted`: a folder, a name, `last`, or any part of a name that only one run has.

    Raises InputError naming the runs it could be.
    """
    as_path = Path(wanted)
    if os.sep in wanted and (as_path / "run.json").is_file():
        return RunFolder(as_path.resolve())
    runs = every(runs_dir)
    if not runs:
        raise InputError(
            f"There is no run in {runs_dir}.", "Start one with 'studio curate', or name the folder with --runs-dir."
        )
    if wanted == "last":
        return runs[-1]
    matches = [run for run in runs if run.name == wanted] or [run for run in runs if wanted and wanted in run.name]
    if len(matches) == 1:
        return matches[0]
    names = [run.name for run in (matches or runs)[-10:]]
    if matches:
        raise InputError(f"'{wanted}' could be {len(matches)} runs.", f"One of: {', '.join(names)}.")
    raise InputError(f"There is no run '{wanted}' in {runs_dir}.", nearest(wanted, [*names, "last"]))


def reference(folder: RunFolder) -> str:
    """How to name the run on a command line typed here: its name where runs usually are, else its folder."""
    usual = Path(os.environ.get(RUNS_DIR_VARIABLE) or DEFAULT_RUNS_DIR)
    if folder.path.parent == usual.absolute():
        return folder.name
    here = Path.cwd()
    near = folder.path.is_relative_to(here)
    return shlex.quote(str(folder.path.relative_to(here) if near else folder.path))


def _made(run: RunFolder) -> float:
    try:
        return run.spec.stat().st_mtime
    except OSError:
        return 0.0
