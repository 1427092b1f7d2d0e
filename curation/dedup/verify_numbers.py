"""The numbers a text names, whether in digits, in English words or in Chinese characters."""

from __future__ import annotations

import re
from functools import cache

from curation.dedup.verify_words import contents

_DIGITS = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
_WORD = re.compile(r"[a-z]+")
_HAN = re.compile(r"[零〇二两三四五六七八九十百千万亿一]{1,12}")
_HAN_DIGITS = {mark: value for value, mark in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_HAN_SCALES = {"十": 10, "百": 100, "千": 1000}
_HAN_GROUPS = {"万": 10_000, "亿": 100_000_000}


def numbers_of(text: str) -> frozenset[float]:
    """The values named in a folded text. "one" and 一 alone are mostly articles and are left out."""
    found = {float(digits.replace(",", "")) for digits in _DIGITS.findall(text)}
    return frozenset(found | _english(text) | _chinese(text))


def _english(text: str) -> set[float]:
    words, scales = contents()["number_words"], contents()["number_scales"]
    found: set[float] = set()
    value: float | None = None
    for word in [*_WORD.findall(text), ""]:
        if word in words:
            value = words[word] if value is None or value % 10 or words[word] >= 10 else value + words[word]
            continue
        if word in scales and value is not None:
            value *= scales[word]
            continue
        if value is not None:
            found.add(float(value))
        value = None
    return found


def _chinese(text: str) -> set[float]:
    found = set()
    for run in _HAN.findall(_not_numbers().sub(" ", text)):
        if run in ("一", "百", "千", "万", "亿"):
            continue
        found.add(_value(run))
    return found


def _value(run: str) -> float:
    if all(mark in _HAN_DIGITS for mark in run):  # a row of digits, as in years
        return float("".join(str(_HAN_DIGITS[mark]) for mark in run))
    total = group = digit = 0
    for mark in run:
        if mark in _HAN_DIGITS:
            digit = _HAN_DIGITS[mark]
        elif mark in _HAN_SCALES:
            group += (digit or 1) * _HAN_SCALES[mark]
            digit = 0
        else:
            total = (total + group + digit or 1) * _HAN_GROUPS[mark]
            group = digit = 0
    return float(total + group + digit)


@cache
def _not_numbers() -> re.Pattern[str]:
    return re.compile("|".join(sorted(contents()["not_number_han"], key=len, reverse=True)))
