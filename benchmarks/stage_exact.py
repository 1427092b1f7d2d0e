"""Speed of the `exact` stage: records a CPU-second for fingerprints and decision together, one polars thread.

    python benchmarks/stage_exact.py [--records 100000]

The records are those of `stage_clean.py`, about 500 characters each; a tenth of them are copies. Reading and writing are
not counted: they belong to every stage alike.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ["POLARS_MAX_THREADS"] = "1"

import polars as pl
from stage_clean import corpus

from curation.schema import Batch
from curation.stage import StageContext
from curation.stages.exact import Exact


def whole(shard: Batch) -> Batch:
    """With the columns that a reader would have filled."""
    return Batch(shard.records.with_columns(meta=pl.lit("{}"), source=pl.lit("made.jsonl")), shard.turns)


def copied(shard: Batch) -> Batch:
    """The same texts under other ids."""
    new = pl.concat_str(pl.lit("copy-"), "record_id").alias("record_id")
    return Batch(shard.records.with_columns(new), shard.turns.with_columns(new))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    given = parser.parse_args()
    shards = [whole(shard) for shard in corpus(given.records * 9 // 10, 0.2)]
    shards += [copied(shard) for shard in shards[: max(1, len(shards) // 9)]]
    records = sum(len(shard) for shard in shards)
    for level in ("none", "whitespace", "letters"):
        stage, context = Exact(normalise=level), StageContext()
        stage.fingerprint(shards[0], context)  # imports and compiled expressions
        began = time.process_time()
        prints = pl.concat([stage.fingerprint(shard, context) for shard in shards])
        ordinals = pl.int_range(pl.len(), dtype=pl.UInt64).alias("ordinal")
        decided = stage.decide(prints.lazy().with_columns(ordinals), context)
        seconds = time.process_time() - began
        print(f"normalise: {level:10} {records / seconds:9,.0f} records/CPU-s, {decided.rows.height:,} dropped")


if __name__ == "__main__":
    main()
