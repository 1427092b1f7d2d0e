"""Original columns of a record, out of its `meta`."""

from __future__ import annotations

import polars as pl

from curation.readers.payload import loads_exact
from curation.schema import Batch


def original_column(batch: Batch, column: str) -> pl.Series:
    """The values of one original column that carries no text, as strings (numbers and booleans as JSON writes them);
    null where a record lacks it or holds something nested there.
    """
    values = [_plain(loads_exact(meta).get(column)) for meta in batch.records["meta"]]
    return pl.Series(column, values, dtype=pl.String)


def _plain(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None
