"""The recipe of a generation while it is shaped: where it began, what was changed, and the command line that says the same."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from curation.synthesis.recipe import GenerateRecipe
from studio.tui.screens.section_draft import SectionDraft, address, written

if TYPE_CHECKING:
    from curation.recipe_fields import Parameter

PRESETS = {"documents": "documents", "seeds": "seeds", "texts": "instructions", "records": "records"}
"""What is made from what, and the preset to begin with."""
INPUTS = "inputs"
"""The line of the first form that is no parameter of the recipe."""
_MATTERS = (
    ("source", "kind"),
    ("source", "how"),
    ("model", "name"),
    ("model", "key_env"),
    ("ask", "items"),
    ("ask", "per_chunk"),
    ("ask", "per_call"),
    ("ask", "types"),
    ("ask", "difficulties"),
    ("ask", "languages"),
    ("ask", "turns"),
    ("ask", "reasoning"),
    ("ask", "guidance"),
    ("gates", "judge"),
    ("gates", "existing"),
    ("budget", "calls"),
    ("budget", "tokens"),
    ("budget", "money"),
)
_SHORT = {  # what a section's line shows
    "source": ("kind",),
    "chunks": ("tokens", "overlap"),
    "ask": ("per_chunk", "turns"),
    "prompts": ("folder",),
    "model": ("name",),
    "budget": ("calls", "money"),
    "privacy": ("mask",),
    "gates": ("support", "near", "semantic"),
    "output": ("format",),
}


class Field(NamedTuple):
    """A line of the form. section: "" for INPUTS."""

    section: str
    key: str
    label: str
    parameter: Parameter | None


@lru_cache(maxsize=1)
def described() -> Mapping[str, tuple[Parameter, ...]]:
    """Section -> its parameters, in the order of a recipe."""
    from curation.recipe_fields import describe_fields

    return {name: describe_fields(GenerateRecipe.model_fields[name].annotation) for name in GenerateRecipe.sections()}  # type: ignore[arg-type]


def section_names() -> list[str]:
    """The sections, behind the first form ("")."""
    return ["", *described()]


def fields_of(place: int, kind: str) -> list[Field]:
    """The lines of the form for the section at `place`; of the first form, those that mean something for this source."""
    section = section_names()[place]
    if section:
        return [Field(section, each.name, each.name, each) for each in described()[section]]
    by_name = {(name, each.name): each for name, parameters in described().items() for each in parameters}
    unfit = set() if kind == "documents" else {("ask", "per_chunk"), ("ask", "types"), ("ask", "difficulties")}
    unfit |= set() if kind == "records" else {("source", "how")}
    unfit |= {("ask", "turns")} if kind in ("texts", "records") else set()
    rest = [Field(*name, f"{name[0]}.{name[1]}", by_name[name]) for name in _MATTERS if name not in unfit]
    return [rest[0]._replace(label="from"), Field("", INPUTS, "inputs", None), *rest[1:]]


class GenerateDraft(SectionDraft[GenerateRecipe]):
    """A generation's recipe and what was changed in it."""

    @classmethod
    def kind_of_recipe(cls) -> type[GenerateRecipe]:
        """Those of generations."""
        return GenerateRecipe

    @property
    def kind(self) -> str:
        """What records are made from."""
        return self.recipe.source.kind

    def changed(self, section: str) -> list[str]:
        """The keys of a section that differ from the base."""
        return [each.name for each in described()[section] if address(section, each.name) in self.changes]

    def set(self, section: str, key: str, value: Any) -> Self:
        """As always; another source brings its preset with it."""
        if (section, key) == ("source", "kind") and self.origin in PRESETS.values() and value in PRESETS:
            kept = {name: old for name, old in self.changes.items() if name in ("model.name", "model.key_env")}
            return self.load(PRESETS[value]).with_changes(kept)
        return super().set(section, key, value)

    def command(self, inputs: Sequence[str]) -> str:
        """The command line that does the same."""
        words = ["studio", "generate"]
        for each in inputs:
            words += [f"--from-{self.kind}", each]
        if self.of_preset:
            words += [] if self.origin == PRESETS[self.kind] else ["--preset", self.origin]
        else:
            words += ["--recipe", self.origin or "recipe.yaml"]
        short = {"model.name": "--model", "ask.items": "-n", "source.how": "--how"}
        for name, value in self.changes.items():
            words += [short[name], str(value)] if name in short else ["--set", f"{name}={written(value)}"]
        return shlex.join(words)


def short_of(section: str) -> tuple[str, ...]:
    """The parameters that a section's line shows."""
    return _SHORT[section]
