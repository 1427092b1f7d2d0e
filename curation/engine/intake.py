"""Raw payloads to the level-0 batch: strict parsing, recognition of the format, and quarantine of what is no record."""

from __future__ import annotations

import base64
from collections import Counter
from typing import Any

import orjson
import polars as pl

from curation.formats import read_record
from curation.formats.slots import Turns
from curation.readers import Bad, BadRecord, RawChunk, parse_payload
from curation.schema import RECORD_SCHEMA, TURN_SCHEMA, Batch, content_hash

RAW_KEPT = 64 * 1024  # bytes of a bad line kept in quarantine; its place in the source tells the rest


def parse_chunk(
    chunk: RawChunk, primary: str | None, forced: str | None
) -> tuple[Batch, bytes, dict[str, int], dict[str, int]]:
    """Returns the batch, the quarantined lines as JSON lines, and counts by quarantine reason and by format."""
    bad = list(chunk.bad)
    source = chunk.source
    places: list[int] = []
    names: list[str] = []
    metas: list[str] = []
    turns: list[Turns] = []
    parents: dict[int, list[str]] = {}
    for position, line, offset, payload in zip(
        chunk.positions, chunk.lines, chunk.offsets, chunk.payloads, strict=True
    ):
        try:
            obj = parse_payload(payload)
            name, pairs, meta = read_record(obj, primary, forced)
        except BadRecord as error:
            bad.append(Bad(source, line, offset, error.reason, error.detail, payload[:RAW_KEPT]))
            continue
        if "parents" in obj:
            parents[len(places)] = _parents_of(obj)
        places.append(position)
        names.append(name)
        metas.append(meta)
        turns.append(pairs)
    batch = _batch(source, places, names, metas, turns, parents)
    bad.sort(key=lambda item: (item.line or 0, item.offset or 0))
    quarantine = b"".join(quarantine_line(item) for item in bad)
    return batch, quarantine, dict(Counter(item.reason for item in bad)), dict(Counter(names))


def _batch(
    source: str,
    positions: list[int],
    names: list[str],
    metas: list[str],
    turns: list[Turns],
    parents: dict[int, list[str]],
) -> Batch:
    """The frames, out of what was taken from each record; `parents` only of those that name any."""
    ids = pl.Series([f"{source}:{position}" for position in positions], dtype=pl.String)
    records = pl.DataFrame(
        {
            "record_id": ids,
            "content_hash": [content_hash(pairs) for pairs in turns],
            "source": pl.repeat(source, len(ids), dtype=pl.String(), eager=True),
            "format": names,
            "parent_ids": _parents(parents, len(ids)),
            "meta": metas,
        },
        schema=RECORD_SCHEMA,
    )
    counts = list(map(len, turns))
    if counts.count(1) == len(counts):
        owners, numbers = ids, pl.repeat(0, len(ids), dtype=pl.Int32(), eager=True)
    else:
        owners = ids.gather([at for at, count in enumerate(counts) for _ in range(count)])
        numbers = pl.Series([number for count in counts for number in range(count)], dtype=pl.Int32)
    roles = [role for pairs in turns for role, _ in pairs]
    contents = [content for pairs in turns for _, content in pairs]
    columns = {"record_id": owners, "turn": numbers, "role": roles, "content": contents}
    return Batch(records, pl.DataFrame(columns, schema=TURN_SCHEMA))


def _parents_of(obj: Any) -> list[str]:
    """What a generated record says that it was made from (`curation.synthesis.publish`); nothing for any other."""
    found = obj["parents"]
    return found if isinstance(found, list) and all(isinstance(each, str) for each in found) else []


def _parents(parents: dict[int, list[str]], count: int) -> pl.Series:
    """A column of lists. Where all are empty one is repeated: polars makes a Series of each Python list, 60 microseconds a
    record."""
    if any(parents.values()):
        return pl.Series([parents.get(at, []) for at in range(count)], dtype=pl.List(pl.String()))
    return pl.Series([[]], dtype=pl.List(pl.String())).new_from_index(0, count)


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
