"""`studio apply PATCH`: somebody else's verdicts on a dataset of one's own, or into the journal of a run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from studio.cli.options import json_option, runs_dir_option
from studio.cli.output import Output
from studio.cli.sides import run_named
from studio.cli.summary import law, shorter
from studio.display import display
from studio.exit_codes import ExitCode
from studio.runs.folder import RunFolder, reference

if TYPE_CHECKING:
    from curation.verdicts.patch import Conflict

_TOLD = 20  # records named one by one


@click.command()
@click.argument("patch", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--to", "target", required=True, metavar="DATASET|RUN", help="A file, glob or folder; or a run.")
@click.option("--out", "out_path", type=click.Path(path_type=Path), help="Where the new dataset goes, for a DATASET.")
@click.option("--force", is_flag=True, help="Into a RUN: where both have judged a record, the patch wins.")
@runs_dir_option
@json_option
def apply(*, patch: Path, target: str, out_path: Path | None, force: bool, runs_dir: Path, as_json: bool) -> int:
    """Apply the verdicts of another review (studio review RUN --export PATCH).

    To a DATASET: drops, edits, tags and added records are applied and the result is written to --out. Records are found by
    their content, wherever they stand. To a RUN: the verdicts go into its journal, and its next run replays them.

    Exit code 1: some verdicts were not taken; they are listed.
    """
    from curation.verdicts import read_named

    out = Output(json=as_json)
    lines = read_named(patch)
    if lines.unreadable:
        out.warn(f"{lines.unreadable:,} lines of {patch} are no verdicts.")
    run = run_named(runs_dir, target)
    if run is not None:
        if out_path is not None:
            raise click.UsageError("--out is for a dataset; a run is done again with 'studio curate --resume'.")
        return _to_run(lines.verdicts, run, force, out)
    if out_path is None:
        raise click.UsageError("Name where the new dataset goes with --out.")
    if force:
        raise click.UsageError("--force is for a run; a dataset holds no verdicts to disagree with.")
    return _to_dataset(patch, target, out_path, out)


def _to_run(lines: Any, run: RunFolder, force: bool, out: Output) -> int:
    from curation.verdicts import JOURNAL, Journal
    from curation.verdicts.patch import merged

    with Journal.open(run.path / JOURNAL) as journal:
        new, found = merged(journal.verdicts, lines, force=force)
        journal.append(*new)
    if out.json:
        told = [{"record_id": c.key[0], "ours": c.ours.status, "theirs": c.theirs.status} for c in found]
        out.json_line({"verdicts": len(new), "conflicts": told})
    else:
        _tell_conflicts(found, force, out)
        out.say(f"{len(new):,} verdicts taken over. Replay with 'studio curate --resume {reference(run)}'.")
    return int(ExitCode.FINDINGS if found and not force else ExitCode.OK)


def _tell_conflicts(found: list[Conflict], force: bool, out: Output) -> None:
    which = "theirs was taken" if force else "yours stays; --force takes theirs"
    for conflict in found[:_TOLD]:
        both = f"{conflict.ours.status} here, {conflict.theirs.status} in the patch"
        out.data(display(f"conflict: {conflict.key[0]}: {both}; {which}"))
    if len(found) > _TOLD:
        out.data(f"… and {len(found) - _TOLD:,} more conflicts")


def _to_dataset(patch: Path, target: str, out_path: Path, out: Output) -> int:
    import json

    from curation.engine.local import curate
    from curation.engine.verdicts import STALE_FILE
    from curation.events import Event, Warned
    from curation.recipe import Recipe

    def hear(event: Event) -> None:
        if isinstance(event, Warned) and "stale" not in event.message:
            out.warn(event.message, event.hint)

    with tempfile.TemporaryDirectory(prefix="studio-apply-") as name:
        folder = Path(name)
        recipe = Recipe.from_text("stages: []\n", "apply")
        summary = curate([target], recipe, folder, listener=hear, out=out_path, report=False, verdicts=patch)
        stale = folder / STALE_FILE
        lost = [json.loads(line) for line in stale.read_text().splitlines()] if stale.exists() else []
    by_people = {item["reason"]: item["count"] for row in summary["stages"] for item in row["reasons"]}
    if out.json:
        out.json_line({"counts": summary["counts"], "applied": by_people, "stale": lost, "outputs": summary["outputs"]})
        return int(ExitCode.FINDINGS if lost else ExitCode.OK)
    for item in lost[:_TOLD]:
        kinds = ", ".join(verdict["kind"] for verdict in item["verdicts"])
        out.data(display(f"not applied: {item['record_id']}: {kinds} ({item['why']})"))
    if len(lost) > _TOLD:
        out.data(f"… and {len(lost) - _TOLD:,} more that were not applied")
    out.say(law(summary["counts"]))
    done = ", ".join(f"{count:,} {reason}" for reason, count in by_people.items()) or "nothing to change"
    for output in summary["outputs"]:
        out.data(f"{shorter(output['path'])}: {output['records']:,} records; {done}")
    return int(ExitCode.FINDINGS if lost else ExitCode.OK)
