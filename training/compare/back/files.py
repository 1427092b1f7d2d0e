"""What run folders say about their files, read without the runs package: what was read, what was written, what is there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from curation.errors import InputError

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Recorded:
    """A file as a run found it. path: absolute, where it was then. digest: XXH3 (128 bit, hex), "" for none."""

    name: str
    path: Path
    size: int
    digest: str

    def is_at(self, path: Path) -> bool:
        """Whether `path` holds the very bytes that were read."""
        return (
            bool(self.digest) and path.is_file() and path.stat().st_size == self.size and digest_of(path) == self.digest
        )


@dataclass(frozen=True)
class Output:
    """A dataset file that a curation wrote. recorded: where it wrote it; path: where that is now."""

    run: Path
    split: str
    recorded: Path
    path: Path
    records: int
    size: int
    sha256: str


def read_spec(folder: Path) -> dict[str, Any]:
    """What `run.json` says. Raises InputError where there is none, or it is damaged."""
    spec = _json(folder / "run.json")
    if not isinstance(spec, dict) or "kind" not in spec:
        raise InputError(f"{folder} is no run folder: it has no run.json that can be read.")
    return spec


def sources_of(spec: Mapping[str, Any]) -> list[Recorded]:
    """The files that a run read, in its order."""
    there = Path(spec.get("cwd") or ".")
    return [
        Recorded(source["name"], there / (source.get("file") or source["path"]), source["size"], source["digest"])
        for source in spec.get("sources", ())
    ]


def outputs_of(run: Path) -> list[Output]:
    """The dataset files of a finished curation, where they are now; none of another run."""
    summary, spec = _json(run / "summary.json"), _json(run / "run.json")
    if not isinstance(summary, dict) or not isinstance(spec, dict):
        return []
    there, found = Path(spec.get("cwd") or "."), []
    for output in summary.get("outputs") or ():
        recorded = there / output["path"]
        inside = run / "dataset" / recorded.name  # went elsewhere together with its run
        path = inside if inside.exists() else recorded
        split = output.get("split", "train")
        found.append(Output(run, split, recorded, path, output["records"], output["bytes"], output["sha256"]))
    return found


def curations_near(run: Path, sources: Iterable[Recorded]) -> list[Path]:
    """Every curation beside `run`, and beside the runs in whose folders the sources lie or lay."""
    found = [inside for folder in places_near(run, sources) for inside in _runs_in(folder)]
    return [folder for folder in dict.fromkeys(found) if (_json(folder / "run.json") or {}).get("kind") == "curate"]


def places_near(run: Path, sources: Iterable[Recorded]) -> list[Path]:
    """Folders of runs: that of `run`, and those of the runs in whose folders the sources lie or lay."""
    inside = (source.path.parent for source in sources)
    others = (folder.parent.parent for folder in inside if folder.name == "dataset")
    return list(dict.fromkeys([run.absolute().parent, *others]))


def digest_of(path: Path) -> str:
    """XXH3 (128 bit, hex) of a file, as `run.json` has it. Raises InputError where it cannot be read."""
    try:
        facts = path.stat()
        return _digest(path, facts.st_size, facts.st_mtime_ns)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error


@lru_cache(maxsize=1024)
def _digest(path: Path, _size: int, _changed: int) -> str:
    """Once for each state of a file: every run that read it asks."""
    import xxhash

    digest = xxhash.xxh3_128()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _runs_in(folder: Path) -> Iterator[Path]:
    try:
        names = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return
    yield from (path for path in names if (path / "run.json").is_file())


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
