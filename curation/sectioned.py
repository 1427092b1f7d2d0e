"""Recipes made of sections: read from YAML or a preset, checked as a whole, changed by `--set section.key=value`.

A recipe that exists is valid: every key is known, every value is within its bounds, and no combination is one that is
known to break.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from curation import recipe_text
from curation.errors import RecipeError, nearest
from curation.recipe_problems import KeyPath, Problem, RecipeProblems, explain, quoted
from curation.recipe_text import Document

Broken = tuple[KeyPath, str, str]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Section(BaseModel):
    """Frozen, and nothing but its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SectionedRecipe(BaseModel):
    """All that decides what a run does. Two recipes are equal when their values are.

    noun: how errors call it. presets: the folder of its presets, as a package and a folder in it. told: what changes
    nothing in the outcome, and is no part of the digest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    noun: ClassVar[str] = "recipe"
    presets: ClassVar[tuple[str, str]]
    default_preset: ClassVar[str] = ""
    told: ClassVar[tuple[str, ...]] = ("name", "description")
    example: ClassVar[str] = "section.key=value"

    name: str = Field(default="recipe", min_length=1, max_length=80, description="Short name, shown in lists.")
    description: str = Field(default="", max_length=4000, description="What the recipe is for.")
    _text: str | None = PrivateAttr(None)

    def __eq__(self, other: object) -> bool:
        return self.resolved() == other.resolved() if isinstance(other, type(self)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest())

    def broken(self) -> Iterator[Broken]:
        """`(key, what is wrong, the way out)` of every combination that cannot work."""
        yield from ()

    @classmethod
    def preset_names(cls) -> list[str]:
        """The names of the presets, sorted."""
        folder = files(cls.presets[0]).joinpath(cls.presets[1])
        return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))

    @classmethod
    def load(cls, name_or_path: str | Path = "") -> Self:
        """A preset by its name (the default one for none), else the recipe in a file. `./lora` is the file where both
        exist."""
        name = str(name_or_path) or cls.default_preset
        if name in cls.preset_names():
            text = files(cls.presets[0]).joinpath(cls.presets[1], f"{name}.yaml").read_text(encoding="utf-8")
            return cls.from_text(text, f"{name}.yaml")
        return cls.from_text(_read(name, cls.preset_names()), name)

    @classmethod
    def from_text(cls, text: str, origin: str = "recipe") -> Self:
        """A recipe from YAML text; `origin` is named in errors."""
        recipe = cls._checked(recipe_text.parse(text, origin))
        recipe._text = text
        return recipe

    @classmethod
    def _checked(cls, document: Document) -> Self:
        """The recipe in plain values, or RecipeProblems with everything that is wrong."""
        data = document.data if document.data is not None else {}
        if not isinstance(data, Mapping):
            said = f"a recipe must be a mapping of keys to values, got {quoted(data)}"
            raise RecipeProblems(document.origin, [Problem(document.origin, None, "", said)])
        data = {"name": Path(document.origin).stem or "recipe", **data}
        try:
            recipe = cls.model_validate_json(json.dumps(data, allow_nan=False), strict=True)
        except ValidationError as error:
            problems = [
                Problem(*document.where(path), _key(path), message, hint or _spelling(cls, path, message))
                for path, message, hint in explain(error.errors(include_url=False), data, cls.model_fields)
            ]
            raise RecipeProblems(document.origin, problems) from None
        found = [Problem(*document.where(path), _key(path), said, hint) for path, said, hint in recipe.broken()]
        if found:
            raise RecipeProblems(document.origin, found)
        return recipe

    def with_settings(self, settings: Sequence[str]) -> Self:
        """This recipe with values replaced, as `--set` gives them: `lora.r=16`, `seed=7`, `lora.targets=[q_proj]`.

        RecipeProblems collects everything that is wrong with the settings.
        """
        if not settings:
            return self
        text = self.to_yaml()
        document = Document(self.name, recipe_text.parse(text, self.name).data)
        changes: dict[KeyPath, Any] = {}
        problems: list[Problem] = []
        for setting in settings:
            try:
                path = _address(type(self), setting)
                changes[path] = recipe_text.set_value(setting.partition("=")[2])
            except RecipeError as error:
                problems.append(Problem(f"--set {setting}", None, "", error.message, error.hint))
            except ValueError as error:
                problems.append(Problem(f"--set {setting}", None, "", str(error)))
            else:
                document.settings[path] = f"--set {setting}"
                _section(document.data, path)
                recipe_text.put(document.data, path, changes[path])
        if problems:
            raise RecipeProblems("--set", problems)
        recipe = type(self)._checked(document)
        recipe._text = _edited(text, changes, document.data)
        return recipe

    @classmethod
    def sections(cls) -> dict[str, dict[str, Any]]:
        """Section -> its fields (`FieldInfo` by key), in the order in which a recipe has them."""
        return {
            name: dict(info.annotation.model_fields)
            for name, info in cls.model_fields.items()
            if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel)
        }

    def to_yaml(self) -> str:
        """The recipe as YAML: the text it was read from, comments and all, or one made from its values."""
        if self._text is not None:
            return self._text
        given = {key: value for key, value in self.model_dump(mode="json", exclude_unset=True).items() if value != {}}
        return recipe_text.render({"name": self.name, **given}, None)

    def resolved(self) -> dict[str, Any]:
        """Every value as JSON, defaults included."""
        return self.model_dump(mode="json")

    def digest(self) -> str:
        """SHA-256 (hex) of what decides the outcome: everything but name, description and what is only told."""
        facts = self.resolved()
        for key in self.told:
            facts.pop(key)
        canonical = json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


def _address(kind: type[SectionedRecipe], setting: str) -> KeyPath:
    key, equals, _ = setting.partition("=")
    section, dot, parameter = key.strip().partition(".")
    fields, parts = kind.model_fields, kind.sections()
    if not equals:
        raise RecipeError("a setting is written as section.key=value", f"For example: {kind.example}")
    if section not in fields:
        places = [name for name in fields if parameter and parameter in parts.get(name, {})]
        raise RecipeError(f"'{section}' is no part of a {kind.noun}", nearest(section, places or fields))
    if not dot:
        if section in parts:
            raise RecipeError(f"'{section}' is a section, not a value", f"Write {section}.key=value.")
        return (section,)
    known = parts.get(section, {})
    if parameter not in known:
        raise RecipeError(f"'{section}' has no key '{parameter}'", nearest(parameter, known))
    return (section, parameter)


def _section(data: dict[str, Any], path: KeyPath) -> None:
    if len(path) == 2 and data.get(str(path[0])) is None:
        data[str(path[0])] = {}


def _edited(text: str, changes: Mapping[KeyPath, Any], data: Mapping[str, Any]) -> str:
    """The text with the changes in their places; whole sections are added where the text has none."""
    before = recipe_text.parse(text, "recipe").data or {}
    merged: dict[KeyPath, Any] = {}
    for path, value in changes.items():
        if len(path) == 2 and not isinstance(before.get(path[0]), Mapping):
            merged[path[:1]] = data[str(path[0])]
        else:
            merged[path] = value
    return recipe_text.edit(text, merged, data)


def _key(path: KeyPath) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _spelling(kind: type[SectionedRecipe], path: KeyPath, message: str) -> str:
    if message == "unknown key" and len(path) == 2:
        return nearest(str(path[1]), kind.sections().get(str(path[0]), {}))
    return ""


def _read(name: str, presets: Sequence[str]) -> str:
    path = Path(name)
    try:
        if not path.exists():
            raise RecipeError(f"no preset and no file is named {quoted(name)}", nearest(name, presets))
        if not path.is_file():
            raise RecipeError(f"{quoted(name)} is no regular file", "Give the recipe's YAML file.")
        if path.stat().st_size > recipe_text.MAX_BYTES:
            raise RecipeError(f"{quoted(name)} is larger than a recipe can be")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise RecipeError(f"{quoted(name)} is no UTF-8 text", "A recipe is YAML, written as UTF-8.") from None
    except OSError as error:
        raise RecipeError(f"cannot read the recipe {quoted(name)}: {error.strerror}") from error
