"""Personal data and secrets that have a form: a model may say them to anybody who asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from training.preflight.context import Check, PreflightContext
from training.preflight.finding import Finding, Reason, finding, many

LOOKED = 5_000  # messages of each length of run; more are sampled evenly

REASONS = {
    "private_data": Reason(
        ("note",),
        "Texts with personal data: addresses of e-mail, phone numbers, card and identity numbers.",
        "What is trained can be said to anybody who asks.",
        "Mask them: the stage pii of `studio curate`.",
    ),
    "secrets": Reason(
        ("note",),
        "Texts with what looks like keys, tokens or passwords.",
        "As above; and whoever finds one can use it.",
        "Mask them with the stage pii of `studio curate`, and make new ones.",
    ),
}
_TIERS = {"structured": "private_data", "secret": "secrets"}
_FIXES = {
    "private_data": "Mask them with `studio curate` and its stage pii.",
    "secrets": "Mask them with `studio curate` and its stage pii, and make new ones.",
}


def _examine(context: PreflightContext) -> Iterator[Finding]:
    from curation.privacy.entities import ENTITIES, MASKED
    from curation.privacy.structured import StructuredFinder

    turns = context.turns.gather_every(max(1, len(context.turns) // LOOKED))
    texts = turns["content"].to_list()
    rows = turns["row"].to_list()
    wanted = frozenset(name for name in MASKED if ENTITIES[name].tier in _TIERS)
    spans = StructuredFinder(wanted).find(texts, [""] * len(texts))
    for tier, reason in _TIERS.items():
        hits = [
            (row, text, span)
            for row, text, found in zip(rows, texts, spans, strict=True)
            for span in found
            if ENTITIES[span.entity].tier == tier
        ]
        if hits:
            ids = context.ids_of(dict.fromkeys(row for row, _, _ in hits))  # type: ignore[arg-type]
            kinds = Counter(span.entity for _, _, span in hits)
            listed = ", ".join(f"{name} {count:,}" for name, count in kinds.most_common(5))
            of = f" of {len(set(rows)):,} looked at" if len(texts) < len(context.turns) else ""
            what = "what looks like secrets" if tier == "secret" else "personal data"
            message = f"{many(len(ids), 'record')}{of} with {what}: {listed}."
            yield finding(reason, "note", message, _FIXES[reason], ids=ids, shown=_hidden(*hits[0][1:]))


def _hidden(text: str, span: object) -> str:
    """What stands around the value; the value itself is not told, since findings are kept and shared."""
    start, end, entity = span.start, span.end, span.entity  # type: ignore[attr-defined]
    return f"{text[max(0, start - 40) : start]}<{entity}>{text[end : end + 40]}"


CHECK = Check("private", REASONS, _examine)
