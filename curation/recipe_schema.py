"""What may stand in a recipe, told to machines and to people: one JSON schema, and one description a stage.

Both are read off the stages' own fields, so that editors, forms, `--help` and the documentation cannot disagree.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from curation.recipe_check import STEP_NAME, RecipeHeader
from curation.recipe_fields import Parameter, parameter_of
from curation.registry import loadable_stages, stage_class, stage_origin
from curation.stage import CorpusStage, Stage

DRAFT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True)
class StageDescription:
    """A stage as documentation and forms show it."""

    name: str
    summary: str  # the first line of the stage's docstring
    text: str  # all of it
    whole_corpus: bool  # must see every record before it decides about the first
    origin: str  # "built in", or a package and its version
    parameters: tuple[Parameter, ...]
    reasons: Mapping[str, str]


def describe_stage(name: str) -> StageDescription:
    """Parameters, defaults, bounds and reasons of a stage. RecipeError for an unknown name."""
    cls = stage_class(name)
    schema = _named(cls, name)
    required = schema.get("required", [])
    parameters = tuple(
        parameter_of(key, schema["properties"][key], schema.get("$defs", {}), key in required)
        for key in cls.model_fields
    )
    text = inspect.getdoc(cls) or ""
    return StageDescription(
        name=name,
        summary=text.partition("\n")[0],
        text=text,
        whole_corpus=issubclass(cls, CorpusStage),
        origin=stage_origin(name),
        parameters=parameters,
        reasons=dict(cls.reasons),
    )


def json_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of a recipe file: every usable stage with its parameters, for editors.

    Unlike the recipe reader it cannot tell that two stages have the same name.
    """
    definitions: dict[str, Any] = {}
    entries = [_entry_schema(name, cls, definitions) for name, cls in loadable_stages().items()]
    header = _named(RecipeHeader, "recipe")
    definitions |= header.pop("$defs", {})
    stages = {
        "type": "array",
        "description": "The stages, in the order in which they look at the records.",
        "items": {"oneOf": entries},
    }
    return {
        "$schema": DRAFT,
        "title": "Recipe",
        "description": "An ordered list of curation stages with their parameters.",
        "type": "object",
        "properties": {**header["properties"], "stages": stages},
        "required": ["stages"],
        "additionalProperties": False,
        "$defs": dict(sorted(definitions.items())),
    }


def _entry_schema(name: str, cls: type[Stage], definitions: dict[str, Any]) -> dict[str, Any]:
    """One entry of `stages`; the definitions it refers to are added to `definitions`."""
    schema = _named(cls, name)
    definitions |= schema.pop("$defs", {})
    beside = {
        "use": {"const": name, "description": (inspect.getdoc(cls) or "").partition("\n")[0]},
        "name": {
            "type": "string",
            "pattern": f"^{STEP_NAME.pattern}$",
            "description": "Its name in this recipe; left out, it is that of the stage.",
        },
        "enabled": {"type": "boolean", "default": True, "description": "false leaves the stage out of the run."},
    }
    return {
        "title": name,
        "description": inspect.getdoc(cls) or "",
        "type": "object",
        "properties": {**beside, **schema.get("properties", {})},
        "required": ["use", *schema.get("required", [])],
        "additionalProperties": False,
    }


def _named(model: type[BaseModel], prefix: str) -> dict[str, Any]:
    """The model's schema, its definitions prefixed so that those of several models can stand side by side."""
    schema = model.model_json_schema(ref_template=f"#/$defs/{prefix}.{{model}}")
    if "$defs" in schema:
        schema["$defs"] = {f"{prefix}.{key}": value for key, value in schema["$defs"].items()}
    return schema
