"""Raw payloads to the level-0 batch: strict parsing, recognition of the format, and quarantine of what is no record."""

from __future__ import annotations

import base64
from collections import Counter
from typing import Any

import orjson
import polars as pl

from curation.formats import read_record
from curation.readers import Bad, BadRecord, RawChunk, parse_payload
from curation.schema import RECORD_SCHEMA, TURN_SCHEMA, Batch, content_hash

RAW_KEPT = 64 * 1024  # bytes of a bad line kept in quarantine; its place in the source tells the rest


def parse_chunk(
    chunk: RawChunk, primary: str | None, forced: str | None
) -> tuple[Batch, bytes, dict[str, int], dict[str, int]]:
    """Returns the batch, the quarantined lines as JSON lines, and counts by quarantine reason and by format."""
    bad = list(chunk.bad)
    formats: Counter[str] = Counter()
    records: dict[str, list[Any]] = {name: [] for name in RECORD_SCHEMA}
    turns: dict[str, list[Any]] = {name: [] for name in TURN_SCHEMA}
    for position, line, offset, payload in zip(
        chunk.positions, chunk.lines, chunk.offsets, chunk.payloads, strict=True
    ):
        try:
            name, pairs, meta = read_record(parse_payload(payload), primary, forced)
        except BadRecord as error:
            bad.append(Bad(chunk.source, line, offset, error.reason, error.detail, payload[:RAW_KEPT]))
            continue
        record_id = f"{chunk.source}:{position}"
        formats[name] += 1
        row: tuple[Any, ...] = (record_id, content_hash(pairs), chunk.source, name, [], meta)
        for column, value in zip(records.values(), row, strict=True):
            column.append(value)
        for turn, (role, content) in enumerate(pairs):
            for column, value in zip(turns.values(), (record_id, turn, role, content), strict=True):
                column.append(value)
    batch = Batch(pl.DataFrame(records, schema=RECORD_SCHEMA), pl.DataFrame(turns, schema=TURN_SCHEMA))
    bad.sort(key=lambda item: (item.line or 0, item.offset or 0))
    quarantine = b"".join(quarantine_line(item) for item in bad)
    return batch, quarantine, dict(Counter(item.reason for item in bad)), dict(formats)


def quarantine_line(bad: Bad) -> bytes:
    """One line of `quarantine.jsonl`: where it was, why it is no record, and its bytes (base64 if not UTF-8)."""
    entry: dict[str, Any] = {
        "source": bad.source,
        "line": bad.line,
        "offset": bad.offset,
        "reason": bad.reason,
        "detail": bad.detail,
    }
    try:
        entry["raw"] = bad.raw.decode()
    except UnicodeDecodeError:
        entry["raw_base64"] = base64.b64encode(bad.raw).decode()
    return orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
