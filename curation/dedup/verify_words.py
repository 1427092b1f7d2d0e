"""What single words say about a text: does it deny, which side does it take, what does it ask for?

The words are in `verify_words.json`, English and Chinese side by side, so that texts in the two can be compared.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

_WORD = re.compile(r"[a-z]+(?:['’][a-z]+)?|\d+")
_ENDINGS = ("", "s", "es", "d", "ed", "ing", "er", "r", "est", "ly")
_A_NOT_A = re.compile(r"(.)[不没]\1")  # 是不是, 能不能, 有没有: asks, and does not deny


@cache
def contents() -> dict[str, Any]:
    """The word lists."""
    loaded: dict[str, Any] = json.loads((files("curation.dedup") / "verify_words.json").read_text("utf-8"))
    return loaded


def words_of(text: str) -> list[str]:
    """The words and numbers of a folded text in Latin script."""
    return _WORD.findall(text)


def negations_of(text: str) -> int:
    """How often a folded text denies."""
    words, han, not_han = _negations()
    plain = [word.replace("'", "").replace("’", "") for word in words_of(text)]
    chinese = han.findall(not_han.sub(" ", _A_NOT_A.sub(" ", text)))
    return sum(word in words for word in plain) + len(chinese)


def poles_of(text: str) -> dict[int, int]:
    """The sides a folded text takes, by axis: 0 or 1. Axes on which it names both are left out."""
    words, han = _poles()
    seen: dict[int, set[int]] = {}
    for word in words_of(text):
        for axis, side in words.get(word, ()):
            seen.setdefault(axis, set()).add(side)
    for found in han[0].findall(text):
        for axis, side in han[1][found]:
            seen.setdefault(axis, set()).add(side)
    return {axis: next(iter(sides)) for axis, sides in seen.items() if len(sides) == 1}


def asks_for(text: str) -> frozenset[str]:
    """What a folded text asks for, where that is plain: who, when, where, why, how_much, …; else how, or nothing."""
    found = {kind for kind, pattern in _questions().items() if pattern.search(text)}
    return frozenset(found & set(contents()["strong_questions"]) or found & {"how"})


def is_passive(text: str) -> bool:
    """Whether in a folded text something is done by somebody, so that the doer comes after what is done."""
    return bool(_passive().search(text))


def is_stop(word: str) -> bool:
    """Whether a word carries no content of its own."""
    return word in _stop()


@cache
def _stop() -> frozenset[str]:
    return frozenset([*contents()["stop"]["words"], *contents()["stop"]["han"]])


@cache
def _passive() -> re.Pattern[str]:
    found = contents()["passive"]
    return re.compile(f"{found['words']}|{found['han']}")


@cache
def _negations() -> tuple[frozenset[str], re.Pattern[str], re.Pattern[str]]:
    found = contents()["negations"]
    return frozenset(found["words"]), _any_of(found["han"]), _any_of(found["not_han"])


@cache
def _poles() -> tuple[dict[str, list[tuple[int, int]]], tuple[re.Pattern[str], dict[str, list[tuple[int, int]]]]]:
    words: dict[str, list[tuple[int, int]]] = {}
    han: dict[str, list[tuple[int, int]]] = {}
    for axis, pair in enumerate(contents()["poles"]):
        for side, pole in enumerate(pair):
            for word in pole["words"]:
                for form in {word + ending for ending in _ENDINGS} | {word[:-1] + "ing"}:
                    words.setdefault(form, []).append((axis, side))
            for mark in pole["han"]:
                han.setdefault(mark, []).append((axis, side))
    return words, (_any_of(list(han)), han)


@cache
def _questions() -> dict[str, re.Pattern[str]]:
    return {
        kind: re.compile("|".join([rf"\b{re.escape(item)}" for item in found["words"]] + found["han"]))
        for kind, found in contents()["questions"].items()
    }


def _any_of(items: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(sorted(map(re.escape, items), key=len, reverse=True)))
