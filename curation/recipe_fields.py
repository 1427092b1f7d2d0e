"""The fields of a pydantic model, told to machines and to people: for forms, `--help` and documentation.

Imports neither polars nor any stage, so that forms are quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True)
class Parameter:
    """One parameter of a stage or a section. `default` is a JSON value; bounds are inclusive unless `exclusive` says no."""

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


def describe_fields(model: type[BaseModel]) -> tuple[Parameter, ...]:
    """The fields of any pydantic model as parameters, for forms and documentation."""
    schema = model.model_json_schema()
    required, definitions = schema.get("required", []), schema.get("$defs", {})
    return tuple(
        parameter_of(key, schema["properties"][key], definitions, key in required) for key in model.model_fields
    )


_SCALARS = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false", "null": "null"}


def parameter_of(name: str, schema: Mapping[str, Any], definitions: Mapping[str, Any], required: bool) -> Parameter:
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
