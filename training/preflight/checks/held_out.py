"""Whether enough is held out for its loss to mean anything; and how much was left out while reading."""

from __future__ import annotations

from collections.abc import Iterator

from training.preflight.context import Check, PreflightContext
from training.preflight.finding import Finding, Level, Reason, finding, many

TINY = 10
MANY_SKIPPED = 0.1

REASONS = {
    "nothing_held_out": Reason(
        ("warn", "note"),
        "No record is held out.",
        "Nothing tells learning from learning by heart. Only a note where the recipe asks for none; a warning where it "
        "wants to stop early.",
        "Hold some out: data.validation.",
    ),
    "few_held_out": Reason(
        ("note",),
        "Fewer than 10 records are held out.",
        "Their mean loss jumps by chance more than it moves by learning.",
        "Hold more out: data.validation.",
    ),
    "records_skipped": Reason(
        ("warn", "note"),
        "Records that were read and cannot be trained on.",
        "They are missing from everything that follows. From a tenth on this is a warning.",
        "See what `studio inspect` says about them.",
    ),
}


def _examine(context: PreflightContext) -> Iterator[Finding]:
    recipe, count, total = context.recipe, len(context.examples.validation), len(context.records)
    wanted = min(0.5, max(recipe.data.validation, TINY / max(1, total)))
    fix = f"--set data.validation={wanted:.2g}"
    if not count:
        meant = recipe.data.validation == 0 and not recipe.evaluation.early_stopping
        level: Level = "note" if meant else "warn"
        yield finding("nothing_held_out", level, "No record is held out, so there is no validation loss.", fix)
    elif count < TINY:
        message = f"Only {count} of {total:,} records held out; their loss is mostly chance."
        yield finding("few_held_out", "note", message, fix)
    yield from _skipped(context)


def _skipped(context: PreflightContext) -> Iterator[Finding]:
    from training.examples import SKIP_REASONS

    skipped = {reason: count for reason, count in context.examples.skipped.items() if count}
    left_out = sum(skipped.values())
    if left_out:
        share = left_out / (left_out + len(context.records))
        level: Level = "warn" if share >= MANY_SKIPPED else "note"
        most = max(skipped, key=lambda reason: skipped[reason])
        each = ", ".join(f"{reason} {count:,}" for reason, count in sorted(skipped.items()))
        message = (
            f"{many(left_out, 'record')} ({share:.1%}) left out while reading: {each}. {SKIP_REASONS.get(most, '')}"
        )
        fix = "Look at them with `studio inspect`; another reading of the columns: --set data.format=NAME."
        yield finding("records_skipped", level, message.rstrip(), fix, records=left_out)


CHECK = Check("held_out", REASONS, _examine)
