"""A rule holds one measure against one threshold; the first rule that fails gives the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl


@dataclass(frozen=True)
class Rule:
    """`reason` is also the name of the column that holds the measure. A missing measure (null) never fails."""

    reason: str
    threshold: float | None  # None: the rule is off
    fails: Literal["below", "above"]


def first_failing(measures: pl.DataFrame, rules: Sequence[Rule]) -> pl.DataFrame:
    """`reason, score, threshold` of the first rule that each text fails, in the order given; null where none fails."""
    active = [rule for rule in rules if rule.threshold is not None]
    failing = pl.Series("rule", [None] * measures.height, pl.Int32)
    frame = measures.with_columns(failing)
    for number in reversed(range(len(active))):
        rule = active[number]
        limit = pl.lit(rule.threshold, pl.Float64)
        measure = pl.col(rule.reason)
        failed = measure < limit if rule.fails == "below" else measure > limit
        frame = frame.with_columns(pl.when(failed).then(number).otherwise("rule").cast(pl.Int32).alias("rule"))
    table = pl.DataFrame(
        {
            "rule": pl.Series(range(len(active)), dtype=pl.Int32),
            "reason": pl.Series([rule.reason for rule in active], dtype=pl.String),
            "threshold": pl.Series([rule.threshold for rule in active], dtype=pl.Float64),
        }
    )
    score = pl.lit(None, pl.Float64)
    for number, rule in enumerate(active):
        score = pl.when(pl.col("rule") == number).then(pl.col(rule.reason).cast(pl.Float64)).otherwise(score)
    return (
        frame.select("rule", score=score)
        .join(table, on="rule", how="left", maintain_order="left")
        .select("reason", "score", "threshold")
    )


def ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """`part / whole`, null where there is nothing to divide by."""
    return pl.when(whole > 0).then(part / whole)
