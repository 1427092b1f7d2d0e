"""Pairs of a chosen and a rejected answer: different, the same way round, and not told apart by length alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from training.preflight.context import Check, PreflightContext, folded, hashes
from training.preflight.finding import Finding, Level, Reason, finding, many

MANY_SAME = 0.1
BIASED = 0.8
LEAST = 20

REASONS = {
    "same_pair": Reason(
        ("block", "warn"),
        "Pairs whose two answers are the same, capitals and punctuation aside.",
        "Nothing can be learned from them, and their loss is constant. It stops the run from one pair in ten on.",
        "Leave them out.",
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
    yield from _same(context)
    yield from _reversed(context)
    yield from _bias(context)


def _same(context: PreflightContext) -> Iterator[Finding]:
    chosen = folded(context.answers)
    same = np.flatnonzero(chosen == folded(_rejected(context)))
    if len(same):
        share = len(same) / len(context.records)
        level: Level = "block" if share >= MANY_SAME else "warn"
        message = f"{{}} of two answers that are the same ({share:.0%})."
        yield _about(context, same.tolist(), "same_pair", level, message, "Leave them out.")


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
            "{} that occur a second time the other way round.",
            "Decide which way round they are meant, and leave the others out.",
        )


def _bias(context: PreflightContext) -> Iterator[Finding]:
    chosen = np.array([len(answer) for answer in context.answers])
    rejected = np.array([len(answer) for answer in _rejected(context)])
    unequal = chosen != rejected
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
    return [example.rejected[-1].content for example in context.records]


def _about(context: PreflightContext, rows: list[int], reason: str, level: Level, message: str, fix: str) -> Finding:
    ids = context.ids_of(rows)
    shown = f"{context.shown(ids[0])} | not: {context.by_id[ids[0]].rejected[-1].content[:70]}"
    return finding(reason, level, message.format(many(len(ids), "pair")), fix, ids=ids, shown=shown)


CHECK = Check("pairs", REASONS, _examine)
