"""`studio version`."""

from __future__ import annotations

import click

from studio.cli.options import json_option
from studio.cli.output import Output
from studio.exit_codes import ExitCode


@click.command()
@json_option
def version(*, as_json: bool) -> int:
    """Print the version of studio, and with --json those of Python and its main libraries."""
    from studio.runs.spec import PACKAGES, versions

    out = Output(json=as_json)
    found = versions(PACKAGES)
    if as_json:
        out.json_line({"studio": found.get("curation-studio"), **found})
    else:
        out.data(f"studio {found.get('curation-studio', '(not installed: run from a checkout)')}")
    return int(ExitCode.OK)
