"""Candidate pairs from band hashes, one band at a time, and the exact similarity of pairs of shingle sets."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from curation.dedup.shingles import I64, U64, Shingles

CROWD = 48  # members of a bucket up to which every pair is a candidate
CHUNK = 1 << 16  # pairs compared at once: bounds the scratch memory to some tens of megabytes


def candidates(bands: Iterable[U64], crowd: int = CROWD) -> tuple[I64, I64]:
    """Pairs `(left, right)`, left < right, of texts that share a band hash, each pair once.

    `bands` gives one column at a time (one hash a text), so that memory is one column, whatever the number of bands.
    In a bucket of more than `crowd` texts each is paired with the `crowd` before it instead of with all.
    """
    found: list[U64] = []
    for band in bands:
        left, right = _pairs_of(band, crowd)
        if len(left):
            found.append(np.unique((left.astype(np.uint64) << np.uint64(32)) | right.astype(np.uint64)))
    keys = np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.uint64)
    return (keys >> np.uint64(32)).astype(np.int64), (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)


def _pairs_of(band: U64, crowd: int) -> tuple[I64, I64]:
    order = np.argsort(band, kind="stable")
    ordered = band[order]
    lefts, rights = [], []
    for distance in range(1, crowd + 1):
        if distance >= len(ordered):
            break
        same = np.flatnonzero(ordered[distance:] == ordered[:-distance])
        if not len(same):
            break
        lefts.append(order[same])
        rights.append(order[same + distance])
    if not lefts:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty
    return np.concatenate(lefts), np.concatenate(rights)


def crowded(bands: Iterable[U64], crowd: int = CROWD) -> NDArray[np.bool_]:
    """Which texts sit in a bucket of more than `crowd` texts, in any band."""
    result: NDArray[np.bool_] | None = None
    for band in bands:
        if result is None:
            result = np.zeros(len(band), dtype=bool)
        order = np.argsort(band, kind="stable")
        ordered = band[order]
        if len(ordered) <= crowd:
            continue
        far = np.flatnonzero(ordered[crowd:] == ordered[:-crowd])
        for start in far:
            result[order[start : start + crowd + 1]] = True
    return np.zeros(0, dtype=bool) if result is None else result


def jaccard(shingles: Shingles, left: I64, right: I64) -> NDArray[np.float64]:
    """The exact Jaccard similarity of pairs of texts; 0 where both have no shingle."""
    result = np.zeros(len(left), dtype=np.float64)
    sizes = shingles.sizes()
    for start in range(0, len(left), CHUNK):
        stop = start + CHUNK
        shared = _shared(shingles, left[start:stop], right[start:stop])
        union = sizes[left[start:stop]] + sizes[right[start:stop]] - shared
        result[start:stop] = shared / np.maximum(union, 1)
    return result


def _shared(shingles: Shingles, left: I64, right: I64) -> I64:
    """How many shingles each pair has in common: those that occur twice among `(pair, hash)` keys."""
    ours, theirs = shingles.take(left), shingles.take(right)
    pair = np.arange(len(left), dtype=np.uint64) << np.uint64(32)
    keys = np.concatenate(
        [np.repeat(pair, ours.sizes()) | ours.hashes, np.repeat(pair, theirs.sizes()) | theirs.hashes]
    )
    keys.sort()
    twice = keys[1:][keys[1:] == keys[:-1]]
    return np.bincount((twice >> np.uint64(32)).astype(np.int64), minlength=len(left))


def components(count: int, left: I64, right: I64) -> I64:
    """The connected component of each of `count` texts, numbered by first member."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    return np.asarray(order[inverse], dtype=np.int64)
