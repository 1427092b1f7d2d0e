"""Readers: from what a user names to raw records, whatever the kind, compression and encoding.

Only framing happens here, in bounded memory; `parse_payload` then takes one record at a time, strictly. What is no
record is data, not an error: it goes to quarantine with its place, a reason out of a closed set, and its bytes.
"""

from curation.readers.chunks import read_chunks
from curation.readers.model import LIMITS, Bad, Limits, RawChunk, Source
from curation.readers.payload import dumps_exact, loads_exact, parse_payload
from curation.readers.reasons import QUARANTINE_REASONS, BadRecord
from curation.readers.sampling import column_types, sample_objects
from curation.readers.sources import find_sources

__all__ = [
    "LIMITS",
    "QUARANTINE_REASONS",
    "Bad",
    "BadRecord",
    "Limits",
    "RawChunk",
    "Source",
    "column_types",
    "dumps_exact",
    "find_sources",
    "loads_exact",
    "parse_payload",
    "read_chunks",
    "sample_objects",
]
