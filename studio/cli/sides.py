"""What somebody names on one side of a comparison: files, folders, or the dataset of a run."""

from __future__ import annotations

import json
from pathlib import Path

from curation.errors import InputError, StudioError
from studio.runs.folder import RunFolder, find


def run_named(runs_dir: Path, word: str) -> RunFolder | None:
    """The run meant by a word, or None where it is a file, a folder that is no run, or nothing."""
    path = Path(word)
    if path.exists():
        return RunFolder(path.resolve()) if (path / "run.json").is_file() else None
    try:
        return find(runs_dir, word)
    except StudioError:
        return None


def dataset_of(runs_dir: Path, word: str) -> list[str]:
    """The files meant by a word: those of the dataset of a run, else what it names itself."""
    run = run_named(runs_dir, word)
    if run is None:
        return [word]
    try:
        outputs = json.loads(run.summary.read_bytes())["outputs"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{run.name} is not finished, so it has no dataset yet.", "Resume it first.") from error
    return [output["path"] for output in outputs]
