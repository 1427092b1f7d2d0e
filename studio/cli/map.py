"""`studio map`: the topics of a dataset, where it is thin or crowded, and seeds for what is missing."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curation.errors import StudioError
from studio.cli.copying import tell_copies
from studio.cli.options import RUN, json_option, plain_option, quiet_option, runs_dir_option
from studio.cli.output import Output, table
from studio.exit_codes import ExitCode

if TYPE_CHECKING:
    from studio.runs.folder import RunFolder

ASKED = 40  # items that the printed command asks for


@click.command("map")
@click.argument("inputs", nargs=-1, metavar="[RUN|FILE]...")
@click.option("--topics", type=click.IntRange(2, 200), metavar="K", help="How many topics.  [default: as the data say]")
@click.option(
    "--part", type=click.Choice(["record", "prompt", "answer"]), help="What of a record is compared.  [default: record]"
)
@click.option(
    "--model",
    metavar="MODEL",
    help="The embedding: multilingual, or a sentence-transformers model.  [default: multilingual]",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N records, chosen evenly.")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Of clustering and drawing.  [default: 0]")
@click.option("--topic", type=click.IntRange(min=1), metavar="N", help="Tell the records of one topic.")
@click.option(
    "--seeds",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="With --topic: write its records as seeds for studio generate.",
)
@click.option("--resume", "resumed", type=RUN, metavar="RUN", help="Go on with a map that was stopped or killed.")
@click.option("--detach", is_flag=True, help="Do it in the background and print the run's name.")
@runs_dir_option
@json_option
@plain_option
@quiet_option
@click.pass_context
def map_(
    ctx: click.Context,
    /,
    *,
    inputs: tuple[str, ...],
    topic: int | None,
    seeds: Path | None,
    resumed: str | None,
    detach: bool,
    runs_dir: Path,
    as_json: bool,
    plain: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Draw the map of a dataset: its topics, named by their words, thin and crowded regions, what was kept of each.

    Of a finished curation every record is on the map, kept or dropped, with what stages measured; of files, every record.
    With the name of a map, that map is told again.

    \b
    Examples:
      studio map last
      studio map alpaca_en.json alpaca_zh.json --topics 20
      studio map last --topic 7 --seeds seeds.jsonl
    """
    out = Output(json=as_json, plain=plain, quiet=quiet)
    tell_copies(out)
    settings = {name: value for name, value in given.items() if value is not None}
    try:
        if resumed is not None:
            return _resume(ctx, resumed, runs_dir, out, bool(inputs or settings or topic), detach=detach)
        if seeds is not None and topic is None:
            raise click.UsageError("--seeds needs --topic: whose records are to be seeds.", ctx)
        if not inputs:
            raise click.UsageError("Name what to map: a run, files, or a map that is to be told again.", ctx)
        there = _there(inputs, settings, runs_dir, asked=topic is not None)
        if there is not None:
            return _tell(there, topic, seeds, out)
        return _make(inputs, settings, topic, seeds, runs_dir, out, detach=detach)
    except (StudioError, click.UsageError) as error:
        if as_json:
            from studio.cli.curate import say_in_json

            say_in_json(out, error)
        raise


def _there(inputs: tuple[str, ...], settings: Mapping[str, Any], runs_dir: Path, *, asked: bool) -> RunFolder | None:
    """The map that is meant, where one is: `last` means one only where a topic is asked for."""
    from studio.runs.mapping import map_named

    if len(inputs) != 1 or (inputs[0] == "last" and not asked):
        return None
    found = map_named(inputs[0], runs_dir)
    if found is not None and settings:
        raise click.UsageError(f"{found.name} is a map already; name what it is to be made of.")
    return found


def _make(
    inputs: tuple[str, ...],
    settings: dict[str, Any],
    topic: int | None,
    seeds: Path | None,
    runs_dir: Path,
    out: Output,
    *,
    detach: bool,
) -> int:
    from curation.topics.model import MapSettings
    from studio.cli.start import start
    from studio.runs.mapping import input_named, make_map_run

    if topic is not None and detach:
        raise click.UsageError("A topic can be told when the map is there; leave out --detach.")
    folder, lock = make_map_run(
        [input_named(name, runs_dir) for name in inputs], MapSettings(**settings), runs_dir, argv=sys.argv
    )
    code = start(folder, lock, out, detach=detach)
    return _tell(folder, topic, seeds, out) if topic is not None and not code else code


