"""Whether the tokens are ones the model knows: none unknown, none beyond its embeddings, few that are bits of bytes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from training.preflight.context import Check, PreflightContext
from training.preflight.finding import Finding, Reason, around, finding, many

MANY_UNKNOWN = 0.01
MANY_BYTES = 0.2

REASONS = {
    "unknown_tokens": Reason(
        ("block", "warn"),
        "Characters that the tokenizer has no token for.",
        "Each becomes the same unknown token: what stood there is lost, and the model learns to write it. It stops the "
        "run from one token in a hundred on.",
        "Take those characters out, or use a model whose tokenizer knows the script.",
    ),
    "byte_fallback": Reason(
        ("note",),
        "More than one token in five is only a part of a character.",
        "The tokenizer hardly knows the script: texts become long, and the model has seen little of it.",
        "Use a model that was trained on this language.",
    ),
    "ids_out_of_range": Reason(
        ("block",),
        "Tokens without a row in the model's embeddings.",
        "Training stops with an index error, on a GPU with one that says nothing.",
        "Use the tokenizer that belongs to the model.",
    ),
    "vocabulary_mismatch": Reason(
        ("warn",),
        "The tokenizer has more tokens than the model has embeddings.",
        "Those beyond cannot be used. No record has one now, but answers may.",
        "Use the tokenizer that belongs to the model.",
    ),
    "end_token_differs": Reason(
        ("warn",),
        "The end token of the model's configuration is not among those that answers end with.",
        "Programs that go by the configuration will not stop where the answers do.",
        "Use the model's own template, or mend the configuration of the model.",
    ),
}


def _examine(context: PreflightContext) -> Iterator[Finding]:
    yield from _range(context)
    yield from _unknown(context)
    yield from _bytes(context)
    yield from _end_token(context)


def _range(context: PreflightContext) -> Iterator[Finding]:
    tensors, rows = context.tensors, getattr(context.config, "vocab_size", None)
    limit = rows if isinstance(rows, int) else len(context.tokenizer)
    wrong = (tensors.ids >= limit) | (tensors.ids < 0)
    fix = f"Use the tokenizer that belongs to the model; this one has {len(context.tokenizer):,} tokens."
    if wrong.any():
        sequences = np.flatnonzero(tensors.count(wrong))
        ids = tensors.names(sequences)
        worst = int(tensors.ids[wrong][0])
        message = f"{many(int(wrong.sum()), 'token')} without an embedding: such as number {worst:,}, of {limit:,}."
        yield finding("ids_out_of_range", "block", message, fix, ids=ids, shown=context.shown(ids[0]))
    elif isinstance(rows, int) and len(context.tokenizer) > rows:
        message = f"The tokenizer has {len(context.tokenizer):,} tokens, and the model embeddings for {rows:,}."
        yield finding("vocabulary_mismatch", "warn", message, fix)


def _unknown(context: PreflightContext) -> Iterator[Finding]:
    tokenizer, tensors = context.tokenizer, context.tensors
    unknown = tokenizer.unk_token_id
    others = {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id, *context.stops.tolist()}
    if unknown is None or unknown in others:
        return
    wrong = tensors.ids == unknown
    count = int(wrong.sum())
    if not count:
        return
    ids = tensors.names(np.flatnonzero(tensors.count(wrong)))
    first = int(np.flatnonzero(wrong)[0])
    near = tensors.ids[max(0, first - 8) : first + 8].tolist()
    share = count / len(tensors.ids)
    yield finding(
        "unknown_tokens",
        "block" if share >= MANY_UNKNOWN else "warn",
        f"{many(count, 'token')} ({share:.2%}) in {many(len(ids), 'record')} unknown to the tokenizer.",
        "Take those characters out with `studio curate`, or use a model whose tokenizer knows them.",
        ids=ids,
        shown=context.text_of(near),
    )


def _bytes(context: PreflightContext) -> Iterator[Finding]:
    tensors = context.tensors
    used, counts = np.unique(tensors.ids, return_counts=True)
    known = (used >= 0) & (used < len(context.tokenizer))
    used, counts = used[known], counts[known]
    pieces = context.tokenizer.batch_decode([[token] for token in used.tolist()])
    broken = np.array(["\ufffd" in piece for piece in pieces], dtype=bool)
    count = int(counts[broken].sum()) if len(used) else 0
    if count < MANY_BYTES * max(1, len(tensors.ids)):
        return
    per_sequence = tensors.count(np.isin(tensors.ids, used[broken]))
    ids = tensors.names(np.flatnonzero(per_sequence))
    yield finding(
        "byte_fallback",
        "note",
        f"{count / len(tensors.ids):.0%} of the tokens are only a part of a character.",
        "Use a model that was trained on this language: the same text would take fewer tokens.",
        ids=ids,
        shown=context.shown(ids[0]),
    )


def _end_token(context: PreflightContext) -> Iterator[Finding]:
    given = getattr(context.config, "eos_token_id", None)
    ends = {given} if isinstance(given, int) else set(given or ())
    if not ends or ends & set(context.stops.tolist()):
        return
    names = ", ".join(context.text_of([end]) for end in sorted(ends) if end < len(context.tokenizer))
    yield finding(
        "end_token_differs",
        "warn",
        f"The model's configuration ends answers with {names or sorted(ends)}, which none of these answers end with.",
        f"Use a template that ends answers so, such as {context.other_template}.",
        shown=around(context.text_of(context.stops.tolist()), 0, 40),
    )


CHECK = Check("vocabulary", REASONS, _examine)
