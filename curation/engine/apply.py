"""The one place where decisions change records, and where the law is checked."""

from __future__ import annotations

import polars as pl

from curation.errors import StageError
from curation.schema import Batch, Decisions
from curation.stage import Stage

ACTIONS = ("drop", "edit", "flag", "annotate")


def apply(batch: Batch, decisions: Decisions) -> Batch:
    """The batch after `decisions` (of one stage): edited turns replaced, dropped records gone, order kept."""
    turns = batch.turns
    if decisions.edits.height:
        turns = (
            turns.join(
                decisions.edits.select("record_id", "turn", "after"),
                on=["record_id", "turn"],
                how="left",
                maintain_order="left",
            )
            .with_columns(content=pl.coalesce("after", "content"))
            .drop("after")
        )
    dropped = decisions.rows.filter(pl.col("action") == "drop").select("record_id")
    if not dropped.height:
        return Batch(batch.records, turns)
    return Batch(
        batch.records.join(dropped, on="record_id", how="anti", maintain_order="left"),
        turns.join(dropped, on="record_id", how="anti", maintain_order="left"),
    )


def complete(decisions: Decisions, step: str, stage: Stage) -> Decisions:
    """Fill in who decided, and refuse what breaks the contract of a stage."""
    rows = decisions.rows.with_columns(
        stage=pl.lit(step), actor=pl.col("actor").fill_null("stage") if decisions.rows.height else pl.lit("stage")
    )
    edits = decisions.edits.with_columns(stage=pl.lit(step))
    unknown_actions = set(rows["action"].unique()) - set(ACTIONS)
    unknown_reasons = set(rows["reason"].unique()) - set(stage.reasons)
    if unknown_actions or unknown_reasons:
        raise StageError(
            f"stage '{step}' gave an action or reason outside its closed set: "
            f"{sorted(map(str, unknown_actions | unknown_reasons))}",
            "This is a defect of the stage; please report it to whoever wrote it.",
        )
    return Decisions(rows, edits)


def check_law(batch: Batch, decisions: Decisions, after: Batch, step: str) -> None:
    """Raise StageError unless: decisions name records of the batch, once each; edits belong to edit decisions; and
    `in = kept + dropped`.
    """
    rows = decisions.rows
    ids = rows["record_id"]
    dropped = int((rows["action"] == "drop").sum())
    broken = ""
    if ids.n_unique() != rows.height:
        broken = "decided twice about a record"
    elif not ids.is_in(batch.records["record_id"].implode()).all():
        broken = "decided about a record it was not given"
    elif len(batch) != len(after) + dropped:
        broken = f"in {len(batch)} is not kept {len(after)} + dropped {dropped}"
    elif decisions.edits.height:
        edited = rows.filter(pl.col("action").is_in(["edit", "drop"]))["record_id"]
        turns = batch.turns.select("record_id", "turn")
        if not decisions.edits["record_id"].is_in(edited.implode()).all():
            broken = "edited a record without an edit decision"
        elif decisions.edits.join(turns, on=["record_id", "turn"], how="anti").height:
            broken = "edited a turn that does not exist"
        elif decisions.edits.select("record_id", "turn").is_duplicated().any():
            broken = "edited a turn twice"
    if broken:
        raise StageError(f"stage '{step}' {broken}", "This is a defect of the stage; no output was written.")
