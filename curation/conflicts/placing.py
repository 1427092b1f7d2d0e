"""Does an answer belong to its question? Held against all other questions and answers of the corpus.

A cosine alone says little: "Write a slogan" is far from every slogan. So each is held against what is usual for the
question and for the answer (cross-domain similarity local scaling, Conneau et al. 2018, arXiv 1710.04087): half the mean
cosine to the k closest on the other side is taken off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from curation.embedding.cells import BLOCK
from curation.embedding.encoder import F32
from curation.embedding.neighbours import FLAT_UP_TO, cell_index, flat_index
from curation.embedding.stored import I64

LEAST_SPREAD: Final = 0.2  # it is 0.32 to 0.36 in real corpora of 60 to 3,000 records


@dataclass(frozen=True)
class Placed:
    """Of n exchanges. own: cosine of each answer and its question. relative: the same, less what is usual for the two.
    margin: by how much its own question suits it better than the best other one; below 0, worse. other: which one that
    is, -1 where there is none. elsewhere: the cosine to it.
    """

    own: F32
    relative: F32
    margin: F32
    other: I64
    elsewhere: F32

    @property
    def standing(self) -> F32:
        """How well each answer belongs to its question, in deviations from the median of the corpus.

        `relative` and `margin` together tell more than either. Both fall as a corpus grows, since there are more other
        questions; how far an answer is from the median does not. The deviation is 1.4826 times the median absolute one,
        as wrong answers would widen a standard deviation, and at least LEAST_SPREAD.
        """
        told = self.relative + self.margin
        if not len(told):
            return told
        middle = np.median(told)
        spread = max(LEAST_SPREAD, 1.4826 * float(np.median(np.abs(told - middle))))
        standing: F32 = ((told - middle) / spread).astype(np.float32)
        return standing


def placed(asked: F32, answered: F32, neighbours: int, alike: float) -> Placed:
    """How well each of `answered` (n, d) fits its question in `asked` (n, d), all of length 1.

    neighbours: how many of the closest say what is usual. alike: cosine of two questions from which they count as one,
    so that an answer is no worse for fitting both. Where there is no other question, a margin is 1.
    """
    count = len(asked)
    own = np.einsum("ij,ij->i", asked, answered).astype(np.float32)
    others, close = _others(asked, answered, asked, neighbours, alike)
    _, near = _others(answered, asked, asked, neighbours, alike)
    usual_answer, usual_question = _mean(close), _mean(near)
    adjusted = np.where(others >= 0, close - usual_question[others] / 2, -np.inf)
    best = adjusted.argmax(axis=1)
    rows = np.arange(count)
    there = np.isfinite(adjusted[rows, best])
    most = np.where(there, adjusted[rows, best], 0)
    return Placed(
        own,
        (own - (usual_answer + usual_question) / 2).astype(np.float32),
        np.where(there, own - usual_question / 2 - most, 1).astype(np.float32),
        np.where(there, others[rows, best], -1),
        np.where(there, close[rows, best], 0).astype(np.float32),
    )


def _mean(near: F32) -> F32:
    """The mean of the cosines there are (n, k), 0 where there is none."""
    there = np.isfinite(near)
    means: F32 = np.where(there, near, 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    return means


def _others(base: F32, queries: F32, asked: F32, neighbours: int, alike: float) -> tuple[I64, F32]:
    """The closest of `base` for each query that belong to another question: numbers (-1: none) and cosines (-inf)."""
    index = index_of(base)
    wanted = min(2 * neighbours + 1, len(base))  # its own and what is like its own are left out
    numbers = np.full((len(queries), neighbours), -1, dtype=np.int64)
    cosines = np.full((len(queries), neighbours), -np.inf, dtype=np.float32)
    for start in range(0, len(queries), BLOCK // 8):
        stop = min(start + BLOCK // 8, len(queries))
        near, found = index.search(queries[start:stop], wanted)
        like = np.einsum("id,ikd->ik", asked[start:stop], asked[np.maximum(found, 0)])
        other = (found >= 0) & (like < alike) & (found != np.arange(start, stop)[:, None])
        order = np.argsort(~other, axis=1, kind="stable")[:, :neighbours]
        keep = np.take_along_axis(other, order, axis=1)
        width = order.shape[1]
        numbers[start:stop, :width] = np.where(keep, np.take_along_axis(found, order, axis=1), -1)
        cosines[start:stop, :width] = np.where(keep, np.take_along_axis(near, order, axis=1), -np.inf)
    return numbers, cosines


def index_of(vectors: F32) -> Any:
    """A faiss index over vectors (n, d): all of them compared as long as that is cheap, in cells beyond."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    return flat_index(vectors) if len(vectors) <= FLAT_UP_TO else cell_index(vectors)
