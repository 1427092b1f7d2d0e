"""A session's memory: the shapes of its longest batches, what they will take, what would fit, and what they really take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from training.memory.estimate import Estimate, estimate
from training.memory.probe import Probed, longest_batch, probe
from training.memory.simulate import Shape
from training.memory.suggest import Suggestion, suggest

if TYPE_CHECKING:
    from training.session import Session


def shapes(session: Session) -> tuple[Shape, Shape | None]:
    """The largest batch of training, and of evaluation (None where nothing is held out)."""
    recipe = session.recipe
    train = _largest(session.train, recipe.schedule.batch_size)
    if train is None:
        raise ValueError("a session without training records has no shape")
    if recipe.data.packing:  # several records in a row, without padding
        train = Shape(1, recipe.schedule.batch_size * recipe.data.max_length)
    held_out = [*session.validation, *session.retention] if recipe.method.objective == "sft" else session.validation
    return train, _largest(held_out, recipe.evaluation.batch_size)


def estimate_session(session: Session) -> Estimate:
    """What training the session will take. Loads no weights."""
    return estimate(session.recipe, session.found, session.device, *shapes(session))


def suggest_session(session: Session) -> tuple[Suggestion, ...]:
    """What to change so that it fits; nothing where it does."""
    return suggest(session.recipe, session.found, session.device, *shapes(session))


def probe_session(session: Session, timeout: float = 1800) -> Probed:
    """What two steps and an evaluation with the session's longest records really take, in a process of their own."""
    recipe = session.recipe
    train = longest_batch(session.train, recipe.schedule.batch_size)
    held_out = longest_batch(session.validation, recipe.evaluation.batch_size)
    return probe(recipe, session.found, train, held_out, timeout)


def _largest(encoded: Sequence[Any], size: int) -> Shape | None:
    lengths = sorted((_length(one) for one in encoded), reverse=True)[:size]
    return Shape(len(lengths), lengths[0], lengths[0] == lengths[-1]) if lengths else None


def _length(one: Any) -> int:
    if hasattr(one, "input_ids"):
        return len(one.input_ids)
    return len(one.prompt_ids) + max(len(one.chosen_ids), len(one.rejected_ids))
