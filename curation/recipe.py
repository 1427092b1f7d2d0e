"""A recipe: a named, seeded, ordered list of stages with their parameters, read from YAML or made in Python.

    recipe = Recipe.load("sft").with_settings(["length.min_chars=20", "clean.enabled=false"])
    recipe = Recipe.of(Length(min_chars=20), Exact(), seed=7)

A Recipe that exists is valid: every stage is known, every parameter checked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, PrivateAttr, field_validator
from pydantic_core import PydanticSerializationError, to_jsonable_python

from curation import recipe_text
from curation.errors import RecipeError, nearest
from curation.recipe_check import RecipeHeader, Step, check, step_names
from curation.recipe_problems import KeyPath, Problem, RecipeProblems, quoted
from curation.recipe_text import Document
from curation.stage import Stage

__all__ = ["Recipe", "Step"]

_FIXED_KEYS = ("use", "name")


class Recipe(RecipeHeader):
    """An ordered list of stages. Two recipes are equal when names, seed, stages and parameters are."""

    stages: tuple[Step, ...] = Field(description="The stages, in the order in which they look at the records.")
    _text: str | None = PrivateAttr(None)  # the YAML it was read from, with its comments

    @field_validator("stages")
    @classmethod
    def _named_once(cls, stages: tuple[Step, ...]) -> tuple[Step, ...]:
        if len({step.name for step in stages}) < len(stages):
            raise ValueError("two stages have the same name")
        return stages

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Recipe):
            return NotImplemented
        return self.resolved() == other.resolved()

    def __hash__(self) -> int:
        return hash(self.digest())

    # Reading

    @staticmethod
    def builtin_names() -> list[str]:
        """The names of the starter recipes, sorted."""
        return sorted(item.name.removesuffix(".yaml") for item in _starters() if item.name.endswith(".yaml"))

    @classmethod
    def load(cls, name_or_path: str | Path) -> Recipe:
        """A starter recipe by its name, else the recipe in a file. `./sft` is the file where both exist."""
        name = str(name_or_path)
        if name in cls.builtin_names():
            text = next(item for item in _starters() if item.name == f"{name}.yaml").read_text(encoding="utf-8")
            return cls.from_text(text, f"{name}.yaml")
        return cls.from_text(_read_file(name, cls.builtin_names()), name)

    @classmethod
    def from_text(cls, text: str, origin: str = "recipe") -> Recipe:
        """A recipe from YAML text. `origin` is named in errors, and its stem is the name of a recipe without one."""
        document = recipe_text.parse(text, origin)
        recipe = cls._checked(document)
        recipe._text = text
        return recipe

    @classmethod
    def from_data(cls, data: Mapping[str, Any], origin: str = "recipe") -> Recipe:
        """A recipe from plain values shaped like its YAML, for one what `resolved` returns."""
        try:
            plain = json.dumps(to_jsonable_python(data), allow_nan=False, ensure_ascii=False)
            plain.encode()  # half a surrogate pair is no text
        except (PydanticSerializationError, ValueError, RecursionError) as error:
            reason = str(error).splitlines()[0]
            raise RecipeProblems(origin, [Problem(origin, None, "", f"not plain values: {reason}")]) from None
        return cls._checked(Document(origin, json.loads(plain)))

    @classmethod
    def of(cls, *stages: Stage, name: str = "recipe", description: str = "", seed: int = 0) -> Recipe:
        """A recipe from stages made in Python."""
        names = step_names([(stage.name, None) for stage in stages])
        steps = tuple(Step(name=step, use=stage.name, stage=stage) for step, stage in zip(names, stages, strict=True))
        return cls(name=name, description=description, seed=seed, stages=steps)

    @classmethod
    def _checked(cls, document: Document) -> Recipe:
        if isinstance(document.data, dict) and "name" not in document.data:
            document.data = {"name": _name_from(document.origin), **document.data}
        header, steps = check(document)
        return cls(**{key: getattr(header, key) for key in RecipeHeader.model_fields}, stages=steps)

    # Changing

    def with_settings(self, settings: Sequence[str]) -> Recipe:
        """This recipe with values replaced, as `--set` gives them: `length.min_chars=20`, `seed=7`.

        A stage is named as in the recipe, and `enabled` is set like a parameter. Values are YAML 1.2 scalars or flow
        collections. RecipeProblems collects everything that is wrong with the settings.
        """
        if not settings:
            return self
        text = self.to_yaml()
        document = Document(self.name, recipe_text.parse(text, self.name).data)
        changes: dict[KeyPath, Any] = {}
        problems: list[Problem] = []
        for setting in settings:
            try:
                path = self._address(setting)
                changes[path] = recipe_text.set_value(setting.partition("=")[2])
            except (RecipeError, ValueError) as error:
                problems.append(_setting_problem(setting, error))
            else:
                document.settings[path] = f"--set {setting}"
                recipe_text.put(document.data, path, changes[path])
        if problems:
            raise RecipeProblems("--set", problems)
        recipe = Recipe._checked(document)
        recipe._text = recipe_text.edit(text, changes, document.data)
        return recipe

    def _address(self, setting: str) -> KeyPath:
        """The key path that the left side of a setting names."""
        key, equals, _ = setting.partition("=")
        key = key.strip()
        if not equals:
            raise RecipeError("a setting is written as stage.parameter=value", "For example: length.min_chars=20")
        step, dot, parameter = key.partition(".")
        names = [step.name for step in self.stages]
        if not dot:
            if key in names:
                raise RecipeError("names a stage, but none of its parameters", f"Write {key}.parameter=value.")
            if key not in RecipeHeader.model_fields:
                known = [*RecipeHeader.model_fields, *(f"{name}." for name in names)]
                raise RecipeError(f"'{key}' is no key of a recipe", nearest(key, known))
            return (key,)
        if step not in names:
            raise RecipeError(f"no stage of the recipe '{self.name}' is named '{step}'", nearest(step, names))
        if parameter in _FIXED_KEYS:
            raise RecipeError(f"'{parameter}' of a stage cannot be set", "Edit a copy of the recipe instead.")
        return ("stages", names.index(step), parameter)

    # Writing

    def to_yaml(self) -> str:
        """The recipe as YAML: the text it was read from, comments and all, or one made from its values.

        Reading it back gives an equal recipe; a recipe that took its name from its file has it written in.
        """
        if self._text is None:
            return self._rendered()
        data = recipe_text.parse(self._text, self.name).data
        if "name" in data:
            return self._text
        return recipe_text.edit(self._text, {("name",): self.name}, {"name": self.name, **data})

    def _rendered(self) -> str:
        resolved = self.resolved()
        header = {key: resolved[key] for key in RecipeHeader.model_fields if resolved[key] not in ("", [])}
        stages = []
        for step, entry in zip(self.stages, resolved["stages"], strict=True):
            kept: dict[str, Any] = {"use": step.use}
            kept |= {"name": step.name} if step.name != step.use else {}
            kept |= {} if step.enabled else {"enabled": False}
            given = step.stage.model_fields_set
            stages.append(kept | {key: entry[key] for key in type(step.stage).model_fields if key in given})
        return recipe_text.render(header, stages)

    # Asking

    def steps(self) -> list[Step]:
        """The stages that run, in order; `stages` also has those with `enabled: false`."""
        return [step for step in self.stages if step.enabled]

    def resolved(self) -> dict[str, Any]:
        """The recipe as JSON values with every parameter written out, defaults included; `from_data` reads it."""
        stages = [
            {"use": step.use, "name": step.name, "enabled": step.enabled, **_jsonable(step.stage)}
            for step in self.stages
        ]
        header = {key: _jsonable(getattr(self, key)) for key in RecipeHeader.model_fields}
        return {**header, "stages": stages}

    def digest(self) -> str:
        """SHA-256 (hex) of what decides the outcome: seed, the enabled stages, their versions and parameters.

        Comments, key order, name, description and stages that are switched off do not change it; a parameter
        written out with its default value is the same as one left out.
        """
        resolved = self.resolved()
        stages = [
            {**entry, "version": step.stage.version}
            for step, entry in zip(self.stages, resolved["stages"], strict=True)
            if step.enabled
        ]
        facts = {"seed": self.seed, "stages": stages}
        canonical = json.dumps(facts, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


def _starters() -> list[Traversable]:
    return list(files("curation").joinpath("recipes").iterdir())


def _read_file(name: str, builtin: Sequence[str]) -> str:
    path = Path(name)
    try:
        if not path.exists():
            raise RecipeError(f"no starter recipe and no file is named {quoted(name)}", nearest(name, builtin))
        if not path.is_file():  # a named pipe or a device could block or never end
            raise RecipeError(f"{quoted(name)} is no regular file", "Give the recipe's YAML file.")
        with path.open("rb") as stream:
            raw = stream.read(recipe_text.MAX_BYTES + 1)
        return raw.decode("utf-8-sig") if len(raw) <= recipe_text.MAX_BYTES else _too_large(name)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise RecipeProblems(name, [Problem(name, line, "", "a recipe is UTF-8 text, and this is not")]) from None
    except OSError as error:
        raise RecipeError(f"cannot read the recipe {quoted(name)}: {error.strerror}") from error


def _too_large(name: str) -> str:
    size = f"a recipe has at most {recipe_text.MAX_BYTES // 1024} KiB"
    raise RecipeProblems(name, [Problem(name, None, "", size)])


def _name_from(origin: str) -> str:
    stem = Path(origin).name.removesuffix(".yaml").removesuffix(".yml").strip()
    return stem[:80].strip() if stem and stem.isprintable() else "recipe"


def _setting_problem(setting: str, error: RecipeError | ValueError) -> Problem:
    if isinstance(error, RecipeProblems):  # the value is a list or a text in quotes that YAML cannot read
        return Problem(f"--set {setting}", None, "", error.problems[0].message, error.problems[0].hint)
    if isinstance(error, RecipeError):
        return Problem(f"--set {setting}", None, "", error.message, error.hint)
    return Problem(f"--set {setting}", None, "", str(error))


def _jsonable(value: Any) -> Any:
    """JSON values; sets sorted, because their own order changes with every process."""
    if isinstance(value, (set, frozenset)):
        return sorted((_jsonable(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(value, (list, tuple)):
        return [_jsonable(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, BaseModel):
        return {key: _jsonable(getattr(value, key)) for key in type(value).model_fields}
    return to_jsonable_python(value)
