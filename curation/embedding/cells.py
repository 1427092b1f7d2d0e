"""Neighbours among more vectors than can be compared one by one: in cells (an inverted file, Sivic & Zisserman 2003), on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from curation.embedding.encoder import F32
from curation.embedding.stored import I64, OnDisk, Vectors

TRAINED_ON = 100_000  # vectors, spread evenly, that the cells are made from
MOST_CELLS = 8_192
BLOCK = 4_096  # vectors at once


class Cells:
    """Vectors in about 4 * sqrt(n) cells, cell by cell in a file of their own in `folder`. Of `nlist` cells `nprobe` are searched
    for each query (faiss's names); `order` has the numbers of all vectors cell by cell, the best order to ask about them in.
    """

    def __init__(self, vectors: Vectors, folder: Path | None) -> None:
        count = len(vectors)
        self.nlist, self.nprobe = min(int(4 * np.sqrt(count)), MOST_CELLS), 4
        sample = vectors.take(np.linspace(0, count - 1, min(count, TRAINED_ON), dtype=np.int64))
        self._trained = trained(sample, self.nlist)  # its own lists stay empty: they would be in memory
        every = np.arange(count)
        blocks = (vectors.take(every[start : start + BLOCK]) for start in range(0, count, BLOCK))
        cells = np.concatenate([self._nearest(block, 1)[:, 0] for block in blocks])
        self.order: I64 = np.argsort(cells, kind="stable")
        self._starts = np.searchsorted(cells[self.order], np.arange(self.nlist + 1))
        self._stored = OnDisk(vectors.width, folder)
        for start in range(0, count, BLOCK):
            self._stored.append(vectors.take(self.order[start : start + BLOCK]).astype(np.float16))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failed: object) -> None:
        self._stored.close()

    def search(self, queries: F32, wanted: int) -> tuple[F32, I64]:
        """The `wanted` closest in the cells nearest to each query: cosines, descending, and numbers (-1: there are no more)."""
        probed = self._nearest(queries, self.nprobe)
        cosines = np.full((len(queries), wanted), -np.inf, dtype=np.float32)
        numbers = np.full((len(queries), wanted), -1, dtype=np.int64)
        asking = np.argsort(probed, axis=None, kind="stable")  # queries by the cell they ask
        cells = probed.ravel()[asking]
        starts = np.flatnonzero(np.diff(cells, prepend=-1))
        for start, stop in zip(starts, [*starts[1:], len(cells)], strict=True):
            rows = asking[start:stop] // probed.shape[1]
            first, last = self._starts[cells[start]], self._starts[cells[start] + 1]
            if first < last:
                found = queries[rows] @ self._stored.take(slice(first, last)).T
                cosines[rows], numbers[rows] = best(
                    cosines[rows], numbers[rows], found, np.broadcast_to(self.order[first:last], found.shape)
                )
        return cosines, numbers

    def _nearest(self, queries: F32, cells: int) -> NDArray[np.int64]:
        found: Any = self._trained.quantizer.search(queries, cells)[1]
        return np.asarray(found, dtype=np.int64)


def trained(sample: F32, cells: int) -> Any:
    """faiss's inverted file of so many cells, trained on a sample and empty. k-means starts from the same vectors each time."""
    import faiss

    width = sample.shape[1]
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(width), width, cells, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed = 1
    index.cp.min_points_per_centroid = 1
    index.train(sample)
    return index


def best(cosines: F32, numbers: I64, more: F32, more_numbers: I64) -> tuple[F32, I64]:
    """Of each row's old and new neighbours as many of the closest as there were old ones, the lower number first of equals."""
    wanted = cosines.shape[1]
    both, names = np.concatenate([cosines, more], axis=1), np.concatenate([numbers, more_numbers], axis=1)
    if both.shape[1] > 4 * wanted:  # sorting all would be dear: first those that are not worse than the last one taken
        last = -np.partition(-both, wanted - 1, axis=1)[:, wanted - 1 : wanted]
        keep = both >= last
        most = int(keep.sum(axis=1).max())
        chosen = np.argsort(~keep, axis=1, kind="stable")[:, :most]
        both, names = np.take_along_axis(both, chosen, 1), np.take_along_axis(names, chosen, 1)
    order = np.lexsort((names, -both), axis=1)[:, :wanted]
    return np.take_along_axis(both, order, 1), np.take_along_axis(names, order, 1)
