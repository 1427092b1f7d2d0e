"""Verdicts that somebody else may take over: written as a file, laid beside one's own, and conflicts named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from curation.verdicts.fold import Key, RecordVerdicts, Verdicts, active, fold
from curation.verdicts.model import Verdict
from curation.writers.atomic import write_atomic


@dataclass(frozen=True)
class Conflict:
    """A record about which the patch and the journal do not agree."""

    key: Key
    ours: RecordVerdicts
    theirs: RecordVerdicts


def write_patch(lines: Iterable[Verdict], path: Path) -> int:
    """Write those lines that count (nothing that was undone) to `path`, for its owner only: they hold texts. Returns how
    many there are. Raises OutputError.
    """
    chosen = active(lines)
    write_atomic(path, b"".join(verdict.line() for verdict in chosen), mode=0o600)
    return len(chosen)


def conflicts(ours: Verdicts, theirs: Verdicts) -> list[Conflict]:
    """Records that both have judged, differently: dropped here and accepted there, or edited to another text."""
    return [
        Conflict(key, ours.records[key], of)
        for key, of in theirs.records.items()
        if key in ours.records and not _agree(ours.records[key], of)
    ]


def merged(ours: Sequence[Verdict], patch: Sequence[Verdict], *, force: bool) -> tuple[list[Verdict], list[Conflict]]:
    """The lines of `patch` to append to `ours`, and the conflicts: without `force` one's own verdicts stay, and the lines
    about those records are left out; with it the patch's come last, and so win.
    """
    chosen = active(patch)
    found = conflicts(fold(ours), fold(chosen))
    known = {verdict.id for verdict in ours}
    held = set() if force else {conflict.key for conflict in found}
    new = [item for item in chosen if item.id not in known and (item.record_id, item.content_hash) not in held]
    return new, found


def _agree(one: RecordVerdicts, other: RecordVerdicts) -> bool:
    """Whether two states say the same, or only one of them says anything."""
    if not one.status or not other.status:
        return True
    return _effect(one) == _effect(other)


def _effect(of: RecordVerdicts) -> tuple[object, ...]:
    rejects = tuple((item.stage, item.reason) for item in of.rejects)
    return bool(of.drop), rejects, tuple((item.turn, item.after) for item in of.edits)
