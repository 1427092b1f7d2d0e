"""Where a thing came from, and what was made of it: read off the run folders there are, and checked against the disk.

Nothing is kept for it: a run says what it read and from which run (`run.json`), with digests, and what it wrote is in its
folder. Files are known by their bytes, wherever they lie now.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import InputError
from studio.runs.folder import RunFolder, every, find
from studio.runs.lineage_things import (
    KnownRun,
    State,
    Thing,
    base_model,
    exported_by,
    known_run,
    plain,
    run_name,
    run_thing,
    sha256_now,
    weights_of,
)

if TYPE_CHECKING:
    from training.compare.back.curations import Writer
    from training.compare.back.files import Output, Recorded

_WRITE_DATASETS = ("curate", "generate")
_LEGS = "legs"  # of an experiment: folders of runs
_WEIGHTS = ("adapter_model.safetensors", "model.safetensors")
_REFERENCES = ("run", "source", "base")  # options that name a run, or something in one


@dataclass(frozen=True)
class Branch:
    """A thing and what lies behind it (or, downwards, ahead of it). again: a run that stands in this lineage already, with
    all its branches."""

    thing: Thing
    branches: tuple[Branch, ...] = ()
    again: bool = False

    def things(self) -> Iterator[Thing]:
        """All of them."""
        yield self.thing
        for branch in self.branches:
            yield from branch.things()

    def as_json(self) -> dict[str, Any]:
        """In plain values."""
        return {**plain(self.thing), "again": self.again, "branches": [branch.as_json() for branch in self.branches]}


@dataclass(frozen=True)
class Lineage:
    """A thing, what it was made from and what was made of it."""

    thing: Thing
    made_from: tuple[Branch, ...]
    made_into: tuple[Branch, ...]

    def problems(self) -> list[str]:
        """What is not what it was any more, a sentence each."""
        things = [self.thing, *(one for branch in (*self.made_from, *self.made_into) for one in branch.things())]
        return list(dict.fromkeys(thing.said for thing in things if thing.said))

    def as_json(self) -> dict[str, Any]:
        """In plain values."""
        return {
            "thing": plain(self.thing),
            "made_from": [branch.as_json() for branch in self.made_from],
            "made_into": [branch.as_json() for branch in self.made_into],
            "problems": self.problems(),
        }


def lineage_of(wanted: str, runs_dir: Path) -> Lineage:
    """The lineage of a run, or of a file or folder: one that a run read or wrote, lies in a run's folder, or is a copy
    of such a one. Raises InputError for what is nothing of that kind.
    """
    path = Path(wanted).expanduser().absolute()
    if path.exists() and not (path / "run.json").is_file():
        inside = _run_around(path)
        world = World(runs_dir, *([inside.path.parent] if inside else []))
        return world.of_path(path)
    try:
        folder = RunFolder(path) if (path / "run.json").is_file() else find(runs_dir, wanted)
    except InputError:
        world = World(runs_dir)
        if any(path in (source.path for source in world.read_by(run)) for run in world.runs):
            return world.of_path(path)
        raise
    return World(runs_dir, folder.path.parent).of_run(folder)


class World:
    """The runs that are looked at: those in `places`, in experiments among them, and beside whatever these name."""

    def __init__(self, *places: Path) -> None:
        found: dict[Path, KnownRun] = {}
        left = [place.absolute() for place in places]
        seen: set[Path] = set()
        while left:
            place = left.pop()
            if place in seen or not place.is_dir():
                continue
            seen.add(place)
            for folder in every(place):
                run = known_run(folder)
                if run is None:
                    continue
                found[folder.path.resolve()] = run
                left += [leg for leg in (folder.path / _LEGS).glob("*") if leg.is_dir()]
                left += [other.path.parent for name in _named(run) if (other := _run_around(run.at(name))) is not None]
        self.runs: list[KnownRun] = sorted(found.values(), key=lambda run: (run.spec.created, run.folder.name))

    def of_run(self, folder: RunFolder) -> Lineage:
        """The lineage of a run. Raises InputError where its run.json cannot be read."""
        from studio.runs.spec import read_spec

        run = next((run for run in self.runs if run.path.resolve() == folder.path.resolve()), None)
        if run is None:
            read_spec(folder)
            raise InputError(f"{folder.path} is not among the runs of its own folder.")
        return Lineage(run_thing(run), self._behind(run, {run.path}), self._ahead(run, {run.path}))

    def of_path(self, path: Path) -> Lineage:
        """The lineage of a file or a folder. Raises InputError where no run has to do with it."""
        inside = _run_around(path)
        owner = None if inside is None else self._run_at(inside.path)
        for run in self.runs if owner is None else [owner]:
            at = self._written_at(run, path)
            if at is not None:
                thing = self.written_by(run)[at]
                behind = (self._branch(run, set(), back=True),)
                return Lineage(thing, behind, self._ahead_of(run, thing, set()))
        return self._of_stray(path) if owner is None else self.of_run(owner.folder)

    def _written_at(self, run: KnownRun, path: Path) -> int | None:
        """Which of the things that a run wrote is `path`, or holds it."""
        things = self.written_by(run, check=False)
        within = (at for at, one in enumerate(things) if one.path is not None and _is_within(path, one.path))
        return next(within, None)

    def _of_stray(self, path: Path) -> Lineage:
        """Of a file outside of all runs: a source of theirs, or a copy of what they wrote."""
        digests, seen = _digests(path), set[Path]()
        behind = tuple(
            Branch(self.written_by(run)[at], (self._branch(run, seen, back=True),))
            for run in self.runs
            for at, thing in enumerate(self.written_by(run, check=False))
            if digests & _all_digests(thing)
        )
        readers = [
            (run, source)
            for run in self.runs
            for source in self.read_by(run)
            if source.path == path or (path.is_file() and source.is_at(path))
        ]
        if not behind and not readers:
            raise InputError(
                f"No run has read or written {path}, or a file with its bytes.", "Name the folder of runs: --runs-dir."
            )
        state, said = self._source_state(readers[0][1]) if readers else ("same", "")
        digest = f"xxh3:{readers[0][1].digest}" if readers else ""
        below: set[Path] = set()
        kind: Any = "folder" if path.is_dir() else "file"
        ahead = tuple(self._branch(run, below, back=False) for run in dict(_by_path(readers)).values())
        return Lineage(Thing(kind, path.name, path, digest, state, said), behind, ahead)

    def read_by(self, run: KnownRun) -> list[Recorded]:
        """The files that a run read."""
        from dataclasses import asdict

        from training.compare.back.files import sources_of

        return sources_of(asdict(run.spec))

    def written_by(self, run: KnownRun, *, check: bool = True) -> list[Thing]:
        """What a run made: dataset files, weights, exports. check: whether it still is what it was, which reads it."""
        if run.spec.kind in _WRITE_DATASETS:
            return [_output_thing(output, check=check) for output in self._outputs if output.run == run.path]
        if run.spec.kind == "train":
            return list(weights_of(run, check=check))
        return list(exported_by(run, check=check)) if run.spec.kind == "export" else []

    def _branch(self, run: KnownRun, seen: set[Path], *, back: bool) -> Branch:
        """A run with all behind it or ahead of it; where it stands already, only its name."""
        if run.path in seen:
            return Branch(run_name(run), again=True)
        seen.add(run.path)
        return Branch(run_thing(run), self._behind(run, seen) if back else self._ahead(run, seen))

    def _behind(self, run: KnownRun, seen: set[Path]) -> tuple[Branch, ...]:
        """What a run was made from: its sources with the runs that wrote them, runs that it names, its base model."""
        found = []
        for source in self.read_by(run):
            writer = self._writers.get((run.path, source.name))
            maker = None if writer is None else self._run_at(writer.output.run)
            behind = () if maker is None else (self._branch(maker, seen, back=True),)
            found.append(Branch(_source_thing(source, *self._source_state(source, writer)), behind))
        found += [self._branch(other, seen, back=True) for other in self._named_by(run)]
        base = base_model(run) if run.spec.kind == "train" else None
        return (*found, *([Branch(base)] if base is not None else []))

    def _ahead(self, run: KnownRun, seen: set[Path]) -> tuple[Branch, ...]:
        """What was made of a run: what it wrote with the runs that read it, then the runs that name it as a whole."""
        written = self.written_by(run)
        found = [Branch(thing, self._ahead_of(run, thing, seen)) for thing in written]
        through = {reader.path for thing in written for reader in self._readers(run, thing)}
        others = [other for other in self.runs if run in self._named_by(other) and other.path not in through]
        return (*found, *(self._branch(other, seen, back=False) for other in others))

    def _ahead_of(self, run: KnownRun, thing: Thing, seen: set[Path]) -> tuple[Branch, ...]:
        return tuple(self._branch(reader, seen, back=False) for reader in self._readers(run, thing))

    def _readers(self, run: KnownRun, thing: Thing) -> list[KnownRun]:
        """The runs that read something a run wrote: a dataset file by its bytes or name, the rest by its path."""
        if run.spec.kind in _WRITE_DATASETS:
            written = [(path, writer.output) for (path, _), writer in self._writers.items()]
            paths = {path for path, output in written if output.run == run.path and output.path == thing.path}
            return [other for other in self.runs if other.path in paths]
        return [other for other in self.runs if self._uses(other, run, thing)]

    def _uses(self, other: KnownRun, run: KnownRun, thing: Thing) -> bool:
        """Whether a run names something that `run` made: by its path, or as what the whole run stands for."""
        where = thing.path
        if other.path == run.path or where is None:
            return False
        if any(_is_within(other.at(name), where) for name in _named(other)):
            return True
        if run not in self._named_by(other) or thing.kind not in ("weights", "checkpoint"):
            return False
        if other.spec.kind != "compare":
            return other.spec.kind == "export" and thing.kind == "weights"
        sides = (other.spec.recipe.get("resolved") or {}).get("sides") or {}
        meant = "tuned" if thing.kind == "weights" else f"checkpoint:{int(where.name.rpartition('-')[2])}"
        return meant in (sides.get("a"), sides.get("b"))

    def _named_by(self, run: KnownRun) -> list[KnownRun]:
        """The runs that a run names, in its options or its recipe, as a whole or by something in their folders."""
        return self._names[run.path]

    @cached_property
    def _names(self) -> dict[Path, list[KnownRun]]:
        found = {}
        for run in self.runs:
            named = _named(run)
            around = [_run_around(run.at(name)) for name in named]
            around.append(_run_around(run.path.parent))  # a leg is made by its experiment
            paths = {folder.path.resolve() for folder in around if folder is not None} - {run.path.resolve()}
            paths -= {writer.output.run.resolve() for (path, _), writer in self._writers.items() if path == run.path}
            names = {name for name in named if os.sep not in name}
            found[run.path] = [
                other
                for other in self.runs
                if other.path != run.path and (other.path.resolve() in paths or other.folder.name in names)
            ]
        return found

    def _run_at(self, path: Path) -> KnownRun | None:
        return next((run for run in self.runs if run.path.resolve() == path.resolve()), None)

    @cached_property
    def _outputs(self) -> list[Output]:
        from training.compare.back.files import outputs_of

        return [output for run in self.runs if run.spec.kind in _WRITE_DATASETS for output in outputs_of(run.path)]

    @cached_property
    def _writers(self) -> dict[tuple[Path, str], Writer]:
        """For each run and source of it the dataset file of a curation or a generation that it is."""
        from training.compare.back.curations import writer_of

        found = {}
        for run in self.runs:
            others = [output for output in self._outputs if output.run != run.path]
            for source in self.read_by(run):
                writer = writer_of(source, others)
                if writer is not None:
                    found[run.path, source.name] = writer
        return found

    @staticmethod
    def _source_state(source: Recorded, writer: Writer | None = None) -> tuple[State, str]:
        """Whether what was read is still there, where it was or where the run that wrote it is now."""
        if not source.digest:
            return "unknown", ""
        if source.is_at(source.path) or (writer is not None and writer.how == "bytes"):
            return "same", ""
        if source.path.exists():
            return "changed", f"{source.path} has changed since it was read."
        if writer is not None and not writer.is_exact:
            return "changed", f"{source.name} was written anew by {writer.output.run.name} since it was read."
        return "missing", f"{source.path} is gone."


def _named(run: KnownRun) -> list[str]:
    """What a run's options and recipe name that may be a run, or lie in one."""
    sides = (run.spec.recipe.get("resolved") or {}).get("sides") or {}
    model = (run.spec.recipe.get("resolved") or {}).get("model") or {}
    options = [run.spec.options.get(name) for name in _REFERENCES]
    mapped = run.spec.inputs if run.spec.kind == "map" else ()
    named = [*options, *mapped, sides.get("run"), sides.get("a"), sides.get("b"), model.get("name")]
    return list(dict.fromkeys(name for name in named if isinstance(name, str) and name))


