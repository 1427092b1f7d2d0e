"""The last pass over a shard: survivors are rendered, decisions go into the ledger, and both are counted."""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson
import polars as pl

from curation.collector import at_rest
from curation.engine.apply import apply
from curation.engine.passes import Decided, ShardRef, Work, count, level_zero, load_decisions, split_by_stage
from curation.engine.review import REVIEW_STAGE, Act, act
from curation.engine.store import Store
from curation.schema import Batch, Decisions
from curation.writers import render_lines

WRITE_STAGE = "write"  # the ledger's name for what could not be expressed in the output format
LENGTH_BINS = 24  # bin k counts texts of [2^k, 2^(k+1)) characters; bin 0 the empty and one-character ones


def finish_shard(
    work: Work, shard: ShardRef, trail: Sequence[Decided], key: str, out_format: str | None, acts: Sequence[Act] = ()
) -> dict[str, Any]:
    """Render the survivors as JSON lines by split, and write the shard's part of the ledger. Returns the manifest.

    `acts` are what people do to the records over whatever the stages did.
    """
    store = work.store()
    manifest = store.manifest(key)
    if manifest is not None:
        return manifest
    first = level_zero(store, shard.key)
    batch, decisions = _replay(store, first, trail)
    came = len(batch)
    by_people, batch, unfit = act(batch, acts)
    decisions = Decisions.concat([decisions, by_people])
    annotations = _Annotations(decisions.rows)
    taken: Counter[str] = Counter()
    with at_rest():
        lines, refused = render_lines(batch, out_format, annotations.columns, taken)
    if refused:
        decisions, batch = _refuse(decisions, batch, refused)
    order = first.records.select("record_id").with_row_index("place")
    ledger = decisions.rows.join(order, on="record_id", how="left").sort("place", maintain_order=True).drop("place")
    edited = decisions.edits.select("record_id").unique().join(batch.records, on="record_id", how="semi").height
    flagged = decisions.rows.filter(pl.col("action") == "flag").select("record_id").unique()
    facts: dict[str, Any] = {
        "kept": len(batch),
        "edited": edited,
        "flagged": flagged.join(batch.records, on="record_id", how="semi").height,
        "kept_by_split": {},
        "lengths": {"before": length_bins(first), "after": length_bins(batch)},
        "languages": annotations.languages,
        "taken": dict(taken),
        "refused": dict(Counter(reason for _, reason in refused)),
        "review": count(REVIEW_STAGE, came, by_people.rows, 0.0)["reasons"],
        "unfit": unfit,
        "came": came,
    }
    parts: dict[str, pl.DataFrame | bytes] = {"ledger": parquet_bytes(ledger), "edits": decisions.edits}
    by_split: dict[str, list[bytes]] = {} if annotations.splits or not lines else {"train": lines}
    for record_id, line in zip(batch.records["record_id"], lines, strict=True) if annotations.splits else ():
        by_split.setdefault(annotations.splits.get(record_id, "train"), []).append(line)
    for split, chosen in sorted(by_split.items()):
        parts[f"{split}.jsonl"] = b"".join(chosen)
        facts["kept_by_split"][split] = len(chosen)
    return store.put(key, parts, facts)


def _replay(store: Store, batch: Batch, trail: Sequence[Decided]) -> tuple[Batch, Decisions]:
    decided: list[Decisions] = []
    for item in trail:
        for decisions in split_by_stage(load_decisions(store, item)):
            batch = apply(batch, decisions)
            decided.append(decisions)
    return batch, Decisions.concat(decided)


class _Annotations:
    """The named values of a shard's decisions: columns to add to records, splits, and languages counted."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self.columns: dict[str, dict[str, Any]] = {}
        self.splits: dict[str, str] = {}
        self.languages: dict[str, int] = {}
        valued = rows.filter(pl.col("values").is_not_null()).select("record_id", "action", "values", "stage")
        for record_id, action, text, stage in valued.iter_rows():
            values = orjson.loads(text)
            if "language" in values:
                language = values["language"]
                self.languages[language] = self.languages.get(language, 0) + 1
            if action != "annotate" and stage != REVIEW_STAGE:  # tags stand beside an edit
                continue
            if "split" in values:
                self.splits[record_id] = values.pop("split")
            # A name that begins with an underscore is for the ledger, not for the dataset.
            public = {name: value for name, value in values.items() if not name.startswith("_")}
            if public:
                self.columns.setdefault(record_id, {}).update(public)


def _refuse(decisions: Decisions, batch: Batch, refused: Sequence[tuple[str, str]]) -> tuple[Decisions, Batch]:
    """Records that the output format cannot express leave the dataset by a decision like any other."""
    rows = pl.DataFrame(refused, schema=["record_id", "detail"], orient="row").with_columns(
        stage=pl.lit(WRITE_STAGE), reason=pl.lit("inexpressible"), actor=pl.lit("stage")
    )
    dropping = Decisions.drop(rows)
    return Decisions.concat([decisions, dropping]), apply(batch, dropping)


def length_bins(batch: Batch) -> list[int]:
    """How many records have [2^k, 2^(k+1)) characters, for k = 0 … LENGTH_BINS - 1."""
    counts = batch.turns.select("record_id", pl.col("content").str.len_chars())
    if counts.height != len(batch) or not counts["record_id"].equals(batch.records["record_id"]):
        counts = counts.group_by("record_id").agg(pl.col("content").sum())
    lengths = counts["content"]
    bins = [0] * LENGTH_BINS
    for length, number in lengths.value_counts().iter_rows():
        bins[min(int(math.log2(max(length, 1))), LENGTH_BINS - 1)] += number
    bins[0] += len(batch) - lengths.len()
    return bins


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """A frame as Parquet (zstd), the same bytes for the same frame."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=3, statistics=True)
    return buffer.getvalue()
