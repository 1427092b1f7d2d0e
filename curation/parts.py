"""Fingerprints of a corpus that fits on the disk and not in memory, a shard at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
IntoColumn = str | pl.Expr


def parts_of(fingerprints: pl.LazyFrame, parts: Sequence[pl.LazyFrame]) -> Sequence[pl.LazyFrame]:
    """`parts` of the context, or all at once where there are none (a preview, a test): together they are `fingerprints`.

    They are read with the collector that holds one of them: the streaming one reads far ahead of whoever takes its batches.
    """
    return parts or [fingerprints]


def numbers_of(parts: Sequence[pl.LazyFrame], column: IntoColumn) -> NDArray[np.generic]:
    """One number a record: a column of numbers without nulls, whole. Shape `(records,)`."""
    found = [part.select(column).collect().to_series().to_numpy() for part in parts]
    return np.concatenate(found) if found else np.zeros(0)


def rows_at(parts: Sequence[pl.LazyFrame], ordinals: U64, columns: Sequence[str]) -> pl.DataFrame:
    """`ordinal` and `columns` of the records at these places (ascending), in order."""
    found = [part.select("ordinal", *columns).clear().collect() for part in parts[:1]]
    for part in parts:
        frame = part.select("ordinal", *columns).collect()
        found.append(_copied(frame.filter(pl.Series(_within(ordinals, frame["ordinal"].to_numpy())))))
    return pl.concat(found)


def rows_named(parts: Sequence[pl.LazyFrame], names: pl.Series, columns: Sequence[str]) -> pl.DataFrame:
    """`record_id` and `columns` of the records with these ids, in order."""
    wanted = np.sort(names.hash(0).to_numpy())
    found = [part.select("record_id", *columns).clear().collect() for part in parts[:1]]
    for part in parts:
        frame = part.select("record_id", *columns).collect()
        found.append(_copied(frame.filter(pl.Series(_within(wanted, frame["record_id"].hash(0).to_numpy())))))
    # Two names may have the same hash, once in a very long while.
    return pl.concat(found).join(names.alias("record_id").to_frame(), on="record_id", how="semi", maintain_order="left")


def _copied(frame: pl.DataFrame) -> pl.DataFrame:
    """With texts of its own: those of a filtered frame are views, which keep every text there was before in memory."""
    return frame.with_columns(pl.col(pl.String) + pl.lit(""))


def _within(wanted: U64, numbers: U64) -> NDArray[np.bool_]:
    """Which of `numbers` are among `wanted` (ascending)."""
    if not len(wanted):
        return np.zeros(len(numbers), dtype=bool)
    places = np.minimum(np.searchsorted(wanted, numbers), len(wanted) - 1)
    same: NDArray[np.bool_] = wanted[places] == numbers
    return same
