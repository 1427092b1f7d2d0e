"""Surviving records as objects of their own format or another, with what the stages found out added as columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from curation.formats import Inexpressible, add_columns, write_record
from curation.readers.payload import dumps_bytes

if TYPE_CHECKING:
    from curation.schema import Batch

Annotations = Mapping[str, Mapping[str, Any]]


@dataclass
class Rendered:
    """Records as objects. record_ids: of `objects`, in order. refused: (record_id, reason in INEXPRESSIBLE_REASONS) of
    those that the output format cannot hold. taken: annotations whose name a record already used, by how many.
    """

    objects: list[dict[str, Any]] = field(default_factory=list)
    record_ids: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    taken: Counter[str] = field(default_factory=Counter)


def render_batch(batch: Batch, out_format: str | None, annotations: Annotations | None = None) -> Rendered:
    """The records of a batch in their own format (None) or `out_format`, with the columns of `annotations` appended.

    An annotation whose name is a column of the record gets a trailing underscore; `taken` counts them.
    """
    found = Rendered()
    for record_id, obj in _objects(batch, out_format, annotations or {}, found):
        found.objects.append(obj)
        found.record_ids.append(record_id)
    return found


def render_lines(
    batch: Batch, out_format: str | None, annotations: Annotations | None = None, taken: Counter[str] | None = None
) -> tuple[list[bytes], list[tuple[str, str]]]:
    """`render_batch` as JSON lines (with their line feeds) of the records that could be written, and the refused ones.

    `taken`, if given, is added to. Each object is gone before the next is made: to hold them all takes twice the time.
    """
    found = Rendered()
    lines = [_line(obj) for _, obj in _objects(batch, out_format, annotations or {}, found)]
    if taken is not None:
        taken.update(found.taken)
    return lines, found.refused


def _objects(
    batch: Batch, out_format: str | None, columns: Annotations, found: Rendered
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The records that can be written, by their ids; what is refused or taken goes into `found`."""
    records = batch.records
    rows = zip(records["record_id"].to_list(), records["format"].to_list(), records["meta"].to_list(), strict=True)
    for (record_id, name, meta), turns in zip(rows, _turns_by_record(batch), strict=True):
        try:
            obj = write_record(name, meta, turns, out_format, None)
        except Inexpressible as error:
            found.refused.append((record_id, error.reason))
            continue
        if record_id in columns:
            found.taken.update(add_columns(obj, columns[record_id]))
        yield record_id, obj


def _line(obj: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(obj, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # an integer beyond 64 bit
        return dumps_bytes(obj) + b"\n"


def _turns_by_record(batch: Batch) -> Iterator[list[tuple[str, str]]]:
    """The turns of each record, in the order of the records. Raises ValueError if a record's turns are out of order."""
    turns = batch.turns
    alone = turns.height == len(batch) and turns["record_id"].equals(batch.records["record_id"])
    if alone and (turns["turn"] == 0).all():
        for pair in zip(turns["role"].to_list(), turns["content"].to_list(), strict=True):
            yield [pair]
        return
    by_record: dict[str, list[tuple[str, str]]] = {}
    for record_id, turn, role, content in zip(
        turns["record_id"].to_list(),
        turns["turn"].to_list(),
        turns["role"].to_list(),
        turns["content"].to_list(),
        strict=True,
    ):
        mine = by_record.setdefault(record_id, [])
        if turn != len(mine):
            raise ValueError(f"turn {turn} of {record_id} is out of order")
        mine.append((role, content))
    for record_id in batch.records["record_id"].to_list():
        yield by_record.get(record_id, [])
