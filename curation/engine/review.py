"""A person's verdicts, replayed: stages overruled where they decided, texts and drops applied at the end.

A rejected decision stays in the ledger as what it was, but with the actor `human` and without effect, so that later
stages see the record as if the stage had not decided. Everything here is about the records of one shard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import orjson
import polars as pl

from curation.engine.apply import apply
from curation.schema import Batch, Decisions
from curation.verdicts.fold import RecordVerdicts
from curation.verdicts.resolve import Placed

REVIEW_STAGE = "review"  # the ledger's name for what a person did over whatever the stages did
OVERRULED = "overruled"
ADDED_SOURCE = "review-added.jsonl"  # the file (and source) of records that a person wrote

REVIEW_REASONS = {
    "dropped": "a person dropped it",
    "edited": "a person changed its text",
    "tagged": "a person tagged it",
    "added": "a person wrote it, or copied it from another record",
    OVERRULED: "a person overruled what the stage decided",
}


class Overrule(NamedTuple):
    """That what `stage` decided about a record is not applied; where `reason` is given, only if it is that."""

    record_id: str
    stage: str
    reason: str
    author: str


class Act(NamedTuple):
    """What a person does to a record in the end. what: its text for an edit, tags (JSON) for a tag, and the record an
    added one was copied from.
    """

    record_id: str
    kind: Literal["drop", "edit", "tag", "add"]
    turn: int
    what: str
    author: str


@dataclass(frozen=True)
class ShardVerdicts:
    """What people decided about the records of one shard, in the form in which it travels to a worker."""

    overrules: tuple[Overrule, ...] = ()
    acts: tuple[Act, ...] = ()

    def of(self, stages: Sequence[str]) -> tuple[Overrule, ...]:
        """The rejections of what these stages decide."""
        return tuple(item for item in self.overrules if item.stage in stages)


def shard_verdicts(placed: Sequence[Placed]) -> ShardVerdicts:
    """The verdicts about a shard's records, flat."""
    overrules = [
        Overrule(item.record_id, line.stage, line.reason, line.author) for item in placed for line in item.of.rejects
    ]
    return ShardVerdicts(tuple(overrules), tuple(act for item in placed for act in _acts(item.record_id, item.of)))


def _acts(record_id: str, of: RecordVerdicts) -> list[Act]:
    acts = [Act(record_id, "edit", line.turn, line.after, line.author) for line in of.edits]
    if of.drop:
        acts.append(Act(record_id, "drop", 0, "", of.drop.author))
    if of.tags:
        acts.append(Act(record_id, "tag", 0, orjson.dumps(of.tags.tags).decode(), of.tags.author))
    return acts


def overrule(decisions: Decisions, overrules: Sequence[Overrule]) -> Decisions:
    """One stage's decisions with the rejected ones made harmless: an `overruled` annotation by a human, no edits.

    What was measured stays, as does what the stage found out besides (its `values`), unless that was all it decided.
    """
    if not overrules or not decisions.rows.height:
        return decisions
    frame = pl.DataFrame(
        [[item.record_id, item.reason, item.author] for item in overrules],
        schema={"record_id": pl.String, "_only": pl.String, "_author": pl.String},
        orient="row",
    )
    rows = decisions.rows.join(frame, on="record_id", how="left", maintain_order="left")
    is_it = pl.col("_only").is_not_null() & ((pl.col("_only") == "") | (pl.col("_only") == pl.col("reason")))
    hit = rows.filter(is_it)
    if not hit.height:
        return decisions
    was = pl.concat_str("action", pl.lit("/"), "reason").alias("was")
    by = pl.when(pl.col("_author") != "").then(pl.concat_str(pl.lit("by "), "_author"))
    changed = {
        "values": pl.struct("action", "values", was).map_elements(_values, return_dtype=pl.String),
        "detail": pl.concat_str("detail", by, separator="; ", ignore_nulls=True),
        "action": pl.lit("annotate"),
        "reason": pl.lit(OVERRULED),
        "actor": pl.lit("human"),
    }
    new = hit.with_columns(**changed).select(decisions.rows.columns)
    kept = decisions.rows.join(new.select("record_id"), on="record_id", how="anti", maintain_order="left")
    order = decisions.rows.select("record_id").with_row_index("_place")
    rows = pl.concat([kept, new]).join(order, on="record_id").sort("_place").drop("_place")
    edits = decisions.edits.join(new.select("record_id"), on="record_id", how="anti", maintain_order="left")
    return Decisions(rows, edits)


def _values(row: dict[str, str | None]) -> str:
    values = orjson.loads(row["values"]) if row["values"] else {}
    if row["action"] == "annotate":  # the named values are the decision
        values = {name: value for name, value in values.items() if name.startswith("_")}
    return orjson.dumps({**values, "_overruled": row["was"]}).decode()


def act(batch: Batch, acts: Sequence[Act]) -> tuple[Decisions, Batch, int]:
    """What people do to the records that the stages left: the decisions, the batch after them, and how many edits were
    of turns that do not exist. One decision a record: a drop says more than an edit, an edit more than a tag.
    """
    if not acts:
        return Decisions.none(), batch, 0
    present = set(batch.records["record_id"].to_list())
    turns = set(batch.turns.select("record_id", "turn").iter_rows())
    by_record: dict[str, list[Act]] = {}
    unfit = 0
    for item in acts:
        if item.record_id not in present:
            continue
        if item.kind == "edit" and (item.record_id, item.turn) not in turns:
            unfit += 1
            continue
        by_record.setdefault(item.record_id, []).append(item)
    if not by_record:
        return Decisions.none(), batch, unfit
    rows = [_decision(record_id, items) for record_id, items in by_record.items()]
    gone = {row["record_id"] for row in rows if row["action"] == "drop"}
    edits = [
        {"record_id": item.record_id, "stage": REVIEW_STAGE, "turn": item.turn, "after": item.what}
        for items in by_record.values()
        for item in items
        if item.kind == "edit" and item.record_id not in gone
    ]
    texts = pl.DataFrame(
        edits, schema={"record_id": pl.String, "stage": pl.String, "turn": pl.Int32, "after": pl.String}
    )
    decisions = Decisions.of(pl.DataFrame(rows, infer_schema_length=None), texts)
    return decisions, apply(batch, decisions), unfit


def _decision(record_id: str, acts: Sequence[Act]) -> dict[str, str | None]:
    kinds = {item.kind: item for item in acts}
    action, reason, by = next(
        (action, reason, kinds[kind])
        for kind, action, reason in (
            ("drop", "drop", "dropped"),
            ("edit", "edit", "edited"),
            ("add", "annotate", "added"),
            ("tag", "annotate", "tagged"),
        )
        if kind in kinds
    )
    tags = orjson.loads(kinds["tag"].what) if "tag" in kinds else []
    return {
        "record_id": record_id,
        "stage": REVIEW_STAGE,
        "action": action,
        "reason": reason,
        "related_id": (kinds["add"].what or None) if "add" in kinds else None,
        "values": orjson.dumps({"tags": tags}).decode() if tags else None,
        "detail": f"by {by.author}" if by.author else None,
        "actor": "human",
    }
