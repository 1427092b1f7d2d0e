"""Text to tokens to hashed shingles, a whole batch at a time in numpy.

Spaced scripts give words, scripts written without blanks (Han, kana, Thai, Lao, Khmer, Myanmar) give single characters,
in one stream, so that mixed text needs no language id. Hashes are polynomial (Karp & Rabin 1987) over code points, from
prefix sums modulo 2^64: any substring's hash is one subtraction and one multiplication, so no Python runs per token.
They depend on the text alone, not on a process, a library or a version.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

SHORT = 12  # words below which a text gets n-grams of its code points
WORD, CHARACTER = 1, 2  # classes of code points; 0 is what stands between tokens
_HARD = 3  # the class of code points that do not fold to one code point each, whatever stands beside them
BLOCK = 1 << 17  # characters worked on at once: half a megabyte of code points, so that most passes stay in the cache
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

    hashes: one a token. kinds: WORD or CHARACTER. offsets: text `i` has the tokens `offsets[i]:offsets[i + 1]`.
    starts, ends: where each lies in `points`, the folded code points of all texts.
    """

    hashes: U64
    kinds: NDArray[np.uint8]
    offsets: I64
    starts: I64
    ends: I64
    points: U32


@dataclass(frozen=True)
class Shingles:
    """The set of shingle hashes of each text: `hashes[offsets[i]:offsets[i + 1]]`, ascending and unique."""

    hashes: U32
    offsets: I64

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def sizes(self) -> I64:
        """How many different shingles each text has."""
        return self.offsets[1:] - self.offsets[:-1]

    def take(self, rows: I64) -> Shingles:
        """The shingles of some texts, in the order of `rows`."""
        starts = self.offsets[rows]
        sizes = self.offsets[rows + 1] - starts
        offsets = _running(sizes)
        places = np.repeat(starts - offsets[:-1], sizes)
        places += np.arange(len(places))
        return Shingles(self.hashes[places], offsets)

    @staticmethod
    def concat(parts: Sequence[Shingles]) -> Shingles:
        """The texts of several, one after another."""
        if not parts:
            return Shingles(np.zeros(0, dtype=np.uint32), np.zeros(1, dtype=np.int64))
        sizes = np.concatenate([part.sizes() for part in parts])
        return Shingles(np.concatenate([part.hashes for part in parts]), _running(sizes))


