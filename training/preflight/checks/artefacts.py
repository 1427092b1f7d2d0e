"""What exports, scrapers and templates leave in answers: escapes, entities, gaps, lost characters, blobs."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from training.preflight.context import Check, PreflightContext
from training.preflight.finding import Finding, Level, Reason, around, finding, many

MANY = 0.05
_TAUGHT = ["assistant", "rejected", "text"]

REASONS = {
    "quoting_artefacts": Reason(
        ("note",),
        "Answers with escapes or entities as they stand in files: \\n, \\u4e2d, &amp;, doubled quotes.",
        "The model learns to write them. They are meant where answers are code.",
        "Clean them: the stage clean of `studio curate`.",
    ),
    "placeholders": Reason(
        ("warn", "note"),
        "Answers with gaps that nobody filled in, such as {{name}}.",
        "The model learns to write them. From one answer in twenty on this is a warning.",
        "Fill them in, or leave such records out.",
    ),
    "lost_characters": Reason(
        ("warn", "note"),
        "Texts with U+FFFD, which stands where a character was lost.",
        "What was lost cannot be learned, and the sign for it is. From one text in twenty on this is a warning.",
        "Read the source again in its real encoding.",
    ),
    "blobs": Reason(
        ("note",),
        "Texts with hundreds of letters and signs without a blank: encoded pictures, keys, minified code.",
        "They take many tokens, and nothing can be learned from most.",
        "Leave them out.",
    ),
    "outer_space": Reason(
        ("note",),
        "Answers that begin with white space.",
        "The model learns to begin with it, and the first word becomes another token than it has learned.",
        "Trim the answers: the stage clean of `studio curate`.",
    ),
}
_CODE = r"```|\bf?printf?\(|\bcout\b|\bdef |\bfunction |#include|</[a-z]+>"  # there escapes and entities belong
# reason -> pattern (Rust), roles it is looked for in (None: all), what is said, what to do
_LOOKED: tuple[tuple[str, str, list[str] | None, str, str], ...] = (
    (
        "quoting_artefacts",
        r"[^\\`'\"]\\(?:n|t|u[0-9a-fA-F]{4})[^a-zA-Z]|[.!?]\\n|&(?:amp|quot|lt|gt|nbsp|#39|#x27);|[^\"]\"\"[^\"\s,)]",
        _TAUGHT,
        "{} with escapes or entities of files in them.",
        "If they are not meant: `studio curate` with its stage clean.",
    ),
    (
        "placeholders",
        r"\{\{ ?[A-Za-z_][A-Za-z0-9_.]* ?\}\}|\[(?i:insert|your)[ _][^\]\n]{1,40}\]|(?i)lorem ipsum",
        _TAUGHT,
        "{} with gaps that nobody filled in.",
        "Fill them in, or leave such records out.",
    ),
    (
        "lost_characters",
        r"\x{fffd}",
        None,
        "{} with lost characters (U+FFFD).",
        "Read the source again in its real encoding.",
    ),
    (
        "blobs",
        r"[!-~]{300,}",
        None,
        "{} with 300 letters and signs or more without a blank.",
        "Leave them out, if nothing is to be learned from them.",
    ),
    (
        "outer_space",
        r"\A\s",
        ["assistant", "rejected"],
        "{} that begin with white space.",
        "Trim them: `studio curate` with its stage clean.",
    ),
)


def _examine(context: PreflightContext) -> Iterator[Finding]:
    for reason, pattern, roles, message, fix in _LOOKED:
        turns = context.turns if roles is None else context.turns.filter(pl.col("role").is_in(roles))
        hit = turns.filter(pl.col("content").str.contains(pattern))
        if reason == "quoting_artefacts":
            hit = hit.filter(~pl.col("content").str.contains(_CODE))
        if not len(hit):
            continue
        levels = REASONS[reason].levels
        level: Level = levels[0] if len(hit) >= MANY * len(turns) else levels[-1]
        text = hit["content"][0]
        first = hit["content"].head(1).str.find(pattern)[0] or 0
        at = len(text.encode()[:first].decode("utf-8", "ignore"))
        ids = context.ids_of(hit["row"].unique(maintain_order=True).to_list())
        yield finding(
            reason, level, message.format(many(len(hit), "text")), fix, ids=ids, shown=around(text, at, at + 8)
        )


CHECK = Check("artefacts", REASONS, _examine)
