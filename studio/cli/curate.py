"""`studio curate`: raw files in; a dataset, a ledger and a report out."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curation.collector import at_rest
from curation.engine.engines import ENGINES, LOCAL, RAY
from curation.errors import StudioError
from studio.cli.asked import refuse_on_resume
from studio.cli.copying import tell_copies
from studio.cli.options import RUN, json_option, plain_option, quiet_option, runs_dir_option
from studio.cli.output import Output

if TYPE_CHECKING:
    from curation.recipe import Recipe

DEFAULT_RECIPE = "sft"
# What a resumed run may not change: it would be another run.
_FIXED_ON_RESUME = (
    "inputs",
    "also",
    "recipe",
    "format_name",
    "out_format",
    "out_path",
    "limit",
    "seed",
    "dry_run",
    "no_report",
)


@click.command()
@click.argument("inputs", nargs=-1, metavar="[INPUT]...")
@click.option(
    "--in",
    "also",
    multiple=True,
    metavar="INPUT",
    help="An input: file, glob, folder, '-' for stdin, 'hf:NAME', or an address ('s3://BUCKET/KEY'). Repeatable; "
    "same as naming it without --in.",
)
@click.option(
    "--out",
    "out_path",
    type=click.Path(path_type=Path),
    help="Where the dataset goes: a folder, or a file by its ending (.jsonl, .csv, .parquet). "
    "Without it, into the run's folder.",
)
@click.option(
    "--recipe",
    metavar="NAME|FILE",
    help=f"A built-in recipe's name, or a YAML file.  [default: {DEFAULT_RECIPE}]",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="STAGE.KEY=VALUE",
    help="Change one parameter of the recipe, such as length.min_chars=20. Repeatable.",
)
@click.option("--format", "format_name", metavar="NAME", help="Read every record in this schema; no guessing.")
@click.option("--out-format", metavar="NAME", help="Write records in this schema, instead of the one they came in.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Read only the first N records.")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Seed of everything drawn at random.")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Processes.  [default: one a core]")
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    help=f"Where the work is done; the output is the same.  [default: {LOCAL}]",
)
@click.option(
    "--address",
    metavar="ADDRESS",
    help="With --engine ray: auto, HOST:PORT or ray://HOST:PORT. Without it, a Ray of its own on this machine.",
)
@click.option(
    "--allow-wipeout", is_flag=True, help="Go on where a deduplicating stage stopped because it would remove too much."
)
@click.option(
    "--verdicts",
    "verdicts_path",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Replay what people decided: a verdicts.jsonl, such as an earlier run's own. It is copied into the run.",
)
@click.option("--no-report", is_flag=True, help="Make no report.html, which takes about a second.")
@click.option("--no-disk-check", is_flag=True, help="Begin even where the disk seems to have too little room.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--detach", is_flag=True, help="Do it in the background and print the run's name.")
@click.option(
    "--resume",
    "resumed",
    type=RUN,
    metavar="RUN",
    help="Go on with a run; with --set, do a finished one again from the stage that changed.",
)
@runs_dir_option
@json_option
@plain_option
@quiet_option
@click.pass_context
def curate(
    ctx: click.Context,
    /,
    *,
    inputs: tuple[str, ...],
    also: tuple[str, ...],
    settings: tuple[str, ...],
    resumed: str | None,
    runs_dir: Path,
    allow_wipeout: bool,
    verdicts_path: Path | None,
    dry_run: bool,
    detach: bool,
    as_json: bool,
    plain: bool,
    quiet: bool,
    **rest: Any,
) -> int:
    """Turn raw files into a dataset, and keep the reason for every record.

    Reads jsonl, json, csv, tsv, parquet, txt and md, each also compressed (.gz .zst .bz2 .xz), recognises the schema
    of each record, and runs the stages of a recipe over them. Nothing vanishes: every record is kept, dropped for a
    reason, or quarantined as a line that is no record.

    \b
    Examples:
      studio curate data/*.jsonl
      studio curate --in chats.json --recipe sft-zh --set length.min_chars=20 --out clean.jsonl
      studio curate --resume last --set near.threshold=0.85
    """
    out = Output(json=as_json, plain=plain, quiet=quiet)
    tell_copies(out)
    try:
        how = _how(ctx, rest)
        if resumed is not None:
            refuse_on_resume(ctx, _FIXED_ON_RESUME, "A resumed run keeps its own {}; only --set may change it.")
            return _resume(
                resumed, runs_dir, settings, out, how, verdicts_path, allow_wipeout=allow_wipeout, detach=detach
            )
        recipe = _recipe(rest["recipe"], settings, rest["seed"])
        if allow_wipeout:
            recipe = recipe.with_settings(_allowing_wipeout(recipe))
        named = [*inputs, *also]
        if not named:
            raise click.UsageError("Name at least one input: a file, a glob, a folder, or '-' for stdin.", ctx)
        options = _options(rest, how)
        if dry_run:
            from curation.datasets import datasets_of
            from studio.cli.plan import show_plan

            files = [file for name in named for file in datasets_of(name)]
            return show_plan(files, recipe, options, runs_dir, out)
        return _new_run(named, recipe, options, out, runs_dir, verdicts_path, detach=detach)
    except (StudioError, click.UsageError) as error:
        if as_json:
            say_in_json(out, error)
        raise


def _how(ctx: click.Context, given: Mapping[str, Any]) -> dict[str, Any]:
    """Options that change nothing in the output, where they were given. Raises UsageError or ClusterError."""
    how = {name: given[name] for name in ("workers", "engine") if given[name] is not None}
    if given["no_disk_check"]:
        how["disk_check"] = False
    if given["engine"] != RAY:
        if given["address"] is not None:
            raise click.UsageError("--address is where a cluster is: it needs --engine ray.", ctx)
        return how
    from curation.engine.ray_cluster import require

    require(given["address"])
    return {**how, "address": given["address"]}


def _options(given: Mapping[str, Any], how: Mapping[str, Any]) -> dict[str, Any]:
    """The `options` part of run.json out of the command's."""
    return {
        "out": str(given["out_path"]) if given["out_path"] else None,
        "format": given["format_name"],
        "out_format": given["out_format"],
        "limit": given["limit"],
        **how,
        "report": not given["no_report"],
    }


def _recipe(name: str | None, settings: Sequence[str], seed: int | None) -> Recipe:
    with at_rest():  # what is loaded here stays
        from curation.recipe import Recipe

        recipe = Recipe.load(name or DEFAULT_RECIPE)
    gc.freeze()
    changes = [*settings, *([] if seed is None else [f"seed={seed}"])]
    return recipe.with_settings(changes) if changes else recipe


def _allowing_wipeout(recipe: Recipe) -> list[str]:
    """The settings that switch off the alarm of every stage that has one."""
    steps = recipe.steps()
    return [f"{step.name}.allow_wipeout=true" for step in steps if "allow_wipeout" in type(step.stage).model_fields]


def _new_run(
    inputs: list[str],
    recipe: Recipe,
    options: dict[str, Any],
    out: Output,
    runs_dir: Path,
    verdicts: Path | None,
    *,
    detach: bool,
) -> int:
    from studio.cli.start import start
    from studio.runs.begin import make

    from_stdin = "-" in inputs
    if from_stdin and sys.stdin.isatty():
        out.say("Reading records from the terminal; end with Ctrl-D.")
    folder, lock = make(inputs, recipe, runs_dir, options=options, verdicts=verdicts, argv=sys.argv)
    return start(folder, lock, out, detach=detach, pass_stdin=from_stdin)


def _resume(
    run: str,
    runs_dir: Path,
    settings: tuple[str, ...],
    out: Output,
    how: Mapping[str, Any],
    verdicts: Path | None,
    *,
    allow_wipeout: bool,
    detach: bool,
) -> int:
    from studio.cli.start import resume
    from studio.runs.begin import recipe_of
    from studio.runs.folder import find

    folder = find(runs_dir, run)
    if allow_wipeout:
        settings = (*settings, *_allowing_wipeout(recipe_of(folder)))
    return resume(folder, out, settings=settings, argv=sys.argv, detach=detach, how=how, verdicts=verdicts)


def say_in_json(out: Output, error: StudioError | click.UsageError) -> None:
    """Programs that read the events get an ending even where no run began."""
    from curation.events import RunFailed

    name, hint = type(error).__name__, getattr(error, "hint", "")
    message = error.format_message() if isinstance(error, click.ClickException) else error.message
    out.json_line(RunFailed("", name, message, hint).as_json())
