"""`studio generate`: new records from documents, seeds, texts or records, each with where it came from."""

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
    from curation.synthesis.recipe import GenerateRecipe

KINDS = {"documents": "documents", "seeds": "seeds", "texts": "instructions", "records": "records"}
"""What records are made from, and the preset for it."""
DRY_PROMPTS = 3
# What a generation that goes on keeps: with another it would be another one.
_FIXED_ON_RESUME = (
    "documents", "seeds", "texts", "records", "more", "how", "preset", "recipe_file", "out_path", "dry_run", "print_recipe",
)  # fmt: skip


@click.command()
@click.argument("more", nargs=-1, metavar="[PATH]...")
@click.option(
    "--from-documents",
    "documents",
    multiple=True,
    metavar="PATH",
    help="Questions and answers about documents: pdf, docx, pptx, html, md, txt, epub; a file, a folder, a pattern. "
    "Repeatable; further PATHs count too.",
)
@click.option("--from-seeds", "seeds", multiple=True, metavar="FILE", help="More records like the few in FILE.")
@click.option("--from-texts", "texts", multiple=True, metavar="FILE", help="The instruction that each text answers.")
@click.option("--from-records", "records", multiple=True, metavar="FILE", help="Each record worked on, as --how says.")
@click.option(
    "--how",
    type=click.Choice(["rewrite", "complete", "translate", "deepen"]),
    help="With --from-records.  [default: rewrite]",
)
@click.option("-n", "--items", type=click.IntRange(min=1), metavar="N", help="How many items to ask for in all.")
@click.option(
    "--model", metavar="MODEL", help="Who writes: http://host/v1#model, or a model in this process.  [default: smollm2]"
)
@click.option("--judge", metavar="MODEL", help="Who marks what was written, as for --model; or 'same'.")
@click.option("--preset", metavar="NAME", help="documents, conversations, seeds, instructions or records.")
@click.option("--recipe", "recipe_file", metavar="FILE", help="A recipe in YAML, in place of a preset.")
@click.option("--set", "settings", multiple=True, metavar="SECTION.KEY=VALUE", help="Change one parameter. Repeatable.")
@click.option(
    "--out", "out_path", type=click.Path(dir_okay=False), help="A copy of the dataset, in this file (JSON lines)."
)
@click.option(
    "--max-calls", type=click.IntRange(min=1), metavar="N", help="Requests at most, over all legs of the run."
)
@click.option("--max-tokens", type=click.IntRange(min=1), metavar="N", help="Tokens at most, asked and answered.")
@click.option("--max-money", type=click.FloatRange(min=0), metavar="X", help="Money at most; needs budget.price_*.")
@click.option(
    "--dry-run",
    is_flag=False,
    flag_value=str(DRY_PROMPTS),
    type=click.IntRange(min=0),
    metavar="[N]",
    help=f"Show the first N prompts and the estimate; ask nobody.  [default: {DRY_PROMPTS}]",
)
@click.option("--print", "print_recipe", is_flag=True, help="Print the recipe, and do nothing.")
@click.option(
    "--copy-prompts",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the prompts into a folder, to be read and changed, and do nothing.",
)
@click.option("--detach", is_flag=True, help="Do it in the background and print the run's name.")
@click.option("--resume", "resumed", type=RUN, metavar="RUN", help="Go on with a generation; finished calls stay paid.")
@click.option("--report", "reported", type=RUN, metavar="RUN", help="Write the dataset again, and tell the counts.")
@runs_dir_option
@json_option
@plain_option
@quiet_option
@click.pass_context
def generate(
    ctx: click.Context,
    /,
    *,
    runs_dir: Path,
    resumed: str | None,
    reported: str | None,
    detach: bool,
    as_json: bool,
    plain: bool,
    quiet: bool,
    **rest: Any,
) -> int:
    """Generate records from documents, seeds, texts or records.

    Each knows the sentence or the records it was made of. Every item passes gates before it is accepted, or has a reason
    why not: requested = accepted + rejected + failed. A call that was answered is never paid for again. In a terminal,
    `studio` has a screen for it: key 7.

    \b
    Examples:
      studio generate --from-documents handbook.pdf notes/ -n 200
      studio generate --from-seeds sarcasm.csv -n 20
      studio generate --from-documents docs/ --model http://127.0.0.1:8000/v1#qwen --dry-run
      studio generate --from-records train.jsonl --how translate --set ask.languages=[zh]
      studio generate --resume last --max-calls 500
    """
    out = Output(json=as_json, plain=plain, quiet=quiet)
    tell_copies(out)
    try:
        if rest["copy_prompts"] is not None:
            return _copy_prompts(rest["copy_prompts"], out)
        if reported is not None:
            return _report(_generation(reported, runs_dir), out)
        if resumed is not None:
            return _resume(ctx, _generation(resumed, runs_dir), out, rest, detach=detach)
        kind, inputs = _inputs(**rest)
        recipe = recipe_for(kind, **rest)
        if rest["print_recipe"]:
            out.json_line(recipe.resolved()) if as_json else out.data(recipe.to_yaml().rstrip("\n"))
            return int(ExitCode.OK)
        if not inputs:
            raise click.UsageError("Name what to make records from: --from-documents, --from-seeds, …", ctx)
        if rest["dry_run"] is not None:
            from studio.cli.generate_dry import show_dry_run

            return show_dry_run(recipe, inputs, rest["dry_run"], out)
        from studio.cli.start import start
        from studio.runs.generate_begin import make_generate

        folder, lock = make_generate(inputs, recipe, runs_dir, out=rest["out_path"] or "", argv=sys.argv)
        return start(folder, lock, out, detach=detach)
    except (StudioError, click.UsageError) as error:
        if as_json:
            from studio.cli.curate import say_in_json

            say_in_json(out, error)
        raise


