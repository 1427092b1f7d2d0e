"""Which records of a run are not shown by their words: those that were not searched for personal data, or hold some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from curation.privacy.told import USE

_SEARCHED: Final = ("masked", "masked_in_part", "columns", "not_searched")  # reasons that leave nothing in the texts


def withheld(ledger: pl.DataFrame, record_ids: pl.Series, summary: Mapping[str, Any]) -> pl.Series:
    """The ids, among those of a shard, whose words must not be shown; none where the run masks nothing.

    As in the report: all where only a part of each record was searched; records that were dropped before the last stage
    that masks, or by it; and those in which something that was found was left.
    """
    stages = [stage["stage"] for stage in summary["stages"]]
    masking = [stage["stage"] for stage in summary["stages"] if stage["use"] == USE]
    if not masking:
        return record_ids.clear()
    if any(fact["part"] != "record" for fact in summary.get("privacy", ())):
        return record_ids
    early = stages[: stages.index(masking[-1]) + 1]
    is_early = (pl.col("action") == "drop") & pl.col("stage").is_in(early)
    is_left = pl.col("values").fill_null("").str.contains('"_left"', literal=True) | ~pl.col("reason").is_in(_SEARCHED)
    found = ledger.filter(is_early | (pl.col("stage").is_in(masking) & is_left))
    return found["record_id"].unique(maintain_order=True)
