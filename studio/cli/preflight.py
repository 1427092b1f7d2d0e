"""`studio preflight`: look at the tensors that `studio train` would train, and say what is wrong with them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from curation.errors import InputError, StudioError, nearest
from studio.cli.copying import tell_copies
from studio.cli.options import json_option, plain_option, quiet_option
from studio.cli.output import Output, can_redraw
from studio.cli.train import recipe_for, what_to_train
from studio.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.preflight import PreflightContext, Report
    from training.preflight.show import Shown
    from training.session import Session


@click.command()
@what_to_train
@click.option("--allow", multiple=True, metavar="FINDING", help="Do not stop at this finding. Repeatable.")
@click.option(
    "--show",
    multiple=True,
    metavar="N|RECORD",
    help="Show the tokens of N records, or of one by its id: trained ones between ‹ and ›. Repeatable.",
)
@click.option(
    "--weights", is_flag=True, help="Load the model too, for what only it can tell: packing, markers never learned."
)
@click.option("--probe", is_flag=True, help="Measure that memory: two real steps with the longest records.")
@click.option("--memory", is_flag=True, help="Estimate the memory that training takes, too: some seconds.")
@json_option
@plain_option
@quiet_option
@click.pass_context
def preflight(
    ctx: click.Context,
    /,
    *,
    inputs: tuple[str, ...],
    also: tuple[str, ...],
    allow: tuple[str, ...],
    show: tuple[str, ...],
    weights: bool,
    memory: bool,
    probe: bool,
    as_json: bool,
    plain: bool,
    quiet: bool,
    **rest: Any,
) -> int:
    """Look at the very tensors that `studio train` would train, and train nothing.

    It takes the same options. Every finding says how many records it is about, shows one, and how to mend it;
    docs/preflight.md has them all. Ends with 1 when a finding would stop the run.

    \b
    Examples:
      studio preflight --data clean.csv --model smollm2 --preset quick
      studio preflight --data chats.jsonl --model ./model --set data.max_length=2048 --show 3
    """
    from studio.cli.memory_words import memory_facts
    from training.preflight import check_allowed, context_of, examine

    out = Output(json=as_json, plain=plain, quiet=quiet)
    tell_copies(out)
    try:
        check_allowed(allow)
        named = [*inputs, *also]
        if not named:
            raise click.UsageError("Name a dataset with --data: a file, a folder, or a finished run.", ctx)
        session = _prepared(named, recipe_for(**rest), weights=weights)
        context = context_of(session)
        report = examine(context, allow=allow)
        shown = _shown(context, report, show)
        needs = memory_facts(session, probe=probe) if memory or probe else None
    except (StudioError, click.UsageError) as error:
        if as_json:
            from studio.cli.curate import say_in_json

            say_in_json(out, error)
        raise
    _tell(session, report, shown, needs, out)
    return int(ExitCode.FINDINGS if report.blocked else ExitCode.OK)


def _prepared(named: Sequence[str], recipe: Any, *, weights: bool) -> Session:
    from training.session import prepare

    session = prepare(named, recipe)
    if weights:
        session.load()
    return session


def _shown(context: PreflightContext, report: Report, wanted: Sequence[str]) -> list[Shown]:
    """The sequences of the records that `--show` asks for."""
    from training.preflight.show import show, worth_showing

    found: list[Shown] = []
    for word in wanted:
        if word.isdigit():
            examples = worth_showing(context, report, int(word))
        elif word in context.by_id:
            examples = [context.by_id[word]]
        else:
            raise InputError(f"There is no record '{word}'.", nearest(word, list(context.by_id)[:2000]))
        found += [sequence for example in examples for sequence in show(context, example)]
    return found


def _tell(session: Session, report: Report, shown: Sequence[Shown], needs: dict[str, Any] | None, out: Output) -> None:
    from studio.cli.memory_words import memory_text
    from studio.cli.preflight_words import report_text, tokens_text

    if out.json:
        facts = report.as_json() | {
            "model": session.found.name,
            "template": session.template.name,
            "device": session.device.name,
            "changes": list(session.changes),
            "shown": [one.as_json() for one in shown],
            "memory": needs,
        }
        out.json_line(facts)
        return
    for sentence in session.changes:
        out.say(sentence)
    for one in shown:
        # made harmless piece by piece, since the colours around the pieces must get through
        click.echo(tokens_text(one, coloured=not out.plain and can_redraw(sys.stdout)) + "\n", color=True)
    if needs is not None:
        out.data(memory_text(needs) + "\n")
    out.data(report_text(report, f"{session.template.name} ({session.template.origin})"))
