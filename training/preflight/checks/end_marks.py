"""Whether every answer ends with a mark that is trained: a model that never learns it never stops."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from training.preflight.context import Check, PreflightContext
from training.preflight.finding import Finding, Reason, finding, many
from training.preflight.tensors import Runs, Tensors

TAIL = 3  # tokens at the end of an answer among which its end mark must be: some templates put a newline behind it

REASONS = {
    "end_missing": Reason(
        ("block",),
        "Answers that are trained without an end mark.",
        "The model learns to go on for ever: it never writes the token that ends an answer.",
        "Use a template whose answers end with a mark of this tokenizer; template.name=auto is the model's own.",
    ),
    "end_masked": Reason(
        ("block",),
        "Answers whose end mark is there, but masked.",
        "As without one: the model never learns to stop. It happens when padding is masked by its id and the end token "
        "is used for padding.",
        "Use a template whose marks of an answer include its end.",
    ),
    "padding_trained": Reason(
        ("block",),
        "Padding that is trained.",
        "The model learns to write padding after its answers.",
        "Report it, with what `studio doctor` says; padding is added later, and never trained.",
    ),
    "end_in_answer": Reason(
        ("block", "warn"),
        "Answers that have an end token in the middle.",
        "The model learns to stop there, and what comes after a stop. Only a warning in plain texts, which may be "
        "several documents one after another.",
        "Take the mark out, or cut the answers there.",
    ),
    "end_not_one_token": Reason(
        ("block",),
        "The template's end mark is no single token of this tokenizer.",
        "The model must spell it out, letter by letter, and nothing that stops at an end token will see it.",
        "Use a template that fits the tokenizer; template.name=auto is the model's own.",
    ),
}


def _examine(context: PreflightContext) -> Iterator[Finding]:
    tensors, stops = context.tensors, context.stops
    spelled = _spelled(context)
    if spelled:
        yield finding(
            "end_not_one_token",
            "block",
            f"The template {context.template.name} ends answers with {context.template.stops[0]}, which is no single "
            "token of this model.",
            f"Use a template that fits: {context.other_template}.",
            records=len(set(tensors.records)),
        )
    yield from _padding(context, tensors)
    if not len(tensors.ids):
        return
    runs = _last_runs(tensors) if context.recipe.data.train_on == "everything" else tensors.runs
    without, masked = _without_end(tensors, runs, stops, spelled)
    cut = tensors.cut[runs.owners] > 0 if context.recipe.data.too_long == "cut" else np.zeros(len(runs.owners), bool)
    last = np.append(runs.owners[1:] != runs.owners[:-1], True) if len(runs.owners) else np.zeros(0, bool)
    without &= ~(cut & last)  # told by the check of lengths
    yield from _told(context, tensors, runs, without & masked, "end_masked")
    yield from _told(context, tensors, runs, without & ~masked, "end_missing")
    if context.recipe.data.train_on != "everything":
        yield from _inside(context, tensors, runs, stops)


def _inside(context: PreflightContext, tensors: Tensors, runs: Runs, stops: np.ndarray) -> Iterator[Finding]:
    """End tokens within an answer, not among its last tokens."""
    room = np.zeros(len(tensors.ids), dtype=bool)
    for start, end in zip(runs.starts.tolist(), (runs.ends - TAIL).tolist(), strict=True):
        room[start : max(start, end)] = True
    wrong = np.flatnonzero(room & np.isin(tensors.ids, stops))
    texts = {example.record_id for example in context.records if example.messages[-1].role == "text"}
    for level, are_texts in (("block", False), ("warn", True)):
        places = [place for place in wrong.tolist() if (tensors.records[tensors.owners[place]] in texts) is are_texts]
        if not places:
            continue
        ids = tensors.names(tensors.owners[places])
        near = tensors.ids[max(0, places[0] - 12) : places[0] + 8].tolist()
        yield finding(
            "end_in_answer",
            "block" if level == "block" else "warn",
            f"{many(len(places), 'end token')} in the middle of what is learned.",
            "Take the marks out of the records, or cut the answers there.",
            ids=ids,
            shown=context.text_of(near),
        )


def _without_end(
    tensors: Tensors, runs: Runs, stops: np.ndarray, spelled: list[list[int]]
) -> tuple[np.ndarray, np.ndarray]:
    """Which runs have no end mark among their last tokens, and which have a masked one right behind them."""
    is_stop = np.isin(tensors.ids, stops)
    found = np.zeros(len(runs.starts), dtype=bool)
    for back in range(1, TAIL + 1):
        places = runs.ends - back
        found |= (places >= runs.starts) & is_stop[np.maximum(places, 0)]
    for mark in spelled:
        found |= _ends_with(tensors, runs, mark)
    behind = np.minimum(runs.ends, len(tensors.ids) - 1)
    inside = runs.ends < tensors.offsets[runs.owners + 1]
    return ~found, inside & is_stop[behind]


def _spelled(context: PreflightContext) -> list[list[int]]:
    """The template's end mark, where it takes several tokens."""
    mark = context.tokenizer.encode(context.template.stops[0], add_special_tokens=False)
    return [mark] if len(mark) > 1 else []


def _ends_with(tensors: Tensors, runs: Runs, mark: list[int]) -> np.ndarray:
    """Runs whose last tokens are `mark`. Its first token may have melted into the answer, so it is not compared."""
    same = runs.ends - runs.starts >= len(mark)
    for back, token in enumerate(reversed(mark[1:]), start=1):
        same &= tensors.ids[np.maximum(runs.ends - back, 0)] == token
    return same


def _last_runs(tensors: Tensors) -> Runs:
    runs = tensors.runs
    last = np.append(runs.owners[1:] != runs.owners[:-1], True) if len(runs.owners) else np.zeros(0, bool)
    return Runs(runs.starts[last], runs.ends[last], runs.owners[last])


def _told(context: PreflightContext, tensors: Tensors, runs: Runs, wrong: np.ndarray, reason: str) -> Iterator[Finding]:
    places = np.flatnonzero(wrong)
    if not len(places):
        return
    ids = tensors.names(runs.owners[places])
    first = int(places[0])
    low, high = max(int(runs.starts[first]), int(runs.ends[first]) - 20), int(runs.ends[first]) + 3
    high = min(high, int(tensors.offsets[runs.owners[first] + 1]))
    pad, eos = context.tokenizer.pad_token_id, context.tokenizer.eos_token_id
    if reason == "end_masked":
        cause = " (the end token is also the padding, and was masked as such)" if pad is not None and pad == eos else ""
        message = f"{many(len(places), 'answer')} with a masked end mark{cause}."
    else:
        message = f"{many(len(places), 'answer')} trained without an end mark."
    yield finding(
        reason,
        "block",
        message,
        f"Use a template whose answers end with a mark, such as {context.other_template}.",
        ids=ids,
        shown=context.text_of(tensors.ids[low:high].tolist()),
    )


def _padding(context: PreflightContext, tensors: Tensors) -> Iterator[Finding]:
    pad = context.tokenizer.pad_token_id
    if pad is None or pad in context.stops or pad == context.tokenizer.bos_token_id:
        return
    wrong = np.flatnonzero(tensors.count(tensors.trained & (tensors.ids == pad)))
    if len(wrong):
        ids = tensors.names(wrong)
        yield finding(
            "padding_trained",
            "block",
            f"Padding ({context.text_of([pad])}) is trained in {many(len(ids), 'record')}.",
            "Take the padding token out of the texts; if it is not in them, report it with what `studio doctor` says.",
            ids=ids,
            shown=context.shown(ids[0]),
        )


CHECK = Check("end_marks", REASONS, _examine)
