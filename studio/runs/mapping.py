"""The `map` kind of run: making one, and from run.json to the map's entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import InputError
from curation.events import Listener, RunStarted, Warned
from studio.runs.folder import RunFolder, create, every, find
from studio.runs.inputs import changed_inputs
from studio.runs.lock import RunLock
from studio.runs.spec import RunSpec, read_spec

if TYPE_CHECKING:
    from curation.topics.model import MapSettings

KIND = "map"
STAGES = ("read", "embed", "map")
_EARLIER = 10  # maps whose vectors are looked through, newest first


def input_named(name: str, runs_dir: Path) -> str:
    """What an input means: a file, folder, pattern or hf:NAME as it is; a run by its name, `last` the last that wrote a
    dataset, as its folder. Raises InputError."""
    if name.startswith("hf:") or Path(name).exists() or any(sign in name for sign in "*?["):
        return name
    if name == "last":
        made = [run for run in every(runs_dir) if "-curate-" in run.name or "-generate-" in run.name]
        if made:
            return str(made[-1].path)
    try:
        return str(find(runs_dir, name).path)
    except InputError as error:
        raise InputError(f"There is no file, folder or run '{name}'.", error.hint) from error


def map_named(name: str, runs_dir: Path) -> RunFolder | None:
    """The finished or unfinished map that a name means, `last` the last one; None where it means something else."""
    if name == "last":
        maps = [run for run in every(runs_dir) if f"-{KIND}-" in run.name]
        return maps[-1] if maps else None
    if Path(name).exists() and not (Path(name) / "run.json").is_file():
        return None
    try:
        folder = RunFolder(Path(name).resolve()) if (Path(name) / "run.json").is_file() else find(runs_dir, name)
        return folder if read_spec(folder).kind == KIND else None
    except InputError:
        return None


def make_map_run(
    inputs: Sequence[str], settings: MapSettings, runs_dir: Path, *, argv: Sequence[str] = ("studio",)
) -> tuple[RunFolder, RunLock]:
    """A folder for a new map, with what was asked for in it, and its lock, held. Nothing is started.

    inputs: as `input_named` gives them. Inputs that are not there leave no folder behind.
    """
    from curation.embedding.encoder import encoder
    from curation.topics.gather import is_curation
    from studio.runs.inputs import describe_inputs
    from studio.runs.spec import new_spec

    if not inputs or "-" in inputs:
        raise InputError("A map is made of runs or files.", "Name some: studio map RUN|FILE…")
    encoder(settings.model).digest()  # a model that is not there is said before anything is made
    files = [file for name in inputs if not is_curation(Path(name)) for file in _files(name)]
    sources = describe_inputs(files) if files else []
    folder = create(runs_dir, KIND)
    lock = RunLock.acquire(folder)
    try:
        new_spec(
            KIND, inputs, sources, _entry_of(settings), settings.model_dump(mode="json"), settings.seed, argv
        ).write(folder)
    except BaseException:
        lock.close()
        raise
    return folder, lock


def begin_map(inputs: Sequence[str], settings: MapSettings, runs_dir: Path) -> RunFolder:
    """Start a new map in the background. Raises the errors of `curation.errors`."""
    from studio.runs.launch import launch

    folder, lock = make_map_run([input_named(name, runs_dir) for name in inputs], settings, runs_dir)
    launch(folder, lock)
    return folder


def run_map(spec: RunSpec, folder: RunFolder, listener: Listener, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """Map what the spec says into `folder`; returns the summary."""
    from curation.topics.build import make_map
    from curation.topics.model import PAGE, VECTORS, MapSettings

    resumed = (folder.path / VECTORS).is_dir()
    listener(RunStarted(folder.name, spec.kind, spec.recipe["name"], spec.recipe["stages"], 1, resumed))
    for name in changed_inputs(spec) if resumed else ():
        listener(Warned(f"{name} has changed since this run was made.", "It is mapped as it is now."))
    others = [
        run.path for run in reversed(every(folder.path.parent)) if f"-{KIND}-" in run.name and run.path != folder.path
    ]
    found = make_map(
        spec.inputs,
        MapSettings(**spec.options),
        folder.path,
        earlier=others[:_EARLIER],
        title=folder.name,
        listener=listener,
        should_stop=should_stop,
    )
    decided = {"kept": found.kept, "dropped": found.dropped} if found.kept or found.dropped else {}
    return {
        "kind": KIND,
        "counts": {"read": found.records, "textless": found.textless, **decided},
        "left_out": found.left_out,
        "topics": [
            {"number": each.number, "name": each.name, "size": each.size, "kept": each.kept, "dropped": each.dropped,
             "duplicates": each.duplicates, "languages": dict(each.languages), "marks": list(each.marks)}
            for each in found.topics
        ],
        "regions": len(found.regions),
        "page": str(folder.path / PAGE),
    }  # fmt: skip


def seeds_of(folder: RunFolder, topic: int, out: Path) -> tuple[int, int]:
    """Write the records of a topic of a finished map as seeds: how many, and how many have changed since. Raises InputError
    for a map that is not finished, OutputError."""
    from curation.topics.seeds import write_seeds

    return write_seeds(folder.path, topic, out, Path(read_spec(folder).cwd))


def _files(name: str) -> list[str]:
    from curation.datasets import datasets_of

    return datasets_of(name)


def _entry_of(settings: MapSettings) -> dict[str, Any]:
    """The `recipe` part of run.json: a map's settings are its recipe."""
    import hashlib

    return {
        "name": KIND,
        "digest": hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:16],
        "yaml": "",
        "resolved": {KIND: settings.model_dump(mode="json")},
        "stages": list(STAGES),
        "seed": settings.seed,
    }