def fold(text: str) -> str:
    """Compatibility forms and case folded away, so that full-width or capital letters make no difference."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).lower()


def shingles_of(texts: Sequence[str], words: int, characters: int) -> Shingles:
    """The shingles of any number of texts, which need not be folded, some hundred texts at a time."""
    return Shingles.concat([shingle(tokenise(block), words, characters) for block in _blocks(texts)])


def _blocks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    begin, size = 0, 0
    for place, text in enumerate(texts):
        size += len(text)
        if size >= BLOCK:
            yield texts[begin : place + 1]
            begin, size = place + 1, 0
    if begin < len(texts):
        yield texts[begin:]


def tokenise(texts: Sequence[str]) -> Tokens:
    """Tokens of texts as `fold` would leave them. Text that has no letter or digit has no token."""
    folds, classes = _tables()
    points = _points(texts)
    kinds = np.take(classes, points)
    hard = kinds == _HARD
    if hard.any():
        # Ligatures, combining marks, final sigma: a few texts need the whole of NFKC. Folding twice changes nothing.
        owners = np.searchsorted(np.flatnonzero(points == 0), np.flatnonzero(hard))
        texts = list(texts)
        for text in np.unique(owners).tolist():
            texts[text] = fold(texts[text].replace("\x00", " "))
        points = _points(texts)
        kinds = np.take(classes, points)
        kinds = np.where(kinds == _HARD, _classes()[points], kinds)
    points = np.take(folds, points)
    edges = np.empty(len(kinds), dtype=bool)
    edges[:1] = True
    np.not_equal(kinds[1:], kinds[:-1], out=edges[1:])
    edges |= kinds == CHARACTER
    bounds = np.flatnonzero(edges)
    chosen = np.flatnonzero(np.take(kinds, bounds))  # the last bound is that of a closing zero, never chosen
    starts, ends = bounds[chosen], bounds[chosen + 1]
    return Tokens(
        _hash_spans(points, starts, ends),
        kinds[starts],
        np.concatenate(([0], np.searchsorted(starts, np.flatnonzero(points == 0)))),
        starts,
        ends,
        points,
    )


def _points(texts: Sequence[str]) -> U32:
    """The code points of texts, each followed by a zero."""
    joined = "\x00".join([*texts, ""])
    if joined.count("\x00") != len(texts):
        joined = "\x00".join([*(text.replace("\x00", " ") for text in texts), ""])
    return np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def _hash_spans(points: U32, starts: I64, ends: I64) -> U64:
    powers, inverses = _powers(len(points) + 1)
    sums = np.empty(len(points) + 1, dtype=np.uint64)
    sums[0] = 0
    np.multiply(points, powers[: len(points)], out=sums[1:])
    np.cumsum(sums, out=sums)
    hashes = sums[ends]
    hashes -= sums[starts]
    hashes *= inverses[starts]
    return mix(hashes)


def shingle(tokens: Tokens, words: int, characters: int) -> Shingles:
    """Hashed n-grams of tokens: `words` of them where the first is a word, `characters` where it is a character.

    A text shorter than SHORT words (two characters count as one word) would lose every n-gram to a single slip, so it
    gets n-grams of its code points instead: 4 in words, 2 in unspaced scripts. A text without tokens has no shingle.
    """
    sizes = np.diff(tokens.offsets)
    of_characters = _running(tokens.kinds == CHARACTER)[tokens.offsets]
    is_short = 2 * sizes - np.diff(of_characters) < 2 * SHORT
    if not is_short.any():
        return _as_sets(*_grams(tokens.hashes, tokens.kinds, sizes, words, characters), len(sizes))
    of_short = np.repeat(is_short, sizes)
    in_long = np.flatnonzero(~of_short)
    long_sizes = np.where(is_short, 0, sizes)
    records, grams = _grams(tokens.hashes[in_long], tokens.kinds[in_long], long_sizes, words, characters)
    points, kinds, short_sizes = _compact(tokens, np.flatnonzero(of_short))
    short_records, short_grams = _grams(mix(points), kinds, short_sizes, 4, 2)
    return _as_sets(np.concatenate([records, short_records]), np.concatenate([grams, short_grams]), len(sizes))


def _grams(items: U64, kinds: NDArray[np.uint8], sizes: I64, words: int, characters: int) -> tuple[I64, U64]:
    """The owner and the hash of each n-gram of `items` within one record (`sizes`: items of each). A record too short
    for a whole one gets one of all its items.
    """
    count = len(items)
    records = np.repeat(np.arange(len(sizes)), sizes)
    if not count:
        return records, np.zeros(0, dtype=np.uint64)
    single = kinds == CHARACTER
    some, every = bool(single.any()), bool(single.all())
    wanted = np.where(single, characters, words) if some and not every else (characters if every else words)
    longest = characters if every else max(words, characters) if some else words
    room = np.repeat(np.cumsum(sizes), sizes)
    room -= np.arange(count)
    grams = np.zeros(count, dtype=np.uint64)
    for place in range(min(longest, count)):
        term = items[place:] * np.uint64(pow(_BASE, 2 * place + 3, 1 << 64))
        if place >= words or place >= characters:
            term *= (np.broadcast_to(wanted, count)[: count - place] > place).astype(np.uint64)
        grams[: count - place] += term
    whole = room >= wanted
    use = np.flatnonzero(whole)
    has_whole = np.zeros(len(sizes), dtype=bool)
    has_whole[records[use]] = True
    lone = np.flatnonzero(~has_whole & (sizes > 0))
    if len(lone):
        firsts = (np.cumsum(sizes) - sizes)[lone]
        for first, size in zip(firsts.tolist(), sizes[lone].tolist(), strict=True):
            factors = [pow(_BASE, 2 * place + 3, 1 << 64) for place in range(size)]
            grams[first] = np.sum(items[first : first + size] * np.array(factors, dtype=np.uint64), dtype=np.uint64)
        use = np.sort(np.concatenate([use, firsts]))
    return records[use], mix(grams[use])


def _compact(tokens: Tokens, chosen: I64) -> tuple[U64, NDArray[np.uint8], I64]:
    """The code points of some tokens with one blank after each word: points, kinds, and how many each text has."""
    word = tokens.kinds[chosen] == WORD
    sizes = tokens.ends[chosen] - tokens.starts[chosen] + word
    offsets = _running(sizes)
    places = np.repeat(tokens.starts[chosen] - offsets[:-1], sizes) + np.arange(offsets[-1])
    points = tokens.points[np.minimum(places, len(tokens.points) - 1)].astype(np.uint64)
    points[(offsets[1:] - 1)[word]] = np.uint64(32)
    borders = offsets[np.searchsorted(chosen, tokens.offsets)]
    return points, np.repeat(tokens.kinds[chosen], sizes), np.diff(borders)


def _as_sets(records: I64, hashes: U64, texts: int) -> Shingles:
    """The different hashes of each record, cut to 32 bits."""
    keys = records.astype(np.uint64)
    keys <<= np.uint64(32)
    keys |= hashes >> np.uint64(32)
    keys.sort()
    if len(keys):
        new = np.empty(len(keys), dtype=bool)
        new[0] = True
        np.not_equal(keys[1:], keys[:-1], out=new[1:])
        keys = keys[new]
    offsets = np.searchsorted(keys, np.arange(texts + 1, dtype=np.uint64) << np.uint64(32))
    return Shingles(keys.astype(np.uint32), offsets)


def _running(sizes: NDArray[np.generic]) -> I64:
    """Where each begins, and where the last ends."""
    offsets = np.zeros(len(sizes) + 1, dtype=np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets


def mix(values: U64) -> U64:
    """The finaliser of SplitMix64 (Steele, Lea & Flood 2014): every input bit reaches every output bit."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@lru_cache(maxsize=1)
