"""What the options of a verb ask for: which recipe, and what a resumed run would have to forget."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, TypeVar

import click

from curation.errors import nearest

if TYPE_CHECKING:
    from curation.sectioned import SectionedRecipe

AnyRecipe = TypeVar("AnyRecipe", bound="SectionedRecipe")


def recipe_asked(kind: type[AnyRecipe], preset: str | None, recipe_file: str | None, default: str = "") -> AnyRecipe:
    """The recipe of `--preset` or `--recipe`; the preset `default` (or the kind's own) where neither was given.

    Raises UsageError for both at once and for a preset that is not there, and what reading a file raises.
    """
    if preset is not None and recipe_file is not None:
        raise click.UsageError("Give a preset or a recipe, not both.")
    if preset is not None and preset not in kind.preset_names():
        raise click.UsageError(f"There is no preset '{preset}'. {nearest(preset, kind.preset_names())}")
    return kind.load(recipe_file or preset or default)


def refuse_on_resume(ctx: click.Context, fixed: Collection[str], said: str) -> None:
    """Raise UsageError where options were given that a resumed run cannot change; `said` has {} for their names."""
    given = [
        max(param.opts, key=len)
        for param in ctx.command.params
        if param.name in fixed and ctx.get_parameter_source(param.name) is not click.core.ParameterSource.DEFAULT
    ]
    if given:
        raise click.UsageError(said.format(", ".join(given)), ctx)
