"""`studio experiment`: did curation help? The same training on raw, curated and random data, several times over."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curation.errors import StudioError
from studio.cli.asked import refuse_on_resume
from studio.cli.copying import tell_copies
from studio.cli.options import RUN, json_option, plain_option, quiet_option, runs_dir_option
from studio.cli.output import Output, table

if TYPE_CHECKING:
    from training.experiment.arms import Arm
    from training.experiment.model import ExperimentRecipe

_FIXED_ON_RESUME = (
    "inputs", "also", "curation", "arms", "curation_settings", "train_preset", "train_recipe", "train_settings", "model",
    "heldout", "seeds", "max_steps", "seed", "budget", "confidence", "resamples", "allow", "workers", "judge", "judge_by",
    "judge_prompts", "judge_settings", "dry_run",
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
    "--arm",
    "arms",
    multiple=True,
    metavar="NAME=RECIPE",
    help="In place of raw, curated and random: an arm with a curation of its own; NAME=all, NAME=random:OTHER or "
    "NAME=random-tokens:OTHER. Repeatable.",
)
@click.option(
    "--set",
    "curation_settings",
    multiple=True,
    metavar="STAGE.KEY=VALUE",
    help="Change one parameter of the curation; with --arm, ARM.STAGE.KEY=VALUE. Repeatable.",
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
@click.option("--judge", metavar="MODEL", help="Who judges the answers of every arm: http://host/v1#model, or a model.")
@click.option(
    "--judge-by",
    type=click.Choice(["marks", "pairs", "both"]),
    help="Marks of each answer, pairs of answers side by side, or both.  [default: marks]",
)
@click.option(
    "--judge-prompts",
    type=click.IntRange(min=1),
    metavar="N",
    help="Held-out questions it is asked about.  [default: 12]",
)
@click.option(
    "--judge-set",
    "judge_settings",
    multiple=True,
    metavar="SECTION.KEY=VALUE",
    help="Change one parameter of the judge. Repeatable.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), metavar="N", help="Processes of a curation.  [default: one a core]"
)
@click.option("--allow", multiple=True, metavar="FINDING", help="Train in spite of a preflight finding. Repeatable.")
@click.option("--dry-run", is_flag=True, help="Say what would be trained and what a judge would cost, and do nothing.")
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
    tell_copies(out)
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
        if rest["dry_run"]:
            return _dry_run(recipe, heldout, runs_dir, out)
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
    settings = list(rest["curation_settings"])
    curation: Any
    if rest["arms"]:
        if rest["curation"]:
            raise click.UsageError("--recipe is an arm like any other where there are arms: write --arm NAME=RECIPE.")
        curation = _arms(rest["arms"], settings)
    else:
        curation = Recipe.load(rest["curation"] or DEFAULT_RECIPE).with_settings(settings)
    training = recipe_for(
        preset=rest["train_preset"],
        recipe_file=rest["train_recipe"],
        settings=rest["train_settings"],
        model=rest["model"],
        max_steps=rest["max_steps"],
        seed=rest["seed"],
    )
    fixed = {key: rest[key] for key in ("seeds", "budget", "confidence", "resamples")}
    return experiment_recipe(curation, training, {**fixed, "judging": _judging(rest)})


def _judging(rest: dict[str, Any]) -> str:
    """The recipe of the judge as YAML; empty where none is named."""
    from training.experiment.judging import JudgingRecipe

    given = [option for option in ("judge_by", "judge_prompts", "judge_settings") if rest[option]]
    if rest["judge"] is None:
        if given:
            raise click.UsageError(f"--{given[0].replace('_settings', '_set').replace('_', '-')} needs --judge MODEL.")
        return ""
    short = [f"judge.model={json.dumps(rest['judge'])}"]
    if rest["judge_prompts"]:
        short.append(f"prompts.limit={rest['judge_prompts']}")
    if rest["judge_by"] in ("pairs", "both"):
        short.append("judge.pairwise=true")
    if rest["judge_by"] == "pairs":
        short.append("judge.rubrics=[]")
    return JudgingRecipe(name="judge").with_settings([*short, *rest["judge_settings"]]).to_yaml()


def _arms(asked_for: Sequence[str], settings: Sequence[str]) -> list[Arm]:
    """The arms that the options say, each recipe with the settings that name its arm."""
    from curation.recipe import Recipe
    from training.experiment.arms import asked, made

    wanted = [asked(text) for text in asked_for]
    mine: dict[str, list[str]] = {one.name: [] for one in wanted if one.kind == "curated"}
    for setting in settings:
        name, _, rest = setting.partition(".")
        if name not in mine:
            raise click.UsageError(
                f"--set {setting}: no arm with a recipe is named {name!r}; with --arm, write --set ARM.STAGE.KEY=VALUE."
            )
        mine[name].append(rest)
    recipes = {
        one.name: Recipe.load(one.value).with_settings(mine[one.name]).to_yaml() for one in wanted if one.name in mine
    }
    return [made(one, recipes.get(one.name, "")) for one in wanted]


def _dry_run(recipe: ExperimentRecipe, heldout: Path, runs_dir: Path, out: Output) -> int:
    """Print what would be done. Reads the held-out records, where a judge is to look at them."""
    from studio.runs.experiment_begin import judge_asked
    from training.experiment.judging import told

    arms = [
        {"name": arm.name, "kind": arm.kind, **({"of": arm.of, "size": arm.size} if arm.of else {})}
        for arm in recipe.all_arms()
    ]
    judge = judge_asked(recipe, heldout, runs_dir)
    facts = {"arms": arms, "seeds": recipe.seeds, "trainings": len(arms) * recipe.seeds, "judge": judge}
    if out.json:
        out.json_line({"plan": facts})
        return 0
    rows = [[arm["name"], arm["kind"], f"as many {arm['size']} as {arm['of']}" if "of" in arm else ""] for arm in arms]
    out.data(table(rows, ("arm", "kind", "")))
    out.data(f"\n{facts['trainings']:,} trainings, {recipe.seeds} of each arm")
    if judge:
        out.data(told(judge, judge["model"]))
    out.data("\nNothing was run: leave --dry-run out to do it.")
    return 0


def tell_experiment(facts: dict[str, Any], place: str) -> str:
    """The end of an experiment, for people: what it shows, by how much, and where the rest is."""
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
    return "\n\n".join([*blocks, *_judged(facts), f"report  {place}"])


def _judged(facts: dict[str, Any]) -> list[str]:
    """What the judge said, for people."""
    from training.experiment.report import difference_row, judge_counts

    judge = facts.get("judge")
    if not judge:
        return []
    blocks = [f"Judged by {judge['model']}: {judge_counts(judge)}"]
    named = {f"mark, {rubric}": found for rubric, found in judge["marks"].items()}
    named |= {"won - lost": judge["pairs"]} if judge["pairs"] else {}
    for name, found in named.items():
        header = (name, "difference", "over seeds", "over prompts", "verdict")
        rows = [difference_row(one, "-") for one in found["differences"]]
        blocks += [table(rows, header, right=(1,)), found["sentence"]]
    return [block for block in blocks if block]
