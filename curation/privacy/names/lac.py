"""Names, places and organisations in Chinese by Baidu's LAC (small), read into numpy.

Jiao, Sun and Sun, "Chinese Lexical Analysis with Deep Bi-GRU-CRF Network" (2018). The weights (12.5 MB, Apache-2.0) lie
inside the jieba package, whose own use of them needs PaddlePaddle; the network is small enough to be run here: a vector
a character, two layers of forward and backward gated recurrent units, a linear-chain CRF over 57 tags.
"""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.errors import StageError
from curation.privacy.names.taggers import folder_digest
from curation.privacy.names.windows import Window, sorted_batches, windows
from curation.privacy.spans import Span

VERSION = "2"  # raised whenever the same text may get other spans
SIZE, OVERLAP = 120, 24  # code points of a window
BUDGET = 8_192  # padded characters of a batch
HIDDEN = 128
F32 = NDArray[np.float32]
KINDS = {
    "PER": "PERSON",
    "nr": "PERSON",
    "LOC": "LOCATION",
    "ns": "LOCATION",
    "ORG": "ORGANIZATION",
    "nt": "ORGANIZATION",
}
# The model was trained on half-width text.
HALF = str.maketrans({chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {"　": " "})


class Weights(NamedTuple):
    """vocabulary: the row of each character; oov: of all others. tags: "PER-B" ... "O", in the order of the CRF."""

    vocabulary: dict[str, int]
    oov: int
    tags: list[str]
    array: dict[str, F32]


class Lac:
    """The model, as a tagger. Its tags are of words; those that are names are returned."""

    entities = frozenset(KINDS.values())

    def digest(self) -> str:
        """Of the files of the model."""
        return folder_digest(_folder(), VERSION)

    def tag(self, texts: Sequence[str]) -> list[list[Span]]:
        """The spans of each text; windows without Han characters are not looked at."""
        # Its products are small: threads would wait for each other longer than they compute, and round otherwise.
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        pieces = [w for w in windows(texts, SIZE, OVERLAP) if any("㐀" <= character <= "鿿" for character in w.piece)]
        found: list[list[Span]] = [[] for _ in texts]
        with threadpool_limits(1, user_api="blas"):
            for batch in sorted_batches([len(window.piece) for window in pieces], BUDGET):
                rows = _tags([pieces[number].piece for number in batch])
                for number, row in zip(batch, rows, strict=True):
                    found[pieces[number].text] += _spans(pieces[number], row)
        return [sorted(set(spans), key=lambda span: span.start) for spans in found]


def _spans(window: Window, tags: list[str]) -> list[Span]:
    spans: list[list[Any]] = []
    for at, tag in enumerate(tags):
        kind, _, place = tag.partition("-")
        if kind not in KINDS:
            continue
        if place == "I" and spans and spans[-1][1] == at and spans[-1][2] == kind:
            spans[-1][1] = at + 1
        else:
            spans.append([at, at + 1, kind])
    return [
        Span(window.start + start, window.start + end, KINDS[kind], 0.85 if kind.isupper() else 0.75, "lac")
        for start, end, kind in spans
    ]


def _tags(pieces: Sequence[str]) -> list[list[str]]:
    """The most likely tags of each piece. The pieces are padded to the longest; padding changes nothing."""
    weights = load()
    lengths = np.array([len(piece) for piece in pieces])
    ids = np.full((len(pieces), int(lengths.max())), weights.oov)
    for row, piece in enumerate(pieces):
        ids[row, : len(piece)] = [weights.vocabulary.get(c, weights.oov) for c in piece.translate(HALF)]
    real: NDArray[np.bool_] = np.arange(ids.shape[1])[None, :] < lengths[:, None]
    layer: F32 = weights.array["word_emb"][ids]
    for forward in (0, 2):
        sides = [_gru(layer, weights.array, forward + back, real, reverse=bool(back)) for back in (0, 1)]
        layer = np.concatenate(sides, axis=-1)
    emission = layer @ weights.array["fc_4.w_0"] + weights.array["fc_4.b_0"]
    paths = _viterbi(emission, weights.array["crfw"], real)
    return [[weights.tags[tag] for tag in path[:length]] for path, length in zip(paths, lengths, strict=True)]


def _gru(layer: F32, array: dict[str, F32], number: int, real: NDArray[np.bool_], *, reverse: bool) -> F32:
    """A layer of gated units over [n, t, width]; the hidden state keeps its value over padding. Gives [n, t, HIDDEN].

    PaddlePaddle stores the weights of both gates (update, reset) before those of the candidate, and resets the state
    before it is multiplied; new state = (1 - update) * old + update * candidate.
    """
    flat = array[f"gru_{number}.w_0"].reshape(-1)
    gates = flat[: 2 * HIDDEN * HIDDEN].reshape(HIDDEN, 2 * HIDDEN)
    candidate = flat[2 * HIDDEN * HIDDEN :].reshape(HIDDEN, HIDDEN)
    inputs = layer @ array[f"fc_{number}.w_0"] + (array[f"fc_{number}.b_0"] + array[f"gru_{number}.b_0"][0])
    inputs = np.ascontiguousarray(inputs.transpose(1, 0, 2))
    steps = inputs.shape[0]
    state = np.zeros((inputs.shape[1], HIDDEN), dtype=np.float32)
    out = np.empty((steps, inputs.shape[1], HIDDEN), dtype=np.float32)
    whole: NDArray[np.bool_] = np.asarray(real.all(axis=0))
    for step in range(steps - 1, -1, -1) if reverse else range(steps):
        gate = inputs[step, :, : 2 * HIDDEN] + state @ gates
        gate = 1.0 / (1.0 + np.exp(-gate))
        update, reset = gate[:, :HIDDEN], gate[:, HIDDEN:]
        fresh = np.tanh(inputs[step, :, 2 * HIDDEN :] + (reset * state) @ candidate)
        fresh = state + update * (fresh - state)
        state = fresh if whole[step] else np.where(real[:, step, None], fresh, state)
        out[step] = state
    return out.transpose(1, 0, 2)


def _viterbi(emission: F32, crf: F32, real: NDArray[np.bool_]) -> list[list[int]]:
    """The best path of each row. crf: its first row scores a first tag, its second a last one, then from tag to tag."""
    start, end, step = crf[0], crf[1], np.ascontiguousarray(crf[2:].T)
    score = start + emission[:, 0]
    back = np.empty((emission.shape[1], *score.shape), dtype=np.int8)
    same = np.arange(score.shape[1], dtype=np.int8)
    for at in range(1, emission.shape[1]):
        every = score[:, None, :] + step[None]
        best = every.argmax(axis=2)
        fresh = np.take_along_axis(every, best[:, :, None], axis=2)[:, :, 0] + emission[:, at]
        back[at] = np.where(real[:, at, None], best, same)
        score = np.where(real[:, at, None], fresh, score)
    last = (score + end).argmax(axis=1)
    rows = np.arange(len(last))
    path = [last]
    for at in range(emission.shape[1] - 1, 0, -1):
        path.append(back[at][rows, path[-1]].astype(np.int64))
    return [list(row) for row in np.array(path[::-1]).T.tolist()]


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
    return Weights(words, words["OOV"], [tags[str(number)] for number in range(len(tags))], array)


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
