"""The `train` kind of run: from run.json to the trainer's entry."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from curation.events import Listener, RunStarted, Warned
from studio.runs.folder import RunFolder
from studio.runs.inputs import changed_inputs
from studio.runs.spec import RunSpec


def run_train(spec: RunSpec, folder: RunFolder, listener: Listener, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """Train what the spec says into `folder`; returns the summary. torch is imported in here, and only in here."""
    from training.keeper import CHECKPOINTS
    from training.recipe import TrainRecipe
    from training.run import train

    recipe = TrainRecipe.from_text(spec.recipe["yaml"], spec.recipe["name"])
    resumed = (folder.path / CHECKPOINTS).is_dir()
    listener(RunStarted(folder.name, spec.kind, recipe.name, spec.recipe["stages"], 1, resumed))
    for name in changed_inputs(spec) if resumed else ():
        listener(Warned(f"{name} has changed since this run was made.", "It goes on with the tensors that it has."))
    log_libraries(folder)
    return train(
        spec.inputs,
        recipe,
        folder.path,
        allow=spec.options.get("allow", []),
        apart=spec.options.get("apart", True),
        listener=listener,
        should_stop=should_stop,
    )


def log_libraries(folder: RunFolder) -> None:
    """What torch, transformers and the others say goes into the run's log."""
    root = logging.getLogger()
    if not any(isinstance(handler, logging.FileHandler) for handler in root.handlers):
        handler = logging.FileHandler(folder.log, encoding="utf-8", delay=True)
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s: %(message)s"))
        handler.setLevel(logging.WARNING)
        root.addHandler(handler)
