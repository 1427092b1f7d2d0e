"""Formats of training examples: recognised, taken apart into turns, and put back without loss."""

from curation.formats.base import Format, add_columns
from curation.formats.errors import FORMAT_REASONS, INEXPRESSIBLE_REASONS, Inexpressible
from curation.formats.exchange import Exchange
from curation.formats.registry import (
    FORMATS,
    detect,
    get,
    original,
    read_record,
    recognise,
    text_columns,
    write_record,
)
from curation.formats.unseen import unseen
from curation.readers.payload import BadRecord

__all__ = [
    "FORMATS",
    "FORMAT_REASONS",
    "INEXPRESSIBLE_REASONS",
    "BadRecord",
    "Exchange",
    "Format",
    "Inexpressible",
    "add_columns",
    "detect",
    "get",
    "original",
    "read_record",
    "recognise",
    "text_columns",
    "unseen",
    "write_record",
]
