"""What each key of a review decides: from a hunk to verdicts. Made in the review's own thread (see `review_work`)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curation.diff import Filter, Hunk, ReviewIndex
    from curation.ledger import Turn
    from curation.verdicts import Verdict
    from studio.tui.screens.review_work import Judging


def accept(hunk: Hunk) -> Judging:
    """What the stages did is right."""
    return lambda _index, author: [_about(hunk, "accept", author)]


def reject(hunk: Hunk, only: Filter) -> Judging:
    """What made the hunk what it is, is not applied; in the queue of another stage or reason, what that one decided."""
    stage, reason = hunk.stage, hunk.reason
    for cause in hunk.causes:
        if (only.stage or only.reason) and only.stage in ("", cause.stage) and only.reason in ("", cause.reason):
            stage, reason = cause.stage, cause.reason
            break
    return lambda _index, author: [_about(hunk, "reject", author, stage=stage, reason=reason)]


def restore(hunk: Hunk) -> Judging | None:
    """Undo a drop: a person's is taken back, every stage's is rejected. None where nothing was dropped."""
    if hunk.verdict is not None and hunk.verdict.drop is not None:
        return accept(hunk)
    drops = [cause for cause in hunk.causes if cause.action == "drop"]
    by_people = [cause for cause in drops if cause.actor == "human" and cause.stage == "review"]
    if by_people:
        return accept(hunk)
    if not drops:
        return None

    def made(_index: ReviewIndex, author: str) -> list[Verdict]:
        group = secrets.token_hex(8) if len(drops) > 1 else ""
        return [_about(hunk, "reject", author, stage=cause.stage, reason=cause.reason, group=group) for cause in drops]

    return made


def drop(hunk: Hunk) -> Judging:
    """The record leaves the dataset."""
    return lambda _index, author: [_about(hunk, "drop", author)]


def edit(hunk: Hunk, turn: int, after: str) -> Judging:
    """A turn reads otherwise. Who edits a dropped record wants it in the dataset: its drop is rejected, in one act."""

    def made(_index: ReviewIndex, author: str) -> list[Verdict]:
        edited = {"turn": turn, "after": after}
        if hunk.status != "removed" or hunk.stage in ("diff", "review"):
            return [_about(hunk, "edit", author, **edited)]
        group = secrets.token_hex(8)
        back = _about(hunk, "reject", author, stage=hunk.stage, reason=hunk.reason, group=group)
        return [back, _about(hunk, "edit", author, group=group, **edited)]

    return made


def tag(hunk: Hunk, words: str) -> Judging:
    """Its tags, separated by commas; none takes them away."""
    tags = tuple(dict.fromkeys(part.strip() for part in words.replace("，", ",").split(",") if part.strip()))
    return lambda _index, author: [_about(hunk, "tag", author, tags=tags)]


def note(hunk: Hunk, text: str) -> Judging:
    """A remark; an empty one takes it back."""
    return lambda _index, author: [_about(hunk, "note", author, note=text)]


def add(obj: Mapping[str, Any], copied_from: str) -> Judging:
    """A record written by hand."""

    def made(_index: ReviewIndex, author: str) -> list[Verdict]:
        from curation.verdicts import Verdict

        return [Verdict("add", author=author, obj=obj, related_id=copied_from)]

    return made


def all_of(numbers: Sequence[int], kind: Any, only: Filter) -> Judging:
    """The same about each of some hunks, as one act."""

    def made(index: ReviewIndex, author: str) -> list[Verdict]:
        from curation.diff.judge import verdicts_on

        return verdicts_on(index, numbers, kind, author, stage=only.stage, reason=only.reason if only.stage else "")

    return made


def keep(record_id: str) -> Judging:
    """That this copy of a cluster stays, and the one that was kept goes."""

    def made(index: ReviewIndex, author: str) -> list[Verdict]:
        from curation.diff import Filter
        from curation.diff.judge import keep_copy
        from curation.errors import InputError

        rows = index.rows(Filter(record_id=record_id)).tolist()
        if not rows:
            raise InputError(f"record {record_id} was not dropped as the copy of another", "It stays already.")
        return keep_copy(index, rows[0], author)

    return made


def text_of(hunk: Hunk, turn: int) -> str:
    """A turn as it reads now, edits of people included."""
    if hunk.verdict is not None:
        for made in hunk.verdict.edits:
            if made.turn == turn:
                return made.after
    return next(each.content for each in hunk.after or hunk.before if each.turn == turn)


def turn_to_edit(hunk: Hunk) -> Turn | None:
    """The first turn that a stage changed, else the last one: an answer, mostly."""
    turns = hunk.after or hunk.before
    old = {turn.turn: turn.content for turn in hunk.before}
    changed = [turn for turn in turns if hunk.before and old.get(turn.turn) != turn.content]
    return changed[0] if changed else turns[-1] if turns else None


def _about(hunk: Hunk, kind: Any, author: str, **more: Any) -> Verdict:
    from curation.verdicts import Verdict

    return Verdict(kind, hunk.record_id, hunk.content_hash, author, **more)
