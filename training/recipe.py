"""A training recipe: model, data, method and schedule, read from YAML or a preset, changed by `--set section.key=value`.

A TrainRecipe that exists is valid: every key is known, every value is within its bounds, and no combination is one that
is known to break.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from curation.sectioned import Broken, SectionedRecipe
from training.sections import (
    CheckpointSettings,
    DataSettings,
    DeviceSettings,
    DpoSettings,
    EvaluationSettings,
    LoraSettings,
    MethodSettings,
    ModelSettings,
    OptimizerSettings,
    ScheduleSettings,
    TemplateSettings,
    TrackingSettings,
    VirtualSettings,
)

__all__ = ["TrainRecipe"]


class TrainRecipe(SectionedRecipe):
    """All that decides what a training run does. Two recipes are equal when their values are."""

    noun: ClassVar[str] = "training recipe"
    presets: ClassVar[tuple[str, str]] = ("training", "recipes")
    default_preset: ClassVar[str] = "lora"
    told: ClassVar[tuple[str, ...]] = ("name", "description", "tracking")
    example: ClassVar[str] = "lora.r=16"

    seed: int = Field(default=0, ge=0, lt=1 << 32, description="Seed of the order, of dropout, of new weights.")
    model: ModelSettings = ModelSettings()
    template: TemplateSettings = TemplateSettings()
    data: DataSettings = DataSettings()
    method: MethodSettings = MethodSettings()
    lora: LoraSettings = LoraSettings()
    virtual: VirtualSettings = VirtualSettings()
    dpo: DpoSettings = DpoSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    checkpoints: CheckpointSettings = CheckpointSettings()
    tracking: TrackingSettings = TrackingSettings()
    device: DeviceSettings = DeviceSettings()

    def broken(self) -> Iterator[Broken]:
        """Combinations that are known to break, or to do something else than they say."""
        from training.recipe_rules import broken

        return broken(self)