def recipe_for(
    kind: str | None, preset: str | None = None, recipe_file: str | None = None, **rest: Any
) -> GenerateRecipe:
    """The recipe that the options say. kind: what records are made from, None where nothing was said."""
    from curation.synthesis.recipe import GenerateRecipe
    from studio.cli.asked import recipe_asked

    default = KINDS[kind] if kind else ""
    return recipe_asked(GenerateRecipe, preset, recipe_file, default).with_settings(shortcuts(kind, **rest))


def shortcuts(
    kind: str | None = None,
    how: str | None = None,
    items: int | None = None,
    model: str | None = None,
    judge: str | None = None,
    max_calls: int | None = None,
    max_tokens: int | None = None,
    max_money: float | None = None,
    settings: tuple[str, ...] = (),
    **_: Any,
) -> list[str]:
    """`--set`, and the options that are short for one."""
    named = {
        "source.kind": kind, "source.how": how, "ask.items": items, "model.name": model, "gates.judge": judge,
        "budget.calls": max_calls, "budget.tokens": max_tokens, "budget.money": max_money,
    }  # fmt: skip
    short = [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in named.items() if value is not None]
    return [*short, *settings]


def _inputs(more: tuple[str, ...], how: str | None, **rest: Any) -> tuple[str | None, list[str]]:
    """What records are made from, and its paths. Words without an option belong to the one that was given."""
    given = [kind for kind in KINDS if rest[kind]]
    if len(given) > 1:
        options = " and ".join(f"--from-{kind}" for kind in given)
        raise click.UsageError(f"{options}: one run makes records from one kind of thing.")
    if how and given != ["records"]:
        raise click.UsageError("--how says what is done to the records of --from-records.")
    if not given:
        if more:
            raise click.UsageError(
                f"Is {more[0]} a document, or a file of seeds, texts or records? Say --from-… first."
            )
        return None, []
    return given[0], [*rest[given[0]], *more]


def _generation(name: str, runs_dir: Path) -> Any:
    """The folder of a generation; `last` is the last one. Raises InputError for a run of another kind."""
    from studio.runs.folder import every, find
    from studio.runs.generate_begin import recipe_of

    found = [run for run in every(runs_dir) if "-generate-" in run.name] if name == "last" else []
    folder = found[-1] if found else find(runs_dir, name)
    recipe_of(folder)
    return folder


def _resume(ctx: click.Context, folder: Any, out: Output, rest: dict[str, Any], *, detach: bool) -> int:
    from studio.cli.asked import refuse_on_resume
    from studio.cli.start import resume

    refuse_on_resume(ctx, _FIXED_ON_RESUME, "A generation keeps its own {}; make a new one.")
    return resume(folder, out, settings=shortcuts(**rest), argv=sys.argv, detach=detach)


def _report(folder: Any, out: Output) -> int:
    """The dataset and its counts again, from the files as they are: somebody may have decided about items since."""
    from curation.synthesis.publish import publish
    from studio.cli.generate_summary import tell_generate
    from studio.runs.lock import RunLock

    with RunLock.acquire(folder):
        summary = publish(folder.path)
    out.json_line(summary) if out.json else out.data(tell_generate(folder, summary))
    return int(ExitCode.OK)


def _copy_prompts(folder: Path, out: Output) -> int:
    from curation.synthesis.prompts import copy_to

    written = [str(path) for path in copy_to(folder)]
    if out.json:
        out.json_line({"prompts": written})
        return int(ExitCode.OK)
    out.data("\n".join(written)) if written else out.say("They are all there already, and were left as they are.")
    out.say(f"Change them, and use them with --set prompts.folder={folder}.")
    return int(ExitCode.OK)
