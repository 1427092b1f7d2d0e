"""A random part of the corpus, the same one however the corpus is cut or worked on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import polars as pl
import xxhash
from pydantic import Field, model_validator

from curation.schema import Batch, Decisions
from curation.selection.weighed import counter_digest, token_counts
from curation.stage import CorpusStage, StageContext


class Sample(CorpusStage):
    """Keep a random sample: a fraction of the records, a number of them, or a number of tokens.

    Which records are drawn follows from their content as read and the seed alone, so neither shards nor workers nor the
    names of files matter, and a smaller sample is part of a larger one with the same seed. Copies of one text are drawn
    together, the earlier first: drop duplicates before sampling.
    """

    name: ClassVar[str] = "sample"
    reasons: ClassVar[Mapping[str, str]] = {"not_sampled": "it was not drawn"}

    fraction: float | None = Field(
        default=None, ge=0, le=1, description="share of the records to keep, rounded to the nearest"
    )
    n: int | None = Field(default=None, ge=0, description="number of records to keep; all where there are fewer")
    tokens: int | None = Field(
        default=None,
        ge=0,
        description="most tokens of all kept records together, counted by the embedded tokenizer; the draw ends before the "
        "record that goes beyond them",
    )
    by: Literal["source"] | None = Field(default=None, description="source: that fraction or number of each source")
    seed: int | None = Field(default=None, ge=0, lt=1 << 63, description="seed of the draw; the recipe's by default")

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        if sum(size is not None for size in (self.fraction, self.n, self.tokens)) != 1:
            raise ValueError("give one of fraction, n and tokens")
        return self

    def fingerprint_facts(self) -> Mapping[str, object]:
        """How many are drawn only counts when deciding."""
        return {"seed": self.seed} if self.tokens is None else {"seed": self.seed, "counted": True}

    def assets(self) -> Mapping[str, str]:
        """The tokenizer that counts, where tokens are counted."""
        return {} if self.tokens is None else {"tokenizer": counter_digest("")}

    def fingerprint(self, batch: Batch, context: StageContext) -> pl.DataFrame:
        """`record_id, source, draw`: a 64-bit hash of content and seed, the lowest are drawn first; and `tokens`, where
        they are counted."""
        seed = context.seed if self.seed is None else self.seed
        # XXH3 is specified and stable, unlike polars' own hash. The salt keeps this draw independent of other stages'.
        salt = f"sample:{seed}:"
        draws = [xxhash.xxh3_64_intdigest((salt + digest).encode()) for digest in batch.records["content_hash"]]
        prints = batch.records.select("record_id", "source").with_columns(draw=pl.Series(draws, dtype=pl.UInt64))
        return prints if self.tokens is None else prints.with_columns(token_counts(batch, "").alias("tokens"))

    def decide(self, fingerprints: pl.LazyFrame, context: StageContext) -> Decisions:  # noqa: ARG002
        """All records but the first of the draw are dropped; score: their place in it, threshold: the last one kept."""
        group = "source" if self.by == "source" else "everything"
        dropped = (
            fingerprints.with_columns(everything=pl.lit(0))
            .sort("draw", "ordinal")
            .with_columns(place=pl.int_range(1, pl.len() + 1).over(group), wanted=self._wanted(group))
            .filter(pl.col("place") > pl.col("wanted"))
            .sort("ordinal")
            .collect()
        )
        return Decisions.drop(
            dropped.select(
                "record_id",
                reason=pl.lit("not_sampled"),
                score="place",
                threshold="wanted",
                detail=pl.lit("place in the draw" + (" of its source" if self.by else "")),
            )
        )

    def _wanted(self, group: str) -> pl.Expr:
        """How many records of a group are kept, in the order of the draw."""
        if self.tokens is not None:
            return (pl.col("tokens").cum_sum() <= self.tokens).sum().over(group).cast(pl.Int64)
        if self.n is not None:
            return pl.lit(self.n, dtype=pl.Int64)
        return _nearest(pl.len().over(group) * pl.lit(self.fraction)).cast(pl.Int64)


def _nearest(size: pl.Expr) -> pl.Expr:
    """Halves go up; a hair is added so that 0.29 of 50 is 15, though the product is 14.499999999999998."""
    return (size + 0.5 + 1e-9).floor()
