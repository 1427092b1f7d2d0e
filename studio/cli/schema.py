"""`studio schema`: the whole interface as JSON, read off the code that implements it."""

from __future__ import annotations

import json
from typing import Any

import click

from studio.cli.output import Output
from studio.exit_codes import MEANINGS, ExitCode


@click.command()
@click.pass_context
def schema(ctx: click.Context) -> int:
    """Print every command, option, exit code, status and event as JSON, for scripts and coding agents."""
    Output().data(json.dumps(interface(ctx.find_root().command), indent=2))
    return int(ExitCode.OK)


def interface(root: click.Command) -> dict[str, Any]:
    """The interface as plain values: by introspection of click, of the event classes and of the exit codes."""
    from studio.runs.spec import PACKAGES, versions
    from studio.runs.status import Status

    return {
        "studio": versions(PACKAGES).get("curation-studio"),
        "streams": {"stdout": "results only; with --json one JSON value a line", "stderr": "narration and errors"},
        "commands": _command(root, "studio")["commands"],
        "exit_codes": [{"code": int(code), "name": code.name, "meaning": MEANINGS[code]} for code in ExitCode],
        "run_statuses": [status.value for status in Status],
        "events": _events(),
    }


def _command(command: click.Command, path: str) -> dict[str, Any]:
    context = click.Context(command, info_name=path)
    described: dict[str, Any] = {
        "command": path,
        "help": (command.help or "").replace("\b\n", "").strip(),
        "arguments": [_parameter(p) for p in command.params if isinstance(p, click.Argument)],
        "options": [_parameter(p) for p in command.params if isinstance(p, click.Option)],
    }
    if isinstance(command, click.Group):
        found = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
        described["commands"] = [_command(each, f"{path} {name}") for name, each in found if each is not None]
    return described


def _parameter(parameter: click.Parameter) -> dict[str, Any]:
    kind = parameter.type
    is_option = isinstance(parameter, click.Option)
    described: dict[str, Any] = {
        "name": max(parameter.opts, key=len) if is_option else parameter.human_readable_name,
        "type": kind.name,
        "required": parameter.required,
        "multiple": parameter.multiple or parameter.nargs == -1,
        "default": _plain(parameter),
        "envvar": parameter.envvar,
    }
    if isinstance(kind, click.Choice):
        described["choices"] = list(kind.choices)
    if isinstance(kind, (click.IntRange, click.FloatRange)):
        described |= {"min": kind.min, "max": kind.max}
    if isinstance(parameter, click.Option):
        described |= {
            "flag": parameter.is_flag,
            "spellings": [*parameter.opts, *parameter.secondary_opts],
            "metavar": parameter.metavar,
            "help": parameter.help,
        }
    return described


def _plain(parameter: click.Parameter) -> Any:
    default = parameter.to_info_dict().get("default")
    return default if isinstance(default, (str, int, float, bool, type(None))) else str(default)


def _events() -> list[dict[str, Any]]:
    from dataclasses import MISSING, fields

    import training.events
    import training.experiment.events
    import training.export.events  # noqa: F401 - they add their own to the names
    from curation.events import EVENT_NAMES

    return [
        {
            "event": name,
            "meaning": (kind.__doc__ or "").strip(),
            "fields": [
                {"name": field.name, "type": str(field.type), "always": field.default is MISSING}
                for field in fields(kind)
            ],
        }
        for kind, name in EVENT_NAMES.items()
    ]
