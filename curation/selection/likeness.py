"""Vectors made ready to be compared: what most records share weighs less, so that what a record is about weighs more."""

from __future__ import annotations

from typing import Final

import numpy as np

from curation.selection.model import F32, F64, I64

_LEARNED: Final = 20_000  # records that directions are learned from: beyond that only time is spent
_POWER: Final = 0.5  # 0 leaves the directions as they are, 1 makes all of them as wide
_SHRINK: Final = 0.1  # part of the mean width in every direction, so that directions without records do not count
FLOOR: Final = 0.1  # cosine up to which two prepared vectors have no more in common than any two
_CROWD: Final = 0.3  # cosine from which two records are in one crowd
_FEWER: Final = (
    1.5  # power of the size of a crowd; 1 would let wide crowds, whose ends are not alike, count for several
)
_ROWS: Final = 2048


def prepared(vectors: F32) -> F32:
    """`vectors` (n, d), of length 1, less their mean, and narrowed where they differ most: of length 1 again.

    Half-whitening: each principal direction is divided by the fourth root of its variance. In embeddings of requests the
    widest directions are language, form and length of a text, which say nothing of its subject. A record in the very
    middle is left with zeros.
    """
    if len(vectors) < 2:
        return vectors
    sample = vectors[:_LEARNED].astype(np.float64)
    mean = sample.mean(axis=0)
    sample -= mean
    widths, directions = np.linalg.eigh(sample.T @ sample / len(sample))
    widths = np.maximum(widths, 0.0)
    widths = (1 - _SHRINK) * widths + _SHRINK * widths.mean()
    if not widths.any():
        return vectors  # all of them are the same
    turned = (directions * widths ** (-_POWER / 2)).astype(np.float32)
    shift = mean.astype(np.float32)
    found = np.empty_like(vectors)
    for start in range(0, len(vectors), _ROWS):
        rows = (vectors[start : start + _ROWS] - shift) @ turned
        found[start : start + _ROWS] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-9))
    return found


def by_region(vectors: F32, records: I64) -> F64:
    """How much each of `records` (m,) counts so that crowds count alike, whatever their size: greater than 0, at most 1.

    The size of its crowd to the power of -_FEWER. The size is the sum of how like it the others of `records` are: 1 for
    itself and for a copy, falling to 0 at _CROWD. vectors (n, d): of length 1, or zeros.
    """
    held = vectors[records]
    found = np.empty(len(held), dtype=np.float64)
    for start in range(0, len(held), _ROWS // 4):
        like = held[start : start + _ROWS // 4] @ held.T
        like -= np.float32(_CROWD)
        np.maximum(like, 0, out=like)
        found[start : start + _ROWS // 4] = like.sum(axis=1, dtype=np.float64) / (1 - _CROWD)
    # In steps of 1/64 of itself: the last bits of a product must not decide which of two equal records is taken.
    crowd = np.maximum(found, 1.0)
    return np.asarray(np.exp2(-_FEWER * np.round(np.log2(crowd) * 64) / 64), dtype=np.float64)
