"""The words of many texts at once: one array of word numbers, and what the rules need to know about each
word.

Splitting on whitespace and numbering the distinct chunks happens in polars and Arrow; only chunks that this process has
not met before reach Python, about one in eight in a first batch of English and few later on.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
import numpy.typing as npt
import polars as pl

from curation.stages.heuristics.scripts import (
    WORD_SHARES,
    is_pictograph,
    is_punctuation,
    is_unspaced,
    word_characters,
    word_shares,
)
from curation.stages.heuristics.splitter import split_chunk

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# What is known about a word, one bit each.
LETTER = 1  # has a letter
CONTENT = 2  # has a letter, a digit or a pictograph
SYMBOL = 4  # has nothing but punctuation, symbols and control characters
STOP = 8  # is one mark that ends a sentence
MARK = 16  # is nothing but punctuation
UNSPACED = 32  # is a character of a script without spaces

_CHUNK = r"[^\s\x1c-\x1f]+"  # what `str.split` finds

_STOPS = frozenset("!.?。．！？｡։؟۔।॥။።፧‼‽⁇⁈⁉⸮﹒﹖﹗᠃᠉")

# A vocabulary past this many words or chunks (some 90 MB) is replaced, so that memory does not follow the corpus. Filling one
# again costs what one batch in a few dozen costs.
_VOCABULARY_LIMIT = 300_000
_REMEMBERED = 40  # longest chunk whose words are kept for the next time: longer ones (addresses) seldom return


class Vocabulary:
    """Numbers for words, and the words of the chunks met so far. Numbers mean nothing outside their vocabulary."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._chunks: dict[str, tuple[int, ...]] = {}
        self._lengths = array("q")
        self._kinds = array("B")
        self._weights = array("q")

    def __len__(self) -> int:
        return max(len(self._numbers), len(self._chunks))

    def number(self, word: str) -> int:
        """The number of `word`, a new one if it was never met."""
        number = self._numbers.get(word)
        if number is None:
            number = self._numbers[word] = len(self._numbers)
            self._lengths.append(len(word))
            self._kinds.append(_kind(word))
            alone = len(word) == 1 and is_unspaced(word)
            self._weights.append(word_shares(word) if alone else WORD_SHARES)
        return number

    def chunk(self, chunk: str) -> tuple[int, ...]:
        """The word numbers of one chunk of text without whitespace."""
        numbers = self._chunks.get(chunk)
        if numbers is None:
            numbers = tuple(map(self.number, split_chunk(chunk)))
            if len(chunk) <= _REMEMBERED:
                self._chunks[chunk] = numbers
        return numbers

    def properties(self) -> tuple[Ints, npt.NDArray[np.uint8], Ints]:
        """Length in characters, kind (bits) and weight (in parts of `WORD_SHARES`) of every word, by number."""
        return np.array(self._lengths), np.array(self._kinds), np.array(self._weights)

    def find(self, words: tuple[str, ...]) -> Ints:
        """The numbers of those of `words` that some text has held, -1 for the others."""
        return np.array([self._numbers.get(word, -1) for word in words], np.int64)


def _kind(word: str) -> int:
    unspaced = len(word) == 1 and is_unspaced(word)
    letter = unspaced or word.isalpha() or any(map(str.isalpha, word))
    word_like = letter or word_characters(word)
    content = word_like or is_pictograph(word)
    mark = not word_like and is_punctuation(word)
    return (
        LETTER * letter
        + CONTENT * content
        + SYMBOL * (not word_like)
        + STOP * (word in _STOPS)
        + MARK * mark
        + UNSPACED * unspaced
    )


_shared = Vocabulary()


def shared_vocabulary(limit: int = _VOCABULARY_LIMIT) -> Vocabulary:
    """The vocabulary of this process, replaced by an empty one when it has grown past `limit` words or chunks."""
    global _shared
    if len(_shared) > limit:
        _shared = Vocabulary()
    return _shared


@dataclass(frozen=True)
class WordTable:
    """The words of `len(starts) - 1` texts, one after the other.

    numbers: word numbers, flat. starts: text i has numbers[starts[i]:starts[i + 1]]. lengths, kinds, weights:
    of every word of the vocabulary, by its number.
    """

    vocabulary: Vocabulary
    numbers: Ints
    starts: Ints
    lengths: Ints
    kinds: npt.NDArray[np.uint8]
    weights: Ints

    @staticmethod
    def of(texts: pl.Series) -> WordTable:
        """Split every text into words (see `splitter`)."""
        import pyarrow as pa  # type: ignore[import-untyped]

        split = texts.str.extract_all(_CHUNK)
        chunks = split.explode().drop_nulls().to_arrow().cast(pa.large_string()).dictionary_encode()
        vocabulary = shared_vocabulary()
        found = [vocabulary.chunk(chunk) for chunk in pl.Series(chunks.dictionary)]
        sizes = np.fromiter(map(len, found), np.int64, len(found))
        words = np.fromiter(chain.from_iterable(found), np.int64, int(sizes.sum()))
        order = chunks.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        numbers, ends = _expand(words, sizes, order)
        last = np.cumsum(split.list.len().to_numpy(), dtype=np.int64)
        starts = ends[np.concatenate([[0], last])]
        return WordTable(vocabulary, numbers, starts, *vocabulary.properties())

    def __len__(self) -> int:
        return len(self.starts) - 1

    @cached_property
    def counts(self) -> Ints:
        """Words of each text, every character of an unspaced script as one."""
        return np.diff(self.starts)

    @cached_property
    def owners(self) -> Ints:
        """The text each word belongs to."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.counts)

    @cached_property
    def characters_before(self) -> Ints:
        """Characters of all words before each place, one more than there are words."""
        before = np.zeros(len(self.numbers) + 1, np.int64)
        np.cumsum(self.lengths[self.numbers], out=before[1:])
        return before

    def has(self, kind: int) -> npt.NDArray[np.bool_]:
        """For each word of the texts, whether it is of this kind."""
        found: npt.NDArray[np.bool_] = (self.kinds[self.numbers] & kind) != 0
        return found

    def total(self, amounts: npt.NDArray[np.bool_] | Ints) -> Floats:
        """The sum of one amount a word over each text; whole numbers, so that it is the same in any batch."""
        before = np.zeros(len(amounts) + 1, np.int64)
        np.cumsum(amounts, out=before[1:])
        sums: Floats = (before[self.starts[1:]] - before[self.starts[:-1]]).astype(np.float64)
        return sums


def _expand(words: Ints, sizes: Ints, order: Ints) -> tuple[Ints, Ints]:
    """The words of distinct chunks, laid out in the order the chunks stand in the texts, and where each chunk
    ends.

    The result's second part has a 0 in front, so that chunk i is [ends[i], ends[i + 1]).
    """
    begins = np.cumsum(sizes) - sizes
    taken = sizes[order]
    ends = np.zeros(len(order) + 1, np.int64)
    np.cumsum(taken, out=ends[1:])
    shift = np.repeat(begins[order] - ends[:-1], taken)
    return words[shift + np.arange(ends[-1], dtype=np.int64)], ends
