"""Sums, differences and products of small numbers."""

from __future__ import annotations

import random
import re

from training.compare.suites.words import plain

_NUMBER = re.compile(r"(?<![A-Za-z0-9_.])(?:(?<![\d)] )(?<!\d)-)?\d+(?:,\d{3})*(?:\.\d+)?(?![A-Za-z0-9_])")
_SIGNS = {"+": ("+", "加"), "-": ("-", "减"), "*": ("×", "乘以")}


def make(draw: random.Random, language: str, number: int) -> tuple[str, str]:
    """Operands and result are three different numbers, so that none can be taken for another."""
    kind = ("+", "-", "*")[number % 3]
    while True:
        a, b = (
            (draw.randint(3, 12), draw.randint(3, 12)) if kind == "*" else (draw.randint(11, 99), draw.randint(11, 99))
        )
        a, b = max(a, b), min(a, b)
        result = {"+": a + b, "-": a - b, "*": a * b}[kind]
        if len({a, b, result}) == 3:
            break
    sign, word = _SIGNS[kind]
    if language == "zh":
        return f"{a}{word}{b}等于多少？只回答数字。", str(result)
    return f"What is {a} {sign} {b}? Answer with the number only.", str(result)


def is_right(answer: str, expected: str, question: str) -> bool:
    """Besides the numbers of the question, which may be said again, it names one number: the right one."""
    asked = {float(number) for number in re.findall(r"\d+", question)}
    said = {float(number.replace(",", "")) for number in _NUMBER.findall(plain(answer))}
    return said - asked == {float(expected)}
