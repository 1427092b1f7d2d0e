"""`studio review RUN`: what a run changed, hunk by hunk, and what people decide about it, without a screen."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curation.errors import InputError
from studio.cli.options import json_option, run_argument, runs_dir_option
from studio.cli.output import Output, table
from studio.display import display
from studio.exit_codes import ExitCode
from studio.runs.folder import RunFolder, find, reference

if TYPE_CHECKING:
    from curation.diff import Filter, ReviewIndex
    from curation.verdicts import Journal, Kind, Verdict


@click.command()
@run_argument()
@click.argument("other", metavar="[B]", required=False)
@click.option("--status", metavar="NAME", help="Only hunks of this kind: removed, changed, added, flagged or kept.")
@click.option("--stage", metavar="NAME", help="Only hunks about which this stage decided.")
@click.option("--reason", metavar="NAME", help="Only hunks with this reason.")
@click.option("--source", metavar="NAME", help="Only records of this source.")
@click.option("--text", metavar="FRAGMENT", help="Only records that hold this text; case does not matter.")
@click.option("--verdict", metavar="NAME", help="Only hunks that are open, accepted, rejected, dropped or edited.")
@click.option("--record", metavar="ID", help="Only this record, such as 'file.jsonl:12'.")
@click.option("--start", type=click.IntRange(min=0), default=0, show_default=True, help="How many hunks to skip.")
@click.option("--most", type=click.IntRange(min=0), default=10, show_default=True, help="Hunks to show.")
@click.option("--accept", "act", flag_value="accept", help="Accept what the stages did to all these hunks.")
@click.option("--reject", "act", flag_value="reject", help="Reject it: on the next run it is not applied.")
@click.option("--drop", "act", flag_value="drop", help="Drop these records from the dataset.")
@click.option("--keep-copy", "act", flag_value="keep_copy", help="Keep this duplicate (--record) instead of its twin.")
@click.option("--edit", type=click.IntRange(min=0), metavar="TURN", help="Give a turn of --record the text on stdin.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Tag these records. Repeatable.")
@click.option("--note", metavar="TEXT", help="Make a remark about these records.")
@click.option(
    "--add",
    "added",
    type=click.Path(path_type=Path, exists=True),
    help="Add the records of a JSONL file; with --record, as copies of that one.",
)
@click.option("--undo", is_flag=True, help="Take back the latest decision.")
@click.option("--redo", is_flag=True, help="Take back the latest --undo.")
@click.option("--stale", is_flag=True, help="List the verdicts that the run could not apply, and why.")
@click.option("--export", type=click.Path(path_type=Path, dir_okay=False), help="Write the verdicts as a patch.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask before deciding about several records at once.")
@runs_dir_option
@json_option
@click.pass_context
def review(
    ctx: click.Context,
    /,
    *,
    run: str,
    other: str | None,
    runs_dir: Path,
    as_json: bool,
    stale: bool,
    export: Path | None,
    **rest: Any,
) -> int:
    """Show what a run changed, and decide about it.

    In a terminal and without options this opens the screen Review; with a dataset B as well, on what is different between
    the two. Options, and a pipe, stay without a screen.

    Verdicts go to verdicts.jsonl in the run's folder at once. The next 'studio curate --resume RUN', or a new run with
    --verdicts, replays them. Without a decision, shows the progress of the review and a page of hunks.

    \b
    Examples:
      studio review last --stage near --reason near_duplicate
      studio review last --stage length --reject --yes
      studio review last --record chats.jsonl:12 --edit 1 < answer.txt
    """
    out = Output(json=as_json)
    if _wants_screen(ctx):
        show = import_module("studio.tui.command").show
        opened = run if other is not None else str(find(runs_dir, run).path)
        return int(show(opened, against=other or "", place="review", runs_dir=runs_dir))
    if other is not None:
        raise click.UsageError(
            "Two datasets are reviewed in a terminal, without options; 'studio diff A B' needs none."
        )
    folder = find(runs_dir, run)
    if stale:
        return _tell_stale(folder, out)
    if export is not None:
        return _export(folder, export, out)
    made = _decide(folder, rest, out)
    if made is None:
        return _show(folder, rest, out)
    if as_json:
        out.json_line({"verdicts": len(made), "kinds": sorted({verdict.kind for verdict in made})})
    elif made:
        out.say(f"{_told(made)} Replay with 'studio curate --resume {reference(folder)}'.")
    return int(ExitCode.OK)


def _wants_screen(ctx: click.Context) -> bool:
    """Whether there is a terminal, and no option that asks for something else."""
    places = (click.core.ParameterSource.COMMANDLINE, click.core.ParameterSource.ENVIRONMENT)
    given = {name for name in ctx.params if ctx.get_parameter_source(name) in places}
    return sys.stdin.isatty() and sys.stdout.isatty() and not given - {"run", "other", "runs_dir"}


def _told(made: list[Verdict]) -> str:
    kinds = ", ".join(dict.fromkeys(verdict.kind for verdict in made))
    return f"{len(made):,} verdict{'s' if len(made) != 1 else ''} saved ({kinds})."


def _filter(rest: dict[str, Any]) -> Filter:
    from curation.diff import OPEN, STATUSES, Filter

    names = {"status": STATUSES, "verdict": (OPEN, "accepted", "rejected", "dropped", "edited")}
    for name, known in names.items():
        if rest[name] is not None and rest[name] not in known:
            raise click.UsageError(f"There is no {name} '{rest[name]}'. Known: {', '.join(known)}.")
    said = ("status", "stage", "reason", "source", "text", "verdict")
    return Filter(**{name: rest[name] or "" for name in said}, record_id=rest["record"] or "")


def _decide(folder: RunFolder, rest: dict[str, Any], out: Output) -> list[Verdict] | None:
    """The verdicts made now, or None where none was asked for."""
    asked = [name for name in ("act", "tags", "note", "added", "undo", "redo") if rest[name]]
    asked += ["edit"] if rest["edit"] is not None else []
    if not asked:
        return None
    if len(asked) > 1:
        raise click.UsageError("Decide one thing at a time.")
    from curation.verdicts import JOURNAL, Journal

    with Journal.open(folder.path / JOURNAL) as journal:
        if asked[0] in ("undo", "redo"):
            made = _turn_back(journal, asked[0])
        elif asked[0] == "added":
            made = _added(rest["added"], rest["record"] or "")
        else:
            made = _judged(folder, rest, out)
        journal.append(*made)
    return made


def _turn_back(journal: Journal, which: str) -> list[Verdict]:
    from curation.verdicts import Verdict, redoable, undoable
    from curation.verdicts.author import author

    of = undoable(journal.verdicts) if which == "undo" else redoable(journal.verdicts)
    if not of:
        raise InputError(f"there is nothing to {which}")
    return [Verdict("undo" if which == "undo" else "redo", author=author(), of=of)]


def _added(path: Path, copied_from: str) -> list[Verdict]:
    from curation.readers import BadRecord, parse_payload
    from curation.verdicts import Verdict
    from curation.verdicts.author import author

    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(Verdict("add", author=author(), obj=parse_payload(line), related_id=copied_from))
        except BadRecord as error:
            raise InputError(f"line {number} of {path} is no record: {error.reason} {error.detail}") from error
    if not found:
        raise InputError(f"{path} holds no record")
    return found


def _judged(folder: RunFolder, rest: dict[str, Any], out: Output) -> list[Verdict]:
    from curation.diff import ReviewIndex
    from curation.diff.judge import keep_copy, on_record, verdicts_on
    from curation.verdicts.author import author

    index = ReviewIndex.open(folder.path)
    only = _filter(rest)
    kind: Kind = "edit" if rest["edit"] is not None else rest["act"] or ("tag" if rest["tags"] else "note")
    if only.record_id and kind in (
        "edit",
        "drop",
        "tag",
        "note",
    ):  # any record, whether a stage decided about it or not
        text = {"turn": rest["edit"], "after": sys.stdin.read().removesuffix("\n")} if kind == "edit" else {}
        more = {"tags": tuple(rest["tags"]), "note": rest["note"] or "", **text}
        return [on_record(index, only.record_id, kind, author(), **more)]
    rows = index.rows(only).tolist()
    if not rows:
        raise InputError("no hunk is meant by these options", f"See 'studio review {reference(folder)}'.")
    if kind == "edit" or rest["act"] == "keep_copy":
        if len(rows) != 1 or kind == "edit":
            raise click.UsageError(f"{len(rows):,} hunks are meant; name one record with --record.")
        return keep_copy(index, rows[0], author())
    if len(rows) > 1 and not rest["yes"] and not click.confirm(f"{kind} {len(rows):,} hunks?", err=True):
        out.say("Nothing was decided.")
        return []
    judged = {"stage": only.stage, "reason": only.reason} if kind in ("reject", "accept") else {}
    return verdicts_on(index, rows, kind, author(), tags=tuple(rest["tags"]), note=rest["note"] or "", **judged)


def _show(folder: RunFolder, rest: dict[str, Any], out: Output) -> int:
    from curation.diff import ReviewIndex
    from studio.cli.hunks import counts_json, hunk_json, tell_hunk

    index = ReviewIndex.open(folder.path)
    only = _filter(rest)
    hunks = index.page(only, rest["start"], rest["most"])
    counts = index.counts(only)
    if out.json:
        for hunk in hunks:
            out.json_line(hunk_json(hunk))
        out.json_line({"counts": counts_json(counts)})
        return int(ExitCode.OK)
    for hunk in hunks:
        out.data(tell_hunk(hunk) + "\n")
    out.data(_progress(index, only))
    if rest["start"] + len(hunks) < counts.total:
        out.say(f"{counts.total - rest['start'] - len(hunks):,} more; --start {rest['start'] + len(hunks)} shows them.")
    return int(ExitCode.OK)


def _progress(index: ReviewIndex, only: Filter) -> str:
    """How much of it people have judged, by stage and reason."""
    counts = index.counts(only)
    rows: list[list[object]] = [
        [stage, reason, f"{counts.judged_by_reason.get((stage, reason), 0):,}", f"{number:,}"]
        for (stage, reason), number in counts.by_reason.items()
    ]
    rows.append(["all hunks", "", f"{counts.judged:,}", f"{counts.total:,}"])
    said = ", ".join(f"{number:,} {name}" for name, number in counts.by_verdict.items() if number)
    return table(rows, ("stage", "reason", "judged", "hunks"), right=(2, 3)) + (f"\n{said}" if said else "")


def _tell_stale(folder: RunFolder, out: Output) -> int:
    import json

    from curation.engine.verdicts import STALE_FILE
    from curation.verdicts.resolve import STALE_REASONS

    path = folder.path / STALE_FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for line in lines:
        item = json.loads(line)
        if out.json:
            out.json_line(item)
            continue
        kinds = ", ".join(" ".join(filter(None, (v["kind"], v["stage"], v["reason"]))) for v in item["verdicts"])
        out.data(display(f"{item['record_id']}: {kinds}. {item['why']}: {STALE_REASONS.get(item['why'], '')}."))
    if not lines:
        out.say("No verdict is stale.")
    return int(ExitCode.FINDINGS if lines else ExitCode.OK)


def _export(folder: RunFolder, path: Path, out: Output) -> int:
    from curation.verdicts import JOURNAL, read_journal
    from curation.verdicts.patch import write_patch

    number = write_patch(read_journal(folder.path / JOURNAL).verdicts, path)
    if out.json:
        out.json_line({"path": str(path), "verdicts": number})
    else:
        out.say(f"{number:,} verdicts are in {path}. It holds the texts that people typed.")
    return int(ExitCode.OK)
