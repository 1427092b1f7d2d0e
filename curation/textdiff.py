"""Where two texts differ, word by word, in a way a person reads easily.

Scripts without spaces between words (Chinese, Japanese, Thai) are compared by character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter

_BY_CHARACTER = (
    "\u0e00-\u0e7f\u1000-\u109f\u1780-\u17ff\u2e80-\u312f\u31a0-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff"
)
_TOKEN = re.compile(rf"[^\W{_BY_CHARACTER}]+|.", re.DOTALL)
_WORD = re.compile(r"\w")
_SENTENCE = re.compile(r"[^\n.!?。！？；]*(?:[\n.!?。！？；]|$)")

MOST_PAIRS = 25_000_000  # token pairs compared at most: 5,000 by 5,000 take 0.3 s and 3 MB

Piece = tuple[str, str, str]  # "equal" | "change", text before, text after


def likeness(before: str, after: str) -> float:
    """The share of the longer text that is unchanged, 0 to 1; 1 for two empty texts."""
    equal = sum(len(old) for kind, old, _ in pieces(before, after) if kind == "equal")
    return equal / max(len(before), len(after), 1) if before or after else 1.0


def tokens(text: str) -> list[str]:
    """Words; single characters of scripts without spaces; every other character by itself. Joined, the text again."""
    return _TOKEN.findall(text)


def pieces(before: str, after: str) -> Iterator[Piece]:
    """The two texts as a sequence of equal and changed pieces, small islands between two changes absorbed."""
    old, new = tokens(before), tokens(after)
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    if start:
        yield "equal", "".join(old[:start]), "".join(new[:start])
    middle = _merged(_aligned(old[start : len(old) - end], new[start : len(new) - end]))
    for piece in _absorbed(middle):
        yield from _finer(piece)
    if end:
        yield "equal", "".join(old[-end:]), "".join(new[-end:])


def _aligned(old: list[str], new: list[str]) -> Iterator[Piece]:
    """Pieces between the words (not the blanks) that a longest common subsequence of the two has in common."""
    if len(old) * len(new) > MOST_PAIRS:  # compare sentences instead; and where even they are too many, nothing
        old, new = _SENTENCE.findall("".join(old)), _SENTENCE.findall("".join(new))
        if len(old) * len(new) > MOST_PAIRS:
            yield "change", "".join(old), "".join(new)
            return
    i = j = 0
    for at_old, at_new in [*_anchors(old, new), (len(old), len(new))]:
        yield from _gap(old[i:at_old], new[j:at_new])
        if at_old < len(old):
            yield "equal", old[at_old], new[at_new]
        i, j = at_old + 1, at_new + 1


def _anchors(old: list[str], new: list[str]) -> Iterator[tuple[int, int]]:
    from rapidfuzz.distance import LCSseq

    words = [[place for place, token in enumerate(text) if not token.isspace()] for text in (old, new)]
    number: dict[str, int] = {}
    coded = [
        [number.setdefault(text[place], len(number)) for place in places]
        for text, places in zip((old, new), words, strict=True)
    ]
    for step in LCSseq.opcodes(*coded):
        if step.tag == "equal":
            yield from zip(
                words[0][step.src_start : step.src_end], words[1][step.dest_start : step.dest_end], strict=True
            )


def _gap(old: list[str], new: list[str]) -> Iterator[Piece]:
    """What stands between two anchors, less the blanks that both have at its ends."""
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    parts = (
        ("equal", old[:start], new[:start]),
        ("change", old[start : len(old) - end], new[start : len(new) - end]),
        ("equal", old[len(old) - end :], new[len(new) - end :]),
    )
    for kind, removed, added in parts:
        if removed or added:
            yield kind, "".join(removed), "".join(added)


def _finer(piece: Piece) -> Iterator[Piece]:
    """A change that only puts in or takes out what is no word, such as a zero-width space, is marked just there."""
    kind, old, new = piece
    start = _common(old, new)
    rest = (old[start:], new[start:])
    end = _common(rest[0][::-1], rest[1][::-1])
    removed, added = (text[: len(text) - end] for text in rest)
    if kind == "equal" or (removed and added) or _WORD.search(removed + added):
        yield piece
        return
    head, tail = old[:start], old[len(old) - end :]
    for part in (("equal", head, head), ("change", removed, added), ("equal", tail, tail)):
        if part[1] or part[2]:
            yield part


def _merged(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Neighbours of the same kind as one piece."""
    for kind, group in groupby(pieces, key=itemgetter(0)):
        parts = list(group)
        yield kind, "".join(old for _, old, _ in parts), "".join(new for _, _, new in parts)


def _absorbed(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Changes that only a blank or a single character parts become one change: fewer marks are easier to read."""
    waiting: Piece | None = None
    island = ""
    for kind, old, new in pieces:
        if kind == "equal":
            if waiting is None or len(old) > 1:
                if waiting is not None:
                    yield waiting
                    waiting = None
                yield kind, old, new
            else:
                island = old
        elif waiting is None:
            waiting = (kind, old, new)
        elif _worth_joining(waiting, island, (kind, old, new)):
            waiting = (kind, waiting[1] + island + old, waiting[2] + island + new)
            island = ""
        else:
            yield waiting
            yield "equal", island, island
            waiting, island = (kind, old, new), ""
    if waiting is not None:
        yield waiting
        if island:
            yield "equal", island, island


def _worth_joining(first: Piece, island: str, second: Piece) -> bool:
    replaced = all(old and new for _, old, new in (first, second))
    return not island or (replaced and len(first[1]) + len(second[1]) > 2)


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    for place, (one, other) in enumerate(zip(old, new, strict=False)):
        if one != other:
            return place
    return min(len(old), len(new))
