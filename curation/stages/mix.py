"""How much of each source goes in."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import ClassVar

import polars as pl
import xxhash
from pydantic import Field, NonNegativeInt, PositiveFloat

from curation.errors import StageError, nearest
from curation.schema import Batch, Decisions
from curation.stage import CorpusStage, StageContext


class Mix(CorpusStage):
    """Mix sources by a cap on the records of each, or by relative weights.

    Sources are named as `studio inspect` shows them; `*` and `?` work. A source that is not named is left whole. Which
    records of a source stay is drawn by seed and content.
    """

    name: ClassVar[str] = "mix"
    reasons: ClassVar[Mapping[str, str]] = {
        "over_cap": "its source had more records than its cap",
        "over_weight": "its source had more records than its weight allows beside the others",
    }

    caps: dict[str, NonNegativeInt] = Field({}, description="most records of a source: {'web*.jsonl': 10000}")
    weights: dict[str, PositiveFloat] = Field(
        {}, description="relative weights: {'a.jsonl': 2, 'b.jsonl': 1} keeps twice as many of a as of b"
    )

    def fingerprint_facts(self) -> Mapping[str, object]:
        """Caps and weights only count when deciding."""
        return {}

    def fingerprint(self, batch: Batch, context: StageContext) -> pl.DataFrame:
        """`record_id, source, draw (UInt64)`."""
        digests = batch.records["content_hash"]
        draws = [xxhash.xxh3_64_intdigest(digest.encode(), seed=context.seed) for digest in digests]
        return batch.records.select("record_id", "source").with_columns(draw=pl.Series(draws, dtype=pl.UInt64))

    def decide(self, fingerprints: pl.LazyFrame, context: StageContext) -> Decisions:  # noqa: ARG002
        """The records of a source beyond its share, in the order of their draw, are dropped."""
        records = fingerprints.sort("draw", "ordinal").collect()
        records = records.with_columns(place=pl.int_range(pl.len()).over("source"))
        sizes = dict(records.group_by("source").len().iter_rows())
        caps = _by_source(self.caps, sizes)
        weights = _by_source(self.weights, sizes)
        capped = {source: min(size, caps.get(source, size)) for source, size in sizes.items()}
        scale = min((capped[source] / weight for source, weight in weights.items()), default=0.0)
        shares = {source: min(capped[source], round(scale * weight)) for source, weight in weights.items()}
        limits = pl.DataFrame(
            [(source, shares.get(source, capped[source]), capped[source]) for source in sizes],
            schema={"source": pl.String, "share": pl.Int64, "cap": pl.Int64},
            orient="row",
        )
        dropped = records.join(limits, on="source").filter(pl.col("place") >= pl.col("share")).sort("ordinal")
        over_cap = pl.col("place") >= pl.col("cap")
        return Decisions.drop(
            dropped.select(
                "record_id",
                reason=pl.when(over_cap).then(pl.lit("over_cap")).otherwise(pl.lit("over_weight")),
                score=pl.col("place") + 1,
                threshold=pl.when(over_cap).then("cap").otherwise("share"),
                detail=pl.lit("score: its place in the draw of its source"),
            )
        )


def _by_source(wanted: Mapping[str, float], sizes: Mapping[str, int]) -> dict[str, float]:
    """The value for each source, by the first pattern that fits. A pattern that fits none is an error."""
    found: dict[str, float] = {}
    for pattern, value in wanted.items():
        fitting = [source for source in sizes if source == pattern or fnmatchcase(source, pattern)]
        if not fitting:
            raise StageError(f"mix: no source is named '{pattern}'", nearest(pattern, sizes))
        for source in fitting:
            found.setdefault(source, value)
    return found
