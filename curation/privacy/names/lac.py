"""Names, places and organisations in Chinese by Baidu's LAC (small), run by ourselves (`lac_network`).

Jiao, Sun and Sun, "Chinese Lexical Analysis with Deep Bi-GRU-CRF Network" (2018). The weights (12.5 MB, Apache-2.0) lie
inside the jieba package, whose own use of them needs PaddlePaddle; the network is small enough to be run here: a vector
a character, two layers of forward and backward gated recurrent units, a linear-chain CRF over 57 tags.
"""

from __future__ import annotations

import importlib.util
import re
import struct
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.errors import StageError
from curation.privacy.names.lac_network import Network
from curation.privacy.names.taggers import folder_digest
from curation.privacy.names.windows import sorted_batches, windows
from curation.privacy.spans import Span

VERSION = "3"  # raised whenever the same text may get other spans
SIZE, OVERLAP = 120, 24  # code points of a window
BUDGET = 32_768  # padded characters of a batch
KEPT = 50_000  # windows whose names are kept, the last ones; some 20 MB
F32 = NDArray[np.float32]
KINDS = {
    "PER": "PERSON",
    "nr": "PERSON",
    "LOC": "LOCATION",
    "ns": "LOCATION",
    "ORG": "ORGANIZATION",
    "nt": "ORGANIZATION",
}
_HAN = re.compile("[\u3400-\u9fff]")
# The model was trained on half-width text.
HALF = str.maketrans({chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {"　": " "})


class Weights(NamedTuple):
    """vocabulary: the row of each character; oov: of all others. tags: "PER-B" ... "O", in the order of the CRF."""

    vocabulary: dict[str, int]
    oov: int
    tags: list[str]
    network: Network


class Lac:
    """The model, as a tagger. Its tags are of words; those that are names are returned."""

    entities = frozenset(KINDS.values())

    def __init__(self) -> None:
        # What was masked is searched again, most of it in the same windows, and copies of records are not rare.
        self._seen: dict[str, tuple[Span, ...]] = {}

    def digest(self) -> str:
        """Of the files of the model."""
        return folder_digest(_folder(), VERSION)

    def tag(self, texts: Sequence[str]) -> list[list[Span]]:
        """The spans of each text; windows without Han characters are not looked at, those that are the same once."""
        pieces = [window for window in windows(texts, SIZE, OVERLAP) if _HAN.search(window.piece)]
        different = list(dict.fromkeys(window.piece for window in pieces if window.piece not in self._seen))
        inside: dict[str, tuple[Span, ...]] = {}
        for batch in sorted_batches([len(piece) for piece in different], BUDGET):
            chosen = [different[number] for number in batch]
            inside.update(zip(chosen, map(_spans, _tags(chosen)), strict=True))
        known = {**self._seen, **inside}
        found: list[list[Span]] = [[] for _ in texts]
        for window in pieces:
            for span in known[window.piece]:
                moved = replace(span, start=window.start + span.start, end=window.start + span.end)
                found[window.text].append(moved)
        self._seen = dict(islice(known.items(), max(0, len(known) - KEPT), None))
        return [sorted(set(spans), key=lambda span: span.start) for spans in found]


def _spans(tags: list[str]) -> tuple[Span, ...]:
    """The names that a piece with these tags holds."""
    spans: list[list[Any]] = []
    for at, tag in enumerate(tags):
        kind, _, place = tag.partition("-")
        if kind not in KINDS:
            continue
        if place == "I" and spans and spans[-1][1] == at and spans[-1][2] == kind:
            spans[-1][1] = at + 1
        else:
            spans.append([at, at + 1, kind])
    return tuple(Span(start, end, KINDS[kind], 0.85 if kind.isupper() else 0.75, "lac") for start, end, kind in spans)


def _tags(pieces: Sequence[str]) -> list[list[str]]:
    """The most likely tags of each piece."""
    weights = load()
    numbers = [[weights.vocabulary.get(c, weights.oov) for c in piece.translate(HALF)] for piece in pieces]
    return [[weights.tags[tag] for tag in path] for path in weights.network.paths(numbers)]


def _folder() -> Path:
    spec = importlib.util.find_spec("jieba")
    folder = Path((spec and spec.origin) or "").parent / "lac_small"
    if not (folder / "model_baseline" / "crfw").is_file():
        raise StageError("the Chinese model of names is missing", "Install jieba 0.42.1, whose package it lies in.")
    return folder


@lru_cache(maxsize=1)
def load() -> Weights:
    """The weights, read once a process."""
    folder = _folder()
    tags = dict(line.split("\t") for line in (folder / "tag.dic").read_text("utf-8").splitlines())
    words: dict[str, int] = {}
    for line in (folder / "word.dic").read_text("utf-8").split("\n"):
        number, separator, word = line.partition("\t")
        if separator:
            words[word] = int(number)
    array = {path.name: _tensor(path.read_bytes()) for path in sorted((folder / "model_baseline").iterdir())}
    return Weights(words, words["OOV"], [tags[str(number)] for number in range(len(tags))], Network(array))


def _tensor(data: bytes) -> F32:
    """A tensor as PaddlePaddle saves it: versions and an empty level of detail, a protobuf of the shape, then floats.

    The shape's message holds the type (field 1, 5 for float32) and one varint a dimension (field 2).
    """
    at = 4 + 8 + 4
    (size,) = struct.unpack_from("<i", data, at)
    message, shape, place = data[at + 4 : at + 4 + size], [], 2
    while place < size:
        value, shift = 0, 0
        place += 1
        while True:
            byte = message[place]
            value |= (byte & 127) << shift
            shift, place = shift + 7, place + 1
            if byte < 128:
                break
        shape.append(value)
    return np.frombuffer(data, "<f4", offset=at + 4 + size).reshape(shape)
