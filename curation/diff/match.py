"""Which record of one dataset is which of the other: by a key, else by the same text, then by parts of it, then by likeness.

Each step only sees what the steps before left, and matches the k-th of equal records with the k-th.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curation.dedup.minhash import Banding, band_hashes, signatures
from curation.dedup.pairs import jaccard
from curation.dedup.shingles import Shingles, shingles_of

I64 = NDArray[np.int64]
Texts = Callable[[I64], list[str]]  # rows of a side, ascending, to their texts

HOWS = ("same", "key", "content", "prompt", "answer", "similar", "place")
SIMILAR = 0.4  # Jaccard similarity of shingles of two words, from which two records are one that changed
FUNCTIONS, BANDING = 32, Banding(16, 2)  # finds 94 % of pairs at 0.4, and 99 % at 0.5
MOST_SIMILAR = 200_000  # records of a side that likeness is sought for: 60 MB of shingles at 80 a record
CROWD = 8  # candidates of one record in one band


@dataclass
class Matching:
    """b: for each record of the first side its partner's row, -1 without. how: into HOWS. score: of the likeness."""

    b: I64
    how: NDArray[np.uint8]
    score: NDArray[np.float32]
    notes: list[str] = field(default_factory=list)

    def free_a(self) -> I64:
        """Rows of the first side without a partner."""
        return np.flatnonzero(self.b < 0)

    def free_b(self, size: int) -> I64:
        """Rows of the second side without a partner."""
        free = np.ones(size, dtype=bool)
        free[self.b[self.b >= 0]] = False
        return np.flatnonzero(free)

    def take(self, a: I64, b: I64, how: str, score: NDArray[np.float32] | float = np.nan) -> None:
        """Make partners of rows."""
        self.b[a] = b
        self.how[a] = HOWS.index(how)
        self.score[a] = score


def match(a: pl.DataFrame, b: pl.DataFrame, by_key: bool, texts: tuple[Texts, Texts]) -> Matching:
    """Match the digests of two sides (see `digests.DIGESTS`)."""
    found = Matching(
        np.full(a.height, -1, np.int64), np.zeros(a.height, np.uint8), np.full(a.height, np.nan, np.float32)
    )
    if by_key:
        _by(found, a, b, "key", "key")
    _by(found, a, b, "whole", "same")
    _by(found, a, b, "content", "content")
    if not by_key:
        _by(found, a, b, "prompt", "prompt")
        _by(found, a, b, "answer", "answer")
        _by_likeness(found, b.height, texts)
        _by_place(found, b.height)
    return found


def _by(found: Matching, a: pl.DataFrame, b: pl.DataFrame, column: str, how: str) -> None:
    """Match what is left by equal digests; 0 and null are no digest."""
    left, right = found.free_a(), found.free_b(b.height)
    if not len(left) or not len(right):
        return
    pairs = _numbered(a, left, column).join(_numbered(b, right, column), on=["digest", "k"], how="inner")
    found.take(pairs["row"].to_numpy(), pairs["row_right"].to_numpy(), how)


def _numbered(side: pl.DataFrame, rows: I64, column: str) -> pl.DataFrame:
    """`row, digest, k`: the k-th record of its digest."""
    return (
        pl.DataFrame({"row": rows, "digest": side[column].gather(rows)})
        .filter(pl.col("digest").is_not_null() & (pl.col("digest") != 0))
        .with_columns(k=pl.int_range(pl.len(), dtype=pl.UInt32).over("digest"))
    )


def _by_likeness(found: Matching, size: int, texts: tuple[Texts, Texts]) -> None:
    """Match what is left by the words in it, the most similar first; a record has one partner at most."""
    left, right = found.free_a(), found.free_b(size)
    if not len(left) or not len(right):
        return
    if max(len(left), len(right)) > MOST_SIMILAR:
        found.notes.append(
            f"likeness was only sought among the first {MOST_SIMILAR:,} of the records without a partner"
        )
        left, right = left[:MOST_SIMILAR], right[:MOST_SIMILAR]
    shingles = [shingles_of(read(rows), 2, 3) for read, rows in zip(texts, (left, right), strict=True)]
    one, other = _candidates(shingles)
    if not len(one):
        return
    both = Shingles.concat(shingles)
    scores = jaccard(both, one, other + len(left)).astype(np.float32)
    keep = scores >= SIMILAR
    one, other, scores = one[keep], other[keep], scores[keep]
    # Of equally similar ones the nearest in place; then the first, so that the answer is always the same.
    order = np.lexsort((other, one, np.abs(left[one] - right[other]), -scores))
    taken_a, taken_b = np.zeros(len(left), dtype=bool), np.zeros(len(right), dtype=bool)
    for place in order.tolist():
        i, j = one[place], other[place]
        if not taken_a[i] and not taken_b[j]:
            taken_a[i] = taken_b[j] = True
            found.take(left[i : i + 1], right[j : j + 1], "similar", float(scores[place]))


def _candidates(shingles: list[Shingles]) -> tuple[I64, I64]:
    """Pairs `(row of the first, row of the second)` that share a band hash, at most CROWD for a record and band."""
    bands = [band_hashes(signatures(side, FUNCTIONS, 0), BANDING) for side in shingles]
    full = [np.flatnonzero(side.sizes()) for side in shingles]
    pairs: list[NDArray[np.uint64]] = [np.zeros(0, dtype=np.uint64)]
    for band in range(BANDING.bands):
        mine, theirs = bands[0][full[0], band], bands[1][full[1], band]
        order = np.argsort(theirs, kind="stable")
        first = np.searchsorted(theirs[order], mine, side="left")
        last = np.searchsorted(theirs[order], mine, side="right")
        for k in range(CROWD):
            hit = np.flatnonzero(first + k < last)
            if not len(hit):
                break
            partner = full[1][order[first[hit] + k]]
            pairs.append((full[0][hit].astype(np.uint64) << np.uint64(32)) | partner.astype(np.uint64))
    keys = np.unique(np.concatenate(pairs))
    return (keys >> np.uint64(32)).astype(np.int64), (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)


def _by_place(found: Matching, size: int) -> None:
    """Match a record that is alone between two partners with the one that is alone between the same two."""
    padded = np.concatenate([[-1], found.b, [size]])
    rows = np.flatnonzero((padded[1:-1] < 0) & (padded[2:] - padded[:-2] == 2))
    partners = padded[rows] + 1
    before_is_partner = (rows == 0) | (padded[rows] >= 0)
    after_is_partner = padded[rows + 2] >= 0
    rows, partners = rows[before_is_partner & after_is_partner], partners[before_is_partner & after_is_partner]
    free = np.zeros(size, dtype=bool)
    free[found.free_b(size)] = True
    fits = free[partners] if len(partners) else np.zeros(0, dtype=bool)
    found.take(rows[fits], partners[fits], "place")


def order_differs(found: Matching) -> int:
    """How many partners stand before one that stood before them: 0 when nothing was moved."""
    partners = found.b[found.b >= 0]
    return int((np.diff(partners) < 0).sum())
