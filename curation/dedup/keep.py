"""Which copy of a record stays."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Literal

import polars as pl

from curation.columns import original_column
from curation.schema import Batch

Keep = Literal["best", "longest", "first", "column", "source"]

_ENDED = r"[.!?…。！？」』”\"'`)\]}】）>]$"  # how a finished answer ends


def check_keep(keep: Keep, column: str, sources: Sequence[str]) -> None:
    """Raise ValueError unless `column` and `sources` are given just where the keep rule needs them."""
    if (keep == "column") != bool(column):
        raise ValueError("'column' goes with 'keep: column', and 'keep: column' needs it")
    if (keep == "source") != bool(sources):
        raise ValueError("'sources' goes with 'keep: source', and 'keep: source' needs it")


def rank(batch: Batch, keep: Keep, column: str = "", sources: Sequence[str] = ()) -> pl.Series:
    """A number for each record; the highest stays, and among equals the first in source order.

    best: complete (prompt and answer both there, the answer ended, no replacement characters), then longer.
    column: the number in an original column; records without one rank last (null). source: the order of `sources`
    (names or patterns), the others after them, then complete and longer as for best.
    """
    if keep == "first":
        return pl.zeros(len(batch), eager=True)
    if keep == "column":
        return original_column(batch, column).cast(pl.Float64, strict=False)
    texts = batch.texts("record")["text"]
    lengths = texts.str.len_chars().clip(0, 999_999).cast(pl.Float64)
    if keep == "longest":
        return lengths
    best = completeness(batch, texts) * 1e6 + lengths
    if keep == "best":
        return best
    places = {name: _place(name, sources) for name in batch.records["source"].unique()}
    return best + batch.records["source"].replace_strict(places, return_dtype=pl.Float64) * 1e8


def completeness(batch: Batch, texts: pl.Series) -> pl.Series:
    """How whole a record is, 0 to 3: it has a prompt or is a plain text; its answer ends; nothing is broken in it.

    `texts` are those of the whole records.
    """
    roles = batch.turns["role"]
    if (roles == "text").all() and len(roles) == len(batch):
        answer, has_both = texts, pl.repeat(True, len(batch), dtype=pl.Boolean, eager=True)
    else:
        answer = batch.texts("answer")["text"]
        plain = batch.records["record_id"].is_in(batch.turns.filter(roles == "text")["record_id"].implode())
        has_both = (batch.texts("prompt")["text"] != "") | plain
    ended = answer.str.strip_chars_end().str.slice(-1).str.contains(_ENDED)
    unbroken = ~texts.str.contains("\ufffd", literal=True)
    return has_both.cast(pl.Float64) + ended.cast(pl.Float64) + unbroken.cast(pl.Float64)


def _place(name: str, sources: Sequence[str]) -> float:
    for place, pattern in enumerate(sources):
        if name == pattern or fnmatchcase(name, pattern):
            return float(len(sources) - place)
    return 0.0
