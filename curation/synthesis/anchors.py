"""Sentences of a chunk to ask about: what a small model cannot choose and copy, the plan draws.

A question about a given sentence is what answer-aware question generation asks for (Zhou et al. 2017, arXiv 1704.01792);
its quote is the sentence, and so is exact however poor the model is.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from curation.synthesis.chunk_blocks import blocks_of
from curation.synthesis.chunk_sentences import sentence_starts

SHORTEST, LONGEST = 32, 400
"""Characters of a sentence that says something and is no list, those of Chinese twice."""

Stretch = tuple[int, int]
_BEFORE = re.compile(r"(?:[ \t]*(?:[-*+•>]|\d{1,9}[.)])[ \t]+)*\s*")  # marks of items and quotations
_ASKS = re.compile(r"[?？][\"'”’」』)）]*\Z")


def sentences_to_ask_about(
    text: str, items: int, draw: random.Random, *, least: int = 1, known: int = 0
) -> list[Stretch]:
    """`items` sentences of a chunk as (start, end) in it, in order, spread over it; fewer where there are no more, and one
    at least. text: not blank. least: characters that a quote needs. known: characters at the beginning that the chunk
    before has too, whose sentences are taken only where there are no others.

    Headings, tables and code are no sentences, and neither is what asks or gives orders to a model. Where nothing else is
    left, the longest stretch of the text that has the length of a sentence is taken.
    """
    from curation.synthesis.gates.orders import orders_in
    from curation.synthesis.gates.quote import width

    orders = orders_in(text)
    sound = [
        each
        for each in _sentences(text)
        if max(SHORTEST, least) <= width(text[slice(*each)]) <= LONGEST
        and not _ASKS.search(text[slice(*each)])
        and not any(start < each[1] and each[0] < end for start, end in orders)
    ]
    found = [each for each in sound if each[1] > known] or sound or [_longest(text)]
    count = min(items, len(found))
    cuts = [place * len(found) // count for place in range(count + 1)]
    return [found[draw.randrange(start, end)] for start, end in pairwise(cuts)]


def _sentences(text: str) -> Iterator[Stretch]:
    """The sentences of paragraphs and list items, in order, without the marks and blanks around them."""
    for block in blocks_of(text):
        if block.shape == "text":
            said = text[block.start : block.end]
            starts = sentence_starts(said)
            for start, end in zip(starts, [*starts[1:], len(said)], strict=True):
                yield from _trimmed(text, block.start + start, block.start + end)


def _trimmed(text: str, start: int, end: int) -> Iterator[Stretch]:
    found = _BEFORE.match(text, start, end)
    start = found.end() if found else start
    end = start + len(text[start:end].rstrip())
    if any(map(str.isalnum, text[start:end])):
        yield start, end


def _longest(text: str) -> Stretch:
    """The longest sentence, or line of whatever shape, of at most LONGEST characters; else the shortest."""
    from curation.synthesis.gates.quote import width

    found: Sequence[Stretch] = list(_sentences(text))
    if not found:
        lines = re.finditer(r"[^\n]+", text)
        found = [each for line in lines for each in _trimmed(text, *line.span())]
    fitting = [each for each in found if width(text[slice(*each)]) <= LONGEST]
    if fitting:
        return max(fitting, key=lambda each: width(text[slice(*each)]))
    return min(found, key=lambda each: each[1] - each[0], default=(0, len(text)))
