"""Why something in a source is no record: a closed set, and the exception that carries one of them."""

from __future__ import annotations

from collections.abc import Mapping

QUARANTINE_REASONS: Mapping[str, str] = {
    "bad_json": "the text is not valid JSON",
    "not_object": "the JSON is valid, but it is not an object",
    "several_values": "there is more than one JSON value where one record should be",
    "duplicate_key": "an object has the same key twice, so that one of the values would be lost",
    "not_a_number": "a value is NaN or Infinity, which JSON cannot hold",
    "number_out_of_range": "a number is too large for a 64-bit float, or has more than 4300 digits",
    "lone_surrogate": "a string holds half of a surrogate pair, which is no character",
    "nul_byte": "the text holds a raw NUL byte",
    "control_character": "a string holds a raw control character that JSON wants escaped",
    "invalid_encoding": "the bytes are not valid text in the encoding of the source",
    "too_deep": "the nesting is deeper than the limit",
    "too_many_keys": "an object has more keys than the limit",
    "too_long": "the record is longer than the limit",
    "ragged_row": "the number of cells is not the number of columns",
    "bad_quoting": "a quoted cell is not closed, or goes on after its closing quote",
    "truncated": "the source ends in the middle: it was cut off",
    "corrupt_stream": "the compressed or columnar data is damaged",
    "decompression_bomb": "the compressed data grows beyond all proportion",
    "unknown_format": "the object has the columns of no known format",
    "wrong_format": "the object does not fit the format that was asked for",
    "no_text": "the object has the right columns, but no text in any of them",
}


class BadRecord(Exception):
    """Something that is no record. `reason` is in QUARANTINE_REASONS; `detail` says where or how much."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
