"""A corpus read shard by shard: the decisions are those about all of it at once, and nothing is held that need not be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from batches import batch_of

from curation.parts import numbers_of, rows_at, rows_named
from curation.stage import CorpusStage, StageContext
from curation.stages.exact import Exact
from curation.stages.near import Near
from curation.stages.semantic import Semantic
from curation.stages.split import Split

WORDS = "the tower keeper winds the clock every evening and waits for fog from the harbour before supper".split()


def texts(count: int) -> list[str]:
    """Every third is the same as one before, every fifth is like one but for a word."""
    draw = np.random.default_rng(5)
    made: list[str] = []
    for number in range(count):
        if number > 10 and number % 3 == 0:
            made.append(made[number // 2])
        elif number > 10 and number % 5 == 0:
            made.append(made[number // 3] + " indeed")
        else:
            made.append(" ".join(draw.choice(WORDS, 30)))
    return made


def cut(frame: pl.DataFrame) -> list[pl.LazyFrame]:
    """As shards are: some empty, some of one record."""
    return [frame.lazy().slice(first, length) for first, length in [(0, 40), (40, 1), (41, 0), (41, len(frame) - 41)]]


STAGES = [
    Exact(),
    Exact(keep="longest"),
    Near(allow_wipeout=True),
    Semantic(allow_wipeout=True, verify="none"),
    Split(validation=0.2, test=0.1),
]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: f"{stage.name}-{getattr(stage, 'keep', '')}")
def test_decisions_of_shards_are_those_of_the_whole(stage: CorpusStage) -> None:
    batch = batch_of(texts(150))
    context = StageContext(seed=3)
    prints = stage.fingerprint(batch, context).with_columns(ordinal=pl.int_range(150, dtype=pl.UInt64))
    whole = stage.decide(prints.lazy(), context).rows
    parts = cut(prints)
    assert whole.height > 20
    assert stage.decide(pl.concat(parts), replace(context, parts=parts)).rows.equals(whole)


def test_clusters_of_earlier_stages_reach_split_by_name() -> None:
    batch = batch_of([f"{number} {text}" for number, text in enumerate(texts(150))])
    ids = batch.records["record_id"]
    clusters = pl.LazyFrame({"record_id": ids[::7], "cluster": "one"})
    stage, context = Split(validation=0.3), StageContext(seed=3, clusters=clusters)
    prints = stage.fingerprint(batch, context).with_columns(ordinal=pl.int_range(150, dtype=pl.UInt64))
    rows = stage.decide(prints.lazy(), replace(context, parts=cut(prints))).rows
    taken = rows.filter(pl.col("record_id").is_in(ids[::7].implode())).height
    assert taken in (0, len(ids[::7]))
    assert 0 < rows.height < 150


def test_rows_are_found_by_place_and_by_name() -> None:
    frame = pl.DataFrame(
        {"record_id": [f"a:{n}" for n in range(90)], "ordinal": pl.int_range(5, 95, dtype=pl.UInt64, eager=True)}
    )
    parts = cut(frame)
    at = rows_at(parts, np.array([4, 5, 44, 45, 46, 94, 99], dtype=np.uint64), ["record_id"])
    assert at["record_id"].to_list() == ["a:0", "a:39", "a:40", "a:41", "a:89"]
    assert at["ordinal"].to_list() == [5, 44, 45, 46, 94]
    named = rows_named(parts, pl.Series(["a:89", "b:1", "a:3"]), ["ordinal"])
    assert named.rows() == [("a:3", 8), ("a:89", 94)]
    assert rows_named(parts, pl.Series([], dtype=pl.String), ["ordinal"]).height == 0
    assert rows_at(parts, np.zeros(0, dtype=np.uint64), ["record_id"]).height == 0
    assert numbers_of(parts, pl.col("ordinal") * 2).tolist() == list(range(10, 190, 2))
