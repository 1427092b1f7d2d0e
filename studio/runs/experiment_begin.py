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
    from training.compare.sections import JudgeSettings
    from training.experiment.arms import Arm
    from training.experiment.model import ExperimentRecipe
    from training.recipe import TrainRecipe


def experiment_recipe(
    curation: Recipe | Sequence[Arm], training: TrainRecipe, settings: Mapping[str, Any]
) -> ExperimentRecipe:
    """The recipe of an experiment. curation: the one that is put to the test against raw and random data, or arms.
    settings: seeds, budget, confidence, resamples. Raises RecipeError, InputError."""
    from curation.recipe import Recipe
    from training.experiment.arms import check
    from training.experiment.model import ExperimentRecipe

    if not training.model.name:
        raise InputError("No model is named.", "Name one with --model: a folder, a Hub name, a .gguf file, or smollm2.")
    if training.method.objective != "sft":
        raise RecipeError(
            f"An experiment measures the loss of answers, and {training.name} learns from pairs of them.",
            "Take a recipe with method.objective=sft.",
        )
    tested: dict[str, Any]
    if isinstance(curation, Recipe):
        name, tested = curation.name, {"curation": curation.to_yaml()}
    else:
        check(curation)
        name, tested = ", ".join(arm.name for arm in curation), {"arms": tuple(curation)}
    return ExperimentRecipe(
        name=f"{name} + {training.name}"[:200],
        first_seed=training.seed,
        training=training.to_yaml(),
        **tested,
        **settings,
    )


def judge_asked(recipe: ExperimentRecipe, heldout: Path, runs_dir: Path) -> dict[str, Any] | None:
    """Who will judge and what that costs (`training.experiment.judging.JudgeCost`); None where nobody does.

    Raises InputError where the held-out records ask nothing or there is no such model, RecipeError for a rubric that is not
    there, CallFailed where an endpoint wants a key that is not there.
    """
    from dataclasses import asdict

    from studio.runs.experiment_judge import drawn_prompts
    from training.experiment.held_out import held_out_examples
    from training.experiment.judging import JudgingRecipe, judge_cost

    if not recipe.judging:
        return None
    judging = JudgingRecipe.from_text(recipe.judging, "judging")
    _look_for(judging.judge, runs_dir)
    prompts = drawn_prompts(judging, held_out_examples(heldout))
    cost = judge_cost(judging, recipe.all_arms(), recipe.seeds, prompts)
    return {"model": judging.judge.model, **asdict(cost)}


def _look_for(judge: JudgeSettings, runs_dir: Path) -> None:
    """Better now than after all trainings: the judge's files are there, or its address and key are usable."""
    from training.compare.opening import ENDPOINT, Opener
    from training.compare.recipe import OF_A_RUN
    from training.compare.sections import SideSettings

    if ENDPOINT.match(judge.model):
        from curation.llm.client import connect

        connect(judge.model, judge.key_env).close()
    elif not OF_A_RUN.fullmatch(judge.model):
        Opener(SideSettings(), runs_dir, lambda _: None).facts(judge.model)


def entry_of(recipe: ExperimentRecipe) -> dict[str, Any]:
    """The `recipe` part of run.json."""
    return {
        "name": recipe.name,
        "digest": recipe.digest(),
        "yaml": recipe.to_yaml(),
        "resolved": recipe.resolved(),
        "stages": ["keep out", "curate", "draw", "train", "measure", *(["judge"] if recipe.judging else [])],
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
    judge_asked(recipe, heldout, runs_dir)
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
