"""A group whose commands are imported when they are needed, so that `studio --help` costs no more than click does."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from curation.errors import nearest


class LazyGroup(click.Group):
    """`lazy` maps a command's name to `(module, attribute, one line of help)`."""

    def __init__(self, *args: Any, lazy: dict[str, tuple[str, str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Every command's name, in the order of the table: the order in which one meets them."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command."""
        if cmd_name not in self.lazy:
            return None
        module, attribute, _ = self.lazy[cmd_name]
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.{attribute} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in self.lazy.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command meant by the first word, or a usage error with the nearest spelling."""
        word = args[0]
        if word not in self.lazy and not ctx.resilient_parsing and not word.startswith("-"):
            raise click.UsageError(f"There is no command '{word}'. {nearest(word, self.lazy)}", ctx)
        return super().resolve_command(ctx, args)


class NearestGroup(click.Group):
    """A group of few commands that names the nearest spelling of an unknown one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As in click, with the nearest spelling."""
        word = args[0]
        if word not in self.commands and not ctx.resilient_parsing and not word.startswith("-"):
            raise click.UsageError(f"There is no command '{word}'. {nearest(word, self.commands)}", ctx)
        return super().resolve_command(ctx, args)
