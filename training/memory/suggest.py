"""What to change of a recipe so that it fits into the memory there is: the mildest changes first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from curation.errors import RecipeError
from training.arguments import uses_checkpointing
from training.memory.estimate import estimate
from training.memory.simulate import Shape

if TYPE_CHECKING:
    from curation.weights.find import FoundModel
    from training.device import Device
    from training.memory.estimate import Estimate
    from training.recipe import TrainRecipe


@dataclass(frozen=True)
class Suggestion:
    """Settings as `--set` takes them, the memory that the run needs with them, and what they cost otherwise."""

    settings: tuple[str, ...]
    needs: int
    price: str


def suggest(
    recipe: TrainRecipe,
    found: FoundModel,
    device: Device,
    train: Shape,
    evaluation: Shape | None = None,
    *,
    limit: int | None = None,
) -> tuple[Suggestion, ...]:
    """Changes that make the run fit into `limit` bytes (default: what is free), each by itself enough.

    At most one of each kind: a smaller batch (with as much accumulation, so that the same is learned), activations
    computed twice, shorter records, quantised weights, and all of them together where none suffices. Empty where the
    recipe fits already, and where nothing makes it fit.
    """
    from training.device import choose

    def needs(changed: TrainRecipe, shape: Shape) -> Estimate:
        there = choose(changed) if changed.model != recipe.model else device
        asked = evaluation and Shape(
            min(evaluation.records, changed.evaluation.batch_size),
            min(evaluation.tokens, shape.tokens),
            evaluation.even,
        )
        return estimate(changed, found, there, shape, asked)

    now = estimate(recipe, found, device, train, evaluation)
    allowed = int(now.room.free / 1.05) if limit is None else limit
    if now.total <= allowed:
        return ()
    suggestions = []
    for ladder, price in _ladders(recipe, device, train):
        for settings, shape in ladder:
            changed = _with(recipe, settings)
            if changed is None:
                continue
            total = needs(changed, shape).total
            if total <= allowed:
                suggestions.append(Suggestion(settings, total, price))
                break
    if suggestions:
        return tuple(suggestions)
    settings, shape = _all_at_once(recipe, device, train)
    changed = _with(recipe, settings)
    if changed is not None and (total := needs(changed, shape).total) <= allowed:
        return (Suggestion(settings, total, "slower, and long records are cut"),)
    return ()


Step = tuple[tuple[str, ...], Shape]


def _ladders(recipe: TrainRecipe, device: Device, train: Shape) -> Iterator[tuple[list[Step], str]]:
    """Kinds of changes, each from the mildest on."""
    yield list(_smaller_batches(recipe, train)), "the same steps, a little slower"
    if _can_checkpoint(recipe, device):
        yield [(("schedule.gradient_checkpointing=on",), train)], "activations are computed twice: a third slower"
    lengths = [length for length in (4096, 2048, 1024, 512, 256, 128) if length < train.tokens]
    shorter: list[Step] = [
        ((f"data.max_length={length}", "data.too_long=cut"), Shape(train.records, length, train.even))
        for length in lengths
    ]
    yield shorter, "long records lose their ends; too_long=drop leaves them out instead"
    if _can_quantise(recipe, device):
        yield [(("model.quantization=nf4",), train)], "weights in four bits: slower, slightly less exact"


def _smaller_batches(recipe: TrainRecipe, train: Shape) -> Iterator[Step]:
    size = train.records
    effective = recipe.schedule.batch_size * recipe.schedule.accumulation
    while size > 1:
        size //= 2
        accumulation = -(-effective // size)
        settings = [f"schedule.batch_size={size}", f"schedule.accumulation={accumulation}"]
        if recipe.evaluation.batch_size > size:
            settings.append(f"evaluation.batch_size={size}")
        yield tuple(settings), Shape(size, train.tokens, train.even or size == 1)


def _all_at_once(recipe: TrainRecipe, device: Device, train: Shape) -> Step:
    settings = [
        "schedule.batch_size=1",
        f"schedule.accumulation={recipe.schedule.batch_size * recipe.schedule.accumulation}",
        "evaluation.batch_size=1",
    ]
    if _can_checkpoint(recipe, device):
        settings.append("schedule.gradient_checkpointing=on")
    if _can_quantise(recipe, device):
        settings.append("model.quantization=nf4")
    length = min(train.tokens, 256)
    if length < train.tokens:
        settings += [f"data.max_length={length}", "data.too_long=cut"]
    return tuple(settings), Shape(1, length)


def _can_checkpoint(recipe: TrainRecipe, device: Device) -> bool:
    return recipe.method.kind in ("lora", "full") and not uses_checkpointing(recipe, device)


def _can_quantise(recipe: TrainRecipe, device: Device) -> bool:
    return recipe.method.kind == "lora" and device.quantization == "none" and device.kind != "mps"


def _with(recipe: TrainRecipe, settings: tuple[str, ...]) -> TrainRecipe | None:
    """The recipe with the settings; None where that combination is refused."""
    try:
        return recipe.with_settings(settings)
    except RecipeError:
        return None
