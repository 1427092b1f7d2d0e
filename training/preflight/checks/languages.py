"""Which languages are mixed, and whether answers are in the language they were asked in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import polars as pl

from training.preflight.context import Check, PreflightContext
from training.preflight.finding import Finding, Reason, finding

LOOKED = 2_000  # records
SHARE = 0.05
SURE = 0.5

REASONS = {
    "language_mix": Reason(
        ("note",),
        "The answers are in more than one language.",
        "Nothing is wrong when it is meant; a language with few records is learned badly.",
        "Keep one language, with the stage language of `studio curate`, if it is not meant.",
    ),
    "answer_in_other_language": Reason(
        ("note",),
        "Answers in another language than the question.",
        "The model learns to change the language. It is meant in translations.",
        "Leave them out, if they are no translations.",
    ),
}


def _examine(context: PreflightContext) -> Iterator[Finding]:
    from curation.language.detect import detect_languages

    step = max(1, len(context.records) // LOOKED)
    rows = [row for row in range(0, len(context.records), step) if context.answers[row].strip()]
    if not rows:
        return
    asked = [_last_question(context, row) for row in rows]
    texts = pl.Series([*(context.answers[row] for row in rows), *asked], dtype=pl.String)
    names = [name if score >= SURE else "unknown" for name, score in detect_languages(texts).iter_rows()]
    answered, questions = names[: len(rows)], names[len(rows) :]
    counts = Counter(name for name in answered if name != "unknown")
    known = sum(counts.values())
    main = [(name, count) for name, count in counts.most_common() if count >= max(2, SHARE * known)]
    if len(main) > 1:
        ids = context.ids_of([row for row, name in zip(rows, answered, strict=True) if name == main[-1][0]])
        listed = ", ".join(f"{name} {count / known:.0%}" for name, count in main)
        message = f"The answers are in several languages: {listed}."
        fix = "If it is not meant: `studio curate` with its stage language."
        yield finding("language_mix", "note", message, fix, ids=ids, shown=context.shown(ids[0]))
    crossed = [
        row
        for row, name, other in zip(rows, answered, questions, strict=True)
        if "unknown" not in (name, other) and name != other
    ]
    if len(crossed) >= max(2, SHARE * len(rows)):
        ids = context.ids_of(crossed)
        message = f"{len(ids):,} of {len(rows):,} answers in another language than their question."
        fix = "Leave them out, if they are no translations."
        yield finding("answer_in_other_language", "note", message, fix, ids=ids, shown=context.shown(ids[0]))


def _last_question(context: PreflightContext, row: int) -> str:
    messages = context.records[row].messages
    return next((message.content for message in reversed(messages) if message.role == "user"), "")


CHECK = Check("languages", REASONS, _examine)
