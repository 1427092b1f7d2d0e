"""`studio compare`: two models on the same prompts; answers, votes, losses, a judge, and what they show."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curation.errors import StudioError
from studio.cli.copying import tell_copies
from studio.cli.options import RUN, json_option, plain_option, quiet_option, runs_dir_option
from studio.cli.output import Output
from studio.exit_codes import ExitCode

if TYPE_CHECKING:
    from training.compare.recipe import CompareRecipe

_FIXED_ON_RESUME = ("run", "a", "b", "preset", "recipe_file")


@click.command()
@click.argument("run", type=RUN, required=False)
@click.option("--left", "a", metavar="SIDE", help="The first side.  [default: base]")
@click.option("--right", "b", metavar="SIDE", help="The second side.  [default: tuned]")
@click.option("--prompts", metavar="SOURCE", help="heldout, train, or a file.  [default: heldout]")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="How many prompts.")
@click.option("--judge", metavar="MODEL", help="Who judges: http://host/v1#model, or a model as for a side.")
@click.option("--preset", metavar="NAME", help="quick, compare or full.  [default: compare]")
@click.option("--recipe", "recipe_file", metavar="FILE", help="A recipe in YAML, in place of a preset.")
@click.option("--set", "settings", multiple=True, metavar="SECTION.KEY=VALUE", help="Change one parameter. Repeatable.")
@click.option("--print", "print_recipe", is_flag=True, help="Print the recipe, and do nothing.")
@click.option("--detach", is_flag=True, help="Do it in the background and print the run's name.")
@click.option(
    "--resume", "resumed", type=RUN, metavar="COMPARISON", help="Go on with a comparison, or ask it for more."
)
@click.option("--vote", "voted", type=RUN, metavar="COMPARISON", help="Vote blind, line by line, in this terminal.")
@click.option("--report", "reported", type=RUN, metavar="COMPARISON", help="Tell again what a comparison shows.")
@runs_dir_option
@json_option
@plain_option
@quiet_option
@click.pass_context
def compare(
    ctx: click.Context,
    /,
    *,
    run: str | None,
    runs_dir: Path,
    resumed: str | None,
    voted: str | None,
    reported: str | None,
    detach: bool,
    as_json: bool,
    plain: bool,
    quiet: bool,
    **rest: Any,
) -> int:
    """Compare two models on the same prompts, from one copy of the base in memory.

    RUN is a training run; without --left and --right its base is compared with what it became. A SIDE is base, tuned or
    checkpoint:STEP of RUN, another run, a folder, a .gguf file, a name on the Hub, or an endpoint (http://host/v1#model).
    In a terminal, `studio` has a screen for it: key 6.

    \b
    Examples:
      studio compare last --preset quick
      studio compare last --judge http://127.0.0.1:8000/v1#qwen --limit 100
      studio compare --left smollm2 --right ./merged --prompts questions.jsonl
      studio compare --vote last
    """
    from studio.runs.folder import find

    out = Output(json=as_json, plain=plain, quiet=quiet)
    tell_copies(out)
    try:
        if voted is not None:
            from studio.cli.vote import vote

            return vote(find(runs_dir, _comparison(voted, runs_dir)), out)
        if reported is not None:
            return _report(find(runs_dir, _comparison(reported, runs_dir)), out)
        if resumed is not None:
            return _resume(ctx, find(runs_dir, _comparison(resumed, runs_dir)), out, rest, detach)
        recipe = recipe_for(run, **rest)
        if rest["print_recipe"]:
            out.json_line(recipe.resolved()) if as_json else out.data(recipe.to_yaml().rstrip("\n"))
            return int(ExitCode.OK)
        from studio.cli.start import start
        from studio.runs.compare_begin import make_compare

        folder, lock = make_compare(recipe, runs_dir, argv=sys.argv)
        return start(folder, lock, out, detach=detach)
    except (StudioError, click.UsageError) as error:
        if as_json:
            from studio.cli.curate import say_in_json

            say_in_json(out, error)
        raise


def recipe_for(
    run: str | None, preset: str | None = None, recipe_file: str | None = None, **rest: Any
) -> CompareRecipe:
    """The recipe that the options say."""
    from studio.cli.asked import recipe_asked
    from training.compare.recipe import CompareRecipe

    return recipe_asked(CompareRecipe, preset, recipe_file).with_settings(shortcuts(run, **rest))


def shortcuts(
    run: str | None = None,
    a: str | None = None,
    b: str | None = None,
    prompts: str | None = None,
    limit: int | None = None,
    judge: str | None = None,
    settings: tuple[str, ...] = (),
    **_: Any,
) -> list[str]:
    """`--set`, and the options that are short for one."""
    named = {
        "sides.run": run, "sides.a": a, "sides.b": b, "prompts.source": prompts, "prompts.limit": limit,
        "judge.model": judge,
    }  # fmt: skip
    short = [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in named.items() if value is not None]
    return [*short, *settings]


def _comparison(name: str, runs_dir: Path) -> str:
    """The name of a run; `last` is the last comparison."""
    from studio.runs.folder import every

    found = [run.name for run in every(runs_dir) if "-compare-" in run.name] if name == "last" else []
    return found[-1] if found else name


def _resume(ctx: click.Context, folder: Any, out: Output, rest: dict[str, Any], detach: bool) -> int:
    from studio.cli.asked import refuse_on_resume
    from studio.cli.start import resume

    refuse_on_resume(ctx, _FIXED_ON_RESUME, "A comparison keeps its own {}; make a new one.")
    return resume(folder, out, settings=shortcuts(**rest), argv=sys.argv, detach=detach)


def _report(folder: Any, out: Output) -> int:
    """The facts again, from the files as they are: votes may have been added."""
    from studio.cli.compare_summary import tell_compare
    from studio.runs.compare_begin import recipe_of
    from training.compare.report import compare_facts, write_report

    recipe_of(folder)
    write_report(folder.path)
    facts = compare_facts(folder.path)
    out.json_line(facts) if out.json else out.data(tell_compare(folder, facts))
    return int(ExitCode.OK)
