"""What tells two questions apart that have nearly the same words, or lie close in an embedding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from curation.dedup.shingles import fold
from curation.dedup.verify_words import asks_for, negations_of, poles_of
from curation.synthesis.gates.inflection import stem
from curation.synthesis.gates.numerals import mentions
from curation.synthesis.gates.words import content_words

REPLACED = 0.1
"""Share of a question's content words that may be others: none of nine, one in ten or more."""

LONG = 120  # content words from which a single number, or a word that denies, does not make another question


@dataclass(frozen=True)
class Asked:
    """A question, with what tells it from others."""

    text: str

    @cached_property
    def folded(self) -> str:
        """Without case and width."""
        return fold(self.text)

    @cached_property
    def numbers(self) -> frozenset[frozenset[float]]:
        """What its numbers may mean."""
        return frozenset(mentions(self.text))

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The stems of its content words, each once."""
        return tuple(dict.fromkeys(stem(word) for word in content_words(self.text)))

    @cached_property
    def stems(self) -> frozenset[str]:
        """Of its content words."""
        return frozenset(self.order)


def differences(one: Asked, other: Asked) -> Iterator[str]:
    """What is another: number, negation, opposite, asks, words, order. Nothing: they ask the same."""
    short = min(len(one.stems), len(other.stems)) < LONG
    if short and any(
        all(number.isdisjoint(each) for each in theirs.numbers)
        for ours, theirs in ((one, other), (other, one))
        for number in ours.numbers
    ):
        yield "number"
    if short and negations_of(one.folded) % 2 != negations_of(other.folded) % 2:
        yield "negation"
    poles = poles_of(other.folded)
    if short and any(poles.get(axis, side) != side for axis, side in poles_of(one.folded).items()):
        yield "opposite"
    ours, theirs = asks_for(one.folded), asks_for(other.folded)
    if short and ours and theirs and not ours & theirs:
        yield "asks"
    lost, new = one.stems - other.stems, other.stems - one.stems
    if min(len(lost), len(new)) > REPLACED * max(len(one.stems), len(other.stems)):
        yield "words"
    if not lost and not new and one.order != other.order:
        yield "order"
