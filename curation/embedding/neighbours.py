"""Which vectors lie close to each other, by faiss: compared one by one as far as that is cheap, in cells beyond."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from curation.embedding.cells import BLOCK, Cells, best, trained
from curation.embedding.encoder import F32
from curation.embedding.stored import I64, InMemory, Vectors

FLAT_UP_TO = 100_000  # vectors; comparing all with all takes some minutes there and four times as long at twice as many
SAMPLE = 1_000  # queries on which the recall of the cells is measured
RECALL = 0.99  # of the ten closest, against comparing with all
CLOSEST = 10
ASKED = 8_192  # vectors compared with as many others at once: read so seldom that reading does not count
ROUNDED = 0.002  # what a cosine may be off by where vectors are rounded to float16 twice


def close_pairs(
    vectors: F32 | Vectors, least: float, neighbours: int, flat_up_to: int = FLAT_UP_TO, folder: Path | None = None
) -> tuple[I64, I64, F32]:
    """Pairs `(left, right, cosine)`, left < right, in ascending order, of vectors (n, d), each of length 1.

    Each vector is paired with those of its `neighbours` closest that have a cosine of `least` or more. Deterministic. Of vectors
    that lie on disk some are in memory at a time; `folder` is where those in cells are kept meanwhile.
    """
    given = InMemory(vectors) if isinstance(vectors, np.ndarray) else vectors
    count = len(given)
    wanted = min(neighbours + 1, count)  # a vector is its own neighbour
    keys: list[I64] = [np.zeros(0, dtype=np.int64)]
    if wanted > 1:
        found = _one_by_one(given, wanted) if count <= flat_up_to else _in_cells(given, wanted, folder)
        for mine, cosines, others in found:
            here = np.broadcast_to(mine[:, None], others.shape)
            keep = (cosines >= least - ROUNDED) & (others != here) & (others >= 0)
            keys.append(np.minimum(here[keep], others[keep]) * np.int64(count) + np.maximum(here[keep], others[keep]))
    pairs = np.unique(np.concatenate(keys))
    left, right = pairs // max(count, 1), pairs % max(count, 1)
    # Once more, pair by pair: the products above differ in their last bits with the number of threads.
    exact = pair_cosines(given, left, right)
    close = exact >= least
    return left[close], right[close], exact[close]


def pair_cosines(vectors: Vectors, left: I64, right: I64) -> F32:
    """The cosine of each pair."""
    parts = [np.zeros(0, dtype=np.float32)]
    for start in range(0, len(left), BLOCK):
        one, other = vectors.take(left[start : start + BLOCK]), vectors.take(right[start : start + BLOCK])
        parts.append(np.einsum("ij,ij->i", one, other))
    found: F32 = np.concatenate(parts)
    return found


def _one_by_one(vectors: Vectors, wanted: int) -> Iterator[tuple[I64, F32, I64]]:
    """`(numbers, cosines, neighbours)` of some vectors at a time: every one is compared with every other."""
    import faiss

    every = np.arange(len(vectors))
    for start in range(0, len(vectors), ASKED):
        mine = every[start : start + ASKED]
        asked = vectors.take(mine)
        cosines = np.full((len(mine), wanted), -np.inf, dtype=np.float32)
        numbers = np.full((len(mine), wanted), -1, dtype=np.int64)
        for first in range(0, len(vectors), ASKED):
            others = vectors.take(every[first : first + ASKED])
            more, places = faiss.knn(asked, others, min(wanted, len(others)), metric=faiss.METRIC_INNER_PRODUCT)
            cosines, numbers = best(cosines, numbers, more, places + first)
        yield mine, cosines, numbers


def _in_cells(vectors: Vectors, wanted: int, folder: Path | None) -> Iterator[tuple[I64, F32, I64]]:
    """The same, in as many cells as RECALL takes, measured on a fixed sample."""
    sample = np.linspace(0, len(vectors) - 1, min(SAMPLE, len(vectors)), dtype=np.int64)
    asked = vectors.take(sample)
    exact = _closest(vectors, asked, min(CLOSEST, len(vectors)))
    with Cells(vectors, folder) as cells:
        _tune(cells, asked, exact)
        order = cells.order
        for start in range(0, len(order), BLOCK):
            mine = order[start : start + BLOCK]
            yield mine, *cells.search(vectors.take(mine), wanted)


def _closest(vectors: Vectors, asked: F32, wanted: int) -> I64:
    """The numbers of the closest of all vectors to each that is asked about."""
    cosines = np.full((len(asked), wanted), -np.inf, dtype=np.float32)
    numbers = np.full((len(asked), wanted), -1, dtype=np.int64)
    for first in range(0, len(vectors), BLOCK):
        places = np.arange(first, min(first + BLOCK, len(vectors)))
        found = asked @ vectors.take(places).T
        cosines, numbers = best(cosines, numbers, found, np.broadcast_to(places, found.shape))
    return numbers


def flat_index(vectors: F32) -> Any:
    """Every query is compared with every vector: exact."""
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return index


def cell_index(vectors: F32) -> Any:
    """Vectors in about 4 * sqrt(n) cells, in memory. As many cells are searched as RECALL takes, measured on a fixed sample."""
    index = trained(vectors, int(4 * np.sqrt(len(vectors))))
    index.add(vectors)
    sample = vectors[np.linspace(0, len(vectors) - 1, min(SAMPLE, len(vectors)), dtype=np.int64)]
    index.nprobe = 4
    _tune(index, sample, flat_index(vectors).search(sample, min(CLOSEST, len(vectors)))[1])
    return index


def _tune(index: Any, queries: F32, exact: I64) -> None:
    """Twice as many cells are searched until enough of the `exact` neighbours are found."""
    while index.nprobe < index.nlist and recall(index, queries, exact) < RECALL:
        index.nprobe = min(2 * index.nprobe, index.nlist)


def recall(index: Any, queries: F32, exact: I64) -> float:
    """The share of the `exact` neighbours (queries, k) that the index finds."""
    _, found = index.search(queries, exact.shape[1])
    return float(np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, exact, strict=True)]))
