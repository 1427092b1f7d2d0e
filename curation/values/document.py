"""Policies and lexicons are YAML that people write: read as strictly as recipes, and explained the same way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from curation.errors import nearest
from curation.recipe_problems import KeyPath, Problem, RecipeProblems, explain
from curation.recipe_text import parse

Model = TypeVar("Model", bound=BaseModel)


def read_model(text: str, origin: str, model: type[Model]) -> Model:
    """The model that a YAML text describes. RecipeProblems names file, line, key and the nearest valid key."""
    try:
        document = parse(text, origin)
    except RecipeProblems as refused:
        said = [
            Problem(p.where, p.line, p.key, p.message.replace("a recipe", "such a file"), p.hint)
            for p in refused.problems
        ]
        raise RecipeProblems(origin, said) from None
    data = document.data
    if not isinstance(data, Mapping):
        line = document.lines.get((), None)
        raise RecipeProblems(origin, [Problem(origin, line, "", "must be a mapping of keys to values")])
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = []
        for path, message, hint in explain(error.errors(), data, model.model_fields):
            where, line = document.where(path)
            hint = hint or (_hint(model, path) if message == "unknown key" else "")
            problems.append(Problem(where, line, ".".join(map(str, path)), message, hint))
        raise RecipeProblems(origin, problems) from None


def _hint(model: type[BaseModel], path: KeyPath) -> str:
    """The valid key nearest to an unknown one below the top: `path` leads through models, mappings and lists."""
    at: Any = model
    for step in path[:-1]:
        if isinstance(at, type) and issubclass(at, BaseModel) and step in at.model_fields:
            at = _inner(at.model_fields[str(step)].annotation)  # of a mapping or a list: already of its items
    return nearest(str(path[-1]), at.model_fields) if isinstance(at, type) and issubclass(at, BaseModel) else ""


def _inner(annotation: Any) -> Any:
    """The model that a field holds, alone or in a mapping, a list or a union; None where it holds none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inside = [_inner(part) for part in getattr(annotation, "__args__", ())]
    return next((part for part in inside if part is not None), None)
