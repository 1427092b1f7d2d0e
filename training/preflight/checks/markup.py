"""Special tokens written out inside the texts: markup of a template that was left in the data."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from training.preflight.context import Check, PreflightContext
from training.preflight.finding import Finding, Reason, around, finding, many

REASONS = {
    "markup_in_text": Reason(
        ("warn",),
        "Texts that have special tokens of this model written out inside.",
        "Here they are kept apart from the real ones (but for plain texts); other programs take them for real, so that a "
        "question can open an answer, or an answer end early. Mostly they are left over from another template.",
        "Take the marks out.",
    ),
}


def _examine(context: PreflightContext) -> Iterator[Finding]:
    from training.template.guards import special_texts

    marks = list({*special_texts(context.tokenizer), *context.template.stops})
    hit = context.turns.filter(pl.col("content").str.contains_any(marks)) if marks else context.turns.clear()
    if not len(hit):
        return
    ids = context.ids_of(hit["row"].unique(maintain_order=True).to_list())
    text = hit["content"][0]
    at, mark = min((text.find(mark), mark) for mark in marks if mark in text)
    yield finding(
        "markup_in_text",
        "warn",
        f"{many(len(hit), 'message')} with special tokens written out inside, such as {mark}.",
        "Take the marks out of the records.",
        ids=ids,
        shown=around(text, at, at + len(mark)),
    )


CHECK = Check("markup", REASONS, _examine)
