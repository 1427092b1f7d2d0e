"""Which older runs have pieces that a new one may take over, so that trying another late stage does not start at zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from curation.address import from_anywhere
from curation.errors import StudioError
from studio.runs.folder import every
from studio.runs.spec import RunSpec, read_spec

_LOOKED_AT = 50  # runs, newest first
_TAKEN = 5  # each lookup of a piece asks every one of them


def similar_runs(runs_dir: Path, sources: Sequence[Mapping[str, Any]]) -> list[str]:
    """Folders of the newest runs that read one of the same files and still have their pieces, newest first.

    Being similar is only where to look: a piece is taken by a key that covers its input, stages and parameters.
    """
    wanted = {from_anywhere(Path.cwd(), source["path"]) for source in sources}
    found: list[str] = []
    for run in list(reversed(every(runs_dir)))[:_LOOKED_AT]:
        if len(found) == _TAKEN:
            break
        try:
            spec = read_spec(run)
        except StudioError:
            continue
        if wanted & _paths(spec) and (run.path / "shards").is_dir():
            found.append(str(run.path))
    return found


def _paths(spec: RunSpec) -> set[str]:
    return {from_anywhere(spec.cwd, source["path"]) for source in spec.sources}
