"""The share of the tokens that are trained: never none of a record, never all of a conversation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from training.preflight.context import Check, PreflightContext
from training.preflight.finding import Finding, Reason, finding, many

LITTLE = 0.01

REASONS = {
    "nothing_trained": Reason(
        ("block",),
        "Records of which no token is trained.",
        "They cost time and teach nothing; when all are so, the loss is zero or not a number.",
        "Raise data.max_length if the answers were cut away; else mend the records, or leave them out.",
    ),
    "everything_trained": Reason(
        ("block",),
        "Conversations of which every token is trained, questions and markers included.",
        "The model learns to write the user's part. It usually means that the template has no marks for its answers.",
        "Use another template, or say that it is meant: data.train_on=everything.",
    ),
    "little_trained": Reason(
        ("warn",),
        "Less than one token in a hundred is trained.",
        "Almost all of the time goes into prompts; the loss is an average over few tokens and jumps about.",
        "Shorten the prompts, or train on longer answers.",
    ),
}


def _examine(context: PreflightContext) -> Iterator[Finding]:
    tensors = context.tensors
    counts = tensors.trained_counts
    none = np.flatnonzero(counts == 0)
    if len(none):
        ids = tensors.names(none)
        yield finding(
            "nothing_trained",
            "block",
            f"{many(len(ids), 'record')} without any token that is trained.",
            "Leave them out, or, where their answers were cut away, use --set data.max_length="
            f"{int(context.all_tensors.sizes.max() + context.all_tensors.cut.max())}.",
            ids=ids,
            shown=context.shown(ids[0]),
        )
    if context.recipe.data.train_on == "everything":
        return
    whole = [
        number
        for number in np.flatnonzero((counts == tensors.sizes) & (counts > 0)).tolist()
        if not _is_text(context, tensors.records[number])
    ]
    if whole:
        ids = tensors.names(whole)
        yield finding(
            "everything_trained",
            "block",
            f"In {many(len(ids), 'conversation')} every token is trained, the questions too.",
            f"Use a template that marks its answers, such as {context.other_template}; or, if it is meant, "
            "--set data.train_on=everything.",
            ids=ids,
            shown=context.shown(ids[0]),
        )
    total, trained = len(tensors.ids), int(counts.sum())
    if total and 0 < trained < LITTLE * total:
        least = int(np.argmin(counts / np.maximum(tensors.sizes, 1)))
        ids = [tensors.records[least]]
        yield finding(
            "little_trained",
            "warn",
            f"Only {trained / total:.2%} of the tokens are trained.",
            "Shorten the prompts; if whole texts are to be learned, use --set data.train_on=everything.",
            ids=ids,
            shown=context.shown(ids[0]),
            records=len(set(tensors.records)),
        )


def _is_text(context: PreflightContext, record_id: str) -> bool:
    example = context.by_id.get(record_id)
    return example is not None and all(role == "text" for role, _ in example.messages)


CHECK = Check("share", REASONS, _examine)
