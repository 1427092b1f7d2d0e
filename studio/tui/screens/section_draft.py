"""A recipe made of sections while it is shaped: where it began, what was changed since; always a valid recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from curation.sectioned import SectionedRecipe

AnyRecipe = TypeVar("AnyRecipe", bound=SectionedRecipe)


@dataclass(frozen=True)
class SectionDraft(Generic[AnyRecipe]):
    """A recipe and what was changed in it. origin: the preset, file or run that it began with, the `base`.

    changes: `section.key` -> value, in the order in which they were made. recipe: the base with them.
    """

    origin: str
    base: AnyRecipe
    recipe: AnyRecipe
    changes: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def kind_of_recipe(cls) -> type[AnyRecipe]:
        """Which recipes these are."""
        raise NotImplementedError

    @classmethod
    def load(cls, name: str = "") -> Self:
        """From a preset or a YAML file; the default preset for no name. Raises RecipeError."""
        kind = cls.kind_of_recipe()
        recipe = kind.load(name)
        return cls(name or kind.default_preset, recipe, recipe)

    @classmethod
    def of_run(cls, folder: Path, recipe: Mapping[str, Any]) -> Self:
        """From the `recipe` part of a run.json: the recipe that the run in `folder` was made with."""
        made = cls.kind_of_recipe().from_text(recipe["yaml"], recipe["name"])
        return cls(str(folder / "recipe.yaml"), made, made)

    @property
    def of_preset(self) -> bool:
        """Whether it began with a preset."""
        return self.origin in self.kind_of_recipe().preset_names()

    def value(self, section: str, key: str) -> Any:
        """What a parameter is now."""
        return _value(self.recipe, section, key)

    def before(self, section: str, key: str) -> Any:
        """What it is in the base."""
        return _value(self.base, section, key)

    def set(self, section: str, key: str, value: Any) -> Self:
        """With another value. Raises RecipeProblems for one that is not allowed, alone or beside the others."""
        changes = {name: old for name, old in self.changes.items() if name != address(section, key)}
        if value != self.before(section, key):
            changes[address(section, key)] = value
        return self.with_changes(changes)

    def unset(self, section: str, key: str) -> Self:
        """As in the base again."""
        return self.with_changes({name: old for name, old in self.changes.items() if name != address(section, key)})

    def edited(self, text: str) -> Self:
        """With the recipe's text as it came out of an editor; a base of its own, without a file yet."""
        recipe = self.kind_of_recipe().from_text(text, self.origin)
        return type(self)("", recipe, recipe)

    def settings(self) -> list[str]:
        """The changes as `--set` takes them."""
        return [f"{name}={written(value)}" for name, value in self.changes.items()]

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """The base with these changes."""
        settings = [f"{name}={written(value)}" for name, value in changes.items()]
        return replace(self, changes=changes, recipe=self.base.with_settings(settings))


def address(section: str, key: str) -> str:
    """How a parameter is named in `--set`; the section `recipe` stands for what is in none."""
    return key if section == "recipe" else f"{section}.{key}"


def written(value: Any) -> str:
    """A value as it stands behind `--set KEY=`: text bare where that is read back as text, the rest as JSON."""
    import json

    from curation.errors import StudioError
    from curation.recipe_text import set_value

    if isinstance(value, str):
        try:
            bare = "\n" not in value and set_value(value) == value
        except (ValueError, StudioError):  # such as an open bracket
            bare = False
        return value if bare else json.dumps(value, ensure_ascii=False)
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def _value(recipe: SectionedRecipe, section: str, key: str) -> Any:
    found = getattr(recipe if section == "recipe" else getattr(recipe, section), key)
    return list(found) if isinstance(found, tuple) else found
