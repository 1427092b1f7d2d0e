"""Which language a text is written in: its letters decide where they can, fastText's classifier where they cannot."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from curation.language.alphabets import WEIGHT, WRITTEN, foreign_letters, letter_numbers
from curation.language.clean import clean_texts
from curation.language.codes import COMMON, MERGED, RARE_ODDS, UNKNOWN, language_code
from curation.language.ngrams import BEGIN, END, posterior
from curation.language.scripts import (
    ALSO_LATIN,
    NUMBER,
    PLANE,
    SCRIPTS,
    SPACE,
    WORDS_A_LETTER,
    kanji_kinds,
    tables,
)
from curation.language.weights import load_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHARS = 200
# Characters at a time, about 500 texts of 200: fewer cost more in calls, more gain nothing and need more memory.
BLOCK_CHARS = 100_000
# Fewer letters than about half a word: three of an alphabet, one ideograph.
FEWEST_WORDS = 0.5
# Han without kana that both Chinese and Japanese write: how sure it is Chinese. See docs/language.md.
EITHER_HAN = 0.9
# The least probability of a label: a text whose every candidate the classifier rules out still gets the likeliest.
LEAST = np.float32(1e-30)
# Beside these a Latin word is part of an identifier, a path, a placeholder or an address.
_BEFORE_NAME = np.array([chr(code) in "0123456789_/\\@#$~%{&." for code in range(128)])
_AFTER_NAME = np.array([chr(code) in "0123456789_/\\@=}" for code in range(128)])
LATIN, HAN, KANA, HANGUL = (NUMBER[name] for name in ("Latin", "Han", "Kana", "Hangul"))


def detect_languages(texts: pl.Series, *, chars: int = CHARS, among: Collection[str] = ()) -> pl.DataFrame:
    """The language of each text: `language` (a code of `codes.LANGUAGES`, or "unknown") and `language_score`.

    The score, 0 to 1, is the share of the text (in words) that is in the script of that language, times the probability
    of the language given the script; 0 where there are too few letters to tell. chars: how many characters, after code,
    markup and the like are taken out, are looked at. among: the only languages that the classifier may choose between
    for texts in their script; a text in a script that none of them is written in is detected all the same.
    """
    names = np.array([*_names(), UNKNOWN], dtype=object)
    odds = _odds(frozenset(language_code(name) for name in among))
    cleaned = clean_texts(texts, chars)
    found, scores = [np.zeros(0, np.int64)], [np.zeros(0)]
    for block in _blocks(cleaned):
        label, score = _block(block, odds)
        found.append(label)
        scores.append(score)
    return pl.DataFrame(
        {
            "language": pl.Series(names[np.concatenate(found)].tolist(), dtype=pl.String),
            # Polars loads numpy.ma for an array, which takes 25 ms.
            "language_score": pl.Series(np.round(np.concatenate(scores), 4).tolist(), dtype=pl.Float64),
        }
    )


def _blocks(texts: pl.Series) -> Iterator[list[str]]:
    """The texts in order, so many at a time that they have about `BLOCK_CHARS` characters."""
    number = texts.str.len_chars().cast(pl.Int64).cum_sum().to_numpy() // BLOCK_CHARS
    bounds = [*np.flatnonzero(np.diff(number, prepend=-1)).tolist(), len(texts)]
    for start, end in itertools.pairwise(bounds):
        yield texts[start:end].to_list()


@lru_cache(maxsize=1)
def _names() -> tuple[str, ...]:
    """The code of each of the classifier's labels."""
    return tuple(MERGED.get(label, label) for label in load_weights().labels)


@lru_cache(maxsize=1)
def _written() -> NDArray[np.int64]:
    """The labels of the languages of `WRITTEN`."""
    return np.array([_names().index(name) for name in WRITTEN])


@lru_cache(maxsize=8)
def _odds(among: frozenset[str]) -> NDArray[np.float32]:
    """By what each label's probability is multiplied, [labels, scripts]: 0 for what is not written in a script."""
    names = _names()
    elsewhere = {name for script in SCRIPTS for name in script.languages} - ALSO_LATIN
    out = np.zeros((len(names), len(SCRIPTS)), dtype=np.float32)
    for at, name in enumerate(names):
        odds = 1.0 if name in COMMON else RARE_ODDS
        for number, script in enumerate(SCRIPTS):
            if name in script.languages or (number == LATIN and name not in elsewhere):
                out[at, number] = odds
    if among:
        chosen = out * np.array([name in among for name in names], dtype=np.float32)[:, None]
        some = chosen.any(axis=0)
        out[:, some] = chosen[:, some]
    return out


def _block(texts: list[str], odds: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The label's number (one past the last: unknown) and the score of each text."""
    count = len(texts)
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=count) + 1  # a newline follows each
    codes = np.frombuffer(("\n".join(texts) + "\n").encode("utf-32-le"), dtype="<u4")
    codes = _basic(codes)
    script_of, folded_as = tables()
    folded = folded_as.take(codes)
    script = _without_names(script_of.take(codes), codes, folded)
    owner = np.repeat(np.arange(count), lengths)
    cells = np.repeat(np.arange(count) * len(SCRIPTS), lengths) + script
    letters = np.bincount(cells, minlength=count * len(SCRIPTS))
    letters = letters.reshape(count, len(SCRIPTS))
    letters[:, 0] = 0
    main, share, words = _main_script(letters)
    # A script that only one language is written in settles it; the others need a closer look.
    enough = words >= FEWEST_WORDS
    label = np.where(enough, odds.argmax(axis=0)[main], odds.shape[0])
    score = np.where(enough, share, 0.0)
    han = np.flatnonzero(enough & (main == HAN))
    if han.size:
        label[han], certainty = _chinese_or_japanese(codes, owner, letters, han, odds)
        score[han] *= certainty
    several = enough & (main != HAN) & ((odds > 0).sum(axis=0)[main] > 1)
    rest = np.flatnonzero(several)
    if rest.size:
        mine = script == np.repeat(np.where(several, main, len(SCRIPTS)).astype(np.uint8), lengths)
        likely = np.maximum(_classify(folded, mine, owner), LEAST)
        for number in np.unique(main[rest]).tolist():
            likely *= np.where(main[rest] == number, odds[:, number, None], np.float32(1))
        foreign, factor = _native(folded, mine, owner, words)
        likely[np.ix_(_written(), np.searchsorted(rest, foreign))] *= factor
        label[rest] = likely.argmax(axis=0)
        score[rest] *= likely.max(axis=0) / likely.sum(axis=0)
    return label, score


