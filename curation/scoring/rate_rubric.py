"""By what records are rated: marks, each with a scale and a criterion, in a YAML file."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from curation.errors import StageError
from curation.recipe_text import MAX_BYTES
from curation.values.document import read_model

DEFAULT: Final = "default"


class Mark(BaseModel):
    """One number that a judge gives a record. lowest, highest: the ends of its scale, both allowed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    lowest: int = Field(1, ge=0, le=100)
    highest: int = Field(5, ge=1, le=100)
    criterion: str = Field(min_length=1, max_length=4000)
    steps: tuple[str, ...] = Field((), max_length=20)

    @model_validator(mode="after")
    def _is_a_scale(self) -> Self:
        if self.lowest >= self.highest:
            raise ValueError(f"the scale of '{self.name}' goes from {self.lowest} to {self.highest}")
        if self.name == "score":
            raise ValueError("'score' is what the first mark is called anyway; name this one otherwise")
        return self


class Rubric(BaseModel):
    """The marks of a record; the first of them is its score."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    marks: tuple[Mark, ...] = Field(min_length=1, max_length=8)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [mark.name for mark in self.marks]
        if len(set(names)) < len(names):
            raise ValueError("two marks have the same name")
        return self


def load_rubric(name: str) -> Rubric:
    """The studio's rubric by its name, `default`, or the one in a YAML file of the user's.

    StageError where there is none, RecipeProblems (file, line, key, nearest valid key) where it cannot be used.
    """
    if name == DEFAULT:
        text = (files("curation.scoring") / "rubrics" / f"{DEFAULT}.yaml").read_text("utf-8")
        return _parsed(text, f"rubric {DEFAULT}")
    path = Path(name).expanduser()
    try:
        if path.stat().st_size > MAX_BYTES:
            raise StageError(f"the rubric '{name}' is larger than a rubric can be", "Give the path of a YAML file.")
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        if not path.exists():
            raise StageError(
                f"there is no rubric '{name}'", f"It is {DEFAULT}, or the path of a YAML file of your own."
            ) from None
        reason = "is no UTF-8 text" if isinstance(error, UnicodeDecodeError) else "cannot be read"
        raise StageError(f"the rubric '{name}' {reason}", "Give the path of a YAML file.") from None
    return _parsed(text, name)


@cache
def _parsed(text: str, origin: str) -> Rubric:
    return read_model(text, origin, Rubric)
