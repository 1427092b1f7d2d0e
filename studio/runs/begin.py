"""Making a run and handing it to a detached worker, and going on with one: what `studio curate --detach` does too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import InputError
from studio.runs.folder import RunFolder, create
from studio.runs.lock import RunLock

if TYPE_CHECKING:
    from curation.recipe import Recipe


def entry_of(recipe: Recipe) -> dict[str, Any]:
    """The `recipe` part of run.json."""
    return {
        "name": recipe.name,
        "digest": recipe.digest(),
        "yaml": recipe.to_yaml(),
        "resolved": recipe.resolved(),
        "stages": [step.name for step in recipe.steps()],
        "seed": recipe.seed,
    }


def begin(
    inputs: Sequence[str],
    recipe: Recipe,
    runs_dir: Path,
    *,
    options: Mapping[str, Any] | None = None,
    verdicts: Path | None = None,
    argv: Sequence[str] = ("studio",),
) -> RunFolder:
    """Start a new curation in the background. Inputs that are not there leave no folder behind.

    verdicts: a journal of what people decided, whose lines are copied into the run and replayed by the engine.
    Raises the errors of `curation.errors`.
    """
    from curation.verdicts import JOURNAL, merge, read_named
    from studio.runs.inputs import describe_inputs
    from studio.runs.launch import launch
    from studio.runs.reuse import similar_runs
    from studio.runs.spec import new_spec

    if not inputs or "-" in inputs:
        raise InputError("A run in the background reads files.", "Name a file, a folder or a glob.")
    sources = describe_inputs(inputs)
    chosen: dict[str, Any] = {
        "out": None,
        "format": None,
        "out_format": None,
        "limit": None,
        "workers": None,
        "report": True,
    }
    chosen |= dict(options or {})
    chosen["reuse"] = similar_runs(runs_dir, sources)
    lines = read_named(verdicts).verdicts if verdicts is not None else ()
    folder = create(runs_dir, "curate")
    lock = RunLock.acquire(folder)
    try:
        if lines:
            merge(lines, folder.path / JOURNAL)
        new_spec("curate", inputs, sources, entry_of(recipe), chosen, recipe.seed, list(argv)).write(folder)
    except BaseException:
        lock.close()
        raise
    launch(folder, lock)
    return folder


def go_on(folder: RunFolder, recipe: Recipe | None = None, *, argv: Sequence[str] = ("studio",)) -> None:
    """Go on with a run that stopped, failed or was killed, or do a finished one again with another recipe.

    The verdicts in its folder are replayed. Raises BusyError when it is running.
    """
    from studio.runs.launch import launch
    from studio.runs.spec import read_spec

    lock = RunLock.acquire(folder)
    try:
        spec = read_spec(folder)
        changed = spec if recipe is None else spec.with_recipe(entry_of(recipe), argv)
        if changed != spec:
            changed.write(folder)
    except BaseException:
        lock.close()
        raise
    launch(folder, lock)


def recipe_of(folder: RunFolder) -> Recipe:
    """The recipe that a run was made with, comments and all. Raises InputError."""
    from curation.recipe import Recipe
    from studio.runs.spec import read_spec

    entry = read_spec(folder).recipe
    return Recipe.from_text(entry["yaml"], entry["name"])
