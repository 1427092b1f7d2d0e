"""Repeated n-grams of many texts at once.

An n-gram can only occur twice where its first n - 1 words do, so each length looks only at the places where
the length before repeated: after the first sort the work shrinks to what really repeats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from curation.stages.heuristics.words import Floats, Ints, WordTable


@dataclass(frozen=True)
class Repeats:
    """The places of all n-grams that occur more than once in their text, and which of them are equal.

    places: index of the first word in the table, grouped: equal n-grams of one text stand together, texts in
    order. groups: a number for each place, ascending. firsts, counts: per group, its first place and how many
    it has.
    """

    n: int
    places: Ints
    groups: Ints
    firsts: Ints
    counts: Ints


def repeats(table: WordTable, longest: int) -> Iterator[Repeats]:
    """The repeated n-grams for n = 2 … `longest`, in that order."""
    ends = table.starts[1:][table.owners] if len(table.numbers) else np.zeros(0, np.int64)
    size = len(table.lengths) + 1
    places = np.arange(len(table.numbers), dtype=np.int64)
    groups = table.owners * size + table.numbers  # below 2^63 / size: a vocabulary has about 2^20 words
    for n in range(2, longest + 1):
        fits = places + n <= ends[places]
        places, groups = places[fits], groups[fits]
        keys = groups * size + table.numbers[places + n - 1]
        order = np.argsort(keys)
        keys, places = keys[order], places[order]
        begins = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]]) if len(keys) else np.zeros(0, np.int64)
        counts = np.diff(np.r_[begins, len(keys)])
        firsts = np.minimum.reduceat(places, begins) if len(begins) else begins
        again = counts > 1
        places, firsts, counts = places[np.repeat(again, counts)], firsts[again], counts[again]
        groups = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
        yield Repeats(n, places, groups, firsts, counts)


def _span(table: WordTable, places: Ints, n: int, joint: int) -> Ints:
    """Characters of the n-grams that begin at `places`, with `joint` characters between two words."""
    before = table.characters_before
    span: Ints = before[places + n] - before[places] + joint * (n - 1)
    return span


def top_characters(table: WordTable, found: Repeats, joint: int, min_count: int) -> Floats:
    """Characters in the most frequent n-gram of each text (the earliest of equals), over all its occurrences.

    A text without a repeated n-gram has its first one once, if `min_count` lets it count; 0 for texts that
    are shorter, or whose most frequent n-gram occurs less than `min_count` times.
    """
    characters = np.zeros(len(table), np.float64)
    if min_count <= 1:
        long_enough = np.flatnonzero(table.counts >= found.n)
        characters[long_enough] = _span(table, table.starts[long_enough], found.n, joint)
    if not len(found.counts):
        return characters
    owners = table.owners[found.firsts]
    # Most frequent first, then earliest: one number orders both.
    rank = found.counts * (len(table.numbers) + 1) + (len(table.numbers) - found.firsts)
    begins = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
    best = np.maximum.reduceat(rank, begins)
    counts = best // (len(table.numbers) + 1)
    firsts = len(table.numbers) - best % (len(table.numbers) + 1)
    enough = counts >= min_count
    characters[owners[begins][enough]] = (counts * _span(table, firsts, found.n, joint))[enough]
    return characters


def duplicate_characters(table: WordTable, found: Repeats, limits: Floats) -> Floats:
    """Characters of each text in n-grams that occurred before, none counted twice.

    Reading from the left, an n-gram met before counts whole and is skipped; any other one is remembered.
    Exact only where the result can exceed the text's limit, an upper bound (all repeated places, overlaps
    merged) elsewhere.
    """
    later = found.places != found.firsts[found.groups]
    depth = np.zeros(len(table.numbers) + 1, np.int64)
    np.add.at(depth, found.places[later], 1)
    np.add.at(depth, found.places[later] + found.n, -1)
    covered = np.cumsum(depth[:-1]) > 0
    characters = table.total(np.where(covered, table.lengths[table.numbers], 0))
    owners = table.owners[found.places]
    for text in np.flatnonzero(characters > limits):
        first, last = np.searchsorted(owners, [text, text + 1])
        characters[text] = _read(table, found, slice(first, last))
    return characters


def _read(table: WordTable, found: Repeats, chosen: slice) -> float:
    """What `duplicate_characters` says of one text, whose places are `chosen`."""
    order = np.argsort(found.places[chosen])
    places, groups = found.places[chosen][order], found.groups[chosen][order]
    sizes = _span(table, places, found.n, 0)
    seen: set[int] = set()
    free, characters = 0, 0
    for place, group, size in zip(places.tolist(), groups.tolist(), sizes.tolist(), strict=True):
        if place < free:
            continue
        if group in seen:
            characters += size
            free = place + found.n
        else:
            seen.add(group)
    return float(characters)
