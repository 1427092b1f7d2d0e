"""What a suite is, and the cases it makes: the same ones for the same seed, a smaller number a part of a larger."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from training.compare.suites import arithmetic, choice, copying, json_object, refusal, tool_call

Make = Callable[[random.Random, str, int], tuple[str, str]]
Score = Callable[[str, str, str], bool]

_DRAWS = 40  # tries for a question that was not asked yet; then the suite has no more


class Suite(NamedTuple):
    """make(draw, language, number): question and expected answer of a case. is_right(answer, expected, question)."""

    make: Make
    is_right: Score


@dataclass(frozen=True)
class Case:
    """One question. expected: what `score` compares with; how depends on the suite."""

    suite: str
    language: str
    case_id: str
    question: str
    expected: str


SUITES: Mapping[str, Suite] = {
    "arithmetic": Suite(arithmetic.make, arithmetic.is_right),
    "json": Suite(json_object.make, json_object.is_right),
    "choice": Suite(choice.make, choice.is_right),
    "tool_call": Suite(tool_call.make, tool_call.is_right),
    "refusal": Suite(refusal.make, refusal.is_right),
    "copying": Suite(copying.make, copying.is_right),
}


def cases(suite: str, language: str, size: int, seed: int) -> list[Case]:
    """`size` different cases, or as many as the suite has. Case n does not depend on how many are wanted."""
    found: list[Case] = []
    asked: set[str] = set()
    for number in range(size):
        case = _case(suite, language, number, seed, asked)
        if case is None:
            break
        asked.add(case.question)
        found.append(case)
    return found


def score(case: Case, answer: str) -> float:
    """1 where the answer is right, else 0."""
    return float(SUITES[case.suite].is_right(answer, case.expected, case.question))


def _case(suite: str, language: str, number: int, seed: int, asked: set[str]) -> Case | None:
    draw = random.Random(f"{seed}:{suite}:{language}:{number}")
    for _ in range(_DRAWS):
        question, expected = SUITES[suite].make(draw, language, number)
        if question not in asked:
            return Case(suite, language, f"{suite}-{language}-{seed}-{number}", question, expected)
    return None