def _basic(codes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Code points within the basic plane: rare ideographs become a common one, emoji and the like a space."""
    beyond = codes >= PLANE
    if not beyond.any():
        return codes
    ideograph = (codes >= 0x20000) & (codes < 0x40000)
    return np.where(ideograph, np.uint32(0x4E00), np.where(beyond, np.uint32(SPACE), codes))


def _without_names(
    script: NDArray[np.uint8], codes: NDArray[np.uint32], folded: NDArray[np.uint32]
) -> NDArray[np.uint8]:
    """`script` with 0 for Latin words that are names in a program: beside a digit, "_" or "/", or inCamelCase."""
    latin = script == LATIN
    first, after = _runs(latin)
    name = _BEFORE_NAME.take(codes[first - 1], mode="clip") | _AFTER_NAME.take(codes[after], mode="clip")
    capital = latin & (codes != folded)
    inner = np.flatnonzero(capital[1:] & latin[:-1] & ~capital[:-1])
    name[np.searchsorted(first, inner, side="right") - 1] = True
    out = script.copy()
    lengths = (after - first)[name]
    begins = np.cumsum(lengths) - lengths
    out[np.arange(lengths.sum()) + np.repeat(first[name] - begins, lengths)] = 0
    return out


def _runs(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each unbroken run of `mask` begins, and where it has ended."""
    edges = np.flatnonzero(mask[1:] != mask[:-1]) + 1
    if mask[0]:
        edges = np.concatenate(([0], edges))
    if mask[-1]:
        edges = np.concatenate((edges, [mask.size]))
    return edges[::2], edges[1::2]


def _main_script(
    letters: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """The script most words of each text are in, their share, and about how many words there are in all.

    Kana counts as Han; Han counts as Hangul where Hangul is at least a third as frequent (Korean with hanja).
    """
    words = letters * WORDS_A_LETTER
    words[:, HAN] += words[:, KANA]
    words[:, KANA] = 0
    korean = (letters[:, HANGUL] > 0) & (letters[:, HANGUL] * 3 >= letters[:, HAN])
    words[korean, HANGUL] += words[korean, HAN]
    words[korean, HAN] = 0
    main = words.argmax(axis=1)
    most, total = words.max(axis=1), words.sum(axis=1)
    return main, np.divide(most, total, out=np.zeros(total.size), where=total > 0), total


def _chinese_or_japanese(
    codes: NDArray[np.uint32],
    owner: NDArray[np.int64],
    letters: NDArray[np.int64],
    han: NDArray[np.int64],
    odds: NDArray[np.float32],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Labels and certainties of the texts `han`, by kana and by the ideographs that only one of the two writes."""
    kinds = np.bincount(owner * 3 + kanji_kinds().take(codes), minlength=letters.shape[0] * 3).reshape(-1, 3)[han]
    japanese, chinese = kinds[:, 1], kinds[:, 2]
    kana = letters[han, KANA]
    is_japanese = np.where(kana > 0, kana + japanese >= 1.5 * chinese, japanese > chinese)
    certain = (kana > 0) | (japanese != chinese)
    names = _names()
    zh, ja = names.index("zh"), names.index("ja")
    if not odds[zh, HAN]:
        is_japanese |= ~certain
    return np.where(is_japanese, ja, zh), np.where(certain, 1.0, EITHER_HAN)


def _native(
    folded: NDArray[np.uint32], mine: NDArray[np.bool_], owner: NDArray[np.int64], words: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Texts with letters that not all write, and by what they multiply the `WRITTEN`, [languages, texts]."""
    number = letter_numbers().take(folded)
    special = np.flatnonzero(mine & (number > 0))
    texts = owner[special]
    starts = np.flatnonzero(np.diff(texts, prepend=-1))
    texts = texts[starts]
    if not texts.size:
        return texts, np.ones((len(WRITTEN), 0), dtype=np.float32)
    counts = np.add.reduceat(foreign_letters().take(number[special], axis=0), starts, axis=0)
    # No more than one a word: past that nothing is left of a probability in single precision.
    rate = np.minimum(counts / (words[texts, None] + 1), 1)
    return texts, np.exp(-WEIGHT * rate).astype(np.float32).T


def _classify(folded: NDArray[np.uint32], mine: NDArray[np.bool_], owner: NDArray[np.int64]) -> NDArray[np.float32]:
    """P(label | text), [labels, texts], of every text that has a code point in `mine`, from those only."""
    first, after = _runs(mine)
    wide = after - first + 2
    begins = np.cumsum(wide) - wide
    source = np.arange(wide.sum()) + np.repeat(first - begins - 1, wide)
    codes = folded.take(source, mode="clip")
    codes[begins] = BEGIN
    codes[begins + wide - 1] = END
    starts = np.flatnonzero(np.diff(owner[first], prepend=-1))
    return posterior(codes, begins[starts], load_weights())
