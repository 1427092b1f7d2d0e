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
    source = chunk.source
    ids: list[str] = []
    hashes: list[str] = []
    names: list[str] = []
    metas: list[str] = []
    parents: list[list[str]] = []
    owners: list[str] = []
    places: list[int] = []
    roles: list[str] = []
    contents: list[str] = []
    for position, line, offset, payload in zip(
        chunk.positions, chunk.lines, chunk.offsets, chunk.payloads, strict=True
    ):
        try:
            obj = parse_payload(payload)
            name, pairs, meta = read_record(obj, primary, forced)
        except BadRecord as error:
            bad.append(Bad(source, line, offset, error.reason, error.detail, payload[:RAW_KEPT]))
            continue
        record_id = f"{source}:{position}"
        ids.append(record_id)
        hashes.append(content_hash(pairs))
        names.append(name)
        metas.append(meta)
        parents.append(_parents_of(obj))
        for place, (role, content) in enumerate(pairs):
            owners.append(record_id)
            places.append(place)
            roles.append(role)
            contents.append(content)
    records = pl.DataFrame(
        {
            "record_id": ids,
            "content_hash": hashes,
            "source": pl.repeat(source, len(ids), dtype=pl.String(), eager=True),
            "format": names,
            "parent_ids": _parents(parents),
            "meta": metas,
        },
        schema=RECORD_SCHEMA,
    )
    turns = pl.DataFrame({"record_id": owners, "turn": places, "role": roles, "content": contents}, schema=TURN_SCHEMA)
    bad.sort(key=lambda item: (item.line or 0, item.offset or 0))
    quarantine = b"".join(quarantine_line(item) for item in bad)
    return Batch(records, turns), quarantine, dict(Counter(item.reason for item in bad)), dict(Counter(names))


def _parents_of(obj: Any) -> list[str]:
    """What a generated record says that it was made from (`curation.synthesis.publish`); nothing for any other."""
    found = obj.get("parents") if isinstance(obj, dict) else None
    return found if isinstance(found, list) and all(isinstance(each, str) for each in found) else []


def _parents(parents: list[list[str]]) -> pl.Series:
    """A column of lists. Where all are empty one is repeated: polars makes a Series of each Python list, 60 microseconds a
    record."""
    if any(parents):
        return pl.Series(parents, dtype=pl.List(pl.String()))
    return pl.Series([[]], dtype=pl.List(pl.String())).new_from_index(0, len(parents))


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
