"""The `experiment` kind of run: from run.json to its legs, which are runs themselves, in folders inside its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from curation.events import Listener, RunStarted, Warned
from studio.runs.folder import RunFolder
from studio.runs.inputs import changed_inputs
from studio.runs.spec import RunSpec

LEGS = "legs"


def run_experiment(
    spec: RunSpec, folder: RunFolder, listener: Listener, should_stop: Callable[[], bool]
) -> dict[str, Any]:
    """Curate, train and measure what the spec says into `folder`; returns the summary. torch is imported in here."""
    from studio.runs.experiment_legs import Experiment
    from studio.runs.train import log_libraries
    from training.experiment.model import ExperimentRecipe

    recipe = ExperimentRecipe.from_text(spec.recipe["yaml"])
    resumed = (folder.path / LEGS).is_dir()
    listener(RunStarted(folder.name, spec.kind, recipe.name, spec.recipe["stages"], 1, resumed))
    for name in changed_inputs(spec) if resumed else ():
        listener(Warned(f"{name} has changed since this run was made.", "What was curated of it is not done again."))
    log_libraries(folder)
    return Experiment(spec, folder, recipe, listener, should_stop).do()
