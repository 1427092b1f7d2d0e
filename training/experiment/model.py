"""What an experiment is made of: its settings, its arms, and what each of its trainings came to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from curation import recipe_text
from curation.errors import InputError
from training.experiment.arms import Arm, check, classic

WITHOUT_LEARNING = (
    "data.validation=0",
    "data.limit=null",
    "evaluation.every=0",
    "evaluation.samples=0",
    "evaluation.retention=false",
    "evaluation.early_stopping=0",
)
"""What every training of an experiment leaves out: it holds nothing out and chooses nothing by it; all are measured
afterwards, on the same records."""


class ExperimentRecipe(BaseModel):
    """All that decides what an experiment does, but its data. Keys that are not known are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="experiment", min_length=1, max_length=200)
    seeds: int = Field(default=3, ge=1, le=100, description="Trainings of each arm, each with a seed of its own.")
    first_seed: int = Field(default=0, ge=0, lt=1 << 31, description="The first of these seeds; the others follow it.")
    budget: Literal["tokens", "steps"] = Field(
        default="tokens",
        description="What is the same for every arm. tokens: each arm reads as many, in steps of its own number; steps: "
        "each takes as many, with the tokens that its records have.",
    )
    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="Of every interval.")
    resamples: int = Field(default=2000, ge=200, le=1_000_000, description="Of the bootstrap over held-out records.")
    curation: str = Field(
        default="",
        description="The curation recipe, as YAML, of the arms raw, curated and random; else `arms` are given.",
    )
    arms: tuple[Arm, ...] = Field(default=(), description="The arms, where they are others than these three.")
    training: str = Field(min_length=1, description="The training recipe, as YAML.")
    judging: str = Field(default="", description="The recipe of the judge, as YAML. Empty: none.")

    @model_validator(mode="after")
    def _one_spelling(self) -> Self:
        if bool(self.curation) == bool(self.arms):
            raise ValueError("give either a curation or arms")
        return self

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The recipe out of `to_yaml`. Raises InputError where it is none."""
        try:
            return cls.model_validate(recipe_text.parse(text, "experiment").data)
        except ValueError as error:
            raise InputError(f"This is no recipe of an experiment: {error}", "Start the experiment anew.") from error

    def to_yaml(self) -> str:
        """The recipe as YAML, both other recipes in it with their comments."""
        return recipe_text.render(self.resolved(), None)

    def resolved(self) -> dict[str, Any]:
        """Every value."""
        return self.model_dump(mode="json")

    def digest(self) -> str:
        """SHA-256 (hex) of everything but the name, and but what is not used."""
        facts = {key: value for key, value in self.resolved().items() if key != "name" and value not in ([], "")}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def all_arms(self) -> tuple[Arm, ...]:
        """The arms in their order, whichever way they were asked for. Raises InputError where they are no experiment."""
        if not self.arms:
            return classic(self.curation)
        check(self.arms)
        return self.arms

    def all_seeds(self) -> range:
        """The seeds, one a training of each arm."""
        return range(self.first_seed, self.first_seed + self.seeds)


@dataclass(frozen=True)
class ArmData:
    """The data of an arm (for the random arm, of one draw). rows: examples of a batch, after packing where the recipe
    packs; tokens: of an epoch. dropped: by the curation, or not drawn."""

    records: int
    rows: int
    tokens: int
    trained_tokens: int


@dataclass(frozen=True)
class LegFacts:
    """One training of an experiment, finished and measured. losses: record -> (sum of losses in nats, tokens), of the
    held-out records; retention the same of the general ones."""

    arm: str
    seed: int
    run: str
    steps: int
    epochs: float
    tokens: int
    losses: Mapping[str, tuple[float, int]]
    retention: Mapping[str, tuple[float, int]]

    @property
    def loss(self) -> float:
        """Mean on the held-out records, nats a token."""
        return mean(self.losses)

    @property
    def general_loss(self) -> float:
        """Mean on the general records."""
        return mean(self.retention)


def mean(losses: Mapping[str, tuple[float, int]]) -> float:
    """Nats a token over all records; NaN over none."""
    tokens = sum(count for _, count in losses.values())
    return sum(total for total, _ in losses.values()) / tokens if tokens else float("nan")
