"""`studio dupes RUN`: the clusters of duplicates a run found, largest first, with the differing words marked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from studio.cli.options import json_option, run_argument, runs_dir_option
from studio.cli.output import Output
from studio.display import display
from studio.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from curation.clusters import Cluster, ClusterMember
    from studio.runs.folder import RunFolder

_CONTEXT = 40  # characters of unchanged text shown on each side of a difference
_TEXT = 300  # characters of the first member's text


@click.command()
@run_argument()
@click.option("--stage", metavar="NAME", help="Only what this stage found, by its name in the recipe.")
@click.option("--most", type=click.IntRange(min=1), default=10, show_default=True, help="Clusters to show.")
@click.option("--members", type=click.IntRange(min=1), default=6, show_default=True, help="Records to show of each.")
@click.option(
    "--set", "settings", multiple=True, metavar="STAGE.KEY=VALUE", help="Say which records would change sides, only."
)
@runs_dir_option
@json_option
def dupes(
    *, run: str, stage: str | None, most: int, members: int, settings: tuple[str, ...], runs_dir: Path, as_json: bool
) -> int:
    """Show the clusters of duplicates a run found, largest first.

    Each record is compared with the first of its cluster: [-these words-] are only in the first, {+those+} only in it.
    """
    from dataclasses import asdict

    from curation.clusters import clusters
    from studio.runs.folder import find

    out = Output(json=as_json)
    if settings:
        return tell_sides(find(runs_dir, run), settings, out, most)
    found = clusters(find(runs_dir, run).path, stage=stage, most=most, members=members)
    if as_json:
        for cluster in found:
            out.json_line(asdict(cluster))
        return int(ExitCode.OK)
    if not found:
        out.say("No duplicates were found.")
    for number, cluster in enumerate(found):
        out.data(("\n" if number else "") + tell_cluster(cluster))
    return int(ExitCode.OK)


def tell_sides(folder: RunFolder, settings: Sequence[str], out: Output, most: int) -> int:
    """How many records would change sides under other settings, and the first of them."""
    from dataclasses import asdict

    from studio.runs.preview import preview

    sides = preview(folder, settings)
    if out.json:
        out.json_line(asdict(sides))
        return int(ExitCode.OK)
    out.data(f"{display(', '.join(settings))}: {sides.after:,} records kept instead of {sides.before:,}")
    for mark, verb, names in (("+", "stay", sides.stay), ("-", "be dropped", sides.go)):
        out.data(f"{len(names):,} more would {verb}")
        for name, stage in names[:most]:
            out.data(f"  {mark} {display(name)} {display(stage)}")
        if len(names) > most:
            out.data(f"    … and {len(names) - most:,} more")
    return int(ExitCode.OK)


def tell_cluster(cluster: Cluster) -> str:
    """One cluster as text: its size, the first member's text, and what the others have instead."""
    lines = [f"{display(cluster.stage)}: {cluster.size:,} records alike, {cluster.dropped:,} dropped"]
    first = cluster.members[0]
    for member in cluster.members:
        score = "" if member.score is None or cluster.stage == "exact" else f" {member.score:.2f}"
        mark = "+" if member.kept else "-"
        lines.append(f"  {mark} {display(member.record_id)} {display(member.reason)}{score}")
        lines.append(f"      {_shown(first, member)}")
    if cluster.size > len(cluster.members):
        lines.append(f"    … and {cluster.size - len(cluster.members):,} more")
    return "\n".join(lines)


def _shown(first: ClusterMember, member: ClusterMember) -> str:
    if member is first:
        return display(first.text, limit=_TEXT)
    if member.text == first.text:
        return "(the same text)"
    return marked(first.text, member.text)


def marked(before: str, after: str) -> str:
    """What changed, in one line: `[-old-]{+new+}`, unchanged text between far changes left out."""
    from curation.textdiff import pieces

    shown = []
    for kind, old, new in pieces(before, after):
        if kind == "equal":
            short = old if len(old) <= 2 * _CONTEXT else f"{old[:_CONTEXT]}…{old[-_CONTEXT:]}"
            shown.append(display(short))
        else:
            shown.append(f"[-{display(old, limit=_TEXT)}-]" if old else "")
            shown.append(f"{{+{display(new, limit=_TEXT)}+}}" if new else "")
    return "".join(shown)
