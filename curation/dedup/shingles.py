"""Text to tokens to hashed shingles, a whole batch at a time in numpy.

Spaced scripts give words, scripts written without blanks (Han, kana, Thai, Lao, Khmer, Myanmar) give single characters,
in one stream, so that mixed text needs no language id. Hashes are polynomial (Karp & Rabin 1987) over code points, from
prefix sums modulo 2^64: any substring's hash is one subtraction and one multiplication, so no Python runs per token.
They depend on the text alone, not on a process, a library or a version.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

SHORT = 12  # words below which a text gets n-grams of its code points
WORD, CHARACTER = 1, 2  # classes of code points; 0 is what stands between tokens
_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),  # ideographic iteration mark and zero
    (0x3041, 0x30FF),  # kana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x323AF),
)


@dataclass(frozen=True)
class Tokens:
    """The tokens of a batch of texts, one after another.

    hashes: one a token. kinds: WORD or CHARACTER. records: the index of the text each belongs to (ascending).
    starts, ends: where each lies in `points`, the code points of all texts.
    """

    hashes: U64
    kinds: NDArray[np.uint8]
    records: I64
    starts: I64
    ends: I64
    points: U32
    texts: int


@dataclass(frozen=True)
class Shingles:
    """The set of shingle hashes of each text: `hashes[offsets[i]:offsets[i + 1]]`, ascending and unique."""

    hashes: U32
    offsets: I64

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def sizes(self) -> I64:
        """How many different shingles each text has."""
        return np.diff(self.offsets)

    def take(self, rows: I64) -> Shingles:
        """The shingles of some texts, in the order of `rows`."""
        sizes = self.sizes()[rows]
        offsets = np.concatenate(([0], np.cumsum(sizes)))
        places = np.repeat(self.offsets[rows] - offsets[:-1], sizes) + np.arange(offsets[-1])
        return Shingles(self.hashes[places], offsets)


def fold(texts: pl.Series) -> pl.Series:
    """Compatibility forms and case folded away, so that full-width or capital letters make no difference."""
    plain = texts.str.len_bytes() == texts.str.len_chars()  # ASCII, which NFKC leaves alone at 25 times the cost
    folded = texts.to_frame("t").select(pl.when(plain).then("t").otherwise(pl.col("t").str.normalize("NFKC")))
    return folded.to_series().str.to_lowercase()


def tokenise(texts: Sequence[str]) -> Tokens:
    """Tokens of texts that `fold` has seen. Text that has no letter or digit has no token."""
    joined = "\x00".join([*texts, ""])
    points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    kinds = _classes()[points]
    word = kinds == WORD
    before = np.empty_like(word)
    before[:1], before[1:] = False, word[:-1]
    after = np.empty_like(word)
    after[-1:], after[:-1] = False, word[1:]
    single = kinds == CHARACTER
    starts = np.flatnonzero((word & ~before) | single)
    ends = np.flatnonzero((word & ~after) | single) + 1
    powers, inverses = _powers(len(points) + 1)
    sums = np.zeros(len(points) + 1, dtype=np.uint64)
    np.cumsum(points * powers[: len(points)], out=sums[1:])
    hashes = mix((sums[ends] - sums[starts]) * inverses[starts])
    borders = np.flatnonzero(points == 0)
    return Tokens(hashes, kinds[starts], np.searchsorted(borders, starts), starts, ends, points, len(texts))


def shingle(tokens: Tokens, words: int, characters: int) -> Shingles:
    """Hashed n-grams of tokens: `words` of them where the first is a word, `characters` where it is a character.

    A text shorter than SHORT words (two characters count as one word) would lose every n-gram to a single slip, so it
    gets n-grams of its code points instead: 4 in words, 2 in unspaced scripts. A text without tokens has no shingle.
    """
    weights = np.bincount(tokens.records, np.where(tokens.kinds == CHARACTER, 0.5, 1.0), tokens.texts)
    is_short = weights < SHORT
    of_short = is_short[tokens.records] if len(tokens.records) else np.zeros(0, dtype=bool)
    wanted = np.where(tokens.kinds == CHARACTER, characters, words)
    records, grams = _grams(tokens.hashes[~of_short], wanted[~of_short], tokens.records[~of_short])
    points, kinds, owners = _compact(tokens, np.flatnonzero(of_short))
    short_records, short_grams = _grams(mix(points), np.where(kinds == CHARACTER, 2, 4), owners)
    return _as_sets(
        np.concatenate([records, short_records]),
        (np.concatenate([grams, short_grams]) >> np.uint64(32)).astype(np.uint32),
        tokens.texts,
    )


def _grams(items: U64, wanted: I64, records: I64) -> tuple[I64, U64]:
    """The owner and the hash of each n-gram of `items` within one record, `wanted` long from its first one on. A record
    too short for a whole one gets one of all its items.
    """
    count = len(items)
    if not count:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.uint64)
    grams = np.zeros(count, dtype=np.uint64)
    room = np.searchsorted(records, records, side="right") - np.arange(count)
    length = np.minimum(wanted, room)
    for place in range(int(wanted.max())):
        factor = np.uint64(pow(_BASE, 2 * place + 3, 1 << 64))
        use = length[: count - place] > place
        grams[: count - place] += np.where(use, items[place:] * factor, np.uint64(0))
    whole = room >= wanted
    first = np.concatenate(([True], records[1:] != records[:-1]))
    has_whole = np.zeros(int(records[-1]) + 1, dtype=bool)
    has_whole[records[whole]] = True
    use = whole | (first & ~has_whole[records])
    return records[use], mix(grams[use])


def _compact(tokens: Tokens, chosen: I64) -> tuple[U64, NDArray[np.uint8], I64]:
    """The code points of some tokens with one blank after each word: points, kinds and owners, flat."""
    word = tokens.kinds[chosen] == WORD
    sizes = tokens.ends[chosen] - tokens.starts[chosen] + word
    offsets = np.concatenate(([0], np.cumsum(sizes)))[:-1]
    within = np.arange(int(sizes.sum())) - np.repeat(offsets, sizes)
    points = tokens.points[np.minimum(np.repeat(tokens.starts[chosen], sizes) + within, len(tokens.points) - 1)]
    points = points.astype(np.uint64)
    points[(offsets + sizes - 1)[word]] = np.uint64(32)
    return points, np.repeat(tokens.kinds[chosen], sizes), np.repeat(tokens.records[chosen], sizes)


def _as_sets(records: I64, hashes: U32, texts: int) -> Shingles:
    keys = (records.astype(np.uint64) << np.uint64(32)) | hashes
    keys.sort()
    if len(keys):
        keys = keys[np.concatenate(([True], keys[1:] != keys[:-1]))]
    owners = (keys >> np.uint64(32)).astype(np.int64)
    offsets = np.searchsorted(owners, np.arange(texts + 1))
    return Shingles((keys & np.uint64(0xFFFFFFFF)).astype(np.uint32), offsets)


def mix(values: U64) -> U64:
    """The finaliser of SplitMix64 (Steele, Lea & Flood 2014): every input bit reaches every output bit."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@lru_cache(maxsize=1)
