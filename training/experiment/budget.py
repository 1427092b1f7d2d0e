"""The same budget for every arm: how many steps each takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from training.experiment.model import ArmData

if TYPE_CHECKING:
    from training.recipe import TrainRecipe


def look_at(inputs: Sequence[str], recipe: TrainRecipe) -> ArmData:
    """Records, rows and tokens that a training of `recipe` on `inputs` would learn from. Reads and encodes them all.

    Raises what `training.session.prepare` raises.
    """
    from training.session import prepare

    session = prepare(inputs, recipe)
    rows = session.train_rows
    return ArmData(
        records=len(session.train),
        rows=len(rows),
        tokens=sum(len(row["input_ids"]) for row in rows),
        trained_tokens=sum(label >= 0 for row in rows for label in row["labels"]),
    )


def steps_wanted(recipe: TrainRecipe, curated: ArmData) -> int:
    """The steps of the recipe: its max_steps, else its epochs over the curated set."""
    if recipe.schedule.max_steps is not None:
        return recipe.schedule.max_steps
    return max(1, math.ceil(steps_an_epoch(recipe, curated) * recipe.schedule.epochs))


def steps_of(arm: ArmData, curated: ArmData, recipe: TrainRecipe, budget: str) -> int:
    """The steps of an arm: as many as the curated one takes, or as many as read about the same number of tokens."""
    steps = steps_wanted(recipe, curated)
    if budget == "steps":
        return steps
    wanted = tokens_read(recipe, curated, steps)
    guess = max(1, round(wanted / arm.tokens * steps_an_epoch(recipe, arm)))
    near = range(max(1, guess - steps_an_epoch(recipe, arm)), guess + steps_an_epoch(recipe, arm) + 1)
    return min(near, key=lambda number: (abs(tokens_read(recipe, arm, number) - wanted), number))


def tokens_read(recipe: TrainRecipe, arm: ArmData, steps: int) -> float:
    """Tokens that so many steps are expected to read; the last step of an epoch may see fewer rows than the others."""
    epochs, rest = divmod(steps, steps_an_epoch(recipe, arm))
    rows = min(arm.rows, rest * recipe.schedule.batch_size * recipe.schedule.accumulation)
    return arm.tokens * (epochs + rows / arm.rows)


def steps_an_epoch(recipe: TrainRecipe, arm: ArmData) -> int:
    """Steps that see every row once, on one device."""
    return math.ceil(math.ceil(arm.rows / recipe.schedule.batch_size) / recipe.schedule.accumulation)
