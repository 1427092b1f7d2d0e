"""Whether labels are what the trainer takes them for: the token itself, or masked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from training.preflight.context import Check, PreflightContext
from training.preflight.finding import Finding, Reason, finding, many
from training.preflight.tensors import MASKED

REASONS = {
    "labels_misaligned": Reason(
        ("block",),
        "Labels that are neither masked nor the token at their place, or not as many as there are tokens.",
        "The model would learn to continue every text with another one's tokens. This is a fault of the studio or of a "
        "tokenizer, never of the data.",
        "Report it, with what `studio doctor` says.",
    ),
}


def _examine(context: PreflightContext) -> Iterator[Finding]:
    tensors = context.all_tensors
    wrong = tensors.trained & (tensors.labels != tensors.ids)
    sequences = np.union1d(np.flatnonzero(tensors.count(wrong)), np.array(tensors.uneven, dtype=np.int64))
    if len(sequences):
        ids = tensors.names(sequences)
        yield finding(
            "labels_misaligned",
            "block",
            f"{many(len(ids), 'record')} whose labels are neither {MASKED} nor the token at their place, or are not as many.",
            "Please report it, with what `studio doctor` says.",
            ids=ids,
            shown=context.shown(ids[0]),
        )


CHECK = Check("aligned", REASONS, _examine)
