"""What stages measured about records, read out of their annotations: the input of stages that select by it."""

from __future__ import annotations

from typing import Final

import orjson
import polars as pl

SCORES: Final = pl.Schema(
    {
        "record_id": pl.String(),
        "stage": pl.String(),  # as the recipe names it
        "name": pl.String(),  # "score", or the key of a named value
        "value": pl.Float64(),
    }
)


def scores_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Every number in the annotations among decisions `rows`, as SCORES: their score, and their values by name.

    Names that begin with an underscore are for the engine and are left out, and so is what is no finite number.
    """
    noted = rows.filter(pl.col("action") == "annotate").select("record_id", "stage", "score", "values")
    plain = noted.filter(pl.col("score").is_not_null()).select(
        "record_id", "stage", name=pl.lit("score"), value=pl.col("score")
    )
    named: list[tuple[str, str, str, float]] = []
    for record_id, stage, values in noted.select("record_id", "stage", "values").drop_nulls("values").iter_rows():
        found = orjson.loads(values)
        named += [
            (record_id, stage, name, float(value))
            for name, value in found.items()
            if isinstance(value, (int, float)) and not isinstance(value, bool) and not name.startswith("_")
        ]
    told = pl.DataFrame(named, schema=SCORES, orient="row")
    return pl.concat([plain.cast(SCORES), told]).filter(pl.col("value").is_finite())
