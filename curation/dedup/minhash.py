"""MinHash signatures and their bands (Broder 1997; Leskovec, Rajaraman & Ullman, Mining of Massive Datasets, ch. 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curation.dedup.shingles import U32, U64, Shingles, mix

BLOCK = 1 << 15  # shingles worked on at once: 128 KiB of hashes and as much of scratch stay in the L2 cache
EMPTY = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True)
class Banding:
    """`bands` bands of `rows` hash functions each. Two sets of Jaccard similarity s share a band with probability
    1 - (1 - s^rows)^bands.
    """

    bands: int
    rows: int

    def probability(self, similarity: float) -> float:
        """How likely two sets of that Jaccard similarity become candidates."""
        return 1.0 - (1.0 - similarity**self.rows) ** self.bands

    @staticmethod
    def of(threshold: float, functions: int, recall: float = 0.99) -> Banding:
        """The banding with the longest rows (fewest false candidates) whose chance at `threshold` is still `recall`."""
        best = Banding(functions, 1)
        for rows in range(2, functions + 1):
            banding = Banding(functions // rows, rows)
            if banding.probability(threshold) >= recall:
                best = banding
        return best


def signatures(shingles: Shingles, functions: int, seed: int) -> U32:
    """One row a text, one column a hash function: the least of `a * shingle` modulo 2^32 over its shingles.

    Multiplying by an odd number permutes the 32-bit numbers, and shingles are well-mixed hashes already. Adding a
    number too changes neither the share of equal values nor its spread (measured at similarities of .3, .7 and .8 on
    sets of 20 to 400), and costs a quarter of the time. A text without shingles has 2^32 - 1 everywhere.
    Shape `(len(shingles), functions)`.
    """
    draw = np.random.Generator(np.random.PCG64(seed))
    factors = draw.integers(0, 1 << 32, functions, dtype=np.uint32) | np.uint32(1)
    result = np.full((functions, len(shingles)), EMPTY, dtype=np.uint32)
    filled = np.flatnonzero(shingles.sizes())
    starts = shingles.offsets[filled]
    ends = shingles.offsets[filled + 1]
    row = 0
    while row < len(filled):
        stop = max(row + 1, int(np.searchsorted(ends, starts[row] + BLOCK, side="right")))
        block = shingles.hashes[starts[row] : ends[stop - 1]]
        cuts = starts[row:stop] - starts[row]
        scratch = np.empty_like(block)
        for function in range(functions):
            np.multiply(block, factors[function], out=scratch)
            result[function, filled[row:stop]] = np.minimum.reduceat(scratch, cuts)
        row = stop
    return result.T


def band_hashes(signature: U32, banding: Banding) -> U64:
    """One 64-bit hash a band: shape `(texts, bands)`."""
    used = signature[:, : banding.bands * banding.rows].reshape(len(signature), banding.bands, banding.rows)
    total: U64 = np.zeros(used.shape[:2], dtype=np.uint64)
    for row in range(banding.rows):
        total = mix(np.bitwise_xor(total, used[:, :, row].astype(np.uint64))) + np.uint64(0x9E3779B97F4A7C15)
    return total


def as_datasketch(signature: NDArray[np.uint32], seed: int) -> object:
    """One signature as a `datasketch.MinHash`, for code that speaks its API. Compare only with others made here."""
    from datasketch import MinHash

    return MinHash(num_perm=len(signature), seed=seed, hashvalues=signature.astype(np.uint64))
