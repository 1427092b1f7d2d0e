"""Numbers that earlier stages measured, by name: `stage` (its score), `stage.value`, or a product of several."""

from __future__ import annotations

import re

import polars as pl

from curation.schema import Batch

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\.[^\s*]+)?")


def wanted_numbers(score: str) -> list[str]:
    """The names in `a.quality * a.depth`; ValueError when it is nothing of the kind."""
    names = [name.strip() for name in score.split("*")] if score else []
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(f"'{score}' names no number: write stage, stage.value or stage.value * stage.value")
    return names


def number_of(batch: Batch, scores: pl.DataFrame | None, name: str) -> pl.Series:
    """One number a record (Float64), null where it has none."""
    stage, _, value = name.partition(".")
    if scores is None:
        return pl.Series([None], dtype=pl.Float64).new_from_index(0, len(batch))
    mine = scores.filter((pl.col("stage") == stage) & (pl.col("name") == (value or "score")))
    mine = mine.unique("record_id", keep="last", maintain_order=True).select("record_id", "value")
    return batch.records.select("record_id").join(mine, on="record_id", how="left", maintain_order="left")["value"]


def product_of(batch: Batch, scores: pl.DataFrame | None, score: str) -> pl.Series:
    """The product of the named numbers, null where one of them is missing or no name is given."""
    product: pl.Series | None = None
    for name in wanted_numbers(score):
        number = number_of(batch, scores, name)
        product = number if product is None else product * number
    return pl.Series([None], dtype=pl.Float64).new_from_index(0, len(batch)) if product is None else product


def known_numbers(scores: pl.DataFrame | None) -> str:
    """The names of all numbers there are, sorted, one a line."""
    if scores is None:
        return ""
    found = scores.select("stage", "name").unique().sort("stage", "name").iter_rows()
    return "\n".join(stage if name == "score" else f"{stage}.{name}" for stage, name in found)
