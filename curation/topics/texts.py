"""What of a record is looked at for its topic: the beginnings of what is asked and of what is answered."""

from __future__ import annotations

from typing import Final, Literal

import polars as pl

SIDE: Final = 500  # characters of each side: what a record is about is said early, and embedding costs by length
_PROMPT, _ANSWER = ("user",), ("assistant", "chosen", "text")
_SIDES: Final = {"record": ("asked", "answered"), "prompt": ("asked",), "answer": ("answered",)}

MapPart = Literal["record", "prompt", "answer"]


def mapped_texts(record_ids: pl.Series, turns: pl.DataFrame, part: MapPart) -> pl.DataFrame:
    """`record_id, text, shown`, one row a record in their order: what is compared, and what a record is shown by (its
    prompt, or what there is). "" where there is nothing. System prompts, tools and rejected answers tell no topic."""
    is_asked, is_answered = pl.col("role").is_in(_PROMPT), pl.col("role").is_in(_ANSWER)
    said = turns.group_by("record_id", maintain_order=True).agg(
        asked=pl.col("content").filter(is_asked).str.join("\n"),
        answered=pl.col("content").filter(is_answered).str.join("\n"),
    )
    text = pl.concat_str([pl.col(side).str.slice(0, SIDE) for side in _SIDES[part]], separator="\n").str.strip_chars()
    return (
        record_ids.to_frame("record_id")
        .join(said, on="record_id", how="left", maintain_order="left")
        .with_columns(pl.col("asked", "answered").fill_null(""))
        .select("record_id", text=text, shown=pl.when(pl.col("asked") != "").then("asked").otherwise("answered"))
    )
