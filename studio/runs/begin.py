"""Making a run's folder and going on with one: the one way, for commands in front of the user and runs behind them.

`make` and `reopen` hand over a held lock; who holds it does the run here (`studio.runs.execute`) or gives it to a detached
worker (`studio.runs.launch`). `begin` and `go_on` do the latter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import InputError
from studio.runs.folder import RunFolder, create
from studio.runs.lock import RunLock

if TYPE_CHECKING:
    from curation.recipe import Recipe
    from studio.runs.spec import RunSpec
    from studio.runs.status import Result

OPTIONS: Mapping[str, Any] = {
    "out": None,
    "format": None,
    "out_format": None,
    "limit": None,
    "workers": None,
    "engine": "local",
    "address": None,
    "report": True,
}
"""What a curation takes besides inputs and recipe, where nothing is said."""


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


def recipe_of(folder: RunFolder) -> Recipe:
    """The recipe that a run was made with, comments and all. Raises InputError."""
    from studio.runs.spec import read_spec

    return _recipe_in(read_spec(folder))


def _recipe_in(spec: RunSpec) -> Recipe:
    from curation.recipe import Recipe

    return Recipe.from_text(spec.recipe["yaml"], spec.recipe["name"])


def make(
    inputs: Sequence[str],
    recipe: Recipe,
    runs_dir: Path,
    *,
    options: Mapping[str, Any] | None = None,
    verdicts: Path | None = None,
    argv: Sequence[str] = ("studio",),
) -> tuple[RunFolder, RunLock]:
    """A folder for a new curation, with what was asked for in it, and its lock, held. Nothing is started.

    inputs: as they were typed; `-` for records that come through standard input; a finished run's folder is its dataset.
    options: what differs from OPTIONS. verdicts: a journal of what people decided, whose lines are copied into the run and
    replayed by the engine.
    Inputs, formats and journals that are not there leave no folder behind. Raises the errors of `curation.errors`.
    """
    from curation.datasets import datasets_of
    from curation.formats import get
    from curation.verdicts import JOURNAL, merge, read_named
    from curation.writers.output import refuse_address
    from studio.runs.inputs import describe_inputs
    from studio.runs.reuse import similar_runs
    from studio.runs.spec import new_spec

    chosen = {**OPTIONS, **(options or {})}
    refuse_address(chosen["out"])
    for name in (chosen["format"], chosen["out_format"]):
        if name is not None:
            get(name)
    inputs = [file for name in inputs for file in datasets_of(name)]
    sources = [] if "-" in inputs else describe_inputs(inputs)
    chosen["reuse"] = similar_runs(runs_dir, sources)
    lines = read_named(verdicts).verdicts if verdicts is not None else ()
    folder = create(runs_dir, "curate")
    lock = RunLock.acquire(folder)
    try:
        if verdicts is not None:
            merge(lines, folder.path / JOURNAL)
        new_spec("curate", inputs, sources, entry_of(recipe), chosen, recipe.seed, argv).write(folder)
    except BaseException:
        lock.close()
        raise
    return folder, lock


def begin(inputs: Sequence[str], recipe: Recipe, runs_dir: Path) -> RunFolder:
    """Start a new curation in the background. Raises the errors of `curation.errors`."""
    from studio.runs.launch import launch

    if not inputs or "-" in inputs:
        raise InputError("A run in the background reads files.", "Name a file, a folder or a glob.")
    folder, lock = make(inputs, recipe, runs_dir)
    launch(folder, lock)
    return folder


def reopen(
    folder: RunFolder,
    recipe: Recipe | None = None,
    *,
    settings: Sequence[str] = (),
    how: Mapping[str, Any] | None = None,
    verdicts: Path | None = None,
    argv: Sequence[str] = ("studio",),
) -> RunLock | None:
    """The held lock of a run that is to go on, its folder saying what is asked for now; None where nothing is left to do.

    That is so for a finished run whose recipe and verdicts (of a generation: decisions) are still those of its dataset, and
    of whose calls none failed in passing.
    recipe: in place of the run's own; settings: `stage.key=value`, applied to it. how: options that change nothing in the
    output (workers, engine, address), where other ones are wanted. verdicts: a journal whose lines are
    copied into the run's own first. Raises BusyError when the run is running, RecipeError for bad settings.
    """
    from studio.runs.spec import read_spec
    from studio.runs.status import Status, read_result

    lock = RunLock.acquire(folder)
    try:
        spec = read_spec(folder)
        changed = _changed(folder, spec, recipe, settings, argv)
        if other := {name: value for name, value in (how or {}).items() if value != spec.options.get(name)}:
            changed = changed.with_options(other)
        if verdicts is not None:
            from curation.verdicts import JOURNAL, merge, read_named

            merge(read_named(verdicts).verdicts, folder.path / JOURNAL)
        result = read_result(folder)
        finished = result is not None and result.status is Status.FINISHED
        if finished and changed.recipe == spec.recipe and not _is_left(folder, spec, result):
            lock.close()
            return None
        if changed != spec:
            changed.write(folder)
    except BaseException:
        lock.close()
        raise
    return lock


def _changed(
    folder: RunFolder, spec: RunSpec, recipe: Recipe | None, settings: Sequence[str], argv: Sequence[str]
) -> RunSpec:
    """What the run is asked for now: its recipe with `settings`, or another recipe."""
    if recipe is None and not settings:
        return spec
    if spec.kind == "train":
        from studio.runs import train_begin

        longer = train_begin.changed_for_resume(train_begin.recipe_of(folder), settings)
        return spec.with_recipe(train_begin.entry_of(longer), argv)
    if spec.kind == "compare":
        from studio.runs import compare_begin

        other = compare_begin.recipe_of(folder).with_settings(list(settings))
        return spec.with_recipe(compare_begin.entry_of(other), argv)
    if spec.kind == "generate":
        from studio.runs import generate_begin

        wanted_now = generate_begin.recipe_of(folder).with_settings(list(settings))
        return spec.with_recipe(generate_begin.entry_of(wanted_now), argv)
    if spec.kind != "curate":
        raise InputError(f"{folder.name} is of kind {spec.kind}: it has no settings to change.", "Make a new run.")
    wanted = recipe or _recipe_in(spec)
    return spec.with_recipe(entry_of(wanted.with_settings(list(settings)) if settings else wanted), argv)


def _is_left(folder: RunFolder, spec: RunSpec, result: Result | None) -> bool:
    """Whether a finished run has something to do, as it was asked for."""
    if spec.kind == "generate":
        from studio.runs import generate_begin

        return generate_begin.is_left(folder)
    return _judged_anew(folder, result)


def _judged_anew(folder: RunFolder, result: Result | None) -> bool:
    """Whether people have decided something since, that would change the dataset."""
    from curation.verdicts import JOURNAL, fold, read_journal

    used = (result.summary.get("verdicts") if result is not None else None) or {}
    now = fold(read_journal(folder.path / JOURNAL).verdicts)
    return bool(now or used) and now.digest() != used.get("digest", fold(()).digest())


def go_on(folder: RunFolder, recipe: Recipe | None = None) -> bool:
    """Go on in the background with a run that stopped, failed or was killed, or do a finished one again.

    False where nothing is left to do. Raises BusyError when it is running.
    """
    from studio.runs.launch import launch

    lock = reopen(folder, recipe)
    if lock is None:
        return False
    launch(folder, lock)
    return True
