"""Verdicts about hunks: one, many by a filter, and the copy of a duplicate that is to stay."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import Any

from curation.diff.index import ReviewIndex
from curation.errors import InputError
from curation.verdicts.model import Kind, Verdict

_AT_ONCE = 20_000  # hunks whose hashes are read together


def verdicts_on(
    index: ReviewIndex,
    numbers: Sequence[int],
    kind: Kind,
    author: str,
    *,
    stage: str = "",
    reason: str = "",
    tags: tuple[str, ...] = (),
    note: str = "",
) -> list[Verdict]:
    """The same verdict about each of some hunks, as one act. For `reject` and `accept`, `stage` and `reason` are by default
    those that made the hunk what it is; an acceptance is of the whole record unless a stage is named.
    """
    group = secrets.token_hex(8) if len(numbers) > 1 else ""
    return list(_each(index, numbers, kind, author, group, stage, reason, tags, note))


def _each(
    index: ReviewIndex,
    numbers: Sequence[int],
    kind: Kind,
    author: str,
    group: str,
    stage: str,
    reason: str,
    tags: tuple[str, ...],
    note: str,
) -> Iterator[Verdict]:
    for start in range(0, len(numbers), _AT_ONCE):
        for _, record_id, content, its_stage, its_reason in index.keys(numbers[start : start + _AT_ONCE]):
            of = (stage, reason)
            if kind == "reject" and not stage:
                of = (its_stage, its_reason)
            yield Verdict(
                kind, record_id, content, author, group=group, stage=of[0], reason=of[1], tags=tags, note=note
            )


def on_record(index: ReviewIndex, record_id: str, kind: Kind, author: str, **more: Any) -> Verdict:
    """A verdict about any record of the side before, whether it is a hunk or not. InputError where there is no such
    record, or an edit is of a turn that it does not have.
    """
    content = index.hash_of(record_id)
    if content is None:
        raise InputError(f"there is no record {record_id}", "Ids look like 'file.jsonl:12'.")
    if kind == "edit":
        known = [turn.turn for turn in index.record(record_id)]
        if more["turn"] not in known:
            told = ", ".join(map(str, known)) or "none"
            raise InputError(f"record {record_id} has no turn {more['turn']}", f"It has: {told}.")
    return Verdict(kind, record_id, content, author, **more)


def keep_copy(index: ReviewIndex, number: int, author: str) -> list[Verdict]:
    """That this duplicate stays and the twin that was kept goes, as one act: the stage's drop is rejected, the twin
    dropped. Raises InputError where the hunk was not dropped as the copy of a record of this run.
    """
    (hunk,) = index.hunks([number])
    twin = hunk.related_id if hunk.status == "removed" else None
    content = index.hash_of(twin) if twin else None
    if twin is None or content is None:
        raise InputError(f"record {hunk.record_id} was not dropped as the copy of another", "Reject its drop instead.")
    group = secrets.token_hex(8)
    return [
        Verdict("reject", hunk.record_id, hunk.content_hash, author, group=group, stage=hunk.stage, reason=hunk.reason),
        Verdict("drop", twin, content, author, group=group),
    ]
