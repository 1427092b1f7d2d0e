"""A training run's folder, as a comparison reads it: its recipe, its data, and the weights it left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import InputError, nearest

if TYPE_CHECKING:
    from training.recipe import TrainRecipe

_BLOCK = 1 << 20
_SHORTEST = 4  # characters of a part of a run's name, so that no short name of a model is taken for one


@dataclass(frozen=True)
class TrainedRun:
    """A training run, whatever became of it. path: absolute; spec: what its run.json holds."""

    path: Path
    spec: dict[str, Any]

    @property
    def name(self) -> str:
        """The run's name, which is its folder's."""
        return self.path.name

    @cached_property
    def recipe(self) -> TrainRecipe:
        """What it was trained by."""
        from training.recipe import TrainRecipe

        return TrainRecipe.from_text(self.spec["recipe"]["yaml"], self.spec["recipe"]["name"])

    @property
    def inputs(self) -> list[str]:
        """Its data as it was named, from where this process stands."""
        return [self.resolved(name) for name in self.spec["inputs"]]

    def resolved(self, name: str) -> str:
        """A path of its recipe from where this process stands; what is no path stays as it is."""
        there = Path(self.spec["cwd"]) / Path(name).expanduser()
        return str(there) if name and there.exists() else name

    def changed_inputs(self) -> Iterator[str]:
        """The sources that are gone, or hold other bytes than when the run was made."""
        for source in self.spec["sources"]:
            path = Path(self.spec["cwd"]) / (source["file"] or source["path"])
            if source["digest"] and (not path.is_file() or _digest(path) != source["digest"]):
                yield source["name"]

    def weights(self) -> Path:
        """The folder of what it ended with: `adapter`, or `model` for full fine-tuning. Raises InputError."""
        for name, config in (("adapter", "adapter_config.json"), ("model", "config.json")):
            if (self.path / name / config).is_file():
                return self.path / name
        steps = self.steps()
        raise InputError(
            f"{self.name} has not come to its end, so there is no tuned model yet.",
            f"Its newest checkpoint is checkpoint:{steps[-1]}." if steps else f"Go on: studio runs resume {self.name}",
        )

    def steps(self) -> list[int]:
        """The steps that have a checkpoint, in order; nothing is verified."""
        from training.checkpoint import checkpoints

        return [int(path.name.rpartition("-")[2]) for path in checkpoints(self.path / "checkpoints")]

    def checkpoint(self, step: str) -> Path:
        """The folder of a checkpoint, every byte of it verified. Raises InputError."""
        from training.checkpoint import verify

        steps = self.steps()
        if not step.isdecimal() or int(step) not in steps:
            known = f"There is: {', '.join(f'checkpoint:{one}' for one in steps)}." if steps else "It has none."
            raise InputError(f"{self.name} has no checkpoint of step {step or '…'}.", known)
        path = self.path / "checkpoints" / f"checkpoint-{int(step):08d}"
        problem = verify(path)
        if problem is not None:
            raise InputError(f"{path.name} of {self.name} cannot be used: {problem}.", "Take another one.")
        return path

    def base_digest(self) -> str:
        """SHA-256 of the base model that it was trained on, as its newest checkpoint says; "" where none does."""
        from training.manifest import Manifest, read_manifest

        for step in reversed(self.steps()):
            manifest = read_manifest(self.path / "checkpoints" / f"checkpoint-{step:08d}")
            if isinstance(manifest, Manifest):
                return str(manifest.facts.get("model", ""))
        return ""


def trained_run(name: str | Path, runs_dir: Path) -> TrainedRun:
    """The training run called `name`: its folder, its name or a part of it that no other has, or `last`.

    Raises InputError for what is no training run.
    """
    path = Path(name)
    if not (path / "run.json").is_file():
        path = _named(str(name), runs_dir)
    spec = _spec(path)
    if spec.get("kind") != "train":
        raise InputError(f"{path.name} is no training run: it is of kind {spec.get('kind')}.", "Name a training run.")
    return TrainedRun(path.resolve(), spec)


def is_training(path: Path) -> bool:
    """Whether a folder is that of a training run."""
    try:
        return (path / "run.json").is_file() and _spec(path).get("kind") == "train"
    except InputError:
        return False


def names_a_training(name: str, runs_dir: Path) -> bool:
    """Whether `trained_run` would look for a run under this name: `last`, or a part of the names of some."""
    return name == "last" or (len(name) >= _SHORTEST and any(name in path.name for path in trainings(runs_dir)))


def trainings(runs_dir: Path) -> list[Path]:
    """The folders of all training runs, oldest first."""
    if not runs_dir.is_dir():
        return []
    found = [path for path in runs_dir.iterdir() if "-train-" in path.name and is_training(path)]
    return sorted(found, key=lambda path: (path.name[:13], (path / "run.json").stat().st_mtime))


def _named(name: str, runs_dir: Path) -> Path:
    runs = trainings(runs_dir)
    if name == "last" and runs:
        return runs[-1]
    if name and Path(name).name == name and (runs_dir / name / "run.json").is_file():
        return runs_dir / name
    matches = [path for path in runs if name and name in path.name]
    if len(matches) == 1:
        return matches[0]
    names = [path.name for path in (matches or runs)[-10:]]
    if matches:
        raise InputError(f"'{name}' could be {len(matches)} training runs.", f"One of: {', '.join(names)}.")
    hint = nearest(name, [*names, "last"]) if names else "Make one: studio train --data FILE --model NAME"
    raise InputError(f"There is no training run '{name}' in {runs_dir}.", hint)


def _spec(path: Path) -> dict[str, Any]:
    try:
        found = json.loads((path / "run.json").read_bytes())
    except OSError as error:
        raise InputError(f"{path / 'run.json'} cannot be read: {error.strerror}.") from error
    except ValueError:
        raise InputError(f"{path / 'run.json'} is damaged.", "Take another run.") from None
    if not isinstance(found, dict):
        raise InputError(f"{path / 'run.json'} is damaged.", "Take another run.")
    return found


def _digest(path: Path) -> str:
    """XXH3 (128 bit, hex) of a file, as run.json has it."""
    import xxhash

    digest = xxhash.xxh3_128()
    try:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    return digest.hexdigest()