def _resume(ctx: click.Context, name: str, runs_dir: Path, out: Output, more: bool, *, detach: bool) -> int:
    from studio.cli.start import resume
    from studio.runs.folder import find

    if more:
        raise click.UsageError("A map that goes on keeps its inputs and settings.", ctx)
    return resume(find(runs_dir, name), out, settings=(), argv=sys.argv, detach=detach)


def _tell(folder: RunFolder, topic: int | None, seeds: Path | None, out: Output) -> int:
    """A map that is there; one topic of it; or its seeds and the command that takes them."""
    from dataclasses import asdict

    from curation.topics.model import read_map

    found = read_map(folder.path)
    if topic is None:
        if out.json:
            out.json_line({"run": folder.name, **asdict(found)})
        else:
            out.data(tell_map(folder, {"topics": [asdict(each) for each in found.topics], **asdict(found)}))
        return int(ExitCode.OK)
    if seeds is None:
        return _tell_topic(folder, topic, out)
    from studio.cli.summary import shell
    from studio.runs.mapping import seeds_of

    written, changed = seeds_of(folder, topic, seeds)
    command = f"studio generate --from-seeds {shell(str(seeds))} -n {ASKED}"
    if changed:
        out.warn(f"{changed:,} records of the topic are no longer what was mapped, and were left out.")
    if out.json:
        out.json_line({"run": folder.name, "topic": topic, "seeds": str(seeds), "records": written, "command": command})
    else:
        out.say(f"{written:,} records of topic {topic} are in {seeds}. More like them:")
        out.data(command)
    return int(ExitCode.OK)


def _tell_topic(folder: RunFolder, number: int, out: Output) -> int:
    from dataclasses import asdict

    import polars as pl

    from curation.errors import InputError
    from curation.topics.model import read_map, read_points
    from studio.cli.summary import shell
    from studio.runs.folder import reference

    found = read_map(folder.path)
    topic = next((each for each in found.topics if each.number == number), None)
    if topic is None:
        raise InputError(f"The map has no topic {number}.", f"Its topics are 1 to {len(found.topics)}.")
    mine = (
        read_points(folder.path).filter(pl.col("topic") == number).sort("central", descending=True, maintain_order=True)
    )
    if out.json:
        out.json_line({"run": folder.name, **asdict(topic), "records": mine["record_id"].to_list()})
        return int(ExitCode.OK)
    marks = f" ({', '.join(topic.marks)})" if topic.marks else ""
    out.data(f"Topic {number}: {', '.join(topic.words)}{marks}\n")
    out.data(
        table([[row["record_id"], row["fate"], row["opening"][:80]] for row in mine.head(20).iter_rows(named=True)])
    )
    if mine.height > 20:
        out.data(f"… and {mine.height - 20:,} more in points.parquet")
    out.say(f"\nSeeds of it: studio map {shell(reference(folder))} --topic {number} --seeds FILE")
    return int(ExitCode.OK)


def tell_map(folder: RunFolder, summary: Mapping[str, Any]) -> str:
    """The topics of a map, for people. summary: with `topics`, as a run's summary or a map has them."""
    from studio.cli.summary import shorter
    from studio.runs.folder import reference

    topics = summary["topics"]
    decided = any(topic["kept"] or topic["dropped"] for topic in topics)
    header = ["topic", "", "records", *(["kept", "dropped"] if decided else []), "alike", "languages", "look"]
    rows: list[list[object]] = []
    for topic in topics:
        spoken = " ".join(f"{name} {count:,}" for name, count in list(topic["languages"].items())[:2])
        fates = [f"{topic['kept']:,}", f"{topic['dropped']:,}"] if decided else []
        rows.append([topic["number"], topic["name"], f"{topic['size']:,}", *fates, f"{topic['duplicates']:,}", spoken,
                     ", ".join(topic["marks"])])  # fmt: skip
    right = (0, 2, 3, 4, 5) if decided else (0, 2, 3)
    run = reference(folder)
    thin = next((topic["number"] for topic in reversed(topics) if "thin" in topic["marks"]), topics[-1]["number"])
    return "\n".join(
        [
            table(rows, header, right=right),
            "",
            table([["page", shorter(folder.path / "map.html")], ["points", shorter(folder.path / "points.parquet")]]),
            "",
            "Next:",
            f"  studio map {run} --topic {thin}",
            f"  studio map {run} --topic {thin} --seeds seeds.jsonl",
        ]
    )
