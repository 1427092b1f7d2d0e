"""A hunk as text: its head, what was decided and measured, what people said, and its lines before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from studio.display import display
from studio.tui.i18n import N_, _
from studio.tui.made_text import made_content
from studio.tui.screens.review_messages import Shown
from studio.tui.text import line
from studio.tui.widgets.diff_lines import plain_rows, rows_of, side_by_side, unified

if TYPE_CHECKING:
    from curation.diff import Cause, Hunk
    from curation.ledger import Turn
    from curation.verdicts import RecordVerdicts

VERDICT_MARKS = {"accepted": "✓", "rejected": "✗", "dropped": "D", "edited": "e"}
WORDS = {
    "removed": N_("removed"),
    "changed": N_("changed"),
    "added": N_("added"),
    "flagged": N_("flagged"),
    "kept": N_("kept"),
    "accepted": N_("accepted"),
    "rejected": N_("rejected"),
    "dropped": N_("dropped"),
    "edited": N_("edited"),
    "open": N_("not judged"),
}
_TURNS = 40  # turns of a conversation that are laid out
_CAUSES = 12


def word(status: str) -> str:
    """The word for a status of a hunk, or for a verdict, in the language in use."""
    return _(WORDS[status]) if status in WORDS else display(status, limit=40)


def hunk_content(shown: Shown, place: str, width: int, *, side: bool, whole: bool) -> Content:
    """All that is told about a hunk, laid out for `width` cells."""
    hunk = shown.hunk
    made = made_content(shown.made) if shown.made is not None else ()
    lines = [part for each in (*_head(hunk, place), *_said(hunk.verdict), *made) for part in each.wrap(width)]
    lay = side_by_side if side else unified
    after = _as_people_want_it(hunk)
    if shown.twin and hunk.status in ("removed", "flagged", "kept"):
        lines += _beside_twin(hunk, shown.twin, width, side=side, whole=whole)
    elif hunk.before and after:
        for title, old, new in _paired(hunk.before, after):
            if not whole and old == new:
                continue
            lines.append(_role(title))
            lines += lay(rows_of(old, new) if old != new else rows_of(new, new), width, whole=whole)
        if hunk.before == after:
            lines += _equal(after, width, whole)
    else:
        for turn in (hunk.before or after)[:_TURNS]:
            lines.append(_role(turn.role))
            lines += unified(plain_rows(turn.content, old=bool(hunk.before)), width, whole=True)
    for change in hunk.fields:
        lines.append(_role(change.name))
        lines += lay(rows_of(change.before or "", change.after or ""), width, whole=whole)
    return Content("\n").join(lines)


def _head(hunk: Hunk, place: str) -> Iterator[Content]:
    from curation.diff import MARKS

    name = hunk.record_id + (f" → {hunk.other_id}" if hunk.other_id and hunk.other_id != hunk.record_id else "")
    yield Content.assemble(
        (f"{MARKS[hunk.status]} {word(hunk.status)}", "bold reverse"), " ", line(name, limit=160), (f"  {place}", "dim")
    )
    for cause in hunk.causes[:_CAUSES]:
        yield _cause(cause, (cause.stage, cause.reason) == (hunk.stage, hunk.reason))
    if len(hunk.causes) > _CAUSES:
        yield Content.styled(_("… {n} more decisions").format(n=len(hunk.causes) - _CAUSES), "dim")


def _cause(cause: Cause, main: bool) -> Content:
    """A decision: who, why, in words, and what was measured against which threshold."""
    name = display(f"{cause.stage} · {cause.reason}", limit=80)
    parts = [Content.styled(f"{'▸' if main else ' '} {name}", "bold" if main else "")]
    if cause.values.get("_overruled"):
        parts.append(Content.styled(_("overruled by a person"), "italic"))
    if cause.reason_text:
        parts.append(line(cause.reason_text, limit=200))
    if cause.score is not None:
        measured = _("measured {score}").format(score=f"{cause.score:.4g}")
        if cause.threshold is not None:
            measured += _(", threshold {threshold}").format(threshold=f"{cause.threshold:.4g}")
        parts.append(Content.styled(measured, "bold"))
    if cause.detail:
        parts.append(line(cause.detail, limit=200))
    if cause.related_id:
        parts.append(line(_("kept twin {record}").format(record=cause.related_id), limit=160))
    return (
        Content(": ").join(parts[:2])
        if len(parts) <= 2
        else Content("; ").join([Content(": ").join(parts[:2]), *parts[2:]])
    )


def _said(of: RecordVerdicts | None) -> Iterator[Content]:
    """What people decided about the record: who, what and when."""
    if of is None:
        return
    if of.status:
        latest = (
            of.drop or (of.edits[-1] if of.edits else None) or (of.rejects[-1] if of.rejects else None) or of.accept
        )
        by = f" {latest.author} {latest.time[:16].replace('T', ' ')}" if latest is not None else ""
        mark = VERDICT_MARKS[of.status]
        yield Content.assemble((f"{mark} {word(of.status)}", "bold $text-accent"), line(by, style="dim", limit=120))
    if of.tags is not None:
        yield line(_("tags: {tags}").format(tags=", ".join(of.tags.tags)), limit=300)
    if of.note is not None:
        yield line(_("note: {note}").format(note=of.note.note), limit=400)


def _as_people_want_it(hunk: Hunk) -> tuple[Turn, ...]:
    """The turns after the run, and after the edits that people made since."""
    edits = {edit.turn: edit.after for edit in hunk.verdict.edits} if hunk.verdict is not None else {}
    if not edits:
        return hunk.after
    from dataclasses import replace

    return tuple(replace(turn, content=edits.get(turn.turn, turn.content)) for turn in (hunk.after or hunk.before))


def _paired(before: Sequence[Turn], after: Sequence[Turn]) -> list[tuple[str, str, str]]:
    """Role, text before and text after, turn by turn."""
    old, new = {turn.turn: turn for turn in before}, {turn.turn: turn for turn in after}
    numbers = sorted({*old, *new})[:_TURNS]
    return [
        (
            (new.get(number) or old[number]).role,
            old[number].content if number in old else "",
            new[number].content if number in new else "",
        )
        for number in numbers
    ]


def _beside_twin(hunk: Hunk, twin: Sequence[Turn], width: int, *, side: bool, whole: bool) -> Iterator[Content]:
    """The record and the copy that was kept, with the words that differ."""
    mine, kept = hunk.before or hunk.after, twin
    marks = ("-" if hunk.status == "removed" else "!", "=")
    title = _("this record ({mark})  │  the kept twin {record} (=)")
    yield line(title.format(mark=marks[0], record=hunk.related_id), style="dim", limit=200)
    for role, old, new in _paired(mine, kept):
        yield _role(role)
        lay = side_by_side if side else unified
        yield from lay(rows_of(old, new), width, whole=whole or old != new, marks=marks)


def _equal(turns: Sequence[Turn], width: int, whole: bool) -> Iterator[Content]:
    """A record whose text is as it was: a flagged one, or one whose columns differ."""
    for turn in turns[:_TURNS]:
        yield _role(turn.role)
        rows = rows_of(turn.content, turn.content)
        yield from unified(rows, width, whole=whole or len(rows) < 12)


def _role(role: str) -> Content:
    return Content.styled(display(role, limit=60), "bold $text-accent")
