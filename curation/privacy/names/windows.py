"""Long texts as overlapping windows, and texts of like length in batches."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# Where a window may end: behind a line, a sentence in either script, or, failing both, any blank.
_END = re.compile(r"\n+|[。！？；]+[”」』）]?|(?<=[.!?])\s+")


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of a text: its number among the texts, where it begins (code points), and its own text."""

    text: int
    start: int
    piece: str


def windows(texts: Sequence[str], size: int, overlap: int) -> list[Window]:
    """Every text as pieces of at most `size` code points.

    Pieces end at the end of a sentence or line where one lies in their last half, else in the midst of things; only
    then does the next piece begin `overlap` code points earlier, so that a name on the seam is whole in one of them.
    """
    return [
        Window(number, start, text[start:end])
        for number, text in enumerate(texts)
        for start, end in _cuts(text, size, overlap)
    ]


def _cuts(text: str, size: int, overlap: int) -> Iterator[tuple[int, int]]:
    start = 0
    while len(text) - start > size:
        ends = [match.end() for match in _END.finditer(text, start + size // 2, start + size)]
        if ends:
            yield start, ends[-1]
            start = ends[-1]
            continue
        blank = text.rfind(" ", start + size // 2, start + size)
        end = blank + 1 if blank > 0 else start + size
        yield start, end
        start = end - overlap
    if start < len(text):
        yield start, len(text)


def sorted_batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Numbers of texts, shortest first, cut so that the longest of a batch times their number is within `budget`."""
    batch: list[int] = []
    for number in sorted(range(len(lengths)), key=lambda n: (lengths[n], n)):
        if batch and lengths[number] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch
