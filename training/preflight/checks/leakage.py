"""Held-out records that are trained on as well: their loss then says nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from training.preflight.context import Check, PreflightContext, blocks
from training.preflight.finding import Finding, Level, Reason, finding

MANY = 0.1
LIKE = 0.8  # Jaccard similarity of a copy but for a few words
NEAR_ITEMS = 2_000  # held-out records that are looked for by likeness

REASONS = {
    "leak": Reason(
        ("block", "warn"),
        "Held-out records whose text is also trained on, capitals and punctuation aside.",
        "Their loss falls because they are learned by heart. From a tenth of them on this stops the run: the figure "
        "that everything is judged by would be wrong.",
        "Take the copies out of one side.",
    ),
    "near_leak": Reason(
        ("warn",),
        "Held-out records that are trained on but for a few words.",
        "As with exact copies: the validation loss looks better than it is.",
        "Take near copies out before splitting: the stage near of `studio curate`.",
    ),
    "prompt_leak": Reason(
        ("warn", "note"),
        "Held-out prompts that are also trained on, with another answer.",
        "What is held out is less new than it seems. From a tenth of them on this is a warning.",
        "Split by prompt, as `studio train` does where the dataset has no split of its own.",
    ),
}


def _examine(context: PreflightContext) -> Iterator[Finding]:
    held = np.flatnonzero(context.held)
    if not len(held):
        return
    train = context.folded_hashes[~context.held]
    exact = held[np.isin(context.folded_hashes[held], train) & (context.folded_hashes[held] != 0)]
    if len(exact):
        yield _finding(context, exact, len(held), "leak", "held-out records trained on, word for word")
    left = np.setdiff1d(held, exact)
    near = _near(context, left[:NEAR_ITEMS])
    if len(near):
        yield _finding(context, near, len(held), "near_leak", "held-out records trained on but for a few words")
    left = np.setdiff1d(left, near)
    asked = context.prompt_hashes
    prompts = left[np.isin(asked[left], asked[~context.held]) & (asked[left] != 0)]
    if len(prompts):
        yield _finding(context, prompts, len(held), "prompt_leak", "held-out prompts trained on with another answer")


def _near(context: PreflightContext, held: np.ndarray) -> np.ndarray:
    """Held-out rows that some record for training is a copy of but for a few words, told from look-alikes."""
    from curation.dedup.contamination import Index, Rules
    from curation.dedup.shingles import fold

    if not len(held):
        return held
    texts = [_text(context, int(row)) for row in held]
    rules = Rules(None, 4, min_words=8, min_share=1.0, min_hits=1, common=20, near=LIKE)
    index = Index([fold(text) for text in texts], rules)
    found: set[int] = set()
    trained = [_text(context, row) for row in range(int((~context.held).sum()))]
    for low, high in blocks(trained):
        found.update(hit.item for hit in index.search(trained[low:high]))
    return held[sorted(found)]


def _text(context: PreflightContext, row: int) -> str:
    return "\n".join(message.content for message in context.records[row].messages if message.role != "system")


def _finding(context: PreflightContext, rows: np.ndarray, total: int, reason: str, what: str) -> Finding:
    ids = context.ids_of(rows)
    share = len(ids) / total
    levels = REASONS[reason].levels
    level: Level = levels[0] if share >= MANY else levels[-1]
    return finding(
        reason,
        level,
        f"{len(ids):,} of {total:,} {what} ({share:.0%}).",
        "Take the copies out of one side: `studio curate` with its stages exact, near and split.",
        ids=ids,
        shown=context.shown(ids[0]),
    )


CHECK = Check("leakage", REASONS, _examine)
