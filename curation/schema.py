"""The two flat frames that carry records, and the two that carry decisions.

Everything between a reader and a writer is one of these four frames. They are flat on purpose: working on
`list[struct]` from Python cost 2.2 times the CPU of flat turns in a cleaning pass over 100k records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

Action = Literal["drop", "edit", "flag", "annotate"]
Actor = Literal["stage", "human"]
Part = Literal["record", "prompt", "answer", "system", "user", "assistant"]

RECORD_SCHEMA = pl.Schema(
    {
        "record_id": pl.String(),  # "<source>:<position>", unique in a run
        "content_hash": pl.String(),  # digest of the turns as read; human verdicts are keyed by it
        "source": pl.String(),
        "format": pl.String(),  # the name of the format the record was read as (see `curation.formats`)
        "parent_ids": pl.List(pl.String()),  # records or documents a synthetic record was made from
        "meta": pl.String(),  # JSON of the original object, its text taken out: see `curation.formats`
    }
)

TURN_SCHEMA = pl.Schema(
    {
        "record_id": pl.String(),
        "turn": pl.Int32(),  # 0, 1, 2 … within the record
        "role": pl.String(),  # system, user, assistant, tool, text, chosen, rejected, …
        "content": pl.String(),
    }
)

DECISION_SCHEMA = pl.Schema(
    {
        "record_id": pl.String(),
        "stage": pl.String(),  # the stage's name in the recipe; filled in by the engine
        "action": pl.String(),  # drop | edit | flag | annotate
        "reason": pl.String(),  # one of the stage's closed set
        "score": pl.Float64(),  # what was measured
        "threshold": pl.Float64(),  # what it was held against
        "related_id": pl.String(),  # the kept twin, the parent
        "values": pl.String(),  # JSON object of named annotations: {"language": "zh", "language_score": 0.98}
        "detail": pl.String(),  # which rule, which unit; never text of the record
        "actor": pl.String(),  # stage | human
    }
)

EDIT_SCHEMA = pl.Schema(
    {
        "record_id": pl.String(),
        "stage": pl.String(),
        "turn": pl.Int32(),
        "after": pl.String(),
    }
)

# The roles that belong to each part of a record. `None` means every role.
PART_ROLES: dict[Part, tuple[str, ...] | None] = {
    "record": None,
    "prompt": ("system", "user", "tool"),
    "answer": ("assistant", "chosen", "rejected", "text"),
    "system": ("system",),
    "user": ("user",),
    "assistant": ("assistant", "chosen"),
}


@dataclass(frozen=True)
class Batch:
    """Some records and their turns. Both frames are in source order; every turn's record is in `records`."""

    records: pl.DataFrame
    turns: pl.DataFrame

    def __len__(self) -> int:
        return self.records.height

    def texts(self, part: Part = "record", separator: str = "\n") -> pl.DataFrame:
        """One row a record: `record_id, text`, the contents of `part` joined; "" where the part has no turn."""
        roles = PART_ROLES[part]
        turns = self.turns if roles is None else self.turns.filter(pl.col("role").is_in(roles))
        if turns.height == len(self) and turns["record_id"].equals(self.records["record_id"]):
            return turns.select("record_id", text=pl.col("content").fill_null(""))  # one turn each: nothing to join
        joined = turns.group_by("record_id", maintain_order=True).agg(
            pl.col("content").str.join(separator).alias("text")
        )
        return (
            self.records.select("record_id")
            .join(joined, on="record_id", how="left", maintain_order="left")
            .with_columns(pl.col("text").fill_null(""))
        )


@dataclass(frozen=True)
class Decisions:
    """What a stage decided. `rows` has one row a decision, `edits` the new text of each edited turn."""

    rows: pl.DataFrame
    edits: pl.DataFrame

    @staticmethod
    def none() -> Decisions:
        """No decision at all: every record stays as it is."""
        return Decisions(DECISION_SCHEMA.to_frame(), EDIT_SCHEMA.to_frame())

    @staticmethod
    def of(rows: pl.DataFrame, edits: pl.DataFrame | None = None) -> Decisions:
        """Complete frames from the columns a stage cares about; missing columns become null.

        `rows` needs `record_id`, `action` and `reason`; `edits` needs `record_id`, `turn` and `after`.
        """
        return Decisions(
            conform(rows, DECISION_SCHEMA),
            EDIT_SCHEMA.to_frame() if edits is None else conform(edits, EDIT_SCHEMA),
        )

    @staticmethod
    def drop(rows: pl.DataFrame) -> Decisions:
        """Drop every record in `rows` (`record_id`, `reason`, and any other decision column)."""
        return Decisions.of(rows.with_columns(action=pl.lit("drop")))

    @staticmethod
    def concat(parts: Sequence[Decisions]) -> Decisions:
        """The decisions of several stages or shards, in the order given."""
        if not parts:
            return Decisions.none()
        return Decisions(pl.concat([p.rows for p in parts]), pl.concat([p.edits for p in parts]))


def conform(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """`frame` with exactly the columns of `schema`: missing ones null, types cast, order fixed."""
    return frame.select(
        (pl.col(name).cast(dtype) if name in frame.columns else pl.lit(None, dtype=dtype)).alias(name)
        for name, dtype in schema.items()
    )


def content_hash(turns: Sequence[tuple[str, str]]) -> str:
    """128-bit BLAKE2b digest (hex) of `(role, content)` pairs, unambiguous about where one ends."""
    if len(turns) == 1:
        role, content = turns[0]
        told = f"{len(role)}:{len(content)}:{role}{content}"
    else:
        told = "".join([f"{len(role)}:{len(content)}:{role}{content}" for role, content in turns])
    return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()
