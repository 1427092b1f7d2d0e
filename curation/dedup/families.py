"""Is it a copy, or another record made from the same template?

No threshold on a pair's similarity can tell: "Write a poem about love" and "Write a poem about war" are as similar as a
text and its copy with one word changed. What tells is where the members of a cluster differ. Copies differ at scattered
places or by slips; members of a template family differ at the same slot, each with its own filling.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from curation.dedup.differences import Difference, differences, tokens_of

Verdict = Literal["copy", "template", "number", "negation", "content"]

SHORT = 30  # words: below it one replaced content word makes another record
MIDDLE = 60  # words: below it a number or a negation makes another record
NUMBERED = 120  # words: below it texts that differ by a number in digits are other records
PASSAGE = 8  # tokens: so many in a row that the anchor lacks are a passage of its own, which would be lost
MOVED = 4  # tokens: so many in a row that only stand elsewhere have been moved; fewer in a short text change its sense
WEIGHT = 0.005  # share of the tokens that must differ in a long text for a slot to matter
SHARED = 0.3  # share of the members that must differ at a place for it to be a slot
INSIDE = 0.8  # share of a member's differing tokens that must lie in slots

# Symbols that carry meaning in a short text, where tokens see none: 3 + 5 and 3 - 5, a < b and a > b, C and C#. A star or
# a dash only between numbers or blanks of a line, a hash only after a word: elsewhere they are bullets and emphasis.
_SYMBOLS = re.compile(r"[+/=<>%^|~&$€£¥×÷≤≥≠]|(?<=\w)#|(?<=[\d ])[-−*](?=[ \d])")


@dataclass(frozen=True)
class Judged:
    """What a cluster member is to its anchor. `filling` tells members of a family apart."""

    verdict: Verdict
    filling: tuple[tuple[str, ...], ...] = ()


def judge(anchor: str, members: Sequence[str]) -> list[Judged]:
    """The verdict on each member of a cluster (folded texts), in order."""
    if all(member == anchor for member in members):
        return [Judged("copy")] * len(members)
    first = tokens_of(anchor)
    split = [first if member == anchor else tokens_of(member) for member in members]
    substantial = [
        [] if member is first else [item for item in differences(first, member) if item.kind not in ("typo", "minor")]
        for member in split
    ]
    substantial = [
        found if len(found) < 2 else _unmoved(found, min(len(first), len(member)))
        for member, found in zip(split, substantial, strict=True)
    ]
    slots = _slots(substantial, len(members))
    judged = [_judge(first, member, found, slots) for member, found in zip(split, substantial, strict=True)]
    symbols = _SYMBOLS.findall(anchor) if len(first) < SHORT else None
    if symbols is None:
        return judged
    return [
        Judged("content", (tuple(other),))
        if one.verdict == "copy" and (other := _SYMBOLS.findall(text)) != symbols
        else one
        for one, text in zip(judged, members, strict=True)
    ]


def _words(tokens: Sequence[str]) -> float:
    """The length in words; in scripts without blanks two characters count as one."""
    return len(tokens) - 0.5 * sum([len(token) == 1 for token in tokens if token > "\u0e00"])


def _has_digits(item: Difference) -> bool:
    return any(character.isdigit() for token in (*item.old, *item.new) for character in token)


def _unmoved(found: list[Difference], length: int) -> list[Difference]:
    """The differences without those that only move words from one place to another, in either order."""
    least = 1 if length >= SHORT else MOVED
    if (
        Counter(chain(*(item.old for item in found))) == Counter(chain(*(item.new for item in found)))
        and length >= SHORT
    ):
        return []
    left = list(found)
    for taken in found:
        if taken.new or len(taken.old) < least:
            continue
        put = next((item for item in left if not item.old and item.new == taken.old), None)
        if put is not None:
            left.remove(taken)
            left.remove(put)
    return left


def _slots(found: Sequence[Sequence[Difference]], members: int) -> set[int]:
    """Places of the anchor (token indexes) where enough members differ, with different fillings."""
    fillings: dict[int, set[tuple[str, ...]]] = defaultdict(set)
    counts: Counter[int] = Counter()
    for items in found:
        for item in items:
            if item.kind == "extension":
                continue
            for place in _places(item):
                counts[place] += 1
                fillings[place].add(item.new)
    enough = max(2, SHARED * members)
    return {place for place, number in counts.items() if number >= enough and len(fillings[place]) >= 2}


def _places(item: Difference) -> range:
    """The anchor's tokens a difference touches; an insertion touches the token it stands before."""
    return range(item.start, max(item.end, item.start + 1))


def _judge(anchor: Sequence[str], member: Sequence[str], found: Sequence[Difference], slots: set[int]) -> Judged:
    if not found:
        return Judged("copy")
    length = min(_words(anchor), _words(member))
    if length >= SHORT:
        found = [item for item in found if item.kind != "extension"]
        if not found:
            return Judged("copy")
    size = sum(item.size for item in found)
    inside = [item for item in found if any(place in slots for place in _places(item))]
    weighs = length < MIDDLE or size >= WEIGHT * length
    if weighs and sum(item.size for item in inside) >= INSIDE * size:
        return Judged("template", tuple(item.new for item in found))
    if any(item.kind == "number" and (length < MIDDLE or _has_digits(item)) for item in found) and length < NUMBERED:
        return Judged("number", tuple(item.new for item in found))
    if length < MIDDLE and any(item.kind == "negation" for item in found):
        return Judged("negation", tuple(item.new for item in found))
    if any(len(item.new) >= PASSAGE for item in found):
        return Judged("content", tuple(item.new for item in found))
    replaced = {(item.old, item.new) for item in found}  # the same replacement throughout is one difference
    if length < SHORT or (len(replaced) == 1 and len(found) > 1):
        return Judged("content", tuple(item.new for item in found))
    return Judged("copy")
