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
from curation.registry import loadable_stages, stage_class, stage_origin
from curation.stage import CorpusStage, Stage

DRAFT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True)
class Parameter:
    """One parameter of a stage. `default` is a JSON value; bounds are inclusive unless `exclusive` names them."""

    name: str
    type: str  # in words: "whole number or null"
    required: bool
    default: Any
    minimum: float | None
    maximum: float | None
    exclusive: tuple[str, ...]  # "minimum", "maximum"
    choices: tuple[Any, ...]  # every allowed value, () where there is no such list
    help: str

    @property
    def bounds(self) -> str:
        """`0 to 1`, `at least 0`, `more than 0, at most 1`; "" without bounds."""
        low = "more than" if "minimum" in self.exclusive else "at least"
        high = "less than" if "maximum" in self.exclusive else "at most"
        if self.minimum is not None and self.maximum is not None and not self.exclusive:
            return f"{self.minimum:g} to {self.maximum:g}"
        said = [f"{low} {self.minimum:g}"] if self.minimum is not None else []
        said += [f"{high} {self.maximum:g}"] if self.maximum is not None else []
        return ", ".join(said)


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
        _parameter(key, schema["properties"][key], schema.get("$defs", {}), key in required) for key in cls.model_fields
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


def describe_fields(model: type[BaseModel]) -> tuple[Parameter, ...]:
    """The fields of any pydantic model as parameters, for forms and documentation."""
    schema = model.model_json_schema()
    required, definitions = schema.get("required", []), schema.get("$defs", {})
    return tuple(_parameter(key, schema["properties"][key], definitions, key in required) for key in model.model_fields)


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


_SCALARS = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false", "null": "null"}


def _parameter(name: str, schema: Mapping[str, Any], definitions: Mapping[str, Any], required: bool) -> Parameter:
    """A parameter from its property in the stage's JSON schema."""
    branches = [_followed(branch, definitions) for branch in schema.get("anyOf", [schema])]
    exclusive: list[str] = []
    bounds: dict[str, float | None] = {}
    for bound in ("minimum", "maximum"):
        strict = f"exclusive{bound.capitalize()}"
        bounds[bound] = next((branch[key] for branch in branches for key in (bound, strict) if key in branch), None)
        if any(strict in branch for branch in branches):
            exclusive.append(bound)
    closed = all(
        "enum" in branch or "const" in branch or branch.get("type") in ("null", "boolean") for branch in branches
    )
    return Parameter(
        name=name,
        type=" or ".join(dict.fromkeys(_type_words(branch, definitions) for branch in branches)),
        required=required,
        default=schema.get("default"),
        minimum=bounds["minimum"],
        maximum=bounds["maximum"],
        exclusive=tuple(exclusive),
        choices=tuple(value for branch in branches for value in _choices(branch)) if closed else (),
        help=schema.get("description", ""),
    )


def _followed(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    return definitions[reference.rpartition("/")[2]] if reference else schema


def _choices(branch: Mapping[str, Any]) -> tuple[Any, ...]:
    if branch.get("type") == "boolean" and "const" not in branch:
        return (True, False)
    if branch.get("type") == "null":
        return (None,)
    return tuple(branch["enum"]) if "enum" in branch else (branch["const"],)


def _type_words(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    schema = _followed(schema, definitions)
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type_words(branch, definitions) for branch in schema["anyOf"]))
    if schema.get("type") == "array":
        inner = schema.get("items", {})
        words = _type_words(inner, definitions) if inner else ""
        return f"list of {words}" if words else "list"
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties")
        return f"mapping of keys to {_type_words(inner, definitions)}" if isinstance(inner, Mapping) else "mapping"
    return _SCALARS.get(schema.get("type", ""), "any value")
