"""A training recipe while it is shaped: where it began, what was changed since, and the command line that says the same."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curation.recipe_fields import Parameter
    from training.recipe import TrainRecipe

DEFAULT_PRESET = "quick"


@lru_cache(maxsize=1)
def described() -> Mapping[str, tuple[Parameter, ...]]:
    """Section -> its parameters, in the order of a recipe; `recipe` has those that are in no section."""
    from pydantic import BaseModel

    from curation.recipe_fields import describe_fields
    from training.recipe import TrainRecipe

    found: dict[str, tuple[Parameter, ...]] = {}
    for name, info in TrainRecipe.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            found[name] = describe_fields(info.annotation)
    seed = [each for each in describe_fields(TrainRecipe) if each.name == "seed"]
    return {**found, "recipe": tuple(seed)}


@dataclass(frozen=True)
class Draft:
    """A recipe and what was changed in it. base: a preset, a file, or the recipe of a run, called `origin`.

    changes: `section.key` -> value, in the order in which they were made. recipe: the base with them; it is always valid.
    """

    origin: str
    base: TrainRecipe
    recipe: TrainRecipe
    changes: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, name: str = DEFAULT_PRESET) -> Draft:
        """From a preset or a YAML file. Raises RecipeError."""
        from training.recipe import TrainRecipe

        recipe = TrainRecipe.load(name)
        return cls(name, recipe, recipe)

    @classmethod
    def of_run(cls, folder: Path, recipe: Mapping[str, Any]) -> Draft:
        """From the `recipe` part of a run.json: the recipe that the run in `folder` was made with."""
        from training.recipe import TrainRecipe

        made = TrainRecipe.from_text(recipe["yaml"], recipe["name"])
        return cls(str(folder / "recipe.yaml"), made, made)

    def value(self, section: str, key: str) -> Any:
        """What a parameter is now."""
        return _value(self.recipe, section, key)

    def before(self, section: str, key: str) -> Any:
        """What it is in the base."""
        return _value(self.base, section, key)

    def changed(self, section: str) -> list[str]:
        """The keys of a section that differ from the base."""
        return [each.name for each in described()[section] if address(section, each.name) in self.changes]

    def set(self, section: str, key: str, value: Any) -> Draft:
        """With another value. Raises RecipeProblems for one that is not allowed, alone or beside the others."""
        changes = {name: old for name, old in self.changes.items() if name != address(section, key)}
        if value != self.before(section, key):
            changes[address(section, key)] = value
        return self._with(changes)

    def unset(self, section: str, key: str) -> Draft:
        """As in the base again."""
        return self._with({name: old for name, old in self.changes.items() if name != address(section, key)})

    def onto(self, base: Draft) -> Draft:
        """Another base. The model stays the one that was chosen, other changes go with the old base."""
        name = self.recipe.model.name
        return base.set("model", "name", name) if name and not base.recipe.model.name else base

    def edited(self, text: str) -> Draft:
        """With the recipe's text as it came out of an editor; a base of its own, without a file yet."""
        from training.recipe import TrainRecipe

        recipe = TrainRecipe.from_text(text, self.origin)
        return Draft("", recipe, recipe)

    def saved(self, path: Path) -> Draft:
        """Write it as YAML; the file is the base from now on."""
        from curation.writers.atomic import write_atomic

        write_atomic(path, self.recipe.to_yaml().encode("utf-8"))
        return Draft(str(path), self.recipe, self.recipe)

    def settings(self) -> list[str]:
        """The changes as `--set` takes them."""
        return [f"{name}={written(value)}" for name, value in self.changes.items()]

    def command(self, inputs: Sequence[str], verb: str = "train") -> str:
        """The command line that does the same."""
        from training.recipe import TrainRecipe

        words = ["studio", verb]
        for each in inputs:
            words += ["--data", each]
        if "model.name" in self.changes:
            words += ["--model", str(self.changes["model.name"])]
        if self.origin in TrainRecipe.preset_names():
            words += ["--preset", self.origin]
        else:
            words += ["--recipe", self.origin or "recipe.yaml"]
        for setting in self.settings():
            if not setting.startswith("model.name="):
                words += ["--set", setting]
        return shlex.join(words)

    def _with(self, changes: Mapping[str, Any]) -> Draft:
        settings = [f"{name}={written(value)}" for name, value in changes.items()]
        return replace(self, changes=changes, recipe=self.base.with_settings(settings))


def address(section: str, key: str) -> str:
    """How a parameter is named in `--set`."""
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


def _value(recipe: TrainRecipe, section: str, key: str) -> Any:
    found = getattr(recipe if section == "recipe" else getattr(recipe, section), key)
    return list(found) if isinstance(found, tuple) else found
