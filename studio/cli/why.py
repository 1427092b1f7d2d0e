"""`studio why RUN RECORD`: one record's whole story, with its text before and after each stage that changed it; of a
generated one, back to the sentence that it was made of."""

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
    from studio.runs.folder import RunFolder

_TEXT_LIMIT = 4000  # characters of one turn; --full lifts it


@click.command()
@run_argument()
@click.argument("record")
@click.option("--full", is_flag=True, help="Print texts whole, however long.")
@runs_dir_option
@json_option
def why(*, run: str, record: str, full: bool, runs_dir: Path, as_json: bool) -> int:
    """Tell what happened to one record, stage by stage.

    RUN is a curation, or a generation. RECORD is an id such as 'file.jsonl:12' (of a generation 'u00012.0'), or a fragment
    of the record's text. A record that was generated is followed back to the sentence, or the seeds, it was made of.
    """
    from studio.runs.folder import find
    from studio.runs.spec import read_spec

    out = Output(json=as_json)
    folder = find(runs_dir, run)
    limit = None if full else _TEXT_LIMIT
    tell = _tell_item if read_spec(folder).kind == "generate" else _tell_record
    also = tell(folder, record, limit, out)
    if also and not as_json:
        out.say(f"\nThe text is also in: {', '.join(also)}")
    return int(ExitCode.OK)


def _tell_record(folder: RunFolder, record: str, limit: int | None, out: Output) -> tuple[str, ...]:
    """A record of a curation; the others that hold the text asked for."""
    from dataclasses import asdict

    from curation.ledger import why as ask
    from training.compare.back.story import made_of

    story = ask(folder.path, record)
    made = made_of(folder.path, story.record_id)
    if out.json:
        facts = {**asdict(story), "final": [asdict(turn) for turn in story.final()]}
        out.json_line(facts | ({"made": made.as_json()} if made is not None else {}))
        return story.also
    out.data(tell_story(story, limit))
    if made is not None:
        from studio.cli.item_words import tell_item

        out.data("\nbefore that\n" + tell_item(made, limit))
    return story.also


def _tell_item(folder: RunFolder, item: str, limit: int | None, out: Output) -> tuple[str, ...]:
    """An item of a generation; the others that hold the text asked for."""
    from curation.synthesis.story import item_story
    from studio.cli.item_words import tell_item

    story = item_story(folder.path, item)
    out.json_line(story.as_json()) if out.json else out.data(tell_item(story, limit))
    return story.also


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
    lines += [f"{display(mark)}: {display(words)}" for mark, words in event.said.items() if words]
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
