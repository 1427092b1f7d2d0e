"""Making a training run's folder, going on with one, and cloning one with something changed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import InputError
from studio.runs.folder import RunFolder, create
from studio.runs.lock import RunLock

if TYPE_CHECKING:
    from training.recipe import TrainRecipe

RECIPE = "recipe.yaml"
# What a run may go on with changed: how long, and what is measured, kept and told; never what was learned so far.
MAY_CHANGE = frozenset({"schedule.max_steps", "schedule.epochs", "device.threads"})
_SECTIONS_THAT_MAY = frozenset({"evaluation", "checkpoints", "tracking"})


def data_named(names: Sequence[str], runs_dir: Path) -> list[str]:
    """The inputs, with the folder of a curation in the place of its name. `last` is the last curation."""
    return [_run_or_path(name, runs_dir) for name in names]


def _run_or_path(name: str, runs_dir: Path) -> str:
    from studio.runs.folder import every

    if Path(name).exists() or name.startswith("hf:"):
        return name
    runs = [run for run in every(runs_dir) if "-curate-" in run.name]
    if name == "last" and runs:
        return str(runs[-1].path)
    matches = [run for run in runs if run.name == name]
    return str(matches[0].path) if matches else name


def entry_of(recipe: TrainRecipe) -> dict[str, Any]:
    """The `recipe` part of run.json."""
    return {
        "name": recipe.name,
        "digest": recipe.digest(),
        "yaml": recipe.to_yaml(),
        "resolved": recipe.resolved(),
        "stages": [recipe.method.kind if recipe.method.objective == "sft" else recipe.method.objective],
        "seed": recipe.seed,
    }


def recipe_of(folder: RunFolder) -> TrainRecipe:
    """The recipe of a training run, comments and all. Raises InputError for another kind of run."""
    from studio.runs.spec import read_spec
    from training.recipe import TrainRecipe

    spec = read_spec(folder)
    if spec.kind != "train":
        raise InputError(f"{folder.name} is no training run: it is of kind {spec.kind}.")
    return TrainRecipe.from_text(spec.recipe["yaml"], spec.recipe["name"])


def make_train(
    inputs: Sequence[str],
    recipe: TrainRecipe,
    runs_dir: Path,
    *,
    allow: Sequence[str] = (),
    argv: Sequence[str] = ("studio",),
) -> tuple[RunFolder, RunLock]:
    """A folder for a new training run, with what was asked for in it, and its lock, held. Nothing is started.

    Inputs that are not there, and a recipe without a model, leave no folder behind.
    """
    from curation.datasets import datasets_of
    from curation.writers.atomic import write_atomic
    from studio.runs.inputs import describe_inputs
    from studio.runs.spec import new_spec

    if not inputs or "-" in inputs:
        raise InputError("Training reads files.", "Name a dataset with --data: a file, a folder, or a finished run.")
    if not recipe.model.name:
        raise InputError("No model is named.", "Name one with --model: a folder, a Hub name, a .gguf file, or smollm2.")
    datasets = [file for name in inputs for file in datasets_of(name)]
    sources = describe_inputs(datasets)
    folder = create(runs_dir, "train")
    lock = RunLock.acquire(folder)
    try:
        text = f"# {command_of(inputs, recipe, RECIPE)}\n{recipe.to_yaml()}"
        write_atomic(folder.path / RECIPE, text.encode(), mode=0o600)
        options = {"allow": list(allow)}
        new_spec("train", datasets, sources, entry_of(recipe), options, recipe.seed, argv).write(folder)
    except BaseException:
        lock.close()
        raise
    return folder, lock


def begin_train(inputs: Sequence[str], recipe: TrainRecipe, runs_dir: Path, *, allow: Sequence[str] = ()) -> RunFolder:
    """Start a new training run in the background. Raises the errors of `curation.errors`."""
    from studio.runs.launch import launch

    folder, lock = make_train(inputs, recipe, runs_dir, allow=allow)
    launch(folder, lock)
    return folder


def changed_for_resume(before: TrainRecipe, settings: Sequence[str]) -> TrainRecipe:
    """The recipe with settings that a run may go on with. Raises InputError for others, naming the way out."""
    after = before.with_settings(list(settings))
    old, new = _flat(before), _flat(after)
    refused = [
        key
        for key in new
        if new[key] != old[key] and key not in MAY_CHANGE and key.partition(".")[0] not in _SECTIONS_THAT_MAY
    ]
    if refused:
        raise InputError(
            f"A run cannot go on with another {refused[0]}: what it has learned so far was learned without.",
            "Clone it instead: studio train --clone RUN --set …",
        )
    return after


def command_of(inputs: Sequence[str], recipe: TrainRecipe, file: str) -> str:
    """The command that does the same again from the recipe in `file`."""
    data = " ".join(f"--data {shlex.quote(name)}" for name in inputs)
    return f"studio train {data} --model {shlex.quote(recipe.model.name)} --recipe {shlex.quote(file)}"


def _flat(recipe: TrainRecipe) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for section, value in recipe.resolved().items():
        for key, item in value.items() if isinstance(value, dict) else [("", value)]:
            flat[f"{section}.{key}".rstrip(".")] = item
    return flat
