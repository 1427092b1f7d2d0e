"""`studio doctor`: what this machine has, for choosing settings and for bug reports."""

from __future__ import annotations

from pathlib import Path

import click

from studio.cli.options import json_option, runs_dir_option
from studio.cli.output import Output, table
from studio.exit_codes import ExitCode


@click.command()
@click.option("--torch", "with_torch", is_flag=True, help="Also import torch and ask it about devices (some seconds).")
@runs_dir_option
@json_option
def doctor(*, with_torch: bool, runs_dir: Path, as_json: bool) -> int:
    """Say what this machine has: versions, cores, memory, disk, GPU, models, terminal.

    Sends nothing anywhere, and names no file of yours.
    """
    from studio.cli import machine

    out = Output(json=as_json)
    found = {
        "versions": machine.library_versions(),
        "processor": machine.processor(),
        "memory": machine.memory(),
        "disk": machine.disk(runs_dir),
        "gpu": machine.gpu(),
        "models": machine.models(),
        "terminal": machine.terminal(),
    }
    if with_torch:
        found["torch"] = machine.torch_devices()
    if as_json:
        out.json_line(found)
        return int(ExitCode.OK)
    for section, facts in found.items():
        out.data(section)
        out.data(table([[f"  {name}", value] for name, value in facts.items()] or [["  none found"]]))
    return int(ExitCode.OK)