def _run_around(path: Path) -> RunFolder | None:
    """The run whose folder `path` is, or lies in: the innermost, as a leg of an experiment has one of its own."""
    return next((RunFolder(place) for place in (path, *path.parents) if (place / "run.json").is_file()), None)


def _is_within(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _source_thing(source: Recorded, state: State, said: str) -> Thing:
    digest = f"xxh3:{source.digest}" if source.digest else ""
    return Thing("file", source.name, source.path, digest, state, said, {"bytes": source.size})


def _output_thing(output: Output, *, check: bool) -> Thing:
    state, said = sha256_now(output.path, output.sha256) if check else ("unknown", "")
    facts = {"split": output.split, "records": output.records, "bytes": output.size}
    return Thing("file", output.path.name, output.path, f"sha256:{output.sha256}", state, said, facts)


def _digests(path: Path) -> set[str]:
    """SHA-256 of a file, or of the weights in a folder."""
    from curation.weights.cache import file_digest

    if path.is_file():
        return {file_digest(path)}
    if not path.is_dir():
        return set()
    files = [path / name for name in _WEIGHTS if (path / name).is_file()]
    return {file_digest(file) for file in [*files, *path.glob("*.gguf")]}


def _all_digests(thing: Thing) -> set[str]:
    return {thing.digest.partition(":")[2], *thing.facts.get("files", {}).values()} - {""}


def _by_path(readers: Sequence[tuple[KnownRun, Recorded]]) -> Iterator[tuple[Path, KnownRun]]:
    return ((run.path, run) for run, _ in readers)
