"""Text to the piece numbers of a SentencePiece unigram model, through the Rust library `tokenizers`.

The package that carries the weights also carries a tokenizer in pure Python; this one takes the same pieces, scores and
normalisation table, gives the same numbers and takes a quarter of its time.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

UNKNOWN, BEGIN, END = 0, 1, 2
BLANK = "\u2581"  # U+2581 stands for a blank inside a piece
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types of protocol buffers


class Pieces:
    """The tokenizer of one model file."""

    def __init__(self, path: Path) -> None:
        self._tokenizer = _build(path.read_bytes())

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The piece numbers of each text, between BEGIN and END. A text without any piece gives one UNKNOWN."""
        return [[BEGIN, *(_numbers(found) or [UNKNOWN]), END] for found in self._tokenizer.encode_batch(texts)]

    def words(self, text: str) -> list[str]:
        """The pieces of a text as strings, a leading BLANK where a new word begins."""
        pieces: list[str] = self._tokenizer.encode(text).tokens
        return pieces


def _numbers(found: Any) -> list[int]:
    numbers: list[int] = found.ids
    if UNKNOWN not in numbers:
        return numbers
    # A run of unknown characters comes as one piece; the model was trained with one for each character.
    spread = zip(numbers, found.tokens, strict=True)
    return [number for number, token in spread for _ in range(len(token) if number == UNKNOWN else 1)]


def _build(data: bytes) -> Any:
    from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
    from tokenizers.models import Unigram

    vocabulary, at = _vocabulary(data)
    top = list(_fields(data[at:]))
    vocabulary += [_piece(value) for number, value in top if number == 1]
    # The normaliser's specification (field 3 here) holds the precompiled character map as its field 2.
    (specification,) = [value for number, value in top if number == 3]
    (charsmap,) = [value for number, value in _fields(specification) if number == 2]
    tokenizer = Tokenizer(Unigram(vocabulary, UNKNOWN, False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Precompiled(charsmap),
            normalizers.Replace(Regex(" {2,}"), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=BLANK, prepend_scheme="always", split=True)
    return tokenizer


def _vocabulary(data: bytes) -> tuple[list[tuple[str, float]], int]:
    """The pieces and scores at the beginning of the file, and where it goes on: `_piece` over `_fields`, in a quarter of the
    time, as long as messages are short and of the usual order.
    """
    found, at = [], 0
    while data[at : at + 1] == b"\n" and data[at + 1] < 128 and data[at + 2] == 10 and data[at + 3] < 128:
        end = at + 4 + data[at + 3]  # of the piece; behind it the score, field 5 in 5 bytes, and its kind
        if data[end] != 21:
            break
        found.append((data[at + 4 : end].decode(), _SCORE(data, end + 1)[0]))
        at += 2 + data[at + 1]
    return found, at


_SCORE = struct.Struct("<f").unpack_from


def _piece(data: bytes) -> tuple[str, float]:
    fields = dict(_fields(data))
    return fields[1].decode(), struct.unpack("<f", fields[2])[0]


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Field numbers and raw values of a protocol buffers message (Protocol Buffers encoding); varints are left out."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            _, place = _varint(data, place)
            continue
        length = {_FIXED64: 8, _FIXED32: 4}.get(wire, 0)
        if wire == _BYTES:
            length, place = _varint(data, place)
        yield number, data[place : place + length]
        place += length


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
