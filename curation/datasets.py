"""What a user names as a dataset, as files: a finished curation, or a finished generation, stands for what it wrote."""

from __future__ import annotations

import json
from pathlib import Path

from curation.errors import InputError


def datasets_of(name: str) -> list[str]:
    """The files of an input: those that a finished run wrote, where its folder (or its `dataset`) is named.

    Any other name is returned as it is. Raises InputError for a run that has not finished.
    """
    path = Path(name)
    run = path if (path / "run.json").is_file() else path.parent
    if not path.is_dir() or not (run / "run.json").is_file() or (run != path and path.name != "dataset"):
        return [name]
    try:
        outputs = json.loads((run / "summary.json").read_bytes())["outputs"]
        there = Path(json.loads((run / "run.json").read_bytes())["cwd"])
        return [str(_moved(there / output["path"], run)) for output in outputs]
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"The run {run.name} has no dataset.", f"Let it finish: studio runs resume {run.name}"
        ) from None


def _moved(path: Path, run: Path) -> Path:
    """Where a dataset is now, if it went elsewhere together with its run."""
    inside = run / "dataset" / path.name
    return inside if inside.exists() and not path.exists() else path
