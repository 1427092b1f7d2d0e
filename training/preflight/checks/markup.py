"""Special tokens written out inside the texts: the tokenizer takes them for the real ones."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from training.preflight.context import Check, PreflightContext
from training.preflight.finding import Finding, Reason, around, finding

REASONS = {
    "end_in_answer": Reason(
        ("block",),
        "Answers that have an end mark inside.",
        "It is the real end token to the model, which learns to stop in the middle and what comes after a stop.",
        "Take the marks out: `studio curate` finds them, or cut the answers there.",
    ),
    "markup_in_text": Reason(
        ("warn",),
        "Texts that have special tokens of this model written out inside.",
        "They become the real ones: a user's text can open an assistant's turn, or end its own.",
        "Take the marks out.",
    ),
}


def _examine(context: PreflightContext) -> Iterator[Finding]:
    ends = sorted({*context.template.stops, *filter(None, [context.tokenizer.eos_token])} - {""})
    marks = sorted({*map(str, context.tokenizer.all_special_tokens), *_added(context), *ends} - {""})
    marks = [mark for mark in marks if not mark.isspace()]
    ends = [mark for mark in ends if not mark.isspace()]
    if not marks:
        return
    hit = context.turns.filter(pl.col("content").str.contains_any(marks))
    in_answers = hit.filter(pl.col("role").is_in(["assistant", "rejected"]) & pl.col("content").str.contains_any(ends))
    others = hit.join(in_answers, on=["row", "turn"], how="anti", maintain_order="left")
    if len(in_answers):
        yield _finding(
            context,
            in_answers,
            ends,
            "end_in_answer",
            "block",
            "answers have an end mark inside",
            "Take the marks out of the records, or cut the answers there.",
        )
    if len(others):
        yield _finding(
            context,
            others,
            marks,
            "markup_in_text",
            "warn",
            "texts have special tokens written out inside",
            "Take the marks out of the records.",
        )


def _added(context: PreflightContext) -> list[str]:
    """Special tokens that are no role of the tokenizer (such as <|im_start|>) but are in its vocabulary all the same."""
    decoder = getattr(context.tokenizer, "added_tokens_decoder", {})
    return [token.content for token in decoder.values() if token.special]


def _finding(
    context: PreflightContext,
    turns: pl.DataFrame,
    marks: list[str],
    reason: str,
    level: str,
    what: str,
    fix: str,
) -> Finding:
    ids = context.ids_of(turns["row"].unique(maintain_order=True).to_list())
    text = turns["content"][0]
    at, mark = min((text.find(mark), mark) for mark in marks if mark in text)
    kind = "block" if level == "block" else "warn"
    return finding(
        reason, kind, f"{len(turns):,} {what}, such as {mark}.", fix, ids=ids, shown=around(text, at, at + len(mark))
    )


CHECK = Check("markup", REASONS, _examine)
