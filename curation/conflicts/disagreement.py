"""Do two answers to the same question contradict each other, sentence by sentence?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np

from curation.dedup.differences import differences, tokens_of
from curation.dedup.verify import Measures, Text, Verifier
from curation.dedup.verify_numbers import numbers_of
from curation.dedup.verify_text import Side

Kind = Literal["", "other_number", "negated", "other_answer"]

LEAST: Final = 0.5  # cosine of two sentences from which they speak of the same thing
WORDS: Final = 0.6  # share of aligned words (cosine) from which one says almost what the other does
COPY: Final = 0.6  # share of pairs of letters in common from which two texts are copies but for some words
MOST_SENTENCES: Final = 24  # of an answer that are compared with those of the other; the beginning says what it claims

_SENTENCE = re.compile(r".+?(?:[.!?](?=\s)|[。！？\n]|$)[”\"』」]*\s*", re.DOTALL)
_BARE = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class Disagreement:
    """kind: how two answers contradict each other, "" if they do not. closeness: cosine of what tells them apart: of the
    two sentences, or for `other_answer` of the two answers.
    """

    kind: Kind
    closeness: float


class Pair:
    """Two records whose questions are close. certainty: least probability that the questions are the same."""

    def __init__(self, verifier: Verifier, one: Text, other: Text, certainty: float) -> None:
        self._verifier, self._one, self._other, self._certainty = verifier, one, other, certainty

    @cached_property
    def same_question(self) -> float:
        """How surely the two ask the same, 0 if they do not.

        Either the verifier says so; or the answers are copies but for some words, the questions name the same numbers,
        and no word that only one of them has is in its answer: then what differs is how one is asked, not what for.
        """
        found = self._verifier.compare(Text(self._one.prompt, ""), Text(self._other.prompt, ""), self._certainty)
        if found.same:
            return found.certainty
        asked, told = self._sides("prompt"), self._sides("answer")
        if asked[0].numbers != asked[1].numbers:
            return 0.0
        copied = _overlap(*told)
        if copied < COPY or self._echoed(asked, told) or self._filled(asked):
            return 0.0
        return copied

    def _sides(self, part: Literal["prompt", "answer"]) -> tuple[Side, Side]:
        pieces = self._verifier.pieces
        first, second = getattr(self._one, part), getattr(self._other, part)
        return Side.of(first, pieces.words(first)), Side.of(second, pieces.words(second))

    def _echoed(self, asked: tuple[Side, Side], told: tuple[Side, Side]) -> bool:
        """Whether a word that one question has alone is in its answer alone."""
        for mine, other in ((0, 1), (1, 0)):
            alone = {word for word in asked[mine].words if word not in asked[other].text}
            if any(word in told[mine].text and word not in told[other].text for word in alone):
                return True
        return False

    def _filled(self, asked: tuple[Side, Side]) -> bool:
        """Whether the questions are the same but for a word in the place of another one, behind the first."""
        left, right = asked[0].words[1:], asked[1].words[1:]
        lost, new = set(left) - set(right), set(right) - set(left)
        return len(left) == len(right) and 0 < len(lost) == len(new) <= max(1, len(left) // 3)

    def disagreement(self, apart: float) -> Disagreement:
        """How the two answers disagree. apart: cosine of the answers below which they are different answers."""
        one, other = self._one.answer, self._other.answer
        if one == other:
            return Disagreement("", 1.0)
        left, right = _told_apart(one, other)
        if not left or not right:  # one says all that the other does
            return Disagreement("", 1.0)
        worst: tuple[float, Kind] = (0.0, "")
        for sentence, against in _aligned(self._verifier, left, right):
            kind = _contradicts(sentence, against, self._verifier.measure(sentence, against))
            closeness = self._verifier.cosine(sentence, against)
            if kind and closeness > worst[0]:
                worst = (closeness, kind)
        if worst[1]:
            return Disagreement(worst[1], worst[0])
        closeness = self._verifier.cosine(one, other)
        return Disagreement("other_answer" if closeness < apart else "", closeness)


def _overlap(one: Side, other: Side) -> float:
    return len(one.bigrams & other.bigrams) / max(len(one.bigrams | other.bigrams), 1)


def _told_apart(one: str, other: str) -> tuple[list[str], list[str]]:
    """The sentences of each answer that the other does not have."""
    sides = [[part.strip() for part in _SENTENCE.findall(text) if _BARE.search(part)] for text in (one, other)]
    left, right = set(sides[0]), set(sides[1])
    return (
        [part for part in dict.fromkeys(sides[0]) if part not in right][:MOST_SENTENCES],
        [part for part in dict.fromkeys(sides[1]) if part not in left][:MOST_SENTENCES],
    )


def _aligned(verifier: Verifier, left: list[str], right: list[str]) -> list[tuple[str, str]]:
    """Sentences of either side that are each other's closest, if they speak of the same thing."""
    close = verifier.vectors(left) @ verifier.vectors(right).T
    across, back = close.argmax(axis=1), close.argmax(axis=0)
    rows = np.flatnonzero(back[across] == np.arange(len(left))).tolist()
    return [(left[row], right[across[row]]) for row in rows if close[row, across[row]] >= LEAST]


def _contradicts(one: str, other: str, found: Measures | None) -> Kind:
    """How two sentences that speak of the same thing contradict each other."""
    if found is None or found["aligned"] < WORDS:
        return ""
    if found["bigrams"] >= COPY:
        kinds = {place.kind for place in differences(tokens_of(one.lower()), tokens_of(other.lower()))}
        if "number" in kinds and numbers_of(one.lower()) != numbers_of(other.lower()):  # 十分 is none
            return "other_number"
        return "negated" if "negation" in kinds or found["opposite"] else ""
    if found["number"]:
        return "other_number"
    return "negated" if found["negated"] or found["opposite"] else ""
