"""From a raw record to one taken apart, as the engine would; what is no record stays visible with its reason."""

from __future__ import annotations

from dataclasses import replace

from curation.browsing.model import RAW_SHOWN, Raw, Record
from curation.readers import BadRecord, parse_payload


def take_apart(raw: Raw, primary: str | None) -> Record:
    """The record, read in the format `primary` first. Raises nothing about its content."""
    if raw.problem:
        return Record(raw, "", ())
    from curation.formats import read_record, text_columns
    from curation.formats.meta import load_template

    try:
        found = parse_payload(raw.payload)
        name, turns, meta = read_record(found, primary, None)
    except BadRecord as error:
        return Record(replace(raw, payload=raw.payload[:RAW_SHOWN], problem=error.reason, detail=error.detail), "", ())
    texts = set(text_columns(name, load_template(meta)))
    return Record(raw, name, tuple(turns), {key: value for key, value in found.items() if key not in texts})
