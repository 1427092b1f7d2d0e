"""What does not fit: records over max_length, answers and end marks cut away, texts beyond the model's context."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from training.preflight.context import Check, PreflightContext
from training.preflight.finding import Finding, Lengths, Level, Reason, finding, many
from training.preflight.tensors import I64, Tensors

MANY = 0.1
COVERED = (0.95, 0.99, 1.0)
BUCKETS = 20

REASONS = {
    "too_long": Reason(
        ("block",),
        "Records longer than data.max_length, which data.too_long=refuse does not allow.",
        "Whatever is done about them (leaving them out, cutting them) changes what is learned, so it has to be chosen.",
        "Raise data.max_length, or choose data.too_long=drop or cut.",
    ),
    "dropped": Reason(
        ("warn", "note"),
        "Records longer than data.max_length, which are left out (data.too_long=drop).",
        "The longest answers go: the model learns to be brief. From a tenth of the records on this is a warning.",
        "Raise data.max_length.",
    ),
    "cut": Reason(
        ("warn", "note"),
        "Records longer than data.max_length, of which only the beginning is trained (data.too_long=cut).",
        "What is cut away is not learned. From a tenth of the records on this is a warning.",
        "Raise data.max_length.",
    ),
    "answers_lost": Reason(
        ("block",),
        "Cut records of which a whole answer is gone.",
        "Their prompts are still computed, and what they ask is answered with nothing.",
        "Raise data.max_length, or leave such records out: data.too_long=drop.",
    ),
    "ends_lost": Reason(
        ("warn",),
        "Cut records whose last answer has lost its end, with the end mark.",
        "Answers that stop in the middle of a sentence are learned as they are, and nothing says that they are over.",
        "Raise data.max_length, or leave such records out: data.too_long=drop.",
    ),
    "beyond_context": Reason(
        ("block", "note"),
        "More tokens than the model has positions for.",
        "It fails in the middle of the run, or learns from positions that it cannot tell apart. Only a note where no "
        "record is that long.",
        "Lower data.max_length to the model's context.",
    ),
}


def lengths_of(context: PreflightContext) -> Lengths:
    """How long the sequences are before anything is cut or left out."""
    tensors = context.all_tensors
    if not len(tensors):
        return Lengths()
    whole = np.sort(_full_sizes(context, tensors))
    least = int(whole[0])
    width = max(1, -(-(int(whole[-1]) - least + 1) // BUCKETS))
    counts = np.bincount((whole - least) // width)
    return Lengths(
        len(whole),
        least,
        int(whole[len(whole) // 2]),
        int(whole[-1]),
        float(whole.mean()),
        {f"{share:g}": int(whole[max(0, int(np.ceil(share * len(whole))) - 1)]) for share in COVERED},
        {least + (bucket + 1) * width - 1: int(count) for bucket, count in enumerate(counts)},
    )


def _full_sizes(context: PreflightContext, tensors: Tensors) -> I64:
    data = context.recipe.data
    if data.too_long != "cut":
        return tensors.sizes
    return tensors.sizes + np.where(tensors.sizes >= data.max_length, tensors.cut, 0)


def _examine(context: PreflightContext) -> Iterator[Finding]:
    tensors, data = context.all_tensors, context.recipe.data
    over = np.flatnonzero(tensors.cut > 0)
    if len(over):
        ids = tensors.names(over)
        longest = over[np.argmax(tensors.cut[over])]
        share = len(ids) / max(1, len(set(tensors.records)))
        covers = lengths_of(context).covers
        raised = f"--set data.max_length={covers['1']} holds them all, {covers['0.99']} holds 99 % whole"
        shown = context.shown(tensors.records[int(longest)])
        count = f"{many(len(ids), 'record')} ({share:.1%}) with more than {data.max_length:,} tokens"
        if data.too_long == "refuse":
            fix = f"{raised}; or --set data.too_long=drop leaves them out."
            yield finding("too_long", "block", f"{count}.", fix, ids=ids, shown=shown)
        else:
            reason = "dropped" if data.too_long == "drop" else "cut"
            said = "left out" if reason == "dropped" else "cut there"
            level: Level = "warn" if share >= MANY else "note"
            yield finding(reason, level, f"{count}, {said}.", f"{raised}.", ids=ids, shown=shown)
        if data.too_long == "cut":
            yield from _lost(context, tensors, raised)
    yield from _context(context, tensors)


def _lost(context: PreflightContext, tensors: Tensors, raised: str) -> Iterator[Finding]:
    last = tensors.offsets[1:][tensors.sizes > 0] - 1
    unended = np.zeros(len(tensors), dtype=bool)
    unended[tensors.sizes > 0] = tensors.trained[last] & ~np.isin(tensors.ids[last], context.stops)
    unended &= tensors.cut > 0
    # `lost` counts answers without their end; the one that is cut in its middle is still there in part
    gone = np.where(context.is_dpo, tensors.trained_counts == 0, tensors.lost - unended) * (tensors.cut > 0)
    fix = f"{raised}; or --set data.too_long=drop."
    whole = np.flatnonzero(gone)
    if len(whole):
        ids = tensors.names(whole)
        message = f"{many(int(gone.sum()), 'answer')} of {many(len(ids), 'record')} cut away whole."
        yield finding("answers_lost", "block", message, fix, ids=ids, shown=context.shown(ids[0]))
    ended = np.flatnonzero(unended)
    if len(ended):
        ids = tensors.names(ended)
        message = f"{many(len(ids), 'record')} whose last answer loses its end and its end mark."
        shown = "…" + context.text_of(tensors.of(int(ended[0]))[0][-24:])
        yield finding("ends_lost", "warn", message, fix, ids=ids, shown=shown)


def _context(context: PreflightContext, tensors: Tensors) -> Iterator[Finding]:
    positions = getattr(context.config, "max_position_embeddings", None)
    recipe = context.recipe
    if not isinstance(positions, int) or positions <= 0 or not len(tensors):
        return
    virtual = recipe.virtual.tokens if recipe.method.kind in ("prefix", "prompt", "p_tuning") else 0
    room = positions - virtual
    beyond = np.flatnonzero(context.tensors.sizes > room)
    its = f"the model has {positions:,} positions" + (f", {virtual} of them virtual tokens" if virtual else "")
    fix = f"--set data.max_length={room}"
    if len(beyond):
        ids = context.tensors.names(beyond)
        message = f"{many(len(ids), 'record')} of more than {room:,} tokens: {its}."
        yield finding("beyond_context", "block", message, f"{fix}.", ids=ids, shown=context.shown(ids[0]))
    elif recipe.data.max_length > room:
        message = f"data.max_length is {recipe.data.max_length:,}, and {its}. No record is that long."
        yield finding("beyond_context", "note", message, f"{fix}, for what may be added later.")


CHECK = Check("length", REASONS, _examine)
