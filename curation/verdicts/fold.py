"""From a journal to the state it amounts to. Folding the same lines gives the same state, on any machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import orjson

from curation.verdicts.model import Verdict

Key = tuple[str, str]  # record_id, content_hash


@dataclass(frozen=True)
class RecordVerdicts:
    """What holds about one record: the lines that made it so. rejects are by stage, edits by turn, both sorted."""

    accept: Verdict | None = None
    drop: Verdict | None = None
    rejects: tuple[Verdict, ...] = ()
    edits: tuple[Verdict, ...] = ()
    tags: Verdict | None = None
    note: Verdict | None = None

    @property
    def status(self) -> str:
        """The word for it: dropped, edited, rejected, accepted, or "" where nobody has judged."""
        named = (("dropped", self.drop), ("edited", self.edits), ("rejected", self.rejects), ("accepted", self.accept))
        return next((name for name, found in named if found), "")

    @property
    def acts(self) -> bool:
        """Whether the engine has anything to do for it."""
        return bool(self.drop or self.rejects or self.edits or (self.tags and self.tags.tags))

    def rejects_of(self, stage: str) -> Verdict | None:
        """The rejection of what `stage` decided, if any."""
        return next((reject for reject in self.rejects if reject.stage == stage), None)


@dataclass(frozen=True)
class Verdicts:
    """The state now. records: by (record_id, content_hash), in the order of the first line about each. added: records
    written by hand, in order.
    """

    records: Mapping[Key, RecordVerdicts] = field(default_factory=lambda: MappingProxyType({}))
    added: tuple[Verdict, ...] = ()

    def digest(self) -> str:
        """A digest (hex) of all that changes a dataset: who and when, remarks and acceptances are no part of it."""
        told = [
            [
                *key,
                bool(of.drop),
                [[item.stage, item.reason] for item in of.rejects],
                [[item.turn, item.after] for item in of.edits],
                list(of.tags.tags) if of.tags else [],
            ]
            for key, of in sorted(self.records.items())
            if of.acts
        ]
        data = orjson.dumps([told, [verdict.id for verdict in self.added]])
        return hashlib.blake2b(data, digest_size=16).hexdigest()

    def __bool__(self) -> bool:
        return bool(self.records or self.added)


def fold(lines: Iterable[Verdict]) -> Verdicts:
    """The state after all lines. Undone lines count as if they had never been; the others in their order."""
    chosen = active(lines)
    records: dict[Key, RecordVerdicts] = {}
    added = []
    for verdict in chosen:
        if verdict.kind == "add":
            added.append(verdict)
            continue
        key = (verdict.record_id, verdict.content_hash)
        after = _after(records.get(key, RecordVerdicts()), verdict)
        if after == RecordVerdicts():
            records.pop(key, None)
        else:
            records[key] = after
    return Verdicts(MappingProxyType(records), tuple(added))


def active(lines: Iterable[Verdict]) -> list[Verdict]:
    """The lines that count: all but undo, redo, and what is undone."""
    off: set[str] = set()
    kept = []
    for verdict in lines:
        if verdict.kind == "undo":
            off |= set(verdict.of)
        elif verdict.kind == "redo":
            off -= set(verdict.of)
        else:
            kept.append(verdict)
    return [verdict for verdict in kept if verdict.id not in off]


def undoable(lines: Sequence[Verdict]) -> tuple[str, ...]:
    """The ids of the latest act that counts, to be undone at once; () when there is none."""
    found = active(lines)
    return _act(found, found[-1]) if found else ()


def redoable(lines: Sequence[Verdict]) -> tuple[str, ...]:
    """The ids of what was undone last and not yet redone; () after a new verdict, as in any editor."""
    undone: list[tuple[str, ...]] = []
    for verdict in lines:
        if verdict.kind == "undo":
            undone.append(verdict.of)
        elif verdict.kind == "redo":
            undone = [of for of in undone if of != verdict.of]
        else:
            undone = []
    return undone[-1] if undone else ()


def _act(lines: Sequence[Verdict], last: Verdict) -> tuple[str, ...]:
    if not last.group:
        return (last.id,)
    return tuple(verdict.id for verdict in lines if verdict.group == last.group)


def _after(now: RecordVerdicts, verdict: Verdict) -> RecordVerdicts:
    """The later judgement wins: accepting takes back a drop and rejections, a rejection takes back a drop."""
    match verdict.kind:
        case "accept":
            kept = tuple(item for item in now.rejects if verdict.stage and item.stage != verdict.stage)
            return replace(now, accept=verdict, drop=None, rejects=kept)
        case "reject":
            others = [item for item in now.rejects if item.stage != verdict.stage]
            rejects = tuple(sorted([*others, verdict], key=lambda item: item.stage))
            return replace(now, accept=None, drop=None, rejects=rejects)
        case "drop":
            return replace(now, accept=None, drop=verdict)
        case "edit":
            edits = sorted([*(item for item in now.edits if item.turn != verdict.turn), verdict], key=_turn)
            return replace(now, edits=tuple(edits))
        case "tag":
            return replace(now, tags=verdict if verdict.tags else None)
        case "note":
            return replace(now, note=verdict if verdict.note else None)
    return now


def _turn(verdict: Verdict) -> int:
    return verdict.turn
