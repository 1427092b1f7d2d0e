"""Train, validation and test, such that nothing about a test record can be learned from a training one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import polars as pl
import xxhash
from pydantic import Field, model_validator

from curation.columns import original_column
from curation.dedup.pairs import components
from curation.parts import parts_of, rows_at, rows_named
from curation.schema import Batch, Decisions
from curation.stage import CorpusStage, StageContext
from curation.stages.exact import normalised

SPLITS = ("test", "validation")


class Split(CorpusStage):
    """Put every record into train, validation or test.

    Records with the same prompt (or, without a prompt, the same text), and those of one cluster of near or semantic
    duplicates, stay together, so that no question is trained on and tested. The draw depends on the seed and on the
    text alone, not on the order of the files.
    """

    name: ClassVar[str] = "split"
    reasons: ClassVar[Mapping[str, str]] = {
        "validation": "drawn for the validation split",
        "test": "drawn for the test split",
    }

    validation: float = Field(0.05, ge=0, lt=1, description="share of the records that goes to validation")
    test: float = Field(0.0, ge=0, lt=1, description="share of the records that goes to test")
    stratify: str = Field(
        "", description="draw within each value of: source, format, or the name of an original column; empty: over all"
    )

    @model_validator(mode="after")
    def _leave_something_to_train_on(self) -> Split:
        if self.validation + self.test >= 1:
            raise ValueError("validation + test must leave something to train on (their sum must be below 1)")
        return self

    def fingerprint_facts(self) -> Mapping[str, object]:
        """The shares only count when deciding."""
        return {"stratify": self.stratify}

    def fingerprint(self, batch: Batch, context: StageContext) -> pl.DataFrame:
        """`record_id, draw (UInt64, the same for records that must stay together), stratum`."""
        prompts = normalised(batch, "prompt", "letters")["text"]
        wholes = normalised(batch, "record", "letters")["text"]
        draws = [
            xxhash.xxh3_64_intdigest((prompt or whole or record_id).encode(), seed=context.seed)
            for prompt, whole, record_id in zip(prompts, wholes, batch.records["record_id"], strict=True)
        ]
        return batch.records.select("record_id").with_columns(
            draw=pl.Series(draws, dtype=pl.UInt64), stratum=self._strata(batch)
        )

    def _strata(self, batch: Batch) -> pl.Series:
        if not self.stratify:
            return pl.repeat("", len(batch), dtype=pl.String, eager=True)
        if self.stratify in ("source", "format"):
            return batch.records[self.stratify]
        return original_column(batch, self.stratify).fill_null("")

    def decide(self, fingerprints: pl.LazyFrame, context: StageContext) -> Decisions:
        """In each stratum, whole groups in the order of their draw, until each split has its share."""
        # Of all records only numbers are held; names come back for those that get a split.
        parts = parts_of(fingerprints, context.parts)
        records = pl.concat([part.select("ordinal", "draw", "stratum").collect() for part in parts])
        if context.clusters is not None:
            clusters = context.clusters.collect()
            named = rows_named(parts, clusters["record_id"].unique(), ["draw"])
            records = _joined_by_cluster(records, named.join(clusters, on="record_id", how="inner"))
        groups = (
            records.sort("ordinal")
            .group_by("draw", maintain_order=True)
            .agg(pl.col("stratum").first(), pl.len().alias("size"))
            .sort("stratum", "draw")
            .with_columns(
                # The middle of the group's span decides, so that a large group is not always left out.
                middle=pl.col("size").cum_sum().over("stratum") - pl.col("size") / 2,
                total=pl.col("size").sum().over("stratum"),
            )
            .with_columns(place=pl.col("middle") / pl.col("total"))
        )
        chosen = groups.with_columns(
            split=pl.when(pl.col("place") < self.test)
            .then(pl.lit("test"))
            .when(pl.col("place") < self.test + self.validation)
            .then(pl.lit("validation"))
        ).filter(pl.col("split").is_not_null())
        found = records.select("ordinal", "draw").join(chosen.select("draw", "split"), on="draw", how="inner")
        names = rows_at(parts, found["ordinal"].sort().to_numpy(), ["record_id"])
        rows = names.join(found, on="ordinal", how="inner").sort("ordinal")
        return Decisions.of(
            rows.select(
                "record_id",
                action=pl.lit("annotate"),
                reason=pl.col("split"),
                values=pl.struct("split").struct.json_encode(),
            )
        )


def _joined_by_cluster(records: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The records with one `draw` (the least) for each set of records that share a draw or a cluster; `known`: the `draw` and
    `cluster` of those that are in one.
    """
    if not known.height:
        return records
    draws = known["draw"].unique().sort()
    names = known["cluster"].unique().sort()
    left = draws.search_sorted(known["draw"]).to_numpy().astype(np.int64)
    right = names.search_sorted(known["cluster"]).to_numpy().astype(np.int64) + draws.len()
    labels = components(draws.len() + names.len(), left, right)[: draws.len()]
    least = pl.DataFrame({"draw": draws, "label": labels}).with_columns(joined=pl.col("draw").min().over("label"))
    return (
        records.join(least.select("draw", "joined"), on="draw", how="left", maintain_order="left")
        .with_columns(draw=pl.coalesce("joined", "draw"))
        .drop("joined")
    )
