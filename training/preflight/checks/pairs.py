"""Pairs of a chosen and a rejected answer: different, to the same prompt, and not told apart by their length alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from training.preflight.context import Check, PreflightContext, folded, hashes
from training.preflight.finding import Finding, Level, Reason, finding

MANY_SAME = 0.1
BIASED = 0.8
LEAST = 20

REASONS = {
    "no_rejected": Reason(
        ("block",),
        "Records without a rejected answer.",
        "There is nothing to prefer the chosen answer to.",
        "Leave them out, or learn from answers alone: method.objective=sft.",
    ),
    "same_pair": Reason(
        ("block", "warn"),
        "Pairs whose two answers are the same, capitals and punctuation aside.",
        "Nothing can be learned from them, and their loss is constant. It stops the run from one pair in ten on.",
        "Leave them out.",
    ),
    "pair_prompts_differ": Reason(
        ("block",),
        "Pairs whose rejected answer stands after another conversation than the chosen one.",
        "The two answers are compared after the same prompt, which is then wrong for one of them.",
        "Mend or leave out such pairs.",
    ),
    "reversed_pairs": Reason(
        ("warn",),
        "Pairs that occur a second time with chosen and rejected exchanged.",
        "They cancel each other.",
        "Decide which way round they are meant.",
    ),
    "length_bias": Reason(
        ("note",),
        "The chosen answers are mostly the longer ones, or mostly the shorter ones.",
        "Length is the easiest thing to learn: the model may learn nothing else.",
        "Add pairs in which it is the other way round; a lower dpo.beta makes it worse.",
    ),
}


def _examine(context: PreflightContext) -> Iterator[Finding]:
    if not context.is_dpo:
        return
    without = [row for row, example in enumerate(context.records) if not example.rejected]
    if without:
        yield _about(
            context,
            without,
            "no_rejected",
            "block",
            "{} records have no rejected answer.",
            "Leave them out, or use --set method.objective=sft.",
        )
    yield from _same(context)
    apart = [row for row, example in enumerate(context.records) if _other_prompt(example.messages, example.rejected)]
    if apart:
        yield _about(
            context,
            apart,
            "pair_prompts_differ",
            "block",
            "The two answers of {} pairs stand after different conversations.",
            "Mend or leave out such pairs.",
        )
    yield from _reversed(context)
    yield from _bias(context)


def _same(context: PreflightContext) -> Iterator[Finding]:
    chosen = folded(context.answers)
    same = np.flatnonzero((chosen == folded(_rejected(context))) & _has_rejected(context))
    if len(same):
        share = len(same) / len(context.records)
        level: Level = "block" if share >= MANY_SAME else "warn"
        message = f"The two answers of {{}} pairs ({share:.0%}) are the same."
        yield _about(context, same.tolist(), "same_pair", level, message, "Leave them out.")


def _other_prompt(messages: tuple[tuple[str, str], ...], rejected: tuple[tuple[str, str], ...]) -> bool:
    before = [message for message in rejected[:-1]]
    return bool(before) and before != list(messages[:-1])[-len(before) :]


def _reversed(context: PreflightContext) -> Iterator[Finding]:
    chosen = context.answer_hashes ^ context.prompt_hashes
    rejected = hashes(_rejected(context)) ^ context.prompt_hashes
    keys = {(a, b): row for row, (a, b) in enumerate(zip(chosen.tolist(), rejected.tolist(), strict=True)) if a != b}
    rows = sorted(row for (a, b), row in keys.items() if (b, a) in keys)
    if rows:
        yield _about(
            context,
            rows,
            "reversed_pairs",
            "warn",
            "{} pairs occur a second time the other way round.",
            "Decide which way round they are meant, and leave the others out.",
        )


def _bias(context: PreflightContext) -> Iterator[Finding]:
    chosen = np.array([len(answer) for answer in context.answers])
    rejected = np.array([len(answer) for answer in _rejected(context)])
    unequal = (chosen != rejected) & _has_rejected(context)
    if unequal.sum() < LEAST:
        return
    longer = float((chosen > rejected)[unequal].mean())
    if 1 - BIASED < longer < BIASED:
        return
    rows = np.flatnonzero(unequal & ((chosen > rejected) == (longer >= BIASED)))
    way = "longer" if longer >= BIASED else "shorter"
    message = f"In {max(longer, 1 - longer):.0%} of the pairs the chosen answer is the {way} one."
    fix = "Add pairs in which it is the other way round, or leave some of these out."
    yield _about(context, rows.tolist(), "length_bias", "note", message, fix)


def _rejected(context: PreflightContext) -> list[str]:
    return [example.rejected[-1].content if example.rejected else "" for example in context.records]


def _has_rejected(context: PreflightContext) -> np.ndarray:
    return np.array([bool(example.rejected) for example in context.records], dtype=bool)


def _about(context: PreflightContext, rows: list[int], reason: str, level: Level, message: str, fix: str) -> Finding:
    ids = context.ids_of(rows)
    example = context.by_id[ids[0]]
    against = example.rejected[-1].content[:70] if example.rejected else ""
    shown = f"{context.shown(ids[0])}" + (f" | not: {against}" if against else "")
    return finding(reason, level, message.format(f"{len(ids):,}"), fix, ids=ids, shown=shown)


CHECK = Check("pairs", REASONS, _examine)
