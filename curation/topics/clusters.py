"""Vectors to topics: many small cells by k-means, then the likest cells merged as far as that makes topics clearer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from curation.topics.model import F32, I64

FEWEST_CELLS, MOST_CELLS = 8, 400
FEWEST_TOPICS, MOST_TOPICS = 2, 40  # more than a screen of them tells nobody anything
CLEAR: Final = 0.4  # silhouette above which the data say how many topics there are; below, there is no such number
LEAST_SIZE: Final = 8  # records that a topic should have on average, or there are too many topics
_ROUNDS: Final = 25  # of k-means
_TRIES: Final = 3
_A_CELL: Final = 100  # records that a cell's middle is learned from: beyond that only time is spent
_COMPARED: Final = 10_000  # records on which numbers of topics are compared


@dataclass(frozen=True)
class Clusters:
    """topics: of each record, 0 … count - 1, the largest first. cells: of each record. middles: of the topics, (count, d),
    and central: cosine of each record to its topic's; both of vectors less their mean."""

    topics: I64
    cells: I64
    middles: F32
    central: F32


def cluster(vectors: F32, topics: int = 0, seed: int = 0) -> Clusters:
    """Clusters of `vectors` (n, d), each of length 1. topics: how many, 0 to choose. The same for the same input.

    The mean of all vectors is taken off first: what all texts have in common says nothing about any. Cells number
    1.5 sqrt(n); their middles are merged by average linkage. Of the possible numbers of topics that one is taken whose
    records are clearest in theirs: the simplified silhouette (Hruschka, de Castro and Campello 2004), largest mean of
    1 - a/b, a the distance to the own middle, b that to the nearest other. Where it is below CLEAR for all of them, the
    topics shade into each other, and there are sqrt(n) / 2 of them. At last each record goes to its nearest middle.
    """
    centred = _unit(vectors - vectors.mean(axis=0))
    cells = _cells(centred, seed)
    labels = _merged(centred, cells, topics)
    middles = _middles(centred, labels)
    labels = _nearest(centred, middles)
    labels = _by_size(labels)
    middles = _middles(centred, labels)
    central = np.einsum("ij,ij->i", centred, middles[labels]).astype(np.float32)
    return Clusters(labels, cells, middles, central)


def _cells(vectors: F32, seed: int) -> I64:
    """Spherical k-means by faiss, in one thread: sums of several come in any order."""
    import faiss

    count = int(np.clip(round(1.5 * np.sqrt(len(vectors))), FEWEST_CELLS, MOST_CELLS))
    count = min(count, len(vectors))
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        means = faiss.Kmeans(
            vectors.shape[1], count, niter=_ROUNDS, nredo=_TRIES, seed=seed + 1, spherical=True,
            min_points_per_centroid=1, max_points_per_centroid=_A_CELL,
        )  # fmt: skip
        means.train(vectors)
        _, found = means.index.search(vectors, 1)
    finally:
        faiss.omp_set_num_threads(threads)
    return _numbered(found[:, 0])


def _merged(vectors: F32, cells: I64, topics: int) -> I64:
    """The topic of each record: cells merged to `topics` of them, or to as many as are clearest."""
    from scipy.cluster.hierarchy import linkage

    sums = _sums(vectors, cells)
    count = len(sums)
    if count < 2:
        return np.zeros_like(cells)
    tree = linkage(_unit(sums).astype(np.float64), "average", metric="cosine")
    if topics:
        return _cut(tree, min(topics, count))[cells]
    rows = np.linspace(0, len(vectors) - 1, min(len(vectors), _COMPARED), dtype=np.int64)
    most = min(count, MOST_TOPICS, max(FEWEST_TOPICS, len(vectors) // LEAST_SIZE))
    clear = {
        number: _clearness(vectors[rows], cells[rows], sums, _cut(tree, number))
        for number in range(FEWEST_TOPICS, most + 1)
    }
    best = max(clear, key=lambda number: (clear[number], -number))
    by_size = min(most, max(FEWEST_TOPICS, round(np.sqrt(len(vectors)) / 2)))
    return _cut(tree, best if clear[best] >= CLEAR else by_size)[cells]


def _cut(tree: Any, count: int) -> I64:
    """The topic of each cell, of `count` topics."""
    from scipy.cluster.hierarchy import fcluster

    return _numbered(np.asarray(fcluster(tree, count, "maxclust"), dtype=np.int64))


def _clearness(vectors: F32, cells: I64, sums: F32, topic_of: I64) -> float:
    """The simplified silhouette of some records. sums: of all vectors of a cell; topic_of: of each cell."""
    middles = _unit(_sums(sums, topic_of))
    if len(middles) < 2:
        return -1.0
    own_topic = topic_of[cells]
    distance = 1 - vectors @ middles.T
    own = distance[np.arange(len(vectors)), own_topic].copy()
    distance[np.arange(len(vectors)), own_topic] = np.inf
    other = distance.min(axis=1)
    return round(float(np.mean((other - own) / np.maximum(np.maximum(own, other), 1e-6))), 6)


def _nearest(vectors: F32, middles: F32) -> I64:
    found = np.empty(len(vectors), dtype=np.int64)
    for start in range(0, len(vectors), 8192):
        found[start : start + 8192] = np.argmax(vectors[start : start + 8192] @ middles.T, axis=1)
    return found


def _middles(vectors: F32, labels: I64) -> F32:
    """The mean direction of each label's vectors."""
    return _unit(_sums(vectors, labels))


def _sums(vectors: F32, labels: I64) -> F32:
    """The sum of each label's vectors. Labels are 0 … count - 1, none of them without one."""
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    found: F32 = np.add.reduceat(vectors[order], starts, axis=0)
    return found


def _by_size(labels: I64) -> I64:
    labels = _numbered(labels)
    place = np.empty(int(labels.max()) + 1, dtype=np.int64)
    place[np.argsort(-np.bincount(labels), kind="stable")] = np.arange(len(place))
    return place[labels]


def _numbered(labels: I64) -> I64:
    """Labels as 0, 1, 2 … in the order of the old ones."""
    found: I64 = np.unique(labels, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return found


def _unit(vectors: F32) -> F32:
    found: F32 = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-9))
    return np.ascontiguousarray(found, dtype=np.float32)
