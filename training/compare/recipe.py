"""A comparison's recipe: which two models, what they are asked, and what is measured."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from curation.sectioned import Broken, SectionedRecipe
from training.compare.sections import (
    RUBRICS,
    JudgeSettings,
    LossSettings,
    PromptSettings,
    SamplingSettings,
    ScoreSettings,
    SideSettings,
    StatisticsSettings,
    SuiteSettings,
)

__all__ = ["OF_A_RUN", "CompareRecipe"]

OF_A_RUN = re.compile(r"base|tuned|checkpoint:.*")
"""Sides that only mean something beside a training run."""


class CompareRecipe(SectionedRecipe):
    """All that decides what a comparison does. Two recipes are equal when their values are."""

    noun: ClassVar[str] = "comparison's recipe"
    presets: ClassVar[tuple[str, str]] = ("training.compare", "recipes")
    default_preset: ClassVar[str] = "compare"
    example: ClassVar[str] = "sampling.max_tokens=64"

    sides: SideSettings = SideSettings()
    prompts: PromptSettings = PromptSettings()
    sampling: SamplingSettings = SamplingSettings()
    losses: LossSettings = LossSettings()
    suites: SuiteSettings = SuiteSettings()
    judge: JudgeSettings = JudgeSettings()
    scores: ScoreSettings = ScoreSettings()
    statistics: StatisticsSettings = StatisticsSettings()

    def broken(self) -> Iterator[Broken]:
        """Combinations that cannot work."""
        sides, judge = self.sides, self.judge
        if sides.a == sides.b and not self.sampling.temperature:
            yield ("sides", "b"), f"both sides are {sides.a}", "Name two models, or set sampling.temperature above 0."
        if not judge.model and (judge.rubrics or judge.deepeval):
            yield ("judge", "model"), "there are rubrics, and nobody to judge by them", "Name a judge with judge.model."
        for rubric in judge.rubrics:
            if rubric not in RUBRICS and not rubric.endswith((".yaml", ".yml")):
                said = f"{rubric} is no rubric"
                yield ("judge", "rubrics"), said, f"Known: {', '.join(RUBRICS)}; or a YAML file of your own."

    def needs_run(self) -> str:
        """What of the recipe only means something beside a training run, "" for nothing."""
        for name in (self.sides.a, self.sides.b):
            if OF_A_RUN.fullmatch(name):
                return f"the side {name}"
        if self.prompts.limit and self.prompts.source in ("heldout", "train"):
            return f"the {self.prompts.source} records"
        return "the held-out losses" if self.losses.heldout else ""