def _classes() -> NDArray[np.uint8]:
    """The class of every code point. Letters, marks and digits are WORD unless their script is written unspaced."""
    import unicodedata

    table = np.zeros(0x110000, dtype=np.uint8)
    for point in range(0x30000):
        if unicodedata.category(chr(point))[0] in "LMN":
            table[point] = WORD
    for low, high in _UNSPACED:
        span = table[low : high + 1]
        span[span == WORD] = CHARACTER
    table[0x30000:0x323B0] = CHARACTER
    return table


_POWERS: tuple[U64, U64] = (np.ones(1, dtype=np.uint64), np.ones(1, dtype=np.uint64))


def _powers(count: int) -> tuple[U64, U64]:
    """Powers of the base and of its inverse modulo 2^64, at least `count` of them; grown and kept for the process."""
    global _POWERS
    if len(_POWERS[0]) < count:
        size = 1 << (count - 1).bit_length()
        inverse = pow(_BASE, -1, 1 << 64)
        _POWERS = (_cumulative(_BASE, size), _cumulative(inverse, size))
    return _POWERS


def _cumulative(factor: int, count: int) -> U64:
    factors = np.full(count, factor, dtype=np.uint64)
    factors[0] = 1
    return np.cumprod(factors, dtype=np.uint64)
