"""`studio export`: from an adapter to what other programs run, loaded back and checked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from curation.errors import StudioError
from studio.cli.options import RUN, json_option, plain_option, quiet_option, runs_dir_option
from studio.cli.output import Output
from studio.exit_codes import ExitCode

TARGETS = ("adapter", "merged", "gguf", "ollama", "lmstudio", "hub")
QUANTS = ("f16", "q8_0", "q5_k_m", "q4_k_m")
_GIVEN_AS_THEY_ARE = (
    "name", "publisher", "base", "dtype", "shard_size", "llama_cpp", "hub", "hub_content", "public", "prompts", "tokens",
)  # fmt: skip


@click.command()
@click.argument("source", type=RUN, required=False, metavar="[RUN|FOLDER]")
@click.option(
    "--to",
    "targets",
    type=click.Choice(TARGETS),
    multiple=True,
    help="What to make of it. Repeatable.  [default: merged]",
)
@click.option(
    "--quant", "quants", type=click.Choice(QUANTS), multiple=True, help="Type of the GGUF. Repeatable.  [default: q8_0]"
)
@click.option("--out", metavar="DIR", help="The folder for the results.  [default: the export's own]")
@click.option("--name", metavar="NAME", help="What the model is called in files.  [default: after its run]")
@click.option("--publisher", metavar="NAME", help="The folder over it in LM Studio.  [default: studio]")
@click.option("--base", metavar="MODEL", help="The base model, where the adapter names none that is here.")
@click.option(
    "--dtype",
    type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
    help="Numbers of the merged weights.  [default: those of the training]",
)
@click.option("--shard-size", metavar="SIZE", help="The largest file of merged weights.  [default: 4GB]")
@click.option("--llama-cpp", metavar="DIR", help="A checkout of llama.cpp whose converter and quantiser are used.")
@click.option("--hub", metavar="OWNER/NAME", help="The repository on the Hub, made where it is not there.")
@click.option(
    "--hub-content",
    type=click.Choice(["auto", "adapter", "merged", "gguf"]),
    help="What goes there.  [default: the adapter]",
)
@click.option("--public", is_flag=True, default=None, help="Let everybody see it on the Hub.")
@click.option(
    "--prompts", type=click.IntRange(1, 10_000), metavar="N", help="Prompts that it is checked on.  [default: 50]"
)
@click.option("--tokens", type=click.IntRange(1, 4096), metavar="N", help="Length of their answers.  [default: 32]")
@click.option("--setup", is_flag=True, help="Fetch llama.cpp's converter and binding into the user's cache, once.")
@click.option("--resume", "resumed", type=RUN, metavar="RUN", help="Go on with an export that was stopped or killed.")
@click.option("--detach", is_flag=True, help="Do it in the background and print the run's name.")
@runs_dir_option
@json_option
@plain_option
@quiet_option
@click.pass_context
def export(
    ctx: click.Context,
    /,
    *,
    source: str | None,
    targets: tuple[str, ...],
    quants: tuple[str, ...],
    out: str | None,
    setup: bool,
    resumed: str | None,
    detach: bool,
    runs_dir: Path,
    as_json: bool,
    plain: bool,
    quiet: bool,
    **rest: Any,
) -> int:
    """Make of a training run, or an adapter, what other programs can load; load it back, and check it.

    Merged weights must answer to the token like the adapter on its base; GGUF files are held against them in llama.cpp;
    templates must write the same text. What fails a check ends with exit code 1 and goes nowhere.

    \b
    Examples:
      studio export last --to merged
      studio export last --to gguf --to ollama --quant q8_0 --quant q4_k_m
      studio export last --to hub --hub me/support-bot
    """
    from studio.cli.start import resume, start
    from studio.runs.export import make_export, source_named
    from studio.runs.folder import find

    say = Output(json=as_json, plain=plain, quiet=quiet)
    try:
        if setup:
            return _set_up(say)
        if resumed is not None:
            if source is not None or targets:
                raise click.UsageError("An export that goes on keeps its source and its targets.", ctx)
            return resume(find(runs_dir, resumed), say, settings=(), argv=sys.argv, detach=detach)
        if source is None:
            raise click.UsageError("Name what to export: a training run, or the folder of an adapter.", ctx)
        settings = _settings(source_named(source, runs_dir), targets, quants, out, rest)
        folder, lock = make_export(settings, runs_dir, argv=sys.argv)
        return start(folder, lock, say, detach=detach)
    except (StudioError, click.UsageError) as error:
        if as_json:
            from studio.cli.curate import say_in_json

            say_in_json(say, error)
        raise


def _settings(source: Path, targets: tuple[str, ...], quants: tuple[str, ...], out: str | None, rest: Any) -> Any:
    from pydantic import ValidationError

    from training.export.settings import ExportSettings

    given = {name: rest[name] for name in _GIVEN_AS_THEY_ARE if rest[name] is not None}
    if targets or not rest["hub"]:
        given["targets"] = tuple(dict.fromkeys(targets or ("merged",)))
    else:
        given["targets"] = ("hub",)
    if quants:
        given["quants"] = tuple(dict.fromkeys(quants))
    if out is not None:
        given["out"] = str(Path(out).expanduser().absolute())
    try:
        return ExportSettings(source=str(source), **given)
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + str(first["loc"][0]).replace("_", "-")
        raise click.UsageError(f"{option}: {first['msg']}.") from error


def _set_up(say: Output) -> int:
    from training.export.tools import PACKAGES, set_up

    for name, packages in PACKAGES.items():
        say.say(f"Fetching {packages[0].partition('=')[0]}; what has to be compiled takes minutes …")
        folder = set_up(name)
        if say.json:
            say.json_line({"tool": name, "folder": str(folder)})
        else:
            say.data(str(folder))
    return int(ExitCode.OK)
