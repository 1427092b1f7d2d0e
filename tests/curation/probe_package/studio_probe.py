"""A stage of somebody else's package, with a parameter of every type that a recipe can hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from curation.schema import Batch, Decisions
from curation.stage import RecordStage, StageContext


class Probe(RecordStage):
    """Decide nothing, and take every type of parameter.

    A second paragraph, for forms that show all of it.
    """

    name: ClassVar[str] = "probe"
    reasons: ClassVar[Mapping[str, str]] = {"probed": "it was probed"}

    count: int = Field(3, ge=0, le=100, description="how many")
    ratio: float = Field(0.5, gt=0, lt=1, description="which share")
    strict: bool = Field(False, description="yes or no")
    word: str = Field("x", max_length=40, description="a text")
    maybe: str | None = Field(None, description="a text or nothing")
    either: int | str = Field(0, description="a number or a word")
    mode: Literal["calm", "wild", "off"] = Field("calm", description="one of three")
    languages: tuple[str, ...] = Field((), description="a list")
    tags: frozenset[str] = Field(frozenset(), description="a set")
    table: dict[str, int] = Field({}, description="numbers by key")

    @model_validator(mode="after")
    def _calm_words_are_short(self) -> Probe:
        if self.mode == "calm" and self.word == "loud":
            raise ValueError("with mode: calm the word cannot be loud")
        return self

    def decide(self, batch: Batch, context: StageContext) -> Decisions:
        return Decisions.none()
