"""The posterior of fastText's classifier over a block of texts at once, in numpy.

fastText writes every word as "<word>", takes the row of the word, if it is one of the known, and of each of its
character 2- to 4-grams, averages all rows of the text, and walks a binary tree of sigmoids down to the labels. The rows
of n-grams are found by the FNV-1a hash of their UTF-8 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from curation.language.weights import FNV_PRIME, FNV_START, KEY_BASE, Weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

BEGIN, END = ord("<"), ord(">")
LONGEST = 4  # characters of an n-gram


def posterior(codes: NDArray[np.uint32], starts: NDArray[np.int64], weights: Weights) -> NDArray[np.float32]:
    """P(label | text), float32 [labels, texts].

    codes: code points of all texts, one after the other, each text "<word><word>…<word>" with no other "<" or ">", all
    in the Basic Multilingual Plane. starts: int64 [texts], where each begins, the first at 0; no text is empty, and
    there are at most 65,536.
    """
    rows, owner = _features(codes, starts, weights)
    # One byte or two a key: numpy sorts those by counting.
    order = np.argsort(owner.astype(np.uint16 if starts.size > 256 else np.uint8), kind="stable")
    sizes = np.bincount(owner, minlength=starts.size)
    sums = np.add.reduceat(weights.rows.take(rows.take(order), axis=0), np.cumsum(sizes) - sizes, axis=0)
    hidden = (sums / sizes[:, None].astype(np.float32)).T
    # Not a matrix product: BLAS would start threads for it, and round differently for another number of texts.
    right = np.zeros((weights.nodes.shape[0], starts.size), dtype=np.float32)
    product = np.empty_like(right)
    for weight, value in zip(weights.nodes.T, hidden, strict=True):
        right += np.multiply(weight[:, None], value, out=product)
    np.negative(np.maximum(right, -80, out=right), out=right)
    np.reciprocal(np.add(np.exp(right, out=right), 1, out=right), out=right)
    labels = len(weights.labels)
    reached = np.empty((2 * labels - 1, starts.size), dtype=np.float32)
    reached[-1] = 1.0
    for nodes, lefts, rights in weights.levels:
        here, way = reached[nodes], right[nodes - labels]
        reached[rights] = here * way
        reached[lefts] = here * (1 - way)
    return reached[:labels]


def _features(
    codes: NDArray[np.uint32], starts: NDArray[np.int64], weights: Weights
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The row of every feature that was not pruned (about 1 n-gram of 16 is left), and the text it belongs to."""
    size = codes.size
    is_end = codes == END
    ends = np.flatnonzero(is_end)
    begins = np.concatenate(([0], ends[:-1] + 1))
    within = np.ones(size, dtype=np.bool_)  # whether the n-gram that begins here is inside one word
    wide = _Wide.of(codes)
    buckets = np.uint32(weights.gram_row.size)
    state = np.full(size, FNV_START, dtype=np.uint32)
    rows, places = [], []
    for place in range(LONGEST):
        state = _hash_on(state[: size - place], codes[place:], wide, place)
        if place:
            # A division by a constant and a product are six times as fast as numpy's remainder.
            bucket = state - state // buckets * buckets
            within = within[:-1] & ~is_end[place - 1 : size - 1]
            used = np.flatnonzero(weights.gram_kept.take(bucket) & within)
            rows.append(weights.gram_row.take(bucket.take(used)))
            places.append(used)
    row = _word_rows(codes, begins, ends, weights)
    used = np.flatnonzero(row >= 0)
    rows += [row.take(used), np.full(starts.size, weights.eos_row, dtype=np.int32)]
    places += [begins.take(used), starts]
    owner = np.searchsorted(starts, np.concatenate(places), side="right") - 1
    return np.concatenate(rows), owner


@dataclass(frozen=True)
class _Wide:
    """The code points of two or three UTF-8 bytes: where they are, and their bytes, widened as fastText does."""

    at: NDArray[np.int64]
    lead: NDArray[np.uint32]
    middle: NDArray[np.uint32]  # of those of three bytes
    last: NDArray[np.uint32]
    three: NDArray[np.int64]  # which of them have three bytes

    @staticmethod
    def of(codes: NDArray[np.uint32]) -> _Wide:
        """Those of `codes`."""
        at = np.flatnonzero(codes >= 0x80)
        code = codes.take(at)
        three = np.flatnonzero(code >= 0x800)
        signed = np.uint32(0xFFFFFF00)  # fastText takes each byte for a signed one
        lead = signed | 0xC0 | code >> np.uint32(6)
        lead[three] = signed | 0xE0 | code[three] >> np.uint32(12)
        middle = signed | 0x80 | code[three] >> np.uint32(6) & np.uint32(0x3F)
        return _Wide(at, lead, middle, signed | 0x80 | code & np.uint32(0x3F), three)


def _hash_on(state: NDArray[np.uint32], codes: NDArray[np.uint32], wide: _Wide, place: int) -> NDArray[np.uint32]:
    """The FNV-1a states after one more code point each, that which is `place` further on; `codes` begins there."""
    prime = np.uint32(FNV_PRIME)
    out = (state ^ codes) * prime
    if wide.at.size:
        skip = int(np.searchsorted(wide.at, place))
        skip_three = int(np.searchsorted(wide.three, skip))
        at = wide.at[skip:] - place
        hashed = (state.take(at) ^ wide.lead[skip:]) * prime
        three = wide.three[skip_three:] - skip
        hashed[three] = (hashed[three] ^ wide.middle[skip_three:]) * prime
        out[at] = (hashed ^ wide.last[skip:]) * prime
    return out


@lru_cache(maxsize=4)
def _powers(size: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """KEY_BASE ** i and its inverse modulo 2**64, for i below `size`."""
    base = np.full(size, KEY_BASE, dtype=np.uint64)
    back = np.full(size, pow(KEY_BASE, -1, 1 << 64), dtype=np.uint64)
    base[0] = back[0] = 1
    return np.cumprod(base), np.cumprod(back)


def _word_rows(
    codes: NDArray[np.uint32], begins: NDArray[np.int64], ends: NDArray[np.int64], weights: Weights
) -> NDArray[np.int32]:
    """The row of each known word, -1 for the others. Two words share a 64-bit key with odds of 1 in 10**15."""
    powers, back = _powers(1 << int(codes.size).bit_length())
    sums = np.cumsum((codes + np.uint64(1)) * powers[: codes.size])
    keys = (sums[ends - 1] - sums[begins]) * back[begins]
    # Keys are looked up by their leading bits: 10 times as fast as by bisection; hardly two known words share a slot.
    slot = keys >> np.uint64(48)
    at, after = weights.word_slots.take(slot), weights.word_slots.take(slot + np.uint64(1))
    rows = np.full(keys.size, -1, dtype=np.int32)
    pending = np.flatnonzero(at < after)
    while pending.size:
        here = at[pending]
        same = weights.word_keys.take(here) == keys[pending]
        rows[pending[same]] = weights.word_rows.take(here[same])
        at[pending] += 1
        pending = pending[~same & (at[pending] < after[pending])]
    return rows
