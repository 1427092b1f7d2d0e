"""The fault suite as data, the part about pairs, the recipe and the model: what is damaged and how, and what must be found.

Nothing more than what is expected may be found, notes aside; `also` names what follows from a fault by necessity.
"""

from __future__ import annotations

from dataclasses import replace

from preflight_damage import EIGHT, Fault, each, swapped, without_positions, zeroed_marker

from training.examples import Message

FAULTS: tuple[Fault, ...] = (
    # the recipe
    Fault(
        "nothing left to train on",
        "chat",
        "no_steps",
        "block",
        None,
        settings=["data.max_length=64", "data.too_long=drop"],
        also=frozenset({"dropped"}),
    ),
    Fault(
        "very few steps", "chat", "few_steps", "warn", None, settings=["schedule.batch_size=16", "schedule.epochs=1"]
    ),
    Fault(
        "a step larger than the dataset",
        "chat",
        "batch_exceeds_set",
        "warn",
        None,
        settings=["schedule.batch_size=8", "schedule.accumulation=8"],
        also=frozenset({"few_steps"}),
    ),
    Fault("a warm-up to the end", "chat", "long_warmup", "warn", None, settings=["schedule.warmup=0.9"]),
    Fault("a hundred epochs", "chat", "many_epochs", "note", None, settings=["schedule.epochs=100"]),
    Fault("a rate that diverges", "chat", "learning_rate", "block", None, settings=["optimizer.learning_rate=0.5"]),
    Fault(
        "a rate for adapters on every weight",
        "chat",
        "learning_rate",
        "warn",
        None,
        settings=["method.kind=full", "optimizer.learning_rate=1e-3"],
    ),
    Fault(
        "a rate for answers on pairs",
        "pairs",
        "learning_rate",
        "warn",
        None,
        settings=["method.objective=dpo", "optimizer.learning_rate=1e-3"],
    ),
    Fault(
        "a rate at which nothing moves",
        "chat",
        "learning_rate",
        "block",
        None,
        settings=["method.kind=prompt", "optimizer.learning_rate=1e-6"],
    ),
    # pairs
    Fault(
        "pairs of the same answer",
        "pairs",
        "same_pair",
        "warn",
        2,
        settings=["method.objective=dpo", "optimizer.learning_rate=5e-6"],
        records=each(lambda one: replace(one, rejected=(one.messages[-1],)), 2, 3),
    ),
    Fault(
        "many pairs of the same answer",
        "pairs",
        "same_pair",
        "block",
        8,
        settings=["method.objective=dpo", "optimizer.learning_rate=5e-6"],
        records=each(
            lambda one: replace(one, rejected=(Message("assistant", one.messages[-1].content.upper()),)), *EIGHT
        ),
    ),
    Fault(
        "pairs both ways round",
        "pairs",
        "reversed_pairs",
        "warn",
        6,
        settings=["method.objective=dpo", "optimizer.learning_rate=5e-6"],
        records=lambda examples: [*map(swapped, examples[:3]), *examples],
    ),
    Fault(
        "the longer answer always chosen",
        "pairs",
        "length_bias",
        "note",
        48,
        settings=["method.objective=dpo", "optimizer.learning_rate=5e-6"],
        records=each(lambda one: replace(one, rejected=(Message("assistant", "No."),))),
    ),
    # the model
    Fault(
        "an adapter on modules that are not there",
        "chat",
        "target_not_found",
        "block",
        None,
        settings=["lora.targets=[q_proj, c_attn]"],
    ),
    Fault("a marker that was never learned", "chat", "untrained_markers", "warn", 24, model=zeroed_marker),
    Fault(
        "packed records that see each other",
        "chat",
        "packing_leaks",
        "block",
        None,
        settings=["data.packing=true"],
        model=without_positions,
    ),
)
