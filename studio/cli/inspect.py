"""`studio inspect`: look at files and say what is in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from studio.cli.copying import tell_copies
from studio.cli.options import json_option
from studio.cli.output import Output, table
from studio.cli.summary import shorter
from studio.display import display
from studio.exit_codes import ExitCode

if TYPE_CHECKING:
    from curation.inspect import SourceFacts

_DEFAULT_LIMIT = 100_000
_LENGTH_COLUMNS = ("least", "p05", "median", "p95", "most", "sum")


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--format", "format_name", metavar="NAME", help="Read every record in this schema; no guessing.")
@click.option("--tokenizer", metavar="NAME|FOLDER", help="Count tokens too, with this tokenizer.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=_DEFAULT_LIMIT,
    show_default=True,
    metavar="N",
    help="Look at the first N records of each source.",
)
@click.option("--all", "everything", is_flag=True, help="Look at every record, however many.")
@click.option("--no-languages", is_flag=True, help="Leave the languages out: they take most of the time.")
@json_option
def inspect(
    *,
    inputs: tuple[str, ...],
    format_name: str | None,
    tokenizer: str | None,
    limit: int,
    everything: bool,
    no_languages: bool,
    as_json: bool,
) -> int:
    """Look at files and say what is in them: schema, counts, lengths, languages, duplicates, oddities.

    Nothing is changed and no run is made. INPUT is a file, glob, folder, '-' for stdin, 'hf:NAME', or 's3://…'.
    """
    from dataclasses import asdict

    from curation.inspect import inspect as look

    out = Output(json=as_json)
    tell_copies(out)
    found = look(
        list(inputs),
        format=format_name,
        limit=None if everything else limit,
        tokenizer=tokenizer,
        languages=not no_languages,
    )
    for number, facts in enumerate(found):
        if as_json:
            out.json_line(asdict(facts))
        else:
            out.data(("\n" if number else "") + source_text(facts))
    return int(ExitCode.OK)


def source_text(facts: SourceFacts) -> str:
    """One source, for a person."""
    from curation.formats import FORMAT_REASONS
    from curation.oddities import SENTENCES
    from curation.readers import QUARANTINE_REASONS

    packed = "" if facts.compression == "none" else f", {facts.compression}"
    size = f", {facts.bytes:,} bytes" if facts.bytes >= 0 else ""
    quarantined = sum(facts.quarantine.values())
    records = f"{facts.records:,}" + ("" if facts.whole else ", and more: only the first were looked at")
    known = {**QUARANTINE_REASONS, **FORMAT_REASONS}
    blocks = [
        f"{display(facts.source)}\n  {display(shorter(facts.path))}: {facts.kind}, {facts.encoding}{packed}{size}",
        table(
            [
                ["  schema", _counts(facts.formats) or facts.format or "none recognised"],
                ["  records", records],
                ["  no record", f"{quarantined:,}"],
                ["  blank lines", f"{facts.blank:,}"],
                ["  roles", _counts(facts.roles)],
                ["  turns", _counts({f"{n} each": count for n, count in facts.turns.items()})],
                ["  languages", _counts(facts.languages) or "not looked at"],
                ["  exact copies", _copies(facts)],
            ]
        ),
        "  columns\n" + table([[f"    {name}", _column(column)] for name, column in facts.columns.items()]),
        _lengths(facts),
    ]
    if facts.quarantine:
        rows = [[f"    {reason}", f"{count:,}", known.get(reason, "")] for reason, count in facts.quarantine.items()]
        blocks.append("  no record\n" + table(rows, right=(1,)))
    if facts.oddities:
        rows = [
            [f"    {SENTENCES[name]}", f"{odd.count:,}", f"first {', '.join(odd.first)}"]
            for name, odd in sorted(facts.oddities.items(), key=lambda item: -item[1].count)
        ]
        blocks.append("  oddities (records)\n" + table(rows, right=(1,)))
    return "\n".join(block for block in blocks if block)


def _counts(counts: Mapping[str, int], most: int = 6) -> str:
    shown = [f"{name} {count:,}" for name, count in list(counts.items())[:most]]
    left = len(counts) - most
    return ", ".join(shown) + (f", and {left} more" if left > 0 else "")


def _copies(facts: SourceFacts) -> str:
    found = facts.duplicates
    if not found.copies:
        return "0"
    groups = ", ".join(f"{first} {size} times" for size, first in found.groups[:3])
    return f"{found.copies:,} ({groups})"


def _column(column: Mapping[str, object]) -> str:
    types = column["types"]
    names = " or ".join(types) if isinstance(types, dict) else ""
    missing = "" if column["present"] == column["of"] else f", in {column['present']} of {column['of']} sampled"
    return names + missing


def _lengths(facts: SourceFacts) -> str:
    rows: list[list[object]] = []
    for unit, parts in facts.lengths.items():
        for part, numbers in parts.items():
            rows.append([f"    {unit} of the {part}", *(f"{numbers[name]:,.0f}" for name in _LENGTH_COLUMNS)])
    return table(rows, ("  lengths", *_LENGTH_COLUMNS), right=range(1, 7)) if rows else ""
