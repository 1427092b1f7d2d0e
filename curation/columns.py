"""Original columns of records, put together again from their turns and `meta`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from curation.schema import Batch


def original_objects(batch: Batch) -> Iterator[dict[str, Any]]:
    """Each record of the batch as an object of its own format, with the text it has now."""
    from curation.formats import original

    turns: dict[str, list[tuple[str, str]]] = {}
    for record_id, role, content in batch.turns.select("record_id", "role", "content").iter_rows():
        turns.setdefault(record_id, []).append((role, content))
    for record_id, form, meta in batch.records.select("record_id", "format", "meta").iter_rows():
        yield original(form, meta, turns.get(record_id, []))


def original_column(batch: Batch, column: str) -> pl.Series:
    """The values of one original column as strings (numbers and booleans as JSON writes them); null where a record
    lacks it or holds something nested there.
    """
    values = [_plain(record.get(column)) for record in original_objects(batch)]
    return pl.Series(column, values, dtype=pl.String)


def _plain(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None