def _tables() -> tuple[U32, NDArray[np.uint8]]:
    """What every code point folds to, and its class (that of what it folds to). Letters, marks and digits are WORD
    unless their script is written unspaced; _HARD is what must be folded together with what stands around it.
    """
    classes = _classes()
    folds = np.arange(0x110000, dtype=np.uint32)
    folded_classes = classes.copy()
    # Han and Hangul syllables fold to themselves; nothing else above the second plane is folded.
    spans = ((1, 0x3400), (0xA000, 0xAC00), (0xD7B0, 0xD800), (0xF900, 0x20000), (0x2F800, 0x2FA20))
    points = [point for span in spans for point in range(*span)]
    characters = list(map(chr, points))
    # All at once, line by line, since nothing composes with the end of a line.
    lines = unicodedata.normalize("NFKC", "\n".join(characters)).lower().split("\n")
    lines[9:11] = ["\n"]  # the end of a line is a line of its own here, and left two empty ones
    leaning = set(filter(_leans, characters))
    for point, character, folded in zip(points, characters, lines, strict=True):
        if folded != character:
            if len(folded) == 1:
                folds[point] = ord(folded)
                folded_classes[point] = classes[ord(folded)]
            elif any(classes[ord(part)] for part in folded):
                folded_classes[point] = _HARD
            if not leaning.isdisjoint(folded):
                folded_classes[point] = _HARD
        if character in leaning:
            folded_classes[point] = _HARD
    return folds, folded_classes


def _leans(character: str) -> bool:
    """Whether what it folds to depends on its neighbours: marks, conjoining jamo, sigma."""
    return unicodedata.category(character)[0] == "M" or "\u1100" <= character < "\u1200" or character == "Σ"


@lru_cache(maxsize=1)
def _classes() -> NDArray[np.uint8]:
    """The class of every code point, folded or not."""
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
