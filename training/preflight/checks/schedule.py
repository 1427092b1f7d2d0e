"""Whether there are steps enough, and whether each is of a sane size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from training.preflight.context import Check, PreflightContext
from training.preflight.finding import Finding, Level, Reason, finding

FEW_STEPS = 5
SHORT_STEPS = 20
LONG_WARMUP = 0.5
MANY_EPOCHS = 20
FAR = 10  # times beyond the range: it diverges, or nothing moves
# The range outside which a learning rate is a warning, of Adam and its kin: method -> lowest, highest.
RATES = {
    "lora": (1e-6, 2e-3),
    "full": (1e-7, 2e-4),
    "prefix": (1e-4, 0.5),
    "prompt": (1e-4, 1.0),
    "p_tuning": (1e-5, 0.1),
}
DPO_RATES = {"lora": (1e-8, 2e-4), "full": (1e-9, 2e-5)}
# What is proposed instead: the rates of the presets.
USUAL = {"lora": 2e-4, "full": 2e-5, "prefix": 1e-2, "prompt": 1e-2, "p_tuning": 1e-3}
DPO_USUAL = {"lora": 5e-6, "full": 5e-7}
SGD = 1000  # its rates are larger by about so much

REASONS = {
    "no_steps": Reason(
        ("block",),
        "There is no step to make.",
        "Nothing would be trained.",
        "Add records, or epochs.",
    ),
    "few_steps": Reason(
        ("warn", "note"),
        "The run has very few steps.",
        "An adapter needs some tens of steps before anything shows. Below 5 this is a warning.",
        "More epochs, smaller batches, less accumulation, or more records.",
    ),
    "long_warmup": Reason(
        ("warn",),
        "The warm-up takes half of the run or more.",
        "The learning rate is hardly ever what the recipe says.",
        "Lower schedule.warmup.",
    ),
    "batch_exceeds_set": Reason(
        ("warn",),
        "One step takes more records than there are.",
        "Every step sees the whole dataset: there is no noise that helps to generalise, and hardly any step.",
        "Lower schedule.batch_size or schedule.accumulation.",
    ),
    "many_epochs": Reason(
        ("note",),
        "Every record is seen more than 20 times.",
        "Small datasets are learned by heart long before that.",
        "Fewer epochs, and evaluation.early_stopping.",
    ),
    "learning_rate": Reason(
        ("block", "warn"),
        "A learning rate outside the range in which this method works.",
        "Too high, and the loss jumps and becomes no number; too low, and nothing is learned in the given time. "
        "Ten times beyond the range it stops the run.",
        "Use a rate within the range.",
    ),
}


def planned_steps(context: PreflightContext) -> int:
    """Optimizer steps of the whole run on one device."""
    schedule = context.recipe.schedule
    if schedule.max_steps is not None:
        return schedule.max_steps if _trained(context) else 0
    examples = _trained(context)
    if context.recipe.data.packing:
        examples = _packed(context)
    batches = math.ceil(examples / schedule.batch_size)
    return math.ceil(math.ceil(batches / schedule.accumulation) * schedule.epochs)


def _trained(context: PreflightContext) -> int:
    """Records that are trained on."""
    return len({record for record, yes in zip(context.tensors.records, context.in_train, strict=True) if yes})


def _packed(context: PreflightContext) -> int:
    """Examples that the records are packed into."""
    from training.packing import pack

    most = context.recipe.data.max_length
    fitting: list[Any] = [one for one in context.train if len(one.input_ids) <= most]  # type: ignore[union-attr]
    return len(pack(fitting, most))


def _examine(context: PreflightContext) -> Iterator[Finding]:
    schedule, steps, records = context.recipe.schedule, planned_steps(context), _trained(context)
    if steps < 1:
        fix = "Add records; or, where they are too long, raise data.max_length."
        yield finding("no_steps", "block", "No record is left to train on: there is no step to make.", fix)
        return
    yield from _size(context, steps, records)
    if schedule.warmup >= LONG_WARMUP:
        message = f"The warm-up takes {schedule.warmup:.0%} of the {steps:,} steps."
        yield finding("long_warmup", "warn", message, "--set schedule.warmup=0.03")
    seen = schedule.epochs
    if schedule.max_steps is not None:
        seen = schedule.max_steps * schedule.batch_size * schedule.accumulation / max(1, records)
    if seen > MANY_EPOCHS and not (context.recipe.data.packing and schedule.max_steps is not None):
        message = f"Every record is seen {seen:.0f} times."
        fix = "--set schedule.epochs=3, or stop early: --set evaluation.every=50 --set evaluation.early_stopping=3."
        yield finding("many_epochs", "note", message, fix)
    yield from _rate(context)


def _size(context: PreflightContext, steps: int, records: int) -> Iterator[Finding]:
    schedule = context.recipe.schedule
    batch = schedule.batch_size * schedule.accumulation
    if steps < SHORT_STEPS and schedule.max_steps is None:
        level: Level = "warn" if steps < FEW_STEPS else "note"
        message = f"The run has only {steps:,} steps ({records:,} records, {batch:,} a step)."
        epochs = math.ceil(schedule.epochs * SHORT_STEPS / steps)
        yield finding("few_steps", level, message, f"--set schedule.epochs={epochs}, or smaller batches.")
    if batch > records and not context.recipe.data.packing:
        message = (
            f"A step takes {batch:,} records ({schedule.batch_size} × {schedule.accumulation}); there are {records:,}."
        )
        size = max(1, min(schedule.batch_size, records // 8))
        fix = f"--set schedule.batch_size={size} --set schedule.accumulation=1"
        yield finding("batch_exceeds_set", "warn", message, fix)


def _rate(context: PreflightContext) -> Iterator[Finding]:
    recipe = context.recipe
    low, high = (DPO_RATES if context.is_dpo else RATES).get(recipe.method.kind, RATES["lora"])
    usual = (DPO_USUAL if context.is_dpo else USUAL).get(recipe.method.kind, USUAL["lora"])
    if recipe.optimizer.name == "sgd":
        low, high, usual = low * SGD, high * SGD, usual * SGD
    rate = recipe.optimizer.learning_rate
    if low <= rate <= high:
        return
    too_far = rate > high * FAR or rate < low / FAR
    what = f"dpo with {recipe.method.kind}" if context.is_dpo else recipe.method.kind
    message = f"The learning rate {rate:g} is {'above' if rate > high else 'below'} what {what} works with ({low:g} to {high:g})."
    fix = f"--set optimizer.learning_rate={usual:g}"
    yield finding("learning_rate", "block" if too_far else "warn", message, fix)


CHECK = Check("schedule", REASONS, _examine)
