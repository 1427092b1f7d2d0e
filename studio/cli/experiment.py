"""`studio experiment`: did curation help? The same training on raw, curated and random data, several times over."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from curation.errors import StudioError
from studio.cli.asked import refuse_on_resume
from studio.cli.options import RUN, json_option, plain_option, quiet_option, runs_dir_option
from studio.cli.output import Output

_FIXED_ON_RESUME = (
    "inputs", "also", "curation", "curation_settings", "train_preset", "train_recipe", "train_settings", "model",
    "heldout", "seeds", "max_steps", "seed", "budget", "confidence", "resamples", "allow", "workers",
)  # fmt: skip


@click.command()
@click.argument("inputs", nargs=-1, metavar="[RAW]...")
@click.option(
    "--in",
    "also",
    multiple=True,
    metavar="RAW",
    help="Raw data: file, folder or glob. Repeatable; same as without --in.",
)
@click.option("--recipe", "curation", metavar="NAME|FILE", help="The curation that is put to the test.  [default: sft]")
@click.option(
    "--set",
    "curation_settings",
    multiple=True,
    metavar="STAGE.KEY=VALUE",
    help="Change one parameter of the curation. Repeatable.",
)
@click.option(
    "--heldout", type=click.Path(path_type=Path), metavar="FILE", help="Clean records that all are measured on."
)
@click.option("--model", metavar="MODEL", help="Base model: a folder, a .gguf file, a Hub name, or smollm2.")
@click.option("--train-preset", metavar="NAME", help="A preset of the training.  [default: lora]")
@click.option("--train-recipe", metavar="FILE", help="A recipe of the training in YAML, in place of a preset.")
@click.option(
    "--train-set",
    "train_settings",
    multiple=True,
    metavar="SECTION.KEY=VALUE",
    help="Change one parameter of the training. Repeatable.",
)
@click.option("--max-steps", type=click.IntRange(min=1), metavar="N", help="Steps of a training on the curated set.")
@click.option("--seeds", type=click.IntRange(1, 100), default=3, show_default=True, help="Trainings of each arm.")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="The first of these seeds.")
@click.option(
    "--budget",
    type=click.Choice(["tokens", "steps"]),
    default="tokens",
    show_default=True,
    help="What is the same for all: the tokens that are read, or the number of steps.",
)
@click.option(
    "--confidence",
    type=click.FloatRange(0.5, 1, min_open=True, max_open=True),
    default=0.95,
    show_default=True,
    help="Of every interval.",
)
@click.option(
    "--resamples",
    type=click.IntRange(200, 1_000_000),
    default=2000,
    show_default=True,
    help="Of the bootstrap over records.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), metavar="N", help="Processes of a curation.  [default: one a core]"
)
@click.option("--allow", multiple=True, metavar="FINDING", help="Train in spite of a preflight finding. Repeatable.")
@click.option("--detach", is_flag=True, help="Do it in the background and print the run's name.")
@click.option(
    "--resume", "resumed", type=RUN, metavar="RUN", help="Go on with an experiment that was stopped or killed."
)
@runs_dir_option
@json_option
@plain_option
@quiet_option
@click.pass_context
def experiment(
    ctx: click.Context,
    /,
    *,
    inputs: tuple[str, ...],
    also: tuple[str, ...],
    heldout: Path | None,
    resumed: str | None,
    runs_dir: Path,
    detach: bool,
    as_json: bool,
    plain: bool,
    quiet: bool,
    **rest: Any,
) -> int:
    """Put a curation to the test: train on raw, curated and randomly drawn data, and measure all on held-out records.

    The same recipe, model and budget for each; several seeds; records that hold held-out text are taken out first. The
    report says better, worse or not shown, with intervals over seeds and over records.

    \b
    Examples:
      studio experiment --in raw.jsonl --recipe sft --heldout clean_test.jsonl --model smollm2 --max-steps 60
      studio experiment --resume last
    """
    from studio.cli.start import resume, start
    from studio.runs.experiment_begin import make_experiment
    from studio.runs.folder import find
    from studio.runs.train_begin import data_named

    out = Output(json=as_json, plain=plain, quiet=quiet)
    try:
        if resumed is not None:
            refuse_on_resume(ctx, _FIXED_ON_RESUME, "An experiment that goes on keeps its own {}.")
            return resume(find(runs_dir, resumed), out, settings=(), argv=sys.argv, detach=detach)
        if not (inputs or also):
            raise click.UsageError("Name the raw data with --in: a file, a folder or a glob.", ctx)
        if heldout is None:
            raise click.UsageError("Name the records to measure with, with --heldout.", ctx)
        recipe = _recipe(rest)
        named = data_named([*inputs, *also], runs_dir)
        folder, lock = make_experiment(
            named, heldout, recipe, runs_dir, allow=rest["allow"], workers=rest["workers"], argv=sys.argv
        )
        return start(folder, lock, out, detach=detach)
    except (StudioError, click.UsageError) as error:
        if as_json:
            from studio.cli.curate import say_in_json

            say_in_json(out, error)
        raise


def _recipe(rest: dict[str, Any]) -> Any:
    """The recipe of the experiment that the options say."""
    from curation.recipe import Recipe
    from studio.cli.curate import DEFAULT_RECIPE
    from studio.cli.train import recipe_for
    from studio.runs.experiment_begin import experiment_recipe

    if rest["allow"]:
        from training.preflight import check_allowed

        check_allowed(rest["allow"])
    curation = Recipe.load(rest["curation"] or DEFAULT_RECIPE)
    if rest["curation_settings"]:
        curation = curation.with_settings(list(rest["curation_settings"]))
    training = recipe_for(
        preset=rest["train_preset"],
        recipe_file=rest["train_recipe"],
        settings=rest["train_settings"],
        model=rest["model"],
        max_steps=rest["max_steps"],
        seed=rest["seed"],
    )
    settings = {key: rest[key] for key in ("seeds", "budget", "confidence", "resamples")}
    return experiment_recipe(curation, training, settings)


def tell_experiment(facts: dict[str, Any], place: str) -> str:
    """The end of an experiment, for people: what it shows, by how much, and where the rest is."""
    from studio.cli.output import table
    from training.experiment.report import difference_row

    arms = {"base": facts["base"]}
    for arm in dict.fromkeys(leg["arm"] for leg in facts["legs"]):
        legs = [leg for leg in facts["legs"] if leg["arm"] == arm]
        arms[arm] = {key: sum(leg[key] for leg in legs) / len(legs) for key in ("heldout", "retention")}
    rows = [[arm, f"{losses['heldout']:.4f}", f"{losses['retention']:.4f}"] for arm, losses in arms.items()]
    blocks = [
        f"{facts['verdict'].capitalize()}. {facts['sentence']}",
        table(rows, ("mean loss", "held out", "general"), right=(1, 2)),
    ]
    for name, key in (("held out", "differences"), ("general", "general_differences")):
        header = (name, "difference", "over seeds", "over records", "verdict")
        blocks.append(table([difference_row(one, "-") for one in facts[key]], header, right=(1,)))
    return "\n\n".join([*blocks, f"report  {place}"])
