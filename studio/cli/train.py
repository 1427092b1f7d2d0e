"""`studio train`: a dataset and a base model in; an adapter, its losses and its curves out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curation.address import from_anywhere
from curation.errors import InputError, StudioError
from studio.cli.asked import refuse_on_resume
from studio.cli.copying import tell_copies
from studio.cli.options import RUN, json_option, plain_option, quiet_option, runs_dir_option
from studio.cli.output import Output
from studio.exit_codes import ExitCode

if TYPE_CHECKING:
    from training.recipe import TrainRecipe

DEFAULT_PRESET = "lora"
_FIXED_ON_RESUME = ("inputs", "also", "model", "preset", "recipe_file", "seed", "allow", "cloned")
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def what_to_train(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what is trained on what: those of `train`, and of `preflight`."""
    options: tuple[Decorator, ...] = (
        click.argument("inputs", nargs=-1, metavar="[DATA]..."),
        click.option(
            "--data",
            "also",
            multiple=True,
            metavar="DATA",
            help="A dataset: file, folder, glob, or a curation's name (or last). Repeatable; same as without --data.",
        ),
        click.option(
            "--model",
            metavar="MODEL",
            help="Base model: a folder, a .gguf file, a Hub name, or smollm2 (in a package).",
        ),
        click.option("--preset", metavar="NAME", help=f"A preset to begin with.  [default: {DEFAULT_PRESET}]"),
        click.option("--recipe", "recipe_file", metavar="FILE", help="A recipe in YAML, in place of a preset."),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="SECTION.KEY=VALUE",
            help="Change one parameter, such as lora.r=32. Repeatable.",
        ),
        click.option("--max-steps", type=click.IntRange(min=1), metavar="N", help="End after N steps."),
        click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Seed of order, dropout, new weights."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@what_to_train
@click.option("--allow", multiple=True, metavar="FINDING", help="Train in spite of a preflight finding. Repeatable.")
@click.option("--print", "print_recipe", is_flag=True, help="Print the recipe, and do nothing.")
@click.option("--detach", is_flag=True, help="Do it in the background and print the run's name.")
@click.option("--resume", "resumed", type=RUN, metavar="RUN", help="Go on with a run; with --max-steps, for longer.")
@click.option("--clone", "cloned", type=RUN, metavar="RUN", help="A new run with the data and the recipe of RUN.")
@runs_dir_option
@json_option
@plain_option
@quiet_option
@click.pass_context
def train(
    ctx: click.Context,
    /,
    *,
    inputs: tuple[str, ...],
    also: tuple[str, ...],
    resumed: str | None,
    runs_dir: Path,
    detach: bool,
    as_json: bool,
    plain: bool,
    quiet: bool,
    **rest: Any,
) -> int:
    """Fine-tune a model on a dataset; every run can be watched, stopped, resumed and compared.

    First it looks at the very tensors that will be trained (see `studio preflight`) and refuses what would fail
    silently. Checkpoints are whole or not there; a run that was killed goes on to the same weights.

    \b
    Examples:
      studio train --data clean.csv --model smollm2 --preset quick
      studio train runs/last/dataset --model Qwen/Qwen2.5-0.5B-Instruct --preset qlora --set lora.r=32 --detach
      studio train --resume last --max-steps 500
    """
    from studio.cli.start import resume, start
    from studio.runs.folder import find
    from studio.runs.train_begin import data_named, make_train
    from studio.runs.train_rank import join, join_again
    from training.distributed import processes, rank

    out = Output(json=as_json, plain=plain, quiet=quiet)
    tell_copies(out)
    try:
        if detach and processes() > 1:
            raise click.UsageError("A launcher holds on to its processes: use nohup in place of --detach.", ctx)
        if resumed is not None:
            refuse_on_resume(ctx, _FIXED_ON_RESUME, "A resumed run keeps its own {}; --clone makes a new run.")
            if rank() > 0:
                return join_again(find(runs_dir, resumed), shortcuts(**rest))
            return resume(find(runs_dir, resumed), out, settings=shortcuts(**rest), argv=sys.argv, detach=detach)
        named = [*inputs, *also]
        if rest["cloned"] is not None:
            named, recipe = _cloned(runs_dir, rest["cloned"], named, rest)
        else:
            recipe = recipe_for(**rest)
        if rest["print_recipe"]:
            out.json_line(recipe.resolved()) if as_json else out.data(recipe.to_yaml().rstrip("\n"))
            return int(ExitCode.OK)
        if not named:
            raise click.UsageError("Name a dataset with --data: a file, a folder, or a finished run.", ctx)
        _check_allowed(rest["allow"])
        named = data_named(named, runs_dir)
        if rank() > 0:
            return join(named, recipe)
        folder, lock = make_train(named, recipe, runs_dir, allow=rest["allow"], argv=sys.argv)
        return start(folder, lock, out, detach=detach)
    except (StudioError, click.UsageError) as error:
        if as_json:
            from studio.cli.curate import say_in_json

            say_in_json(out, error)
        raise


def recipe_for(preset: str | None = None, recipe_file: str | None = None, **rest: Any) -> TrainRecipe:
    """The recipe that the options of `what_to_train` say."""
    from studio.cli.asked import recipe_asked
    from training.recipe import TrainRecipe

    return recipe_asked(TrainRecipe, preset, recipe_file, DEFAULT_PRESET).with_settings(shortcuts(**rest))


def shortcuts(
    settings: Sequence[str] = (),
    model: str | None = None,
    max_steps: int | None = None,
    seed: int | None = None,
    **_: Any,
) -> list[str]:
    """`--set`, and the options that are short for one."""
    short = [
        *([] if model is None else [f"model.name={json.dumps(model, ensure_ascii=False)}"]),
        *([] if max_steps is None else [f"schedule.max_steps={max_steps}"]),
        *([] if seed is None else [f"seed={seed}"]),
    ]
    return [*settings, *short]


def _cloned(runs_dir: Path, name: str, named: list[str], rest: dict[str, Any]) -> tuple[list[str], TrainRecipe]:
    from studio.runs.folder import find
    from studio.runs.spec import read_spec
    from studio.runs.train_begin import recipe_of

    if rest["preset"] is not None or rest["recipe_file"] is not None:
        raise click.UsageError("A clone has the recipe of its run; change it with --set.")
    folder = find(runs_dir, name)
    spec = read_spec(folder)
    inputs = named or [from_anywhere(spec.cwd, given) for given in spec.inputs]
    if not inputs:
        raise InputError(f"{folder.name} names no data.", "Name some with --data.")
    return inputs, recipe_of(folder).with_settings(shortcuts(**rest))


def _check_allowed(allow: Sequence[str]) -> None:
    """A misspelt finding is said before a run is made."""
    if allow:
        from training.preflight import check_allowed

        check_allowed(allow)
