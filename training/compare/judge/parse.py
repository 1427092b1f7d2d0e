"""From what a judge wrote to a verdict. Strict: whatever is not exactly what was asked for is no verdict.

Tolerated are only a code fence or prose around the object, without braces of its own, and a `<think>` block before it:
a verdict that the judge merely quotes, or one among several, is not taken for its own.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from training.compare.judge.model import FAILURES
from training.compare.judge.prompts import FIRST, HIGHEST, LOWEST, NEITHER, SECOND

_THOUGHT = re.compile(r"\s*<think>.*?</think>", re.DOTALL)


class Unreadable(Exception):
    """What the judge wrote holds no verdict. kind: a key of FAILURES; the text says what was missing."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{FAILURES[kind]} {detail}".strip())
        self.kind = kind


@dataclass(frozen=True)
class Opinion:
    """A statement of the answer that the judge looked at."""

    quote: str
    flagged: bool
    reason: str


def read_pair(text: str) -> tuple[str, str]:
    """`(winner, reason)`, winner one of A, B, tie. Raises Unreadable."""
    found = _object_with(text, ("reason", "winner"))
    winner, reason = found["winner"], _text(found, "reason")
    if winner not in (FIRST, SECOND, NEITHER):
        raise Unreadable("wrong_value", f"winner must be {FIRST}, {SECOND} or {NEITHER}.")
    return str(winner), reason


def read_scale(text: str) -> tuple[float, str]:
    """`(score, reason)`, the mark from 1..5 as 0..1. Raises Unreadable."""
    found = _object_with(text, ("reason", "score"))
    mark, reason = found["score"], _text(found, "reason")
    if isinstance(mark, bool) or not isinstance(mark, int | float) or not math.isfinite(mark):
        raise Unreadable("wrong_value", "score must be a number.")
    if not LOWEST <= mark <= HIGHEST:
        raise Unreadable("out_of_range", f"score must be from {LOWEST} to {HIGHEST}.")
    return (mark - LOWEST) / (HIGHEST - LOWEST), reason


def read_share(text: str, answer: str) -> tuple[float, tuple[Opinion, ...]]:
    """`(score, opinions)`: the share of opinions that are not flagged, 1 where there are none.

    Each one that is flagged must be quoted from `answer`; white space, case and punctuation do not matter.
    """
    listed = _object_with(text, ("opinions",))["opinions"]
    if not isinstance(listed, list):
        raise Unreadable("wrong_value", "opinions must be a list.")
    opinions = []
    for one in listed:
        if not isinstance(one, dict):
            raise Unreadable("wrong_value", "each opinion must be an object.")
        _check_keys(one, ("quote", "flagged", "reason"))
        if not isinstance(one["flagged"], bool):
            raise Unreadable("wrong_value", "flagged must be true or false.")
        opinions.append(Opinion(_text(one, "quote"), one["flagged"], _text(one, "reason")))
    said = _bare(answer)
    for opinion in opinions:
        quoted = _bare(opinion.quote)
        if opinion.flagged and (not quoted or quoted not in said):
            raise Unreadable("not_quoted", "quote must be copied word for word from the answer.")
    flagged = sum(opinion.flagged for opinion in opinions)
    return (1 - flagged / len(opinions) if opinions else 1.0), tuple(opinions)


def one_object(text: str) -> dict[str, Any]:
    """The one JSON object in the text. Raises Unreadable where there is none, more than one, or a brace besides."""
    text = _THOUGHT.sub("", text, count=1) if text.lstrip().startswith("<think>") else text
    if text.lstrip().startswith("<think>"):
        raise Unreadable("no_object", "The thought does not end.")
    start = text.find("{")
    if start < 0:
        raise Unreadable("no_object", "")
    decoder = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)
    try:
        found, end = decoder.raw_decode(text, start)
    except (ValueError, RecursionError):
        raise Unreadable("no_object", "What begins with a brace is not valid JSON.") from None
    if "{" in text[end:] or "}" in text[end:]:
        raise Unreadable("several_objects", "")
    if not isinstance(found, dict):
        raise Unreadable("no_object", "")
    return found


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("wrong_keys", "A key is there twice.")
    return found


def _no_constant(name: str) -> NoReturn:
    raise Unreadable("wrong_value", f"{name} is no number.")


def _object_with(text: str, keys: Sequence[str]) -> dict[str, Any]:
    found = one_object(text)
    _check_keys(found, keys)
    return found


def _check_keys(found: Mapping[str, Any], keys: Sequence[str]) -> None:
    if set(found) != set(keys):
        raise Unreadable("wrong_keys", f"The keys must be {' and '.join(keys)}.")


def _text(found: Mapping[str, Any], key: str) -> str:
    value = found[key]
    if not isinstance(value, str):
        raise Unreadable("wrong_value", f"{key} must be text.")
    return value.strip()


def _bare(text: str) -> str:
    """Letters and digits only, without case."""
    return "".join(character for character in text.casefold() if character.isalnum())
