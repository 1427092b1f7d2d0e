"""`studio recipes`: list, show, schema, check, stages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from studio.cli.lazy import NearestGroup
from studio.cli.options import json_option
from studio.cli.output import Output, table
from studio.exit_codes import ExitCode

if TYPE_CHECKING:
    from curation.recipe_schema import StageDescription


@click.group(cls=NearestGroup)
def recipes() -> None:
    """List, show and check recipes, and the stages they can use."""


@recipes.command("list")
@json_option
def list_recipes(*, as_json: bool) -> int:
    """List the built-in recipes."""
    from curation.recipe import Recipe

    out = Output(json=as_json)
    found = [Recipe.load(name) for name in Recipe.builtin_names()]
    if as_json:
        for recipe in found:
            stages = [step.name for step in recipe.steps()]
            out.json_line({"recipe": recipe.name, "description": recipe.description, "stages": stages})
        return int(ExitCode.OK)
    out.data(table([[recipe.name, recipe.description.strip().split("\n")[0]] for recipe in found]))
    out.say("\nSee one with 'studio recipes show NAME'; save it, change it, and use it with --recipe FILE.")
    return int(ExitCode.OK)


@recipes.command()
@click.argument("recipe", metavar="NAME|FILE")
@click.option("--set", "settings", multiple=True, metavar="STAGE.KEY=VALUE", help="Change a parameter. Repeatable.")
@click.option("--resolved", is_flag=True, help="Every parameter with its value, defaults included.")
@json_option
def show(*, recipe: str, settings: tuple[str, ...], resolved: bool, as_json: bool) -> int:
    """Print a recipe as YAML, comments and all."""
    from curation.recipe import Recipe

    out = Output(json=as_json)
    shown = Recipe.load(recipe).with_settings(list(settings))
    if as_json:
        out.json_line(shown.resolved())
    elif resolved:
        out.data(Recipe.from_data(shown.resolved(), shown.name).to_yaml().rstrip("\n"))
    else:
        out.data(shown.to_yaml().rstrip("\n"))
    return int(ExitCode.OK)


@recipes.command()
def schema() -> int:
    """Print the JSON schema of recipes, for editors that complete and check YAML."""
    from curation.recipe_schema import json_schema

    Output().data(json.dumps(json_schema(), indent=2))
    return int(ExitCode.OK)


@recipes.command()
@click.argument("recipe", metavar="NAME|FILE", nargs=-1, required=True)
@click.option("--set", "settings", multiple=True, metavar="STAGE.KEY=VALUE", help="Change a parameter. Repeatable.")
@json_option
def check(*, recipe: tuple[str, ...], settings: tuple[str, ...], as_json: bool) -> int:
    """Check recipes without running them. Exit code 1 when something is wrong with one of them."""
    from curation.errors import RecipeError
    from curation.recipe import Recipe

    out = Output(json=as_json)
    faulty = 0
    for name in recipe:
        try:
            found = Recipe.load(name).with_settings(list(settings))
        except RecipeError as error:
            faulty += 1
            if as_json:
                problems = [str(problem) for problem in getattr(error, "problems", ())] or [error.message]
                out.json_line({"recipe": name, "ok": False, "problems": problems, "hint": error.hint})
            else:
                out.problem(error.message, error.hint)
            continue
        stages = [step.name for step in found.steps() if step.enabled]
        if as_json:
            out.json_line({"recipe": name, "ok": True, "stages": stages, "digest": found.digest()})
        else:
            out.data(f"{name} is right: {', '.join(stages)}")
    return int(ExitCode.FINDINGS if faulty else ExitCode.OK)


@recipes.command()
@click.argument("stage", required=False)
@json_option
def stages(*, stage: str | None, as_json: bool) -> int:
    """List the stages a recipe can use, or describe STAGE: its parameters and its reasons."""
    from dataclasses import asdict

    from curation.recipe_schema import describe_stage
    from curation.registry import stage_names

    out = Output(json=as_json)
    names = [stage] if stage else stage_names()
    described = [describe_stage(name) for name in names]
    if as_json:
        for one in described:
            out.json_line(asdict(one))
    elif stage is None:
        out.data(table([[one.name, one.summary] for one in described]))
        out.say("\nSee one with 'studio recipes stages STAGE'.")
    else:
        out.data(_stage_text(described[0]))
    return int(ExitCode.OK)


def _stage_text(stage: StageDescription) -> str:
    """A stage in full: what it does, its parameters with bounds and defaults, its reasons."""
    blocks = [f"{stage.name} ({stage.origin})\n{stage.text}"]
    for parameter in stage.parameters:
        default = "required" if parameter.required else f"default {_value(parameter.default)}"
        facts = ", ".join(fact for fact in (parameter.type, parameter.bounds, default) if fact)
        blocks.append(f"{parameter.name}: {facts}\n    {parameter.help}")
    reasons = [[f"  {reason}", sentence] for reason, sentence in stage.reasons.items()]
    return "\n\n".join([*blocks, "Reasons:\n" + table(reasons)])


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
