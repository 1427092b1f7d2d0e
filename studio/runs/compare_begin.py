"""Making a comparison's folder, starting one, and opening one again for questions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import InputError
from studio.runs.folder import RunFolder, create, every, find
from studio.runs.lock import RunLock

if TYPE_CHECKING:
    from training.compare.recipe import CompareRecipe

RECIPE = "recipe.yaml"
IDLE = 1800.0
"""Seconds after which an open comparison that nobody asks anything ends by itself, and gives the memory back."""


def training_run(name: str, runs_dir: Path) -> RunFolder:
    """The training run called `name`; `last` is the last one that trained. Raises InputError for another kind."""
    from studio.runs.spec import read_spec

    if name == "last":
        trained = [run for run in every(runs_dir) if "-train-" in run.name]
        if not trained:
            raise InputError(f"There is no training run in {runs_dir}.", "Train first: studio train --data …")
        return trained[-1]
    folder = find(runs_dir, name)
    kind = read_spec(folder).kind
    if kind != "train":
        raise InputError(f"{folder.name} is no training run: it is of kind {kind}.", "Name a run of studio train.")
    return folder


def entry_of(recipe: CompareRecipe) -> dict[str, Any]:
    """The `recipe` part of run.json."""
    return {
        "name": recipe.name,
        "digest": recipe.digest(),
        "yaml": recipe.to_yaml(),
        "resolved": recipe.resolved(),
        "stages": stages_of(recipe),
        "seed": recipe.prompts.seed,
    }


def stages_of(recipe: CompareRecipe) -> list[str]:
    """What a comparison does, in order."""
    done = ["answers"]
    done += ["losses"] if recipe.losses.heldout or recipe.losses.retention else []
    done += ["suites"] if recipe.suites.names else []
    return [*done, "judge"] if recipe.judge.model else done


def recipe_of(folder: RunFolder) -> CompareRecipe:
    """The recipe of a comparison, comments and all. Raises InputError for another kind of run."""
    from studio.runs.spec import read_spec
    from training.compare.recipe import CompareRecipe

    spec = read_spec(folder)
    if spec.kind != "compare":
        raise InputError(f"{folder.name} is no comparison: it is of kind {spec.kind}.")
    return CompareRecipe.from_text(spec.recipe["yaml"], spec.recipe["name"])


def make_compare(
    recipe: CompareRecipe, runs_dir: Path, *, interactive: bool = False, argv: Sequence[str] = ("studio",)
) -> tuple[RunFolder, RunLock]:
    """A folder for a new comparison, with what was asked for in it, and its lock, held. Nothing is started.

    interactive: wait for questions when everything that the recipe asks is answered. A run that is not there, and a
    side that only means something beside one, leave no folder behind.
    """
    from curation.writers.atomic import write_atomic
    from studio.runs.inputs import describe_inputs
    from studio.runs.spec import new_spec

    run = _checked_run(recipe, runs_dir)
    if run:
        recipe = recipe.with_settings([f"sides.run={run}"])
    inputs = [] if recipe.prompts.source in ("heldout", "train") else [recipe.prompts.source]
    sources = describe_inputs(inputs) if inputs else []
    folder = create(runs_dir, "compare")
    lock = RunLock.acquire(folder)
    try:
        write_atomic(folder.path / RECIPE, recipe.to_yaml().encode(), mode=0o600)
        options = {"run": run, "interactive": interactive, "idle": IDLE}
        new_spec("compare", inputs, sources, entry_of(recipe), options, recipe.prompts.seed, argv).write(folder)
    except BaseException:
        lock.close()
        raise
    return folder, lock


def begin_compare(
    run: str, runs_dir: Path, *, settings: Sequence[str] = (), preset: str = "", interactive: bool = True
) -> RunFolder:
    """Start a new comparison in the background, about a training run ("" for none). Raises the errors of
    `curation.errors`."""
    from studio.runs.launch import launch
    from training.compare.recipe import CompareRecipe

    recipe = CompareRecipe.load(preset).with_settings([*([f"sides.run={run}"] if run else []), *settings])
    folder, lock = make_compare(recipe, runs_dir, interactive=interactive)
    launch(folder, lock)
    return folder


def open_again(folder: RunFolder) -> None:
    """Load the models of a comparison that has ended, in the background, to ask them more. Raises BusyError where it is
    running."""
    from studio.runs.launch import launch
    from studio.runs.spec import read_spec

    lock = RunLock.acquire(folder)
    try:
        spec = read_spec(folder)
        spec.with_options({"interactive": True}).write(folder)
    except BaseException:
        lock.close()
        raise
    launch(folder, lock)


def _checked_run(recipe: CompareRecipe, runs_dir: Path) -> str:
    """The folder of the training run that the recipe names, "" for none. Raises InputError where one is needed."""
    if recipe.sides.run:
        return str(training_run(recipe.sides.run, runs_dir).path)
    needed = recipe.needs_run()
    if needed:
        raise InputError(
            f"There is no training run that {needed} could be of.",
            "Name one (studio compare RUN), or two models with --left and --right and a file with --prompts.",
        )
    return ""
