"""Options and arguments that several verbs share, with their shell completion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from curation.errors import StudioError
from studio.runs.folder import DEFAULT_RUNS_DIR, RUNS_DIR_VARIABLE, every

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class _RunName(click.types.StringParamType):
    """A run: its name, any part of it that is unique, `last`, or the path of its folder."""

    name = "run"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[click.shell_completion.CompletionItem]:
        """The names of the runs there are, newest first."""
        from click.shell_completion import CompletionItem

        runs_dir = Path(ctx.params.get("runs_dir") or DEFAULT_RUNS_DIR)
        try:
            names = [run.name for run in reversed(every(runs_dir))]
        except StudioError:
            return []
        return [CompletionItem(name) for name in [*names, "last"] if name.startswith(incomplete)]


RUN = _RunName()

runs_dir_option: Decorator = click.option(
    "--runs-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_RUNS_DIR,
    envvar=RUNS_DIR_VARIABLE,
    show_default=True,
    show_envvar=True,
    is_eager=True,  # completion of RUN needs it
    help="The folder that holds the runs.",
)
json_option: Decorator = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, for programs.")
plain_option: Decorator = click.option(
    "--plain", is_flag=True, help="No bars and no redrawing: plain lines, for logs and screen readers."
)
quiet_option: Decorator = click.option("--quiet", "-q", is_flag=True, help="Say nothing but warnings and errors.")


def run_argument(required: bool = True) -> Decorator:
    """The argument RUN."""
    return click.argument("run", type=RUN, required=required)
