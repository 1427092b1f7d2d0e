"""Candidate pairs from band hashes, one band at a time, and the exact similarity of pairs of shingle sets."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from curation.dedup.shingles import I64, U64, Shingles

CROWD = 48  # members of a bucket up to which every pair is a candidate
WAITING = 1 << 22  # pairs of several bands merged at once: 32 MB
BITS = np.uint64(
    (1 << 22) - 1
)  # of a hash, by which most of those that occur once are told from others: a table of 4 MB
CHUNK = 1 << 14  # pairs compared at once: bounds the scratch memory to some tens of megabytes for texts of 80 shingles


def candidates(bands: Iterable[tuple[I64, U64]], count: int, crowd: int = CROWD) -> tuple[I64, I64, I64]:
    """Pairs `(left, right)`, left < right, of texts that share a band hash, each pair once; and the texts that sit in a
    bucket of more than `crowd` texts, where each is paired with the `crowd` before it only.

    `bands` gives `(texts, hashes)`: of one band, or of a part of one that holds all the texts of its hashes, texts ascending.
    So memory is that of a part, whatever the number of bands and of texts (`count`), and of the pairs.
    """
    found = np.zeros(0, dtype=np.uint64)
    waiting: list[U64] = []
    crowded = np.zeros(count, dtype=bool)
    for texts, hashes in bands:
        places = sharing(hashes)
        places = places[np.argsort(hashes[places], kind="stable")]
        order, ordered = texts[places], hashes[places]
        waiting.append(pair_keys(*_pairs_of(order, ordered, crowd)))
        crowded[_crowd_of(order, ordered, crowd)] = True
        if sum(map(len, waiting)) > WAITING:
            found, waiting = merged(found, *waiting), []
    return (*split_keys(merged(found, *waiting)), np.flatnonzero(crowded))


def sharing(hashes: U64) -> I64:
    """Places of the hashes that occur more than once, ascending. Sorting numbers is much faster than sorting their places,
    and most hashes of a corpus occur once.
    """
    ordered = np.sort(hashes)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(twice):
        return np.zeros(0, dtype=np.int64)
    seen = np.zeros(int(BITS) + 1, dtype=bool)
    seen[twice & BITS] = True
    places = np.flatnonzero(seen[hashes & BITS])
    found = np.minimum(np.searchsorted(twice, hashes[places]), len(twice) - 1)
    same: I64 = places[twice[found] == hashes[places]]
    return same


def merged(*keys: U64) -> U64:
    """The different keys, ascending. Sorting and comparing neighbours is faster than numpy's hash table here."""
    ordered = np.concatenate(keys)
    ordered.sort()
    new = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    return ordered[new]


def pair_keys(left: I64, right: I64) -> U64:
    """Pairs of numbers below 2^32 as single numbers, which sort and compare fast."""
    return (left.astype(np.uint64) << np.uint64(32)) | right.astype(np.uint64)


def split_keys(keys: U64) -> tuple[I64, I64]:
    """What `pair_keys` joined."""
    return (keys >> np.uint64(32)).astype(np.int64), (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)


def _pairs_of(order: I64, ordered: U64, crowd: int) -> tuple[I64, I64]:
    lefts, rights = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for distance in range(1, min(crowd, len(ordered) - 1) + 1):
        same = np.flatnonzero(ordered[distance:] == ordered[:-distance])
        if not len(same):
            break
        lefts.append(order[same])
        rights.append(order[same + distance])
    return np.concatenate(lefts), np.concatenate(rights)


def _crowd_of(order: I64, ordered: U64, crowd: int) -> I64:
    if len(ordered) <= crowd:
        return np.zeros(0, dtype=np.int64)
    starts = np.flatnonzero(ordered[crowd:] == ordered[:-crowd])
    inside = np.zeros(len(ordered) + 1, dtype=np.int64)
    np.add.at(inside, starts, 1)
    np.add.at(inside, starts + crowd + 1, -1)
    return order[np.flatnonzero(np.cumsum(inside[:-1]) > 0)]


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
    """The connected component of each of `count` texts, numbered by first member.

    Each round hooks the root of one side of every pair to the lower root of the other and then shortens all paths
    (Shiloach & Vishkin 1982), so that rounds grow with the logarithm of the largest component.
    """
    roots = np.arange(count, dtype=np.int64)
    while len(left):
        one, other = roots[left], roots[right]
        apart = one != other
        left, right = left[apart], right[apart]
        np.minimum.at(roots, np.maximum(one[apart], other[apart]), np.minimum(one[apart], other[apart]))
        while True:
            shorter = roots[roots]
            if np.array_equal(shorter, roots):
                break
            roots = shorter
    is_root = roots == np.arange(count)
    return (np.cumsum(is_root) - 1)[roots]
