"""`studio why RUN RECORD`: one record's whole story, with its text before and after each stage that changed it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from studio.cli.options import json_option, run_argument, runs_dir_option
from studio.cli.output import Output
from studio.display import display
from studio.exit_codes import ExitCode

if TYPE_CHECKING:
    from curation.ledger import Event, Story, Turn

_TEXT_LIMIT = 4000  # characters of one turn; --full lifts it


@click.command()
@run_argument()
@click.argument("record")
@click.option("--full", is_flag=True, help="Print texts whole, however long.")
@runs_dir_option
@json_option
def why(*, run: str, record: str, full: bool, runs_dir: Path, as_json: bool) -> int:
    """Tell what happened to one record, stage by stage.

    RECORD is an id such as 'file.jsonl:12', or a fragment of the record's text.
    """
    from dataclasses import asdict

    from curation.ledger import why as ask
    from studio.runs.folder import find

    out = Output(json=as_json)
    story = ask(find(runs_dir, run).path, record)
    if as_json:
        out.json_line({**asdict(story), "final": [asdict(turn) for turn in story.final()]})
        return int(ExitCode.OK)
    out.data(tell_story(story, None if full else _TEXT_LIMIT))
    if story.also:
        out.say(f"\nThe text is also in: {', '.join(story.also)}")
    return int(ExitCode.OK)


def tell_story(story: Story, limit: int | None) -> str:
    """The story as text: the record as read, every decision with what it measured, and each text it changed."""
    head = f"{display(story.record_id)}: {story.fate}"
    if story.format:
        head += f" (read as {display(story.format)} from {display(story.source)})"
    blocks = [head]
    if story.raw:
        blocks.append("as read\n" + _indented(story.raw, limit))
    if story.turns:
        blocks.append("as read\n" + _texts(story.turns, limit))
    turns = {turn.turn: turn for turn in story.turns}
    for number, event in enumerate(story.events, 1):
        blocks.append(f"{number}. {_decision(event)}")
        for after in event.after:
            before = turns.get(after.turn)
            blocks.append(_change(before, after, limit))
            turns[after.turn] = after
    if not story.events:
        blocks.append("No stage decided anything about it; it is in the dataset as it was read.")
    return "\n\n".join(blocks)


def _decision(event: Event) -> str:
    said = f"{event.stage}: {event.action}, {event.reason}"
    if event.reason_text:
        said += f" ({event.reason_text.rstrip('.')})"
    lines = [display(said)]
    if event.score is not None:
        against = "" if event.threshold is None else f", held against {event.threshold:g}"
        lines.append(f"measured {event.score:g}{against}")
    if event.related_id:
        lines.append(f"because of {display(event.related_id)}")
    if event.detail:
        lines.append(display(event.detail))
    lines += [f"{display(key)} = {display(value)}" for key, value in event.values.items()]
    if event.actor != "stage":
        lines.append(f"decided by: {display(event.actor)}")
    return "\n   ".join(lines)


def _change(before: Turn | None, after: Turn, limit: int | None) -> str:
    old = "" if before is None else before.content
    marked = [_marked("-", old, limit), _marked("+", after.content, limit)]
    return f"   turn {after.turn}, {display(after.role)}\n" + "\n".join(marked)


def _marked(mark: str, text: str, limit: int | None) -> str:
    shown = display(text, limit=limit, lines=True)
    return "\n".join(f"   {mark} {line}" for line in shown.split("\n"))


def _texts(turns: Sequence[Turn], limit: int | None) -> str:
    return "\n".join(f"   {display(turn.role)}:\n{_indented(turn.content, limit)}" for turn in turns)


def _indented(text: Any, limit: int | None) -> str:
    return "\n".join(f"     {line}" for line in display(text, limit=limit, lines=True).split("\n"))
