"""What a finder returns: places in a text, and one answer where finders disagree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a text that holds an entity.

    start, end: code points of the text as it was given, half open. score: 0 to 1. recogniser: the rule or model that
    found it, for the ledger's `detail`. The matched text itself is never kept.
    """

    start: int
    end: int
    entity: str
    score: float
    recogniser: str


class Finder(Protocol):
    """One tier of search. Both tiers look at many texts at once; `languages` has an ISO 639 code or "" for each."""

    def find(self, texts: Sequence[str], languages: Sequence[str]) -> list[list[Span]]:
        """The spans of each text, in any order, overlapping or not."""
        ...


def resolve(spans: Iterable[Span]) -> list[Span]:
    """Spans that do not overlap, from left to right: the surest first, then the longest, then the leftmost."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: (-s.score, s.start - s.end, s.start, s.entity)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return sorted(kept, key=lambda s: s.start)
