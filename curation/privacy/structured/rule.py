"""What a rule is: a cheap test that most texts fail, a pattern, and a judgement of each match."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

Judged = tuple[int, int, float] | None
"""start and end within the shadow text, score from 0 to 1; None: the match is none of the entity."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One way in which one entity is written.

    name: for the ledger. trigger: a regular expression of polars (Rust) that every text with a match also matches; it is
    run over whole columns, so texts without it cost next to nothing. pattern: linear in the text. judge: looks at one
    match: checksum, range, the words around it. also: a second trigger that must hold too, such as a word of the context.
    """

    name: str
    entity: str
    trigger: str
    pattern: re.Pattern[str]
    judge: Callable[[re.Match[str]], Judged]
    also: str = ""


def plain(score: float, group: int | str = 0) -> Callable[[re.Match[str]], Judged]:
    """A judge that takes every match of `group` at this score."""

    def judge(match: re.Match[str]) -> Judged:
        return (*match.span(group), score)

    return judge


def checked(check: Callable[[str], bool], score: float, group: int | str = 0) -> Callable[[re.Match[str]], Judged]:
    """A judge that takes a match of `group` at this score if its text passes `check`."""

    def judge(match: re.Match[str]) -> Judged:
        return (*match.span(group), score) if check(match.group(group)) else None

    return judge
