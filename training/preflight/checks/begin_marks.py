"""The mark a text begins with: once where the tokenizer wants it, never twice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from training.preflight.context import Check, PreflightContext
from training.preflight.finding import Finding, Reason, finding, many

REASONS = {
    "doubled_bos": Reason(
        ("block",),
        "Texts that begin with the begin token twice.",
        "The model has never seen that, and will be asked with one: quality drops without any sign of it.",
        "Use a template that writes it once.",
    ),
    "missing_bos": Reason(
        ("warn",),
        "Texts without the begin token that this tokenizer puts first.",
        "The model was trained to see it first; some attend to it at every step and get much worse without.",
        "Use a template that writes it; template.name=auto is the model's own.",
    ),
}


def _examine(context: PreflightContext) -> Iterator[Finding]:
    tensors, bos = context.tensors, context.tokenizer.bos_token_id
    filled = np.flatnonzero(tensors.sizes)
    if bos is None or not len(filled):
        return
    is_bos = tensors.ids == bos
    if bos == context.tokenizer.eos_token_id:  # as in GPT-2, where one may well follow the other
        firsts = tensors.offsets[filled[tensors.sizes[filled] > 1]]
        wrong = np.unique(tensors.owners[firsts[is_bos[firsts] & is_bos[firsts + 1]]])
    else:
        twice = np.flatnonzero(is_bos[1:] & is_bos[:-1])
        wrong = np.unique(tensors.owners[twice][tensors.owners[twice] == tensors.owners[twice + 1]])
    if len(wrong):
        ids = tensors.names(wrong)
        yield finding(
            "doubled_bos",
            "block",
            f"{context.text_of([bos])} stands twice in a row in {many(len(ids), 'record')}.",
            f"Take it out of the records, or use a template that writes it once: {context.other_template}.",
            ids=ids,
            shown=context.text_of(tensors.of(int(wrong[0]))[0][:24]),
        )
    if not _adds_bos(context, bos):
        return
    without = filled[~is_bos[tensors.offsets[filled]]]
    if len(without):
        ids = tensors.names(without)
        yield finding(
            "missing_bos",
            "warn",
            f"{many(len(ids), 'record')} without {context.text_of([bos])} at the beginning, where this tokenizer has it.",
            f"Use a template that writes it, such as {context.other_template}.",
            ids=ids,
            shown=context.text_of(tensors.of(int(without[0]))[0][:24]),
        )


def _adds_bos(context: PreflightContext, bos: int) -> bool:
    """Whether the tokenizer puts it before a text by itself."""
    ids = context.tokenizer("a")["input_ids"]
    return len(ids) > 1 and ids[0] == bos


CHECK = Check("begin_marks", REASONS, _examine)
