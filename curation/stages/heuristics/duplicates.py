"""Repeated units (lines, paragraphs) of texts: how many there are, and how many characters they have."""

from __future__ import annotations

import numpy as np
import polars as pl

from curation.stages.heuristics.words import Floats


def duplicates(units: pl.DataFrame, texts: int) -> tuple[Floats, Floats]:
    """For each of `texts` texts: how many units occurred before in the same text, and the characters in
    those.

    `units` has `row` (number of the text) and `unit`.
    """
    repeated = (
        units.group_by("row", "unit")
        .len()
        .filter(pl.col("len") > 1)
        .with_columns(again=pl.col("len") - 1)
        .select("row", "again", characters=pl.col("again") * pl.col("unit").str.len_chars())
    )
    rows = repeated["row"].to_numpy()
    counts = np.bincount(rows, repeated["again"].to_numpy(), texts)
    characters = np.bincount(rows, repeated["characters"].to_numpy(), texts)
    return counts.astype(np.float64), characters.astype(np.float64)


def duplicate_characters(units: pl.DataFrame, texts: int) -> Floats:
    """The characters of each text that are in units it had before."""
    return duplicates(units, texts)[1]
