"""Records that are there more than once, and prompts that are answered in more than one way."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from training.preflight.context import Check, PreflightContext
from training.preflight.finding import Finding, Reason, finding, many

MANY = 0.01

REASONS = {
    "duplicates": Reason(
        ("warn", "note"),
        "Records for training whose text is there more than once, capitals and punctuation aside.",
        "They count twice, and are learned by heart first. From one in a hundred on this is a warning.",
        "Leave the copies out: the stages exact and near of `studio curate`.",
    ),
    "contradictory_answers": Reason(
        ("note",),
        "Prompts that have more than one answer.",
        "The model learns a mixture of them. Nothing is wrong where several answers are right.",
        "Keep one answer for each prompt where only one can be right.",
    ),
}


def _examine(context: PreflightContext) -> Iterator[Finding]:
    train = ~context.held
    keys = context.folded_hashes[train]
    keys = keys ^ _rejected(context)[train]
    copies = np.flatnonzero(_later(keys) & (context.folded_hashes[train] != 0))
    total = int(train.sum())
    if len(copies):
        ids = context.ids_of(copies)
        share = len(copies) / max(1, total)
        yield finding(
            "duplicates",
            "warn" if share >= MANY else "note",
            f"Copies of other records: {len(copies):,} of {total:,} ({share:.1%}).",
            "Leave them out: `studio curate` with its stages exact and near.",
            ids=ids,
            shown=context.shown(ids[0]),
        )
    yield from _contradictions(context)


def _contradictions(context: PreflightContext) -> Iterator[Finding]:
    if context.is_dpo:  # pairs are told by the check of pairs
        return
    rows = np.flatnonzero((context.prompt_hashes != 0) & ~context.held)
    prompts, answers = context.prompt_hashes[rows], context.answer_hashes[rows]
    order = np.lexsort((answers, prompts))
    prompts, answers, rows = prompts[order], answers[order], rows[order]
    # the first answer of each prompt is the one the others differ from
    other = np.flatnonzero((prompts[1:] == prompts[:-1]) & (answers[1:] != answers[:-1])) + 1
    if len(other):
        ids = context.ids_of([rows[other[0]], *np.unique(rows[np.isin(prompts, prompts[other])])])
        asked = len(np.unique(prompts[other]))
        yield finding(
            "contradictory_answers",
            "note",
            f"{many(asked, 'prompt')} with more than one answer.",
            "Keep one answer for each where only one can be right.",
            ids=ids,
            shown=f"{context.shown(context.ids_of(rows[other[:1] - 1])[0])} | {context.answers[int(rows[other[0]])]}",
        )


def _rejected(context: PreflightContext) -> np.ndarray:
    """What sets pairs with the same prompt and chosen answer apart."""
    from training.preflight.context import hashes

    return hashes(["\n".join(message.content for message in example.rejected) for example in context.records])


def _later(keys: np.ndarray) -> np.ndarray:
    """Which are not the first of their value."""
    _, first = np.unique(keys, return_index=True)
    later = np.ones(len(keys), dtype=bool)
    later[first] = False
    return later


CHECK = Check("duplicates", REASONS, _examine)
