"""`studio lineage THING`: where a file, a run, an adapter or an answer came from, and what was made of it."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from curation.errors import InputError, nearest
from studio.cli.options import json_option, runs_dir_option
from studio.cli.output import Output
from studio.exit_codes import ExitCode

if TYPE_CHECKING:
    from curation.verdicts import Verdict
    from studio.runs.folder import RunFolder
    from training.compare.back.influence import Influence
    from training.compare.back.nearest import Near
    from training.compare.back.story import Action, RecordStory
    from training.compare.model import Answer, Prompt, SideName

_SIDE = re.compile(r"(?P<rest>.+):(?P<side>[ab])")


class _Asked(NamedTuple):
    """An answer that somebody asks about: the comparison it is of, and the training whose records are meant."""

    compare: RunFolder
    training: Path
    prompt: Prompt
    answer: Answer


@click.command()
@click.argument("thing", required=False, metavar="[THING]")
@click.option("--record", metavar="ID", help="Of a training run: where this record came from, and its story.")
@click.option("--answer", metavar="RUN:PROMPT[:a|b]", help="The training records nearest to an answer; b by default.")
@click.option("--influence", is_flag=True, help="Of an answer: the records that pulled the model most towards it.")
@click.option("--among", type=click.IntRange(min=0), help="With --influence: how many near records are tried; 0: all.")
@click.option("--most", type=click.IntRange(min=1), default=5, show_default=True, help="Records to show.")
@click.option("--drop", metavar="ID", help="Take this training record out of the dataset: the next curation drops it.")
@click.option("--flag", metavar="ID", help="Tag this training record in the dataset as flagged.")
@click.option("--edit", metavar="ID", help="Give the answer of this training record the text on stdin.")
@click.option("--note", metavar="TEXT", help="With --flag: a remark about the record.")
@click.option("--full", is_flag=True, help="Print texts whole, however long.")
@runs_dir_option
@json_option
def lineage(
    *, thing: str | None, answer: str | None, influence: bool, runs_dir: Path, as_json: bool, **rest: Any
) -> int:
    """Print where a thing came from, and what was made of it.

    Every digest that was written down is held against the disk.

    THING is a run, a file that was curated or trained on, a dataset, an adapter, a GGUF file, or an answer as
    RUN:PROMPT[:a|b] of a comparison. Copies are known by their bytes.

    Exit code 1: something has changed or is missing; it is listed.

    \b
    Examples:
      studio lineage raw/chats.jsonl
      studio lineage last
      studio lineage 1412-train --record train.jsonl:12
      studio lineage --answer 1530-compare:train.jsonl:7 --influence
      studio lineage --answer 1530-compare:train.jsonl:7 --drop train.jsonl:12
    """
    out = Output(json=as_json)
    if (thing is None) == (answer is None):
        raise click.UsageError("Name one thing: a run, a file, an adapter, or an answer.")
    asked = _answer_named(answer or thing or "", runs_dir, is_certain=answer is not None)
    actions: tuple[Action, ...] = ("drop", "flag", "edit")
    acts = [(action, rest[action]) for action in actions if rest[action]]
    if len(acts) + bool(rest["record"]) > 1:
        raise click.UsageError("Ask about one record, or decide about one.")
    if rest["note"] and not rest["flag"]:
        raise click.UsageError("--note is a remark on what --flag tags.")
    if (influence or rest["among"] is not None) and (asked is None or acts or not influence):
        raise click.UsageError("--influence is about an answer (--answer), and --among is for it.")
    if acts or rest["record"]:
        training = asked.training if asked is not None else _training_run(thing or "", runs_dir)
        if not acts:
            return _tell_record(training, rest["record"], rest["full"], out)
        ((action, record_id),) = acts
        text = sys.stdin.read().removesuffix("\n") if action == "edit" else rest["note"] or ""
        return _decide(training, record_id, action, text, out)
    if asked is not None:
        return _influential(asked, rest, out, runs_dir) if influence else _nearest(asked, rest, out)
    from studio.cli.lineage_words import tell_lineage
    from studio.runs.lineage import lineage_of

    found = lineage_of(thing or "", runs_dir)
    out.json_line(found.as_json()) if as_json else out.data(tell_lineage(found))
    return int(ExitCode.FINDINGS if found.problems() else ExitCode.OK)


def _training_run(name: str, runs_dir: Path) -> Path:
    """The training run that is named, by itself or by something in its folder."""
    from studio.runs.compare_begin import training_run

    path = Path(name).expanduser().absolute()
    around = next((place for place in (path, *path.parents) if (place / "run.json").is_file()), None)
    return training_run(str(around) if path.exists() and around is not None else name, runs_dir).path


def _answer_named(name: str, runs_dir: Path, *, is_certain: bool) -> _Asked | None:
    """The answer that RUN:PROMPT[:a|b] means; None where the name is one of something else."""
    from studio.runs.folder import find

    run, colon, rest = name.partition(":")
    if not is_certain and (not colon or Path(name).exists()):
        return None
    if not colon or not rest:
        raise click.UsageError(f"'{name}' names no answer: RUN:PROMPT, or RUN:PROMPT:a for the left side.")
    folder = find(runs_dir, run)
    sided = _SIDE.fullmatch(rest)
    prompts = _prompts(folder)
    side: SideName = "b"
    if rest not in prompts and sided is not None:
        rest, side = sided["rest"], "a" if sided["side"] == "a" else "b"
    if rest not in prompts:
        raise InputError(f"{folder.name} was not asked '{rest}'.", nearest(rest, list(prompts)[:50]))
    return _asked(folder, prompts[rest], side)


def _prompts(folder: RunFolder) -> dict[str, Prompt]:
    from studio.runs.spec import read_spec
    from training.compare.model import PROMPTS, Prompt, read

    kind = read_spec(folder).kind
    if kind != "compare":
        raise InputError(
            f"{folder.name} is no comparison: it is of kind {kind}.", "Answers are in runs of studio compare."
        )
    return {prompt.prompt_id: prompt for prompt in read(folder.path / PROMPTS, Prompt)}


def _asked(folder: RunFolder, prompt: Prompt, side: SideName) -> _Asked:
    from studio.runs.spec import read_spec
    from training.compare.model import last_answers

    answer = last_answers(folder.path).get((prompt.prompt_id, side))
    if answer is None:
        raise InputError(f"{folder.name} has no answer of side {side} to '{prompt.prompt_id}' yet.", "Let it go on.")
    training = read_spec(folder).options.get("run") or ""
    here = folder.path.parent / Path(training).name  # moved together
    found = next((path for path in (Path(training), here) if training and (path / "run.json").is_file()), None)
    if found is None:
        raise InputError(f"{folder.name} is about no training run that is here.", "Compare a run: studio compare RUN")
    return _Asked(folder, found, prompt, answer)


def _tell_record(training: Path, record_id: str, full: bool, out: Output) -> int:
    from studio.cli.lineage_words import tell_record
    from training.compare.back.story import story_of

    story = story_of(training, record_id)
    out.json_line(story.as_json()) if out.json else out.data(tell_record(story, full))
    return int(ExitCode.OK)


def _decide(training: Path, record_id: str, action: Action, text: str, out: Output) -> int:
    from studio.runs.folder import RunFolder, reference
    from training.compare.back.story import decide, story_of

    story = story_of(training, record_id)
    made: list[Verdict] = decide(story, action, text)
    assert story.curation is not None  # noqa: S101 - decide has refused that
    if out.json:
        kinds = [verdict.kind for verdict in made]
        out.json_line({"record_id": made[0].record_id, "verdicts": kinds, "curation": str(story.curation)})
    else:
        name = reference(RunFolder(story.curation))
        out.say(f"{made[0].record_id}: {action}. Replay with 'studio curate --resume {name}', and train again.")
    return int(ExitCode.OK)


def _nearest(asked: _Asked, rest: dict[str, Any], out: Output) -> int:
    from studio.cli.lineage_words import tell_near
    from training.compare.back.nearest import nearest as nearest_records

    listen, close = _progress(out)
    question = next((message.content for message in reversed(asked.prompt.messages) if message.role == "user"), "")
    try:
        found = nearest_records(asked.training, asked.answer.text, rest["most"], prompt=question, say=listen)
    finally:
        close()
    return _show(asked, found, tell_near, out)


def _influential(asked: _Asked, rest: dict[str, Any], out: Output, runs_dir: Path) -> int:
    from studio.cli.lineage_words import tell_influence
    from studio.cli.progress import Narrator, as_listener, narrator_for
    from studio.runs.spec import read_spec
    from training.compare.back.influence import AMONG, influential
    from training.compare.sections import SideSettings
    from training.compare.sides import open_sides

    named = read_spec(asked.compare).recipe["resolved"]["sides"]
    one = named[asked.answer.side]  # the other side need not be loaded
    settings = SideSettings.model_validate({**named, "run": str(asked.training), "a": one, "b": one})
    among = AMONG if rest["among"] is None else rest["among"]
    narrator: Narrator = narrator_for(Output(json=False, quiet=out.json))
    try:
        with open_sides(settings, runs_dir, on_change=out.say) as sides:
            given = (asked.training, asked.prompt, asked.answer.text, rest["most"])
            found = influential(sides, *given, lambda: False, as_listener(narrator), among=among)
    finally:
        narrator.close()
    return _show(asked, found, tell_influence, out)


def _show(asked: _Asked, found: Sequence[Near | Influence], tell: Any, out: Output) -> int:
    """The records one by one, each with its story."""
    from training.compare.back.story import story_of

    for at, one in enumerate(found):
        story: RecordStory = story_of(asked.training, one.record_id)
        if out.json:
            out.json_line({**asdict(one), "story": story.as_json()})
        else:
            out.data(("\n" if at else "") + tell(one, story))
    if not found:
        out.say("There is nothing to look for: the answer is empty.")
    return int(ExitCode.OK)


def _progress(out: Output) -> tuple[Any, Any]:
    """What is told of an index that has to be made: progress of records, on stderr."""
    import time

    from curation.events import Progress
    from studio.cli.progress import narrator_for

    narrator, began = narrator_for(Output(json=False, quiet=out.json)), time.monotonic()
    first: list[int] = []

    def listen(done: int, total: int) -> None:
        first.append(done)
        rate = (done - first[0]) / max(time.monotonic() - began, 1e-9)
        left = (total - done) / rate if rate else None
        narrator.hear(Progress("index", done, total, "records", rate, left).as_json())

    return listen, narrator.close
