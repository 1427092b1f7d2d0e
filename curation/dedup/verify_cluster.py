"""From pairs that an embedding proposes to who is a copy of whom. Nothing goes but by a finding against what stays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl

from curation.dedup.cluster import Member
from curation.dedup.pairs import components
from curation.dedup.shingles import I64
from curation.dedup.verify import Finding, Text, Verifier
from curation.embedding.encoder import F32, encoder
from curation.embedding.multilingual import Multilingual
from curation.embedding.stored import Chosen, Vectors, lay_out
from curation.parts import rows_at

Compare = Callable[[int, int], Finding]


class Texts:
    """The different texts of a corpus, from fingerprints as `Semantic.fingerprint` made them; best first.

    Records with the same text are one text here, so that a crowd of them cannot hide its neighbours from one another.
    facts: `record_id, source` of every record, in corpus order. Texts themselves are held for candidates only.
    """

    def __init__(self, parts: Sequence[pl.LazyFrame]) -> None:
        self._parts = parts
        columns = ["record_id", "source", "rank", "ordinal", pl.struct("prompt", "answer").hash(1).alias("same")]
        self.facts = pl.concat([part.select(columns).collect() for part in parts]).with_row_index("row")
        ordered = self.facts.sort(["rank", "row"], descending=[True, False], nulls_last=True)
        ordered = ordered.with_columns(first=pl.col("row").first().over("same"))
        self._same = ordered.select("row", "first").filter(pl.col("row") != pl.col("first"))
        self._rows = ordered.filter(pl.col("row") == pl.col("first"))["row"].to_numpy().astype(np.int64)
        self._held: dict[int, Text] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @contextmanager
    def vectors(self, columns: Sequence[str], folder: Path | None) -> Iterator[Vectors]:
        """Those of the texts, the halves in `columns` side by side, on disk in `folder`."""
        with lay_out(self._parts, columns, folder) as stored:
            yield Chosen(stored, self._rows)

    @cached_property
    def verifier(self) -> Verifier:
        """What compares two of them."""
        return Verifier(cast(Multilingual, encoder()))

    def hold(self, texts: I64) -> None:
        """Load some texts, to be compared."""
        rows = pl.DataFrame({"row": self._rows[texts], "text": texts}).with_columns(pl.col("row").cast(pl.UInt32))
        wanted = rows.join(self.facts.select("row", "ordinal"), on="row")
        wanted = wanted.sort("ordinal")
        found = rows_at(self._parts, wanted["ordinal"].to_numpy(), ["prompt", "answer"]).join(wanted, on="ordinal")
        self._held = {text: Text(*pair) for text, *pair in found.select("text", "prompt", "answer").iter_rows()}
        self.verifier.load(self._held.values())

    def text(self, number: int) -> Text:
        """One that is held."""
        return self._held[number]

    def spread(self, members: Sequence[Member]) -> list[Member]:
        """What became of the texts, as what becomes of their records (numbered in corpus order)."""
        rows = self._rows.tolist()
        fates = {
            rows[member.text]: Member(
                rows[member.text],
                rows[member.cluster],
                member.verdict,
                rows[member.twin] if member.twin >= 0 else -1,
                member.score,
            )
            for member in members
        }
        for row, first in self._same.iter_rows():
            fate = fates.get(first)
            if fate is None or not fate.is_copy:
                fate = fates[first] = Member(first, fate.cluster if fate else first, "copy", -1, 1.0)
                fates[row] = Member(row, fate.cluster, "copy", first, 1.0)
            else:
                fates[row] = Member(row, fate.cluster, "copy", fate.twin, fate.score)
        return list(fates.values())


def settle(count: int, left: I64, right: I64, cosines: F32, compare: Compare) -> list[Member]:
    """The fate of each of `count` texts, best first, that is in a pair.

    Each text that is still there is compared with its neighbours that come after it; copies go, with it as their twin,
    so a text is only ever dropped for one that stays and that it was held against. Those that stay name the neighbour
    that was closest. Clusters are numbered by their first text.
    """
    near: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for first, second, cosine in zip(left.tolist(), right.tolist(), cosines.tolist(), strict=True):
        near[first].append((second, cosine))
    labels = _first_of(components(count, left, right))
    findings: dict[tuple[int, int], Finding] = {}
    copies: dict[int, Member] = {}
    for anchor in sorted(near):
        if anchor in copies:
            continue
        for other, cosine in sorted(near[anchor], key=lambda item: (-item[1], item[0])):
            if other in copies:
                continue
            finding = findings[anchor, other] = compare(anchor, other)
            if finding.same:
                copies[other] = Member(other, labels[other], "copy", anchor, cosine)
    closest = {(first, other): cosine for first, found in near.items() for other, cosine in found}
    stay = dict(_those_that_stay(findings, copies, closest, labels))
    return [*copies.values(), *stay.values()]


def _first_of(labels: I64) -> list[int]:
    """The number of the first text of each one's component."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    found: list[int] = first[inverse].tolist()
    return found


def _those_that_stay(
    findings: Mapping[tuple[int, int], Finding],
    copies: Mapping[int, Member],
    cosines: Mapping[tuple[int, int], float],
    labels: Sequence[int],
) -> Iterator[tuple[int, Member]]:
    """Anchors that have copies; and what was refused, each with its closest neighbour that stays."""
    anchors = {member.twin for member in copies.values()}
    for anchor in anchors:
        yield anchor, Member(anchor, labels[anchor], "copy", -1, 1.0)
    best: dict[int, tuple[float, int, str]] = {}
    for (one, other), finding in findings.items():
        if finding.same or one in copies or other in copies:
            continue
        for text, twin in ((one, other), (other, one)):
            found = (cosines[one, other], -twin, finding.reason)
            if text not in anchors and found > best.get(text, (-2.0, 0, "")):
                best[text] = found
    for text, (cosine, twin, reason) in best.items():
        yield text, Member(text, labels[text], reason, -twin, cosine)
