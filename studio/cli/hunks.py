"""Hunks of a diff as text for a terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from studio.cli.dupes import marked
from studio.cli.output import table
from studio.display import display

if TYPE_CHECKING:
    from curation.diff import Counts, Hunk
    from curation.ledger import Turn

TEXT_LIMIT = 600  # characters of one turn that stands alone


def tell_hunk(hunk: Hunk, limit: int | None = TEXT_LIMIT) -> str:
    """`- record: removed by near, near_duplicate 0.91 …`, then its text: changed words as [-old-]{+new+}."""
    from curation.diff import MARKS

    mark = MARKS[hunk.status]
    name = hunk.record_id + (f" -> {hunk.other_id}" if hunk.other_id and hunk.other_id != hunk.record_id else "")
    lines = [display(f"{mark} {name}: {hunk.status}{_why(hunk)}")]
    if hunk.verdict is not None and hunk.verdict.status:
        lines.append(f"  {hunk.verdict.status} by a person")
    lines += [f"  {line}" for line in _texts(hunk, limit)]
    for change in hunk.fields:
        before, after = ("" if value is None else value for value in (change.before, change.after))
        lines.append(f"  {display(change.name)}: {marked(before, after)}")
    return "\n".join(lines)


def _why(hunk: Hunk) -> str:
    if hunk.stage == "diff":
        names = ", ".join(cause.reason for cause in hunk.causes)
        score = "" if hunk.score is None else f" (likeness {hunk.score:.2f})"
        return f" in {names}{score}" if names else ""
    score = "" if hunk.score is None else f" {hunk.score:g}"
    twin = f", because of {hunk.related_id}" if hunk.related_id else ""
    return f" by {hunk.stage}, {hunk.reason}{score}{twin}"


def _texts(hunk: Hunk, limit: int | None) -> Iterator[str]:
    if not (hunk.before and hunk.after):
        yield from (_said(turn, limit) for turn in hunk.before or hunk.after)
        return
    old = {turn.turn: turn for turn in hunk.before}
    new = {turn.turn: turn for turn in hunk.after}
    for number in sorted({*old, *new}):
        before, after = old.get(number), new.get(number)
        if before is not None and after is not None and before.content == after.content:
            continue
        role = (after or before).role  # type: ignore[union-attr]
        texts = marked(before.content if before else "", after.content if after else "")
        yield f"{display(role)}: {texts}"


def _said(turn: Turn, limit: int | None) -> str:
    return f"{display(turn.role)}: {display(turn.content, limit=limit)}"


def tell_counts(counts: Counts, names: bool = True) -> str:
    """Numbers by status, and by what made them so."""
    from curation.diff import MARKS, STATUSES

    rows: list[list[object]] = [
        [f"{MARKS[status]} {status}", f"{counts.by_status[status]:,}"]
        for status in STATUSES
        if counts.by_status.get(status)
    ]
    rows.append(["= equal", f"{counts.equal:,}"])
    blocks = [table(rows, right=(1,))]
    reasons: list[list[object]] = [
        [f"  {reason}" if stage == "diff" else f"  {stage} {reason}", f"{number:,}"]
        for (stage, reason), number in sorted(counts.by_reason.items(), key=lambda item: (-item[1], item[0]))
        if reason
    ]
    if names and reasons:
        blocks.append(table(reasons, right=(1,)))
    return "\n".join(blocks)


def hunk_json(hunk: Hunk) -> dict[str, Any]:
    """A hunk as one JSON object, with its texts."""
    from dataclasses import asdict

    found = asdict(hunk)
    verdict = hunk.verdict
    found["verdict"] = None if verdict is None else {"status": verdict.status}
    if verdict is not None:
        found["verdict"] |= {
            "tags": list(verdict.tags.tags) if verdict.tags else [],
            "note": verdict.note.note if verdict.note else "",
        }
    return found


def counts_json(counts: Counts) -> dict[str, Any]:
    """Counts as one JSON object."""
    return {
        "total": counts.total,
        "equal": counts.equal,
        "by_status": counts.by_status,
        "by_reason": [
            {
                "stage": stage,
                "reason": reason,
                "count": number,
                "judged": counts.judged_by_reason.get((stage, reason), 0),
            }
            for (stage, reason), number in counts.by_reason.items()
        ],
        "by_source": counts.by_source,
        "by_verdict": counts.by_verdict,
    }
