"""`studio convert`: another schema or file format, and nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from studio.cli.copying import tell_copies
from studio.cli.options import json_option, quiet_option
from studio.cli.output import Output, table
from studio.cli.summary import law, shorter
from studio.display import display
from studio.exit_codes import ExitCode

_TOLD = 20  # bad lines named one by one


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "--out",
    "out_path",
    type=click.Path(path_type=Path),
    required=True,
    help="Where the result goes: a file by its ending: .jsonl, .json, .csv, .tsv, .parquet, or those with .gz or .zst.",
)
@click.option("--format", "format_name", metavar="NAME", help="Read every record in this schema; no guessing.")
@click.option("--out-format", metavar="NAME", help="Write records in this schema, instead of the one they came in.")
@click.option("--safe-csv", is_flag=True, help="In CSV, keep spreadsheets from running cells as formulas.")
@json_option
@quiet_option
def convert(
    *,
    inputs: tuple[str, ...],
    out_path: Path,
    format_name: str | None,
    out_format: str | None,
    safe_csv: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Write records in another schema or file format, every other column carried along.

    No stage runs, no record is dropped for its content. A line that is no record, or a record that the new schema
    cannot express, is counted and said with its place. INPUT is a file, glob, folder, '-' for stdin, 'hf:NAME', or 's3://…'.
    """
    from dataclasses import asdict

    from curation.formats import FORMAT_REASONS, INEXPRESSIBLE_REASONS
    from curation.readers import QUARANTINE_REASONS, Bad
    from curation.writers import convert as write

    out = Output(json=as_json, quiet=quiet)
    tell_copies(out)
    told = 0

    def on_bad(bad: Bad) -> None:
        nonlocal told
        told += 1
        if told <= _TOLD:
            out.warn(f"{display(bad.source)}:{bad.line or bad.offset}: {bad.reason}. {display(bad.detail)}")

    with tempfile.TemporaryDirectory() as scratch:
        done = write(
            list(inputs),
            out_path,
            format=format_name,
            out_format=out_format,
            safe_csv=safe_csv,
            spool=Path(scratch) / "stdin.bin",
            on_bad=on_bad,
        )
    if as_json:
        found = {name: dict(getattr(done, name)) for name in ("formats", "refused", "quarantine")}
        out.json_line({"counts": done.counts, **found, "output": asdict(done.output)})
        return int(ExitCode.OK)
    if told > _TOLD:
        out.warn(f"{told - _TOLD:,} more lines are no record.")
    sentences = {**QUARANTINE_REASONS, **FORMAT_REASONS, **INEXPRESSIBLE_REASONS}
    reasons = {**done.refused, **done.quarantine}
    if reasons:
        rows = [[f"  {reason}", f"{count:,}", sentences.get(reason, "")] for reason, count in reasons.items()]
        out.say(table(rows, right=(1,)))
    out.say(law(done.counts))
    out.data(f"{shorter(done.output.path)}: {done.output.records:,} records, {done.output.bytes:,} bytes")
    return int(ExitCode.OK)
