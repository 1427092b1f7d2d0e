"""One verdict: one line of the journal."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, get_args

from curation.readers.payload import dumps_bytes, loads_exact

Kind = Literal["accept", "reject", "drop", "edit", "tag", "note", "add", "undo", "redo"]

KINDS: Mapping[Kind, str] = MappingProxyType(
    {
        "accept": "what the stages did is right; takes back an earlier drop and earlier rejections of this record",
        "reject": "what `stage` decided about the record is not applied (only for `reason`, where that is given)",
        "drop": "the record leaves the dataset",
        "edit": "turn `turn` reads `after`, whatever the stages made of it",
        "tag": "the record has these tags, and no others",
        "note": "a remark about the record; an empty one takes it back",
        "add": "a record written by hand, or copied from another",
        "undo": "the lines `of` count no longer",
        "redo": "the lines `of` count again",
    }
)

_ABOUT_RECORDS = frozenset({"accept", "reject", "drop", "edit", "tag", "note"})


@dataclass(frozen=True)
class Verdict:
    """What somebody decided, when, and about which record.

    record_id, content_hash: of the record as it was read; the hash is what the verdict holds for. stage, reason: what was
    rejected or accepted. turn, after: what was edited. obj: the object of an added record, in any format that can be
    read; related_id: the record it is a copy of. of: ids of lines that are undone or redone. group: the same for lines
    that were one act, such as a bulk decision, so that they are undone at once. id: unique without a clerk (64 random bits).
    """

    kind: Kind
    record_id: str = ""
    content_hash: str = ""
    author: str = ""
    time: str = field(default_factory=lambda: datetime.now().astimezone().isoformat(timespec="seconds"))
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    group: str = ""
    stage: str = ""
    reason: str = ""
    turn: int = 0
    after: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    obj: Mapping[str, Any] | None = None
    related_id: str = ""
    of: tuple[str, ...] = ()

    def line(self) -> bytes:
        """The verdict as one JSON line; fields that say nothing are left out."""
        found = {item.name: getattr(self, item.name) for item in fields(self)}
        always = {"edit": ("turn", "after"), "tag": ("tags",), "undo": ("of",), "redo": ("of",)}.get(self.kind, ())
        kept = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in found.items()
            if name in always or value not in ("", (), None, 0)
        }
        return dumps_bytes(kept) + b"\n"


def parse_line(line: bytes) -> Verdict | None:
    """The verdict in a line, or None for what is none: journals and patches are files that people send each other."""
    try:
        found = loads_exact(line.decode())
    except (ValueError, RecursionError):
        return None
    return _checked(found) if isinstance(found, dict) else None


def _checked(found: dict[str, Any]) -> Verdict | None:
    kinds = {item.name: item.type for item in fields(Verdict)}
    known = {name: value for name, value in found.items() if name in kinds}
    for name, value in known.items():
        if name in ("tags", "of"):
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                return None
            known[name] = tuple(value)
        elif name == "turn":
            if type(value) is not int or not 0 <= value < 1 << 31:
                return None
        elif name == "obj":
            if not isinstance(value, dict):
                return None
        elif not isinstance(value, str):
            return None
    if known.get("kind") not in get_args(Kind) or not known.get("id"):
        return None
    verdict = Verdict(**{"time": "", **known})
    return verdict if _is_whole(verdict) else None


def _is_whole(verdict: Verdict) -> bool:
    """Whether the fields that its kind needs are there."""
    if verdict.kind in _ABOUT_RECORDS and not (verdict.record_id and verdict.content_hash):
        return False
    if verdict.kind == "reject":
        return bool(verdict.stage)
    return verdict.obj is not None if verdict.kind == "add" else True
