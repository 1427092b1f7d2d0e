"""The whole corpus as a corpus stage sees it: fingerprints on disk, in memory only what is being compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import polars as pl

from curation.dedup.cluster import SMALL, Similarity
from curation.dedup.minhash import Banding, band_hashes, signatures
from curation.dedup.numbers import Numbers
from curation.dedup.pairs import CROWD, candidates, components, jaccard, merged, pair_keys, split_keys
from curation.dedup.shingles import I64, U32, U64, Shingles, fold, shingles_of
from curation.parts import rows_at

AT_ONCE = 1 << 16  # similarities of small clusters held at once, with the texts
SLICE = 1 << 13  # texts at once where there are temporary copies of them
_BAND = re.compile(r"b\d+")  # the columns with a band's hashes
LEFT_OVER = 0.2  # share of a text's shingles that must be its own for its boilerplate to be ignored


class Cluster(NamedTuple):
    """Texts that verified pairs connect, best first; the folded text of each and the similarity of any two of them."""

    number: int
    rows: list[int]  # in `Corpus.facts`
    text: Callable[[int], str]
    similarity: Similarity


class Corpus:
    """Texts of fingerprints (as `Near.fingerprint` made them, records without shingles left out), to be closed after use.

    Of every record a few numbers are kept on disk, in `folder`. In memory are only those that have a candidate, once
    `clusters` found them. facts: `record_id, source, text` of each of these, in record order; all rows below are in it.
    """

    def __init__(
        self, parts: Sequence[pl.LazyFrame], words: int, characters: int, seed: int, folder: Path | None = None
    ) -> None:
        self.parts = parts
        self.words, self.characters, self.seed = words, characters, seed
        bands = [name for name in parts[0].collect_schema().names() if _BAND.fullmatch(name)]
        ranked = pl.col("rank").fill_null(-np.inf)
        self.numbers = Numbers([part.select("ordinal", ranked, *bands) for part in parts], folder)
        self.facts = pl.DataFrame(schema={"record_id": pl.String, "source": pl.String, "text": pl.String})
        self._ranks = np.zeros(0)
        self.shingles = Shingles(np.zeros(0, dtype=np.uint32), np.zeros(1, dtype=np.int64))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failed: object) -> None:
        self.numbers.close()

    def clusters(self, banding: Banding, threshold: float) -> Iterator[Cluster]:
        """Connected components of verified pairs with more than one text, numbered by their first record."""
        left, right, crowd = candidates(self.bands(banding), len(self.numbers))
        rows = _distinct(left, right, crowd)
        self.hold(rows)
        left, right = np.searchsorted(rows, left), np.searchsorted(rows, right)
        if len(crowd):
            left, right = self._without_boilerplate(np.searchsorted(rows, crowd), left, right, banding)
        labels = self._connected(left, right, threshold)
        sizes = np.bincount(labels, minlength=1)
        places = np.flatnonzero(sizes[labels] > 1)
        places = places[np.lexsort((places, -self._ranks[places], labels[places]))]
        starts = np.cumsum(sizes * (sizes > 1)) - sizes * (sizes > 1)
        for size in np.unique(sizes[sizes > 1]).tolist():
            numbers = np.flatnonzero(sizes == size)
            yield from self._of_size(numbers, places[starts[numbers][:, None] + np.arange(size)])

    def bands(self, banding: Banding) -> Iterator[tuple[I64, U64]]:
        """The band hashes of every record, band by band, as `candidates` takes them."""
        return chain.from_iterable(self.numbers.by_value(f"b{band}") for band in range(banding.bands))

    def source_sizes(self) -> dict[str, int]:
        """How many records of each source are compared."""
        counted = [part.group_by("source").len().collect() for part in self.parts]
        return dict(pl.concat(counted).group_by("source").agg(pl.col("len").sum()).iter_rows())

    def _connected(self, left: I64, right: I64, threshold: float) -> I64:
        """The component of each held text by pairs at least that similar. `left` ascends.

        The first pair of each text is verified before the others, which need no look where both ends are connected by
        then: of the pairs among 200 records with one preamble 19,701 out of 19,900.
        """
        first = np.ones(len(left), dtype=bool)
        np.not_equal(left[1:], left[:-1], out=first[1:])
        alike = np.zeros(len(left), dtype=bool)
        alike[first] = jaccard(self.shingles, left[first], right[first]) >= threshold
        labels = components(len(self.facts), left[alike], right[alike])
        apart = ~first & (labels[left] != labels[right])
        alike[apart] = jaccard(self.shingles, left[apart], right[apart]) >= threshold
        return components(len(self.facts), left[alike], right[alike])

    def _of_size(self, numbers: I64, places: I64) -> Iterator[Cluster]:
        """Clusters of the same size: `places` has a row for each. Small ones get their similarities at once."""
        size = places.shape[1]
        if size > SMALL:
            for number, row in zip(numbers.tolist(), places.tolist(), strict=True):
                yield Cluster(number, row, self.text, self.similarity)
            return
        one, other = np.triu_indices(size, 1)
        step = max(1, AT_ONCE // size**2)
        for start in range(0, len(places), step):
            these = places[start : start + step]
            scores = np.ones((len(these), size, size))
            found = jaccard(self.shingles, these[:, one].ravel(), these[:, other].ravel()).reshape(len(these), -1)
            scores[:, one, other] = scores[:, other, one] = found
            rows = these.tolist()
            texts = dict(zip(chain(*rows), map(fold, self.facts["text"].gather(these.ravel()).to_list()), strict=True))
            for number, row, matrix in zip(numbers[start : start + step].tolist(), rows, scores.tolist(), strict=True):
                yield Cluster(number, row, texts.__getitem__, _lookup(row, matrix))

    def text(self, row: int) -> str:
        """The folded text of a candidate."""
        return fold(self.facts["text"][row])

    def similarity(self, row: int, others: Sequence[int]) -> list[float]:
        """The exact Jaccard similarity of a candidate with others."""
        if not others:
            return []
        right = np.asarray(others)
        scores: list[float] = jaccard(self.shingles, np.full(len(right), row), right).tolist()
        return scores

    def hold(self, rows: I64) -> None:
        """Load the texts of `rows` and shingle them again, which is cheaper than keeping every record's shingles."""
        found = rows_at(self.parts, self.numbers.at("ordinal", rows), ["record_id", "source", "text"])
        self.facts = found.drop("ordinal")
        self._ranks = self.numbers.at("rank", rows)
        self.shingles = Shingles.concat(
            [shingles_of(part.to_list(), self.words, self.characters) for part in _slices(self.facts["text"])]
        )

    def _without_boilerplate(self, crowd: I64, left: I64, right: I64, banding: Banding) -> tuple[I64, I64]:
        """Texts in crowded buckets again, without the shingles that many of them share, if enough is left of them."""
        own = self.shingles.take(crowd)
        common = _common(own.hashes)
        keep = ~np.isin(own.hashes, common)
        owners = np.repeat(np.arange(len(crowd)), own.sizes())
        remaining = np.bincount(owners[keep], minlength=len(crowd))
        reduced = remaining >= np.maximum(LEFT_OVER * own.sizes(), 1)
        keep |= ~reduced[owners]
        sizes = np.bincount(owners[keep], minlength=len(crowd))
        trimmed = Shingles(own.hashes[keep], np.concatenate(([0], np.cumsum(sizes))))
        hashes = band_hashes(signatures(trimmed, banding.bands * banding.rows, self.seed), banding)
        every = np.arange(len(crowd))
        bands = ((every, np.ascontiguousarray(hashes[:, band])) for band in range(banding.bands))
        more_left, more_right, _ = candidates(bands, len(crowd))
        self._replace(crowd, trimmed)
        more = pair_keys(crowd[more_left], crowd[more_right])
        return split_keys(merged(pair_keys(left, right), more))

    def _replace(self, rows: I64, with_: Shingles) -> None:
        """Put other shingles in the place of those of some texts."""
        both = Shingles(
            np.concatenate([self.shingles.hashes, with_.hashes]),
            np.concatenate([self.shingles.offsets, with_.offsets[1:] + self.shingles.offsets[-1]]),
        )
        order = np.arange(len(self.facts))
        order[rows] = len(self.facts) + np.arange(len(rows))
        self.shingles = Shingles.concat(
            [both.take(order[start : start + SLICE]) for start in range(0, len(order), SLICE)]
        )


def _slices(texts: pl.Series) -> Iterator[pl.Series]:
    for start in range(0, len(texts), SLICE):
        yield texts.slice(start, SLICE)


def _lookup(rows: Sequence[int], matrix: Sequence[Sequence[float]]) -> Similarity:
    place = {row: index for index, row in enumerate(rows)}

    def similarity(row: int, others: Sequence[int]) -> list[float]:
        scores = matrix[place[row]]
        return [scores[place[other]] for other in others]

    return similarity


def _distinct(*rows: I64) -> I64:
    """The different numbers in several arrays, ascending."""
    seen = np.zeros(max((int(part.max()) + 1 for part in rows if len(part)), default=0), dtype=bool)
    for part in rows:
        seen[part] = True
    return np.flatnonzero(seen)


def _common(hashes: U32) -> U32:
    """Shingles which more than CROWD texts have."""
    values, counts = np.unique(hashes, return_counts=True)
    return values[counts > CROWD]
