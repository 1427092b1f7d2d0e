"""Who speaks when: turns in order, an answer at the end, a system prompt always or never."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from training.preflight.context import Check, PreflightContext
from training.preflight.finding import Finding, Level, Reason, finding, many

MIXED = 0.05
KNOWN = ("system", "user", "assistant", "tool", "text")

REASONS = {
    "no_answer": Reason(
        ("block",),
        "Conversations without any answer.",
        "There is nothing to learn in a prompt alone.",
        "Leave them out, or add their answers.",
    ),
    "ends_without_answer": Reason(
        ("warn",),
        "Conversations whose last turn is not an answer.",
        "What was asked last is computed and never learned.",
        "Take the last turn off, or add its answer.",
    ),
    "roles_out_of_order": Reason(
        ("warn",),
        "Turns of the same role in a row, a system prompt that is not first, an answer before any question.",
        "The model will never be asked like that; some templates refuse it.",
        "Join such turns or mend their roles.",
    ),
    "unknown_role": Reason(
        ("block",),
        "Messages of a role that templates do not know.",
        "They are left out, or written with a marker that the model has never seen.",
        "Use the roles system, user, assistant and tool.",
    ),
    "empty_prompt": Reason(
        ("warn",),
        "Questions without any text.",
        "The model learns to answer nothing with something.",
        "Leave such records out.",
    ),
    "system_mixed": Reason(
        ("note",),
        "Some conversations have a system prompt and some have none.",
        "The model learns both; asked with the one it may behave as with the other.",
        "Give those that have none one: template.system.",
    ),
}


def _examine(context: PreflightContext) -> Iterator[Finding]:
    turns = context.turns.filter(pl.col("role") != "rejected").lazy()
    strange = context.turns.filter(~pl.col("role").is_in([*KNOWN, "rejected"]))
    if len(strange):
        message = f"{many(len(strange['row'].unique()), 'record')} with a role that is not known: " + ", ".join(
            sorted(strange["role"].unique().to_list())[:5]
        )
        yield _about(context, "unknown_role", "block", strange["row"], f"{message}.", "Rename those roles.")
    by_record = (
        turns.filter(pl.col("role") != "text")
        .group_by("row", maintain_order=True)
        .agg(
            pl.col("role").last().alias("last"),
            (pl.col("role") == "assistant").any().alias("answered"),
            (pl.col("role") == "system").any().alias("system"),
            _out_of_order().alias("disorder"),
            ((pl.col("role") == "user") & (pl.col("content").str.strip_chars() == "")).any().alias("blank"),
        )
        .collect()
    )
    if not len(by_record):
        return
    silent = by_record.filter(~pl.col("answered"))["row"]
    open_ended = by_record.filter(pl.col("answered") & (pl.col("last") != "assistant"))["row"]
    yield from _many(context, "no_answer", silent, "{} without an answer.", "Leave them out.")
    yield from _many(
        context,
        "ends_without_answer",
        open_ended,
        "{} with no answer at the end.",
        "Take the last turn off.",
    )
    yield from _many(
        context,
        "roles_out_of_order",
        by_record.filter(pl.col("disorder"))["row"],
        "{} whose turns are out of order.",
        "Join turns of the same role in a row; put the system prompt first.",
    )
    yield from _many(
        context,
        "empty_prompt",
        by_record.filter(pl.col("blank"))["row"],
        "{} with a question without any text.",
        "Leave them out with `studio curate`.",
    )
    yield from _system(context, by_record)


def _out_of_order() -> pl.Expr:
    role, before = pl.col("role"), pl.col("role").shift(1)
    first_said = role.filter(role != "system").first()
    twice = (role == before) & role.is_in(["user", "assistant", "system"])
    late = (role == "system") & before.is_not_null() & (before != "system")
    orphan = (role == "tool") & ((before != "assistant") & (before != "tool") | before.is_null())
    return twice.any() | late.any() | orphan.any() | (first_said != "user")


def _system(context: PreflightContext, by_record: pl.DataFrame) -> Iterator[Finding]:
    share = float(by_record["system"].cast(pl.Float64).mean() or 0.0)  # type: ignore[arg-type]
    if context.recipe.template.system or not MIXED <= share <= 1 - MIXED:
        return
    rows = by_record.filter(~pl.col("system"))["row"]
    message = f"{share:.0%} of the conversations have a system prompt, the others none."
    fix = "To give it to the others too: --set template.system='…'."
    yield _about(context, "system_mixed", "note", rows, message, fix)


def _many(context: PreflightContext, reason: str, rows: pl.Series, message: str, fix: str) -> Iterator[Finding]:
    if len(rows):
        yield _about(
            context, reason, REASONS[reason].levels[0], rows, message.format(many(len(rows), "conversation")), fix
        )


def _about(context: PreflightContext, reason: str, level: Level, rows: pl.Series, message: str, fix: str) -> Finding:
    ids = context.ids_of(rows.unique(maintain_order=True).to_list())
    return finding(reason, level, message, fix, ids=ids, shown=context.shown(ids[0]))


CHECK = Check("roles", REASONS, _examine)
