"""What answers teach by their form: nothing, the prompt again, one sentence for everything, a loop."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from curation.dedup.shingles import mix
from training.preflight.context import Check, PreflightContext, folded, hashes
from training.preflight.finding import Finding, Level, Reason, finding, many
from training.preflight.tensors import I64, Bools, Tensors

MANY_EMPTY = 0.05
SAME = 0.2  # share of the records with one answer
SAME_CHARACTERS = 40  # shorter ones are labels, which repeat by nature
SAME_LEAST = 10  # records
FEW_OF_ONE = 0.5
GRAM = 4  # tokens of a stretch
LOOP_TOKENS = 48  # of an answer at least
LOOP = 0.3  # share of its stretches that differ from each other, at most
ECHO = 24  # characters of a prompt whose repetition is no accident

REASONS = {
    "empty_answer": Reason(
        ("block", "warn"),
        "Answers without any text.",
        "The model learns to say nothing. It stops the run from one record in twenty on.",
        "Leave them out.",
    ),
    "one_token_answer": Reason(
        ("note",),
        "A few answers of a single token among longer ones.",
        "They are often what is left of a damaged record.",
        "Look at them; nothing is wrong with labels.",
    ),
    "same_answer": Reason(
        ("warn",),
        "One long answer to a fifth of the prompts or more.",
        "The model learns to say it whatever is asked.",
        "Keep a few of them.",
    ),
    "looping_answer": Reason(
        ("warn",),
        "Answers that say the same words again and again.",
        "The model learns to get stuck.",
        "Leave them out: the stage repetition of `studio curate` finds them.",
    ),
    "answer_repeats_prompt": Reason(
        ("warn",),
        "Answers that are the prompt, or begin with all of it.",
        "The model learns to repeat what it is asked.",
        "Take the prompt out of the answers.",
    ),
}


def _examine(context: PreflightContext) -> Iterator[Finding]:
    yield from _empty(context)
    yield from _one_token(context)
    yield from _same(context)
    yield from _looping(context)
    yield from _repeating(context)


def _empty(context: PreflightContext) -> Iterator[Finding]:
    taught = context.turns.filter(pl.col("role").is_in(["assistant", "rejected", "text"]))
    rows = taught.filter(pl.col("content").str.strip_chars() == "")["row"].unique(maintain_order=True)
    if len(rows):
        level: Level = "block" if len(rows) >= MANY_EMPTY * len(context.records) else "warn"
        ids = context.ids_of(rows.to_list())
        message = f"{many(len(ids), 'record')} with an answer without any text."
        yield finding(
            "empty_answer",
            level,
            message,
            "Leave them out with `studio curate`.",
            ids=ids,
            shown=context.shown(ids[0]),
        )


def _one_token(context: PreflightContext) -> Iterator[Finding]:
    tensors, runs = context.tensors, context.tensors.runs
    if not len(runs.starts):
        return
    said = runs.ends - runs.starts - np.isin(tensors.ids[runs.ends - 1], context.stops)
    short = np.flatnonzero(said == 1)
    if 0 < len(short) < FEW_OF_ONE * len(said):
        ids = tensors.names(runs.owners[short])
        yield finding(
            "one_token_answer",
            "note",
            f"{len(short):,} of {len(said):,} answers of a single token.",
            "Look at them; leave them out if they are damaged.",
            ids=ids,
            shown=context.shown(ids[0]),
        )


def _same(context: PreflightContext) -> Iterator[Finding]:
    values, first, counts = np.unique(context.answer_hashes, return_index=True, return_counts=True)
    if not len(values):
        return
    lengths = np.array([len(context.answers[int(place)]) for place in first])
    wrong = (values != 0) & (counts >= max(SAME_LEAST, SAME * len(context.records))) & (lengths >= SAME_CHARACTERS)
    for place in np.flatnonzero(wrong).tolist():
        rows = np.flatnonzero(context.answer_hashes == values[place])
        if len(np.unique(context.prompt_hashes[rows])) < SAME_LEAST:
            continue  # copies of one record: told as duplicates
        ids = context.ids_of(rows)
        yield finding(
            "same_answer",
            "warn",
            f"{len(ids):,} of {len(context.records):,} records with one and the same answer.",
            "Keep a few of them, with `studio curate` and its stage sample or where.",
            ids=ids,
            shown=context.answers[int(first[place])],
        )


def _looping(context: PreflightContext) -> Iterator[Finding]:
    tensors = context.tensors
    varied, enough = _variety(tensors)
    loops = np.flatnonzero(enough & (varied < LOOP))
    if len(loops):
        ids = tensors.names(loops)
        worst = int(loops[np.argmin(varied[loops])])
        tokens, trained = tensors.of(worst)
        said = context.text_of([token for token, is_trained in zip(tokens, trained, strict=True) if is_trained])
        yield finding(
            "looping_answer",
            "warn",
            f"{many(len(ids), 'record')} whose answers say the same words again and again.",
            "Leave them out: the stage repetition of `studio curate` finds them.",
            ids=ids,
            shown=said[-120:],
        )


def _variety(tensors: Tensors) -> tuple[np.ndarray, Bools]:
    """Of each sequence the share of different stretches of GRAM trained tokens, and whether it has enough to tell."""
    totals = np.zeros(len(tensors), dtype=np.int64)
    different = np.zeros(len(tensors), dtype=np.int64)
    for low, high in tensors.blocks():
        begin, end = int(tensors.offsets[low]), int(tensors.offsets[high])
        stretches = max(0, end - begin - GRAM + 1)
        trained, ids = tensors.trained[begin:end], tensors.ids[begin:end]
        owners = tensors.owners[begin:end] - low
        inside = owners[:stretches] == owners[end - begin - stretches :]
        for shift in range(GRAM):
            inside &= trained[shift : shift + stretches]
        places = np.flatnonzero(inside)
        mine = owners[places]
        count = np.bincount(mine, minlength=high - low)
        enough = (count >= LOOP_TOKENS)[mine]
        places, sequence = places[enough], mine[enough].astype(np.uint64)
        keys = np.zeros(len(places), dtype=np.uint64)
        for shift in range(GRAM):
            keys = keys * np.uint64(0x9E3779B97F4A7C15) + ids[places + shift].astype(np.uint64)
        keys = (sequence << np.uint64(32)) | (mix(keys) >> np.uint64(32))
        totals[low:high] = count
        different[low:high] = np.bincount((_distinct(keys) >> np.uint64(32)).astype(np.int64), minlength=high - low)
    return different / np.maximum(totals, 1), totals >= LOOP_TOKENS


def _distinct(keys: np.ndarray) -> np.ndarray:
    keys.sort()
    new = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    return keys[new]


def _repeating(context: PreflightContext) -> Iterator[Finding]:
    asked = [
        next((m.content for m in reversed(example.messages[:-1]) if m.role == "user"), "")
        for example in context.records
    ]
    same = (hashes(asked) == context.answer_hashes) & (context.answer_hashes != 0)
    rows: I64 = np.flatnonzero(same | _begins(asked, context.answers))
    if len(rows):
        ids = context.ids_of(rows)
        yield finding(
            "answer_repeats_prompt",
            "warn",
            f"{many(len(ids), 'record')} whose answer is the prompt, or begins with all of it.",
            "Take the prompt out of the answers.",
            ids=ids,
            shown=context.shown(ids[0]),
        )


def _begins(asked: list[str], answers: list[str]) -> Bools:
    """Which answers begin with all of a prompt that is long enough, whatever its capitals and spaces."""
    candidates = [
        place
        for place, (prompt, answer) in enumerate(zip(asked, answers, strict=True))
        if ECHO <= len(prompt) <= len(answer) + ECHO and prompt[:1].lower() == answer.strip()[:1].lower()
    ]
    found = np.zeros(len(asked), dtype=bool)
    heads = [answers[place].strip()[: len(asked[place].strip())] for place in candidates]
    if candidates:
        found[candidates] = (folded(heads) == folded([asked[place] for place in candidates])) & (folded(heads) != 0)
    return found


CHECK = Check("answers", REASONS, _examine)
