"""The first records of a source, and about how many it has: what is told before a run rests on them."""

from __future__ import annotations

from dataclasses import dataclass

from curation.engine.intake import parse_chunk
from curation.formats import detect
from curation.readers import Source, read_chunks, sample_objects
from curation.schema import RECORD_SCHEMA, TURN_SCHEMA, Batch

CHUNK_BYTES = 8 << 20


@dataclass(frozen=True)
class Sample:
    """batch: the first records. count: about how many the source has; of one whose size tells nothing (compressed, a table,
    standard input) no more than the batch. sure: whether its size told.
    """

    batch: Batch
    count: int
    sure: bool


def first_records(source: Source, most: int, format: str | None = None) -> Sample:  # noqa: A002
    """Up to `most` records of a source, as they are read."""
    primary = format or detect(sample_objects(source))
    chunks = read_chunks(source, chunk_records=most, chunk_bytes=CHUNK_BYTES)
    chunk = next(iter(chunks), None)
    if chunk is None or not chunk.payloads:
        return Sample(Batch(RECORD_SCHEMA.to_frame(), TURN_SCHEMA.to_frame()), 0, True)
    batch, *_ = parse_chunk(chunk, primary, format)
    if next(iter(chunks), None) is None:
        return Sample(batch, len(batch), True)
    if source.compression != "none" or source.size < 0:
        return Sample(batch, len(batch), False)
    offsets = chunk.offsets
    if len(offsets) > 1 and offsets[-1] > offsets[0] >= 0:
        each = (offsets[-1] - offsets[0]) / (len(offsets) - 1)
    else:
        each = sum(len(payload) for payload in chunk.payloads) / len(chunk.payloads)
    return Sample(batch, max(len(batch), round(source.size / each)), True)
