"""The `compare` kind of run: from run.json to the comparison's entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from curation.events import Listener, RunStarted
from studio.runs.folder import RunFolder
from studio.runs.spec import RunSpec


def run_compare(
    spec: RunSpec, folder: RunFolder, listener: Listener, should_stop: Callable[[], bool]
) -> dict[str, Any]:
    """Compare what the spec says into `folder`; returns the summary. torch is imported in here, and only in here."""
    from studio.runs.train import log_libraries
    from training.compare.model import PROMPTS
    from training.compare.recipe import CompareRecipe
    from training.compare.run import compare

    recipe = CompareRecipe.from_text(spec.recipe["yaml"], spec.recipe["name"])
    resumed = (folder.path / PROMPTS).is_file()
    listener(RunStarted(folder.name, spec.kind, recipe.name, spec.recipe["stages"], 1, resumed))
    log_libraries(folder)
    return compare(
        recipe,
        folder.path,
        folder.path.parent,
        idle=spec.options["idle"] if spec.options.get("interactive") else None,
        listener=listener,
        should_stop=should_stop,
    )
