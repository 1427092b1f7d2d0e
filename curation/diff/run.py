"""The index of a run: what its ledger says was dropped, edited, added, flagged, or decided by a person."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from curation.diff.frames import CAUSES, HUNKS, SOURCE_BITS, Names, write
from curation.diff.model import STATUSES
from curation.engine.apply import ACTIONS
from curation.engine.review import OVERRULED
from curation.engine.store import Store
from curation.ledger import read_index

# Which decision says most about a record, and what the record then is.
_RANKS = (("drop", "removed"), ("edit", "changed"), ("added", "added"), ("flag", "flagged"), ("", "kept"))


def run_key(folder: Path) -> str:
    """What an index of the run depends on: the run's own index names every piece by the digest of its content."""
    read_index(folder)
    return hashlib.blake2b((folder / "index.json").read_bytes(), digest_size=16).hexdigest()


def build_run_index(run: Path, folder: Path) -> None:
    """Write the index of the finished run `run` into `folder`. One pass over the ledger and the records' hashes; memory
    is one shard and some 40 bytes a hunk.
    """
    shards = read_index(run)
    store = Store(run / "shards")
    sources, stages, reasons = Names(), Names(), Names()
    hunks: list[pl.DataFrame] = [HUNKS.to_frame()]
    causes: list[pl.DataFrame] = [CAUSES.to_frame()]
    total = 0
    for shard in shards:
        base = sources.number(shard["source"]) << SOURCE_BITS
        rows = _decisions(run, shard, base, stages, reasons)
        if not rows.height:
            continue
        found = _hunks(rows, _hashes(store, shard, base))
        numbers = found.select("at").with_row_index("hunk", offset=total)
        hunks.append(found.select(HUNKS.names()))
        causes.append(rows.join(numbers, on="at", how="left", maintain_order="left").select(CAUSES.names()))
        total += found.height
    facts = {
        "key": run_key(run),
        "kind": "run",
        "a": _side(shards, sources),
        "stages": stages.names(),
        "reasons": reasons.names(),
        "uses": shards[0]["uses"] if shards else {},
        "records": sum(shard["records"] for shard in shards),
    }
    write(folder, pl.concat(hunks), pl.concat(causes), facts)


def _side(shards: Sequence[Mapping[str, Any]], sources: Names) -> dict[str, Any]:
    named = ("first", "last", "key", "finish", "place")
    return {
        "sources": sources.names(),
        "shards": [{name: s[name] for name in named} | {"source": sources.number(s["source"])} for s in shards],
    }


def _decisions(run: Path, shard: Mapping[str, Any], base: int, stages: Names, reasons: Names) -> pl.DataFrame:
    """The decisions of one shard that made a difference, as numbers, with their rank."""
    part = run / "ledger" / f"part-{shard['place']:05d}.parquet"
    columns = ["record_id", "stage", "action", "reason", "score", "actor", "values"]
    rows = (
        pl.scan_parquet(part, glob=False)
        .select(columns)
        .filter((pl.col("action") != "annotate") | (pl.col("actor") == "human"))
        .with_columns(reason=pl.when(pl.col("reason") == OVERRULED).then(_overruled()).otherwise("reason"))
        .collect()
    )
    by_person = pl.when(pl.col("reason") == "added").then(pl.lit("added")).otherwise(pl.lit(""))
    kind = pl.when(pl.col("action") == "annotate").then(by_person).otherwise("action")
    ranks = {name: rank for rank, (name, _) in enumerate(_RANKS)}
    return rows.select(
        at=_at(shard["source"], base),
        stage=stages.coded(rows["stage"]),
        reason=reasons.coded(rows["reason"]),
        action=pl.col("action").replace_strict({a: n for n, a in enumerate(ACTIONS)}, return_dtype=pl.UInt8),
        score=pl.col("score").cast(pl.Float32),
        rank=kind.replace_strict(ranks, return_dtype=pl.UInt8),
    )


def _overruled() -> pl.Expr:
    """The reason of the decision that a person rejected: it stays in its queue."""
    was = pl.col("values").str.json_path_match("$._overruled")
    return was.str.split_exact("/", 1).struct.field("field_1").fill_null(pl.col("reason"))


def _at(source: str, base: int) -> pl.Expr:
    position = pl.col("record_id").str.slice(len(source) + 1).cast(pl.UInt64)
    return position + pl.lit(base, dtype=pl.UInt64)


def _hashes(store: Store, shard: Mapping[str, Any], base: int) -> pl.DataFrame:
    """`at, hash` of every record of a shard."""
    frame = pl.scan_ipc(store.path(shard["key"], "records")).select("record_id", "content_hash").collect()
    return frame.select(at=_at(shard["source"], base), hash=hash64())


def hash64() -> pl.Expr:
    """The first 64 bits of `content_hash`."""
    return pl.col("content_hash").str.head(16).str.to_integer(base=16, dtype=pl.UInt64)


def _hunks(rows: pl.DataFrame, hashes: pl.DataFrame) -> pl.DataFrame:
    """One row a record: of its decisions the one that says most, the first of equals."""
    statuses = [STATUSES.index(status) for _, status in _RANKS]
    first = rows.sort("at", "rank", maintain_order=True).unique("at", keep="first", maintain_order=True)
    return first.join(hashes, on="at", how="left", maintain_order="left").select(
        "at",
        pl.col("at").alias("b_at"),
        "hash",
        pl.col("rank").replace_strict(dict(enumerate(statuses)), return_dtype=pl.UInt8).alias("status"),
        "stage",
        "reason",
        "score",
    )
