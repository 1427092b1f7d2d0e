"""A training recipe while it is shaped: where it began, what was changed since, and the command line that says the same."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from studio.tui.screens.section_draft import SectionDraft, address

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


class Draft(SectionDraft["TrainRecipe"]):
    """A training recipe and what was changed in it."""

    @classmethod
    def kind_of_recipe(cls) -> type[TrainRecipe]:
        """Those of trainings."""
        from training.recipe import TrainRecipe

        return TrainRecipe

    @classmethod
    def load(cls, name: str = DEFAULT_PRESET) -> Self:
        """From a preset or a YAML file. Raises RecipeError."""
        return super().load(name)

    def changed(self, section: str) -> list[str]:
        """The keys of a section that differ from the base."""
        return [each.name for each in described()[section] if address(section, each.name) in self.changes]

    def onto(self, base: Self) -> Self:
        """Another base. The model stays the one that was chosen, other changes go with the old base."""
        name = self.recipe.model.name
        return base.set("model", "name", name) if name and not base.recipe.model.name else base

    def saved(self, path: Path) -> Self:
        """Write it as YAML; the file is the base from now on."""
        from curation.writers.atomic import write_atomic

        write_atomic(path, self.recipe.to_yaml().encode("utf-8"))
        return type(self)(str(path), self.recipe, self.recipe)

    def command(self, inputs: Sequence[str], verb: str = "train") -> str:
        """The command line that does the same."""
        words = ["studio", verb]
        for each in inputs:
            words += ["--data", each]
        if "model.name" in self.changes:
            words += ["--model", str(self.changes["model.name"])]
        words += ["--preset", self.origin] if self.of_preset else ["--recipe", self.origin or "recipe.yaml"]
        for setting in self.settings():
            if not setting.startswith("model.name="):
                words += ["--set", setting]
        return shlex.join(words)
