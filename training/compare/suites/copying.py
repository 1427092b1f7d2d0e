"""Saying a text again, letter by letter."""

from __future__ import annotations

import random

from training.compare.suites.words import CITIES, KINDS, NAMES

_QUOTES = (('"', '"'), ("'", "'"), ("`", "`"), ("“", "”"), ("「", "」"))


def make(draw: random.Random, language: str, number: int) -> tuple[str, str]:  # noqa: ARG001 - as every suite
    """Five words that make no sense together, and a number."""
    known = [thing for things in KINDS[language].values() for thing in things]
    words = draw.sample([*known, *NAMES[language], *CITIES[language]], 5)
    words.insert(draw.randrange(6), str(draw.randint(100, 9999)))
    text = ("、" if language == "zh" else " ").join(words)
    if language == "zh":
        return f"一字不差地重复下面的文字，不要输出别的内容：\n{text}", text
    return f"Repeat the following text exactly, and nothing else:\n{text}", text


def is_right(answer: str, expected: str, question: str) -> bool:  # noqa: ARG001 - as every suite
    """The same characters; white space around them, and one pair of quotes, do not count."""
    said = answer.strip()
    for left, right in _QUOTES:
        if len(said) > 1 and said.startswith(left) and said.endswith(right):
            said = said[1:-1].strip()
            break
    return said == expected
