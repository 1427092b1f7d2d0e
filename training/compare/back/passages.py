"""Passages that two texts share word for word, as ranges of characters in both.

A token is a word, or a single character of a script that is written without blanks; case, full-width forms and whatever
stands between tokens make no difference. That is how duplicates are found as well (`curation.dedup.shingles`); there
texts are many and only hashes are kept, here they are two and every character counts.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import NamedTuple

WORDS, CHARACTERS = 3, 5
"""Tokens of an n-gram that begins with a word, and of one that begins with a character."""

_RANGES = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff"  # as there
_TOKEN = re.compile(rf"[{_RANGES}]|[^\W_{_RANGES}]+")
_UNSPACED = re.compile(f"[{_RANGES}]")
_TRIED = 64  # places of one n-gram that are followed: a text that repeats itself would take quadratic time


@dataclass(frozen=True)
class Passage:
    """A run of tokens in both texts. start, end: characters in the text that was asked about; its_start, its_end: in
    the record's text; part: which text of the record, prompt or answer. tokens: how many are the same."""

    start: int
    end: int
    its_start: int
    its_end: int
    tokens: int
    part: str = "answer"


class _Token(NamedTuple):
    text: str
    start: int
    end: int
    is_word: bool


def shared_passages(text: str, record: str, part: str = "answer", *, limit: int = 1 << 20) -> list[Passage]:
    """The longest shared runs, in the order of `text`, none shorter than an n-gram; where one of the texts is shorter
    than that, it must be in the other as a whole. At most `limit` characters of either are looked at.
    """
    mine, its = _tokens(text[:limit]), _tokens(record[:limit])
    if not mine or not its:
        return []
    least = min(len(mine), len(its))
    places: dict[tuple[str, ...], list[int]] = {}
    for at in range(len(its)):
        if _is_whole(its, at, least):
            places.setdefault(_gram(its, at, least), []).append(at)
    found: list[Passage] = []
    at = 0
    while at < len(mine):
        others = places.get(_gram(mine, at, least), []) if _is_whole(mine, at, least) else []
        if not others:
            at += 1
            continue
        size, other = max(((_alike(mine, at, its, other), other) for other in others[:_TRIED]), key=lambda run: run[0])
        last, its_last = mine[at + size - 1], its[other + size - 1]
        found.append(Passage(mine[at].start, last.end, its[other].start, its_last.end, size, part))
        at += size
    return found


def _tokens(text: str) -> list[_Token]:
    return [
        _Token(_fold(match[0]), match.start(), match.end(), _UNSPACED.match(match[0]) is None)
        for match in _TOKEN.finditer(text)
    ]


def _fold(token: str) -> str:
    return token.lower() if token.isascii() else unicodedata.normalize("NFKC", token).lower()


def _size(tokens: list[_Token], at: int, least: int) -> int:
    return min(WORDS if tokens[at].is_word else CHARACTERS, least)


def _gram(tokens: list[_Token], at: int, least: int) -> tuple[str, ...]:
    return tuple(token.text for token in tokens[at : at + _size(tokens, at, least)])


def _is_whole(tokens: list[_Token], at: int, least: int) -> bool:
    return at + _size(tokens, at, least) <= len(tokens)


def _alike(mine: list[_Token], at: int, its: list[_Token], other: int) -> int:
    size = 0
    while at + size < len(mine) and other + size < len(its) and mine[at + size].text == its[other + size].text:
        size += 1
    return size
