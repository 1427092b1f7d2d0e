"""The `curate` kind of run: from run.json to the engine's entry."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from curation.events import Listener, RunStarted, Warned
from studio.runs.folder import RunFolder
from studio.runs.inputs import changed_inputs
from studio.runs.spec import RunSpec


def run_curate(spec: RunSpec, folder: RunFolder, listener: Listener, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """Curate what the spec says into `folder`; returns the summary. The engine is imported here: it loads polars."""
    from curation.engine.engines import LOCAL, open_pool
    from curation.engine.local import curate
    from curation.recipe import Recipe

    options = spec.options
    recipe = Recipe.from_text(spec.recipe["yaml"], spec.recipe["name"])
    resumed = (folder.path / "shards").is_dir()
    engine, where = options.get("engine", LOCAL), options.get("address")
    with open_pool(engine, recipe, folder.path, address=where, workers=options.get("workers")) as pool:
        workers = pool.size if pool is not None else options.get("workers") or os.cpu_count() or 1
        stages = [step.name for step in recipe.steps() if step.enabled]
        listener(RunStarted(folder.name, spec.kind, recipe.name, stages, workers, resumed))
        for name in changed_inputs(spec) if resumed else ():
            listener(Warned(f"{name} has changed since this run was made.", "Its changed parts are done again."))
        return curate(
            spec.inputs,
            recipe,
            folder.path,
            out=Path(options["out"]) if options.get("out") else None,
            format=options.get("format"),
            out_format=options.get("out_format"),
            limit=options.get("limit"),
            workers=workers,
            pool=pool,
            report=options.get("report", True),
            disk_check=options.get("disk_check", True),
            reuse=[Path(path) for path in options.get("reuse", [])],
            listener=listener,
            should_stop=should_stop,
        )
