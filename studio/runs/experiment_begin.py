"""Making the folder of an experiment. Nothing is started here."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import InputError, OutputError, RecipeError
from studio.runs.folder import RunFolder, create
from studio.runs.lock import RunLock

if TYPE_CHECKING:
    from curation.recipe import Recipe
    from training.experiment.model import ExperimentRecipe
    from training.recipe import TrainRecipe


def experiment_recipe(curation: Recipe, training: TrainRecipe, settings: Mapping[str, Any]) -> ExperimentRecipe:
    """The recipe of an experiment; settings: seeds, budget, confidence, resamples. Raises RecipeError."""
    from training.experiment.model import ExperimentRecipe

    if not training.model.name:
        raise InputError("No model is named.", "Name one with --model: a folder, a Hub name, a .gguf file, or smollm2.")
    if training.method.objective != "sft":
        raise RecipeError(
            f"An experiment measures the loss of answers, and {training.name} learns from pairs of them.",
            "Take a recipe with method.objective=sft.",
        )
    return ExperimentRecipe(
        name=f"{curation.name} + {training.name}",
        first_seed=training.seed,
        curation=curation.to_yaml(),
        training=training.to_yaml(),
        **settings,
    )


def entry_of(recipe: ExperimentRecipe) -> dict[str, Any]:
    """The `recipe` part of run.json."""
    return {
        "name": recipe.name,
        "digest": recipe.digest(),
        "yaml": recipe.to_yaml(),
        "resolved": recipe.resolved(),
        "stages": ["keep out", "curate", "draw", "train", "measure"],
        "seed": recipe.first_seed,
    }


def make_experiment(
    inputs: Sequence[str],
    heldout: Path,
    recipe: ExperimentRecipe,
    runs_dir: Path,
    *,
    allow: Sequence[str] = (),
    workers: int | None = None,
    argv: Sequence[str] = ("studio",),
) -> tuple[RunFolder, RunLock]:
    """A folder for a new experiment, with what was asked for and a copy of the held-out records, and its lock, held.

    Inputs that are not there, and a held-out file without records, leave no folder behind.
    """
    from studio.runs.inputs import describe_inputs
    from studio.runs.spec import new_spec
    from training.experiment.held_out import held_out_examples

    if not inputs or "-" in inputs:
        raise InputError("An experiment reads files.", "Name the raw data with --in: a file, a folder or a glob.")
    if not heldout.is_file():
        raise InputError(
            f"There is no file {heldout}.", "Name the records to measure with, in one file, with --heldout."
        )
    sources = describe_inputs([*inputs, str(heldout)])
    held_out_examples(heldout)
    copy = "evaluation" + "".join(heldout.suffixes[-2:])
    options = {"heldout": str(heldout), "heldout_copy": copy, "allow": list(allow), "workers": workers}
    folder = create(runs_dir, "experiment")
    lock = RunLock.acquire(folder)
    try:
        shutil.copyfile(heldout, folder.path / copy)
        (folder.path / copy).chmod(0o600)
        new_spec("experiment", inputs, sources, entry_of(recipe), options, recipe.first_seed, argv).write(folder)
    except OSError as error:
        lock.close()
        raise OutputError(f"{folder.path} cannot be written: {error.strerror}.", "Check the disk.") from error
    except BaseException:
        lock.close()
        raise
    return folder, lock
