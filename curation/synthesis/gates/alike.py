"""Which texts are nearly the same words as one before: a sketch of each, all of them scanned, what looks alike measured.

One byte of each of 64 MinHash values is kept for a text (Li and König, "b-Bit Minwise Hashing", 2010): 10,000 texts are
scanned in a fraction of a millisecond, and nothing has to be tuned to the threshold. A sketch proposes; the similarity is
measured exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curation.dedup.minhash import signatures
from curation.dedup.shingles import Shingles, shingles_of

WORDS, CHARACTERS = 2, 3  # of a shingle: fewer than in the stage `near`, since a question has a dozen words
FUNCTIONS = 64  # a multiple of 8 below 256 * 8: matches are counted eight bytes at a time
SLACK = 3.0  # standard deviations of a sketch below the threshold that are still measured: 1 in 700 is missed
MOST = 32  # texts measured for one: there are more only where all are made from one template
SEED = 1
_ONES = np.uint64(0x0101010101010101)


@dataclass(frozen=True)
class Sketched:
    """Some texts of one entry. rows: a sketch of each, shape (texts, FUNCTIONS)."""

    texts: tuple[str, ...]
    shingles: Shingles
    rows: NDArray[np.uint8]


def sketched(texts: Sequence[str]) -> Sketched:
    """The texts with their sketches."""
    shingles = shingles_of(texts, WORDS, CHARACTERS)
    return Sketched(tuple(texts), shingles, (signatures(shingles, FUNCTIONS, SEED) >> np.uint32(8)).astype(np.uint8))


class Sketches:
    """Texts by number, from 0, that others are held against."""

    def __init__(self, least: float) -> None:
        self._least = least
        self._texts: list[str] = []
        self._rows = np.zeros((0, FUNCTIONS), dtype=np.uint8)

    def closest(self, sketch: Sketched, place: int) -> list[tuple[int, float]]:
        """Numbers of the texts with a Jaccard similarity of at least `least` to a text of `sketch`, and the similarity; the
        most alike first."""
        if not sketch.shingles.sizes()[place] or not self._texts:
            return []
        same = (self._rows[: len(self._texts)] == sketch.rows[place]).view(np.uint64)
        equal = (same.sum(axis=1, dtype=np.uint64) * _ONES >> np.uint64(56)).astype(np.int64)
        likely = np.flatnonzero(equal >= self._bar())
        if not len(likely):
            return []
        order = likely[np.argsort(-equal[likely], kind="stable")][:MOST]
        others = shingles_of([self._texts[number] for number in order], WORDS, CHARACTERS)
        found = [(int(number), jaccard(sketch.shingles, place, others, at)) for at, number in enumerate(order)]
        return sorted((each for each in found if each[1] >= self._least), key=lambda each: (-each[1], each[0]))

    def add(self, texts: Sequence[str], rows: NDArray[np.uint8]) -> None:
        """Take in more texts, with their sketches."""
        begin, end = len(self._texts), len(self._texts) + len(texts)
        if end > len(self._rows):
            grown = np.zeros((max(1024, end, 2 * len(self._rows)), FUNCTIONS), dtype=np.uint8)
            grown[:begin] = self._rows[:begin]
            self._rows = grown
        self._rows[begin:end] = rows
        self._texts += texts

    def _bar(self) -> float:
        """Equal bytes of a sketch from which a text is measured; unequal values have the same byte once in 256."""
        chance = self._least + (1 - self._least) / 256
        return FUNCTIONS * chance - SLACK * float(np.sqrt(FUNCTIONS * chance * (1 - chance)))


def jaccard(one: Shingles, first: int, other: Shingles, second: int) -> float:
    """The exact Jaccard similarity of two texts' shingles."""
    a = one.hashes[one.offsets[first] : one.offsets[first + 1]]
    b = other.hashes[other.offsets[second] : other.offsets[second + 1]]
    shared = len(np.intersect1d(a, b, assume_unique=True))
    return round(shared / max(1, len(a) + len(b) - shared), 4)
