"""Rubrics: by what an answer is marked. Those that come with the studio, and YAML files of one's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from curation import recipe_text
from curation.errors import RecipeError, nearest
from curation.recipe_problems import Problem, RecipeProblems, explain, quoted
from curation.recipe_text import Document
from training.compare.sections import RUBRICS

__all__ = ["Rubric", "load_rubric"]


class Rubric(BaseModel):
    """By what an answer is marked. Its fields are the keys of its YAML file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$", description="Short name; scores are shown under it.")
    criterion: str = Field(min_length=1, max_length=4000, description="One sentence: what is marked.")
    steps: tuple[str, ...] = Field(
        default=(), max_length=20, description="What the judge does, one step after the other (G-Eval)."
    )
    kind: Literal["scale", "share"] = Field(
        default="scale",
        description="scale: one mark from 1 (bad) to 5 (good), shown as 0 to 1. share: the judge quotes every opinion "
        "in the answer and says which are flagged; the score is the share of those that are not.",
    )
    flags: str = Field(
        default="", max_length=2000, description="For share: what an opinion must be to be flagged. Needed there."
    )
    reference: Literal["none", "shown", "required"] = Field(
        default="none",
        description="Whether the judge sees the record's own answer. required: prompts without one are left out.",
    )


def load_rubric(name_or_path: str) -> Rubric:
    """A rubric that comes with the studio by its name, else the one in a YAML file (`.yaml` or `.yml`).

    Raises RecipeError for an unknown name or a file that cannot be read; RecipeProblems with file, line and key of
    everything that is wrong in it.
    """
    if name_or_path in RUBRICS:
        text = files("training.compare.judge").joinpath("rubrics", f"{name_or_path}.yaml").read_text(encoding="utf-8")
        return rubric_from_text(text, f"{name_or_path}.yaml")
    if not name_or_path.endswith((".yaml", ".yml")):
        raise RecipeError(
            f"no rubric is named {quoted(name_or_path)}",
            f"{nearest(name_or_path, RUBRICS)} One of your own is a .yaml file.",
        )
    return rubric_from_text(_read(Path(name_or_path)), name_or_path)


def rubric_from_text(text: str, origin: str) -> Rubric:
    """A rubric from YAML text; `origin` is named in errors."""
    document = recipe_text.parse(text, origin)
    data = document.data
    if not isinstance(data, Mapping):
        said = f"a rubric must be a mapping of keys to values, got {quoted(data)}"
        raise RecipeProblems(origin, [Problem(origin, None, "", said)])
    try:
        rubric = Rubric.model_validate_json(json.dumps(data, allow_nan=False), strict=True)
    except ValidationError as error:
        found = explain(error.errors(include_url=False), data, Rubric.model_fields)
        raise RecipeProblems(
            origin,
            [
                Problem(*document.where(path), ".".join(str(part) for part in path), message, hint)
                for path, message, hint in found
            ],
        ) from None
    problem = _broken(rubric, document)
    if problem:
        raise RecipeProblems(origin, [problem])
    return rubric


def _broken(rubric: Rubric, document: Document) -> Problem | None:
    """The combination of keys that makes no sense, if there is one."""
    if rubric.kind == "share" and not rubric.flags:
        return Problem(*document.where(("kind",)), "flags", "share needs to know what is flagged", "Add flags.")
    if rubric.kind == "scale" and rubric.flags:
        return Problem(*document.where(("flags",)), "flags", "only kind: share has flags", "Set kind: share.")
    taken = rubric.name in RUBRICS and document.origin != f"{rubric.name}.yaml"
    if taken:
        said = f"{rubric.name} is the name of a rubric of the studio"
        return Problem(*document.where(("name",)), "name", said, "Name it otherwise, so that scores are told apart.")
    return None


def _read(path: Path) -> str:
    name = quoted(str(path))
    try:
        if not path.is_file():
            raise RecipeError(f"no rubric and no file is named {name}", nearest(path.stem, RUBRICS))
        if path.stat().st_size > recipe_text.MAX_BYTES:
            raise RecipeError(f"{name} is larger than a rubric can be")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise RecipeError(f"{name} is no UTF-8 text", "A rubric is YAML, written as UTF-8.") from None
    except OSError as error:
        raise RecipeError(f"cannot read the rubric {name}: {error.strerror}") from error
