"""`studio diff A B`: what is different between two datasets, or between what a run read and what it kept."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from studio.cli.copying import tell_copies
from studio.cli.options import json_option, runs_dir_option
from studio.cli.output import Output
from studio.exit_codes import ExitCode

if TYPE_CHECKING:
    from curation.diff import Filter, Hunk, ReviewIndex

_PAGE = 200  # hunks whose texts are in memory at once
_DIFFERING = ("removed", "changed", "added")


@click.command()
@click.argument("a", metavar="A|RUN")
@click.argument("b", metavar="[B]", required=False)
@click.option("--key", metavar="COLUMN", help="Match records by this column; without it by their text.")
@click.option("--format", "format_name", metavar="NAME", help="Read every record in this schema; no guessing.")
@click.option("--stat", is_flag=True, help="Only the numbers: records by what became of them, and fields that differ.")
@click.option("--html", "as_html", is_flag=True, help="Print a page for a browser, changes marked word by word.")
@click.option("--most", type=click.IntRange(min=1), metavar="N", help="Show only the first N hunks.")
@click.option("--status", metavar="NAME", help="Show only these: removed, changed, added, flagged or kept.")
@runs_dir_option
@json_option
def diff(
    *,
    a: str,
    b: str | None,
    key: str | None,
    format_name: str | None,
    stat: bool,
    as_html: bool,
    most: int | None,
    status: str | None,
    runs_dir: Path,
    as_json: bool,
) -> int:
    """Show what is different, record by record.

    A and B are files, globs, folders, or runs, of which the dataset is meant. A RUN alone is compared with itself: what it
    read with what it kept. [-these words-] are only in A, {+those+} only in B.

    \b
    Exit code 0: the same records on both sides, whatever their order. 1: they differ.
    """
    from curation.diff import STATUSES, Filter

    if status is not None and status not in STATUSES:
        raise click.UsageError(f"There is no status '{status}'. Known: {', '.join(STATUSES)}.")
    if as_html and as_json:
        raise click.UsageError("--html and --json exclude each other.")
    out = Output(json=as_json)
    tell_copies(out)
    with _index(a, b, key, format_name, runs_dir) as index:
        counts = index.counts()
        shown = Filter(status=status or "")
        _say_notes(index, out)
        if as_html:
            from curation.diff.page import page_parts

            for part in page_parts(index, _hunks(index, shown, most), counts, title=f"{a} → {b}" if b else a):
                click.echo(part, nl=False)
        elif as_json:
            _tell_json(index, out, shown, most, stat=stat)
        else:
            _tell(index, out, shown, most, stat=stat)
        differs = any(counts.by_status.get(name) for name in _DIFFERING)
    return int(ExitCode.FINDINGS if differs else ExitCode.OK)


@contextmanager
def _index(a: str, b: str | None, key: str | None, format_name: str | None, runs_dir: Path) -> Iterator[ReviewIndex]:
    """The index of what was named; that of two datasets lives in a temporary folder, private to its owner."""
    from curation.diff import ReviewIndex, compare
    from studio.cli.sides import dataset_of
    from studio.runs.folder import find

    if b is None:
        if key is not None or format_name is not None:
            raise click.UsageError("--key and --format are for two datasets; a run knows which record is which.")
        yield ReviewIndex.open(find(runs_dir, a).path)
        return
    with tempfile.TemporaryDirectory(prefix="studio-diff-") as folder:
        sides = dataset_of(runs_dir, a), dataset_of(runs_dir, b)
        yield compare(*sides, Path(folder), key=key, format=format_name)


def _hunks(index: ReviewIndex, shown: Filter, most: int | None) -> Iterator[Hunk]:
    total = len(index.rows(shown)) if most is None else min(most, len(index.rows(shown)))
    for start in range(0, total, _PAGE):
        yield from index.page(shown, start, min(_PAGE, total - start))


def _say_notes(index: ReviewIndex, out: Output) -> None:
    facts = index.facts
    for note in facts.get("notes", ()):
        out.warn(note)
    for side in ("a", "b"):
        quarantined = facts.get(side, {}).get("quarantined", 0)
        if quarantined:
            out.warn(f"{quarantined:,} lines of {'the first' if side == 'a' else 'the second'} are no record.")
    if facts.get("moved"):
        out.say("Records stand in another order on the two sides; that is not counted as a difference.")


def _tell(index: ReviewIndex, out: Output, shown: Filter, most: int | None, *, stat: bool) -> None:
    from studio.cli.hunks import tell_counts, tell_hunk

    if not stat:
        for hunk in _hunks(index, shown, most):
            out.data(tell_hunk(hunk) + "\n")
    out.data(tell_counts(index.counts()))


def _tell_json(index: ReviewIndex, out: Output, shown: Filter, most: int | None, *, stat: bool) -> None:
    from studio.cli.hunks import counts_json, hunk_json

    if not stat:
        for hunk in _hunks(index, shown, most):
            out.json_line(hunk_json(hunk))
    out.json_line({"counts": counts_json(index.counts())})
