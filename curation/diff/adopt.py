"""A review of two datasets as a patch for the first: what was accepted becomes what it does to a record of the first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from curation.diff.pairs import object_of
from curation.verdicts.fold import active
from curation.verdicts.model import Verdict

if TYPE_CHECKING:
    from curation.diff.index import ReviewIndex
    from curation.diff.model import Hunk

_AT_ONCE = 200  # hunks whose texts are in memory


def adopted(index: ReviewIndex, lines: Iterable[Verdict]) -> list[Verdict]:
    """The lines of a journal about two datasets, with acceptances spelled out, so that `studio apply` can do them.

    An accepted removal is a drop, an accepted addition a new record, an accepted change of texts an edit of each turn. A
    change of other columns or of the turns themselves is a drop and a new record: what the second dataset has. Ids follow
    from those of the acceptances, so that the same review, exported again, says nothing new. What was rejected, and drops
    of records that the first dataset has not, need nothing done and are left out. Other lines stay; a text that a person
    typed wins over that of the second dataset.
    """
    spelled = {line.id: made for line, made in _spelled(index)}
    said = [line for line in active(lines) if line.kind != "reject"]
    return [made for line in said for made in spelled.get(line.id, () if line.kind == "accept" else (line,))]


def _spelled(index: ReviewIndex) -> Iterator[tuple[Verdict, tuple[Verdict, ...]]]:
    numbers = sorted(index.statuses())
    for start in range(0, len(numbers), _AT_ONCE):
        hunks = index.hunks(numbers[start : start + _AT_ONCE])
        yield from (
            (hunk.verdict.drop, ()) for hunk in hunks if hunk.status == "added" and hunk.verdict and hunk.verdict.drop
        )
        accepted = [hunk for hunk in hunks if hunk.verdict is not None and hunk.verdict.accept is not None]
        places = {
            hunk.number: at for hunk in accepted if (at := index.after.at(hunk.other_id or hunk.record_id)) is not None
        }
        texts = index.after.texts(sorted(places.values()))
        for hunk in accepted:
            assert hunk.verdict is not None and hunk.verdict.accept is not None  # noqa: S101 - chosen for it
            text = texts.get(places.get(hunk.number, -1)) if hunk.status != "removed" else None
            yield hunk.verdict.accept, tuple(_acts(hunk, hunk.verdict.accept, object_of(text) if text else None))


def _acts(hunk: Hunk, accept: Verdict, obj: dict[str, object] | None) -> Iterator[Verdict]:
    typed = {line.turn for line in hunk.verdict.edits} if hunk.verdict is not None else set()
    edits = _edits(hunk)
    if hunk.status == "changed" and edits is not None:
        for turn, after in edits:
            if turn not in typed:
                yield _as(accept, "edit", f"turn-{turn}", turn=turn, after=after)
        return
    if hunk.status in ("removed", "changed"):
        yield _as(accept, "drop", "drop")
    if hunk.status in ("added", "changed") and obj is not None:
        of = hunk.record_id if hunk.status == "changed" else ""
        yield replace(_as(accept, "add", "add", obj=obj, related_id=of), record_id="", content_hash="")


def _edits(hunk: Hunk) -> Sequence[tuple[int, str]] | None:
    """The turns that read otherwise after; None where more than that is different."""
    shape = [(turn.turn, turn.role) for turn in hunk.before]
    if hunk.fields or shape != [(turn.turn, turn.role) for turn in hunk.after]:
        return None
    pairs = zip(hunk.before, hunk.after, strict=True)
    return [(old.turn, new.content) for old, new in pairs if old.content != new.content]


def _as(accept: Verdict, kind: str, part: str, **more: object) -> Verdict:
    group = accept.group or accept.id
    return replace(accept, kind=kind, id=f"{accept.id}-{part}", group=group, stage="", reason="", **more)  # type: ignore[arg-type]
