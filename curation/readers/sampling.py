"""A look at the first records of a source, before a run: for the detection of its format and of its column types."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from curation.readers.chunks import read_chunks
from curation.readers.model import LIMITS, Limits, Source
from curation.readers.payload import parse_payload
from curation.readers.reasons import BadRecord

_NUMBER = re.compile(r"[+-]?(0|[1-9][0-9]{0,14})(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_PATIENCE = 20  # times as many things are looked at as objects are wanted, before a source of rubbish is given up


def sample_objects(
    source: Source, limits: Limits = LIMITS, n: int = 200, *, spool: Path | None = None
) -> list[dict[str, Any]]:
    """The first `n` objects of the source; what is no record is passed over. Raises what `read_chunks` raises."""
    objects: list[dict[str, Any]] = []
    looked_at = 0
    with closing(
        read_chunks(source, chunk_records=max(1, n), chunk_bytes=1 << 20, limits=limits, spool=spool)
    ) as chunks:
        for chunk in chunks:
            looked_at += len(chunk.bad) + chunk.blank
            for payload in chunk.payloads:
                looked_at += 1
                try:
                    objects.append(parse_payload(payload, limits))
                except BadRecord:
                    continue
                if len(objects) >= n:
                    return objects
            if looked_at > _PATIENCE * n:
                break
    return objects


def column_types(objects: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """For each column its type: "number", "bool", "string", or "other" for anything nested, mixed or always null.

    Nulls say nothing. Strings that all look like numbers, as every number in a CSV file does, count as numbers; empty
    ones beside them as nulls. Those with leading zeros or more than 15 digits are identifiers and stay strings.
    """
    kinds: dict[str, set[str]] = {}
    for item in objects:
        for column, value in item.items():
            kinds.setdefault(column, set()).add(_kind(value))
    return {column: _common(found - {"null"}) for column, found in kinds.items()}


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        if not value.strip():
            return "empty"
        return "numeral" if _NUMBER.fullmatch(value.strip()) else "string"
    return "other"


def _common(found: set[str]) -> str:
    if found in ({"numeral"}, {"numeral", "empty"}):
        return "number"
    if found and found <= {"numeral", "empty", "string"}:
        return "string"
    return found.pop() if len(found) == 1 else "other"
