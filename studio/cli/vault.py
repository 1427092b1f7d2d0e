"""`studio vault RUN`: a file that tells which pseudonym stands for whom. Needs the key."""

from __future__ import annotations

from pathlib import Path

import click

from studio.cli.options import json_option, run_argument, runs_dir_option
from studio.cli.output import Output
from studio.display import display
from studio.exit_codes import ExitCode


@click.command()
@run_argument()
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it there, not into the run's folder."
)
@runs_dir_option
@json_option
def vault(*, run: str, out: Path | None, runs_dir: Path, as_json: bool) -> int:
    """Write the file that tells which pseudonym, fake or hash stands for which value.

    It needs the key that the run was made with. Only you can read the file; it goes when the run is removed.
    """
    from curation.privacy.vault import write_vault
    from studio.runs.folder import find

    said = Output(json=as_json)
    made = write_vault(find(runs_dir, run).path, out)
    if as_json:
        said.json_line({"path": str(made.path), "masks": made.masks, "values": made.values})
    else:
        said.data(f"{made.masks:,} masks of {made.values:,} values: {display(str(made.path))}")
    return int(ExitCode.OK)
