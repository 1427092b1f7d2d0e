"""The rows of a run by what became of them, and sorting by length, size, source or a column."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from curation.browsing.model import Raw, Stopped
from curation.browsing.reading import take_apart
from curation.browsing.record_list import RecordList
from curation.browsing.search import PORTION, Advanced, Rows
from curation.errors import InputError, nearest

if TYPE_CHECKING:
    from curation.browsing.model import RowNumbers

SORTS = ("length", "size", "source")
"""What every list can be sorted by, besides its columns: characters of text, bytes as stored, the place it came from."""


def rows_with_fate(records: RecordList, fate: str, stopped: Stopped, advanced: Advanced) -> Rows | None:
    """The rows of a run that were kept (edited ones too), edited or dropped; None if stopped."""
    wanted = ("kept", "edited") if fate == "kept" else (fate,)
    found: list[int] = []
    total = len(records)
    for first in range(0, total, PORTION):
        if stopped():
            return None
        last = min(total, first + PORTION)
        found.extend(row for row, raw in enumerate(records.raws(first, last), first) if raw.fate.startswith(wanted))
        advanced(last, total, len(found))
    return np.array(found, np.int64)


def sort_rows(
    records: RecordList, by: str, rows: RowNumbers | None, stopped: Stopped, advanced: Advanced
) -> Rows | None:
    """`rows` (None for all) sorted by one of SORTS or a column, descending with a "-" in front; equal ones stay in
    order, and those without a value come last. None if stopped. Raises InputError for an unknown column.
    """
    name = by.removeprefix("-")
    descending = by.startswith("-")
    every = np.arange(len(records), dtype=np.int64) if rows is None else np.asarray(rows, np.int64)
    if name == "source":
        ordered = np.sort(every)
        return ordered[::-1] if descending else ordered
    key, numeric = _key(records, name)
    values: list[float | str | None] = []
    for first in range(0, len(every), PORTION):
        if stopped():
            return None
        part = every[first : first + PORTION]
        values.extend(map(key, _raws(records, part)))
        advanced(first + len(part), len(every), 0)
    return every[_argsort(values, numeric, descending)]


def _raws(records: RecordList, rows: Rows) -> Iterable[Raw]:
    if len(rows) and int(rows[-1]) - int(rows[0]) == len(rows) - 1 and (np.diff(rows) == 1).all():
        return records.raws(int(rows[0]), int(rows[-1]) + 1)
    return (records.raw(int(row)) for row in rows)


def _key(records: RecordList, name: str) -> tuple[Callable[[Raw], float | str | None], bool]:
    """The value of a record to sort by, and whether it is a number."""
    if name == "size":
        return lambda raw: float(len(raw.payload)), True
    if name == "length":
        return lambda raw: float(take_apart(raw, records.formats.get(raw.source)).characters), True
    kinds = {types[name] for types in records.column_types.values() if name in types}
    if not kinds:
        known = [*SORTS, *(column for types in records.column_types.values() for column in types)]
        raise InputError(f"there is no column '{name}'", nearest(name, known))
    numeric = kinds == {"number"}
    return (lambda raw: _value(raw, name, numeric)), numeric


def _value(raw: Raw, name: str, numeric: bool) -> float | str | None:
    from curation.readers import BadRecord, dumps_exact, parse_payload

    try:
        value = parse_payload(raw.payload).get(name)
    except BadRecord:
        return None
    if not numeric:
        return value if value is None or isinstance(value, str) else dumps_exact(value)
    try:
        return None if value is None or isinstance(value, bool | list | dict) else float(value)
    except (ValueError, OverflowError):
        return None


def _argsort(values: Sequence[float | str | None], numeric: bool, descending: bool) -> Rows:
    if numeric:
        numbers = np.array([math.nan if value is None else value for value in values], np.float64)
        return np.argsort(-numbers if descending else numbers, kind="stable")  # NaN sorts last either way
    import polars as pl

    frame = pl.DataFrame({"value": pl.Series(values, dtype=pl.String)}).with_row_index("place")
    ordered = frame.sort("value", "place", descending=[descending, False], nulls_last=True)
    return ordered["place"].cast(pl.Int64).to_numpy()
