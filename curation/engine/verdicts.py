"""A run's verdicts: loaded with its folder, matched to the records it read, told about in its summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from curation.engine.plan import Plan
from curation.engine.review import ADDED_SOURCE, REVIEW_STAGE, Act, shard_verdicts
from curation.engine.store import Store
from curation.errors import InputError, RecipeError
from curation.events import Listener, SourceFound, Warned
from curation.formats import BadRecord, Inexpressible, detect, read_record, write_record
from curation.readers import find_sources, sample_objects
from curation.readers.payload import dumps_bytes
from curation.verdicts.fold import RecordVerdicts, Verdicts, fold
from curation.verdicts.journal import JOURNAL, merge, read_journal, read_named
from curation.verdicts.model import Verdict
from curation.verdicts.resolve import STALE_REASONS, Resolved, Stale, resolve
from curation.writers.atomic import write_atomic

if TYPE_CHECKING:
    from curation.engine.shard import Shard

STALE_FILE = "stale.jsonl"  # verdicts of the run that were not applied; no texts


@dataclass
class Review:
    """What people decided, and what became of it in this run."""

    verdicts: Verdicts = field(default_factory=Verdicts)
    unreadable: int = 0
    resolved: Resolved = field(default_factory=Resolved)

    def resolve(self, store: Store, shards: Sequence[Shard], listener: Listener) -> None:
        """Give every shard the verdicts about its records, and say which have lost theirs."""
        frames = (pl.scan_ipc(store.path(shard.ref.key, "records")) for shard in shards)
        self.resolved = resolve(self.verdicts, frames)
        for place, placed in self.resolved.by_shard.items():
            shards[place].verdicts = shard_verdicts(placed)
        for shard in shards:
            if shard.ref.source == ADDED_SOURCE:
                self._sign_added(store, shard)
        if self.resolved.stale:
            listener(Warned(self._stale_sentence(), "See them with `studio review RUN --stale`."))

    def _sign_added(self, store: Store, shard: Shard) -> None:
        """The ledger says who wrote an added record, and which one it is a copy of."""
        ids = store.frame(shard.ref.key, "records")["record_id"].to_list()
        acts = list(shard.verdicts.acts)
        for record_id in ids:
            verdict = self.verdicts.added[int(record_id.rpartition(":")[2]) - 1]
            acts.append(Act(record_id, "add", 0, verdict.related_id, verdict.author))
        shard.verdicts = replace(shard.verdicts, acts=tuple(acts))

    def _stale_sentence(self) -> str:
        number = len(self.resolved.stale)
        why = Counter(item.why for item in self.resolved.stale)
        told = "; ".join(f"{count:,}: {STALE_REASONS[name]}" for name, count in sorted(why.items()))
        return f"verdicts about {number:,} records are stale and were not applied ({told})"

    def warnings(self, manifests: Sequence[Mapping[str, Any]]) -> list[str]:
        """What was not applied, in sentences."""
        unfit = sum(item["unfit"] for item in manifests)
        return [
            *([self._stale_sentence()] if self.resolved.stale else []),
            *([f"{unfit:,} edits by people are of turns that do not exist"] if unfit else []),
            *([f"{self.unreadable:,} lines of {JOURNAL} are no verdicts"] if self.unreadable else []),
        ]

    def summary(self, folder: Path, manifests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """`{"verdicts": …}` for the summary, and the list of stale ones beside it; nothing where nobody judged."""
        stale = self.resolved.stale
        if stale:
            write_atomic(folder / STALE_FILE, b"".join(map(_stale_line, stale)), mode=0o600)
        else:
            (folder / STALE_FILE).unlink(missing_ok=True)
        if not (self.verdicts or self.unreadable):
            return {}
        placed = list(self.resolved.placed())
        return {
            "verdicts": {
                "digest": self.verdicts.digest(),
                "records": len(self.verdicts.records),
                "by_status": dict(sorted(Counter(item.of.status for item in placed if item.of.status).items())),
                "added": len(self.verdicts.added),
                "moved": sum(item.moved for item in placed),
                "stale": dict(sorted(Counter(item.why for item in stale).items())),
                "unfit": sum(item["unfit"] for item in manifests),
                "unreadable": self.unreadable,
            }
        }


def load_review(folder: Path, verdicts: Path | None) -> Review:
    """The verdicts of a run: those in its folder, after the lines of `verdicts` were copied into it.

    Raises InputError where `verdicts` does not exist or cannot be read.
    """
    journal = folder / JOURNAL
    if verdicts is not None and not (verdicts.exists() and journal.exists() and verdicts.samefile(journal)):
        merge(read_named(verdicts).verdicts, journal)
    lines = read_journal(journal)
    return Review(fold(lines.verdicts), lines.unreadable)


def with_added(plan: Plan, review: Review, folder: Path, listener: Listener) -> Plan:
    """The plan with one more source, of the records that people wrote; in the schema of the others where they have one.

    An added record is read like any other: every stage sees it, and may decide about it.
    """
    if review.verdicts and any(REVIEW_STAGE in (s.name for s in (*t.records, *t.corpus)) for t in plan.stretches):
        raise RecipeError(f"a stage cannot be called '{REVIEW_STAGE}' where verdicts are replayed", "Rename the stage.")
    if not review.verdicts.added:
        return plan
    path = folder / ADDED_SOURCE
    formats = {name for name in plan.primary.values() if name is not None}
    common = plan.out_format or (next(iter(formats)) if len(formats) == 1 else None)
    write_atomic(path, b"".join(_added_line(verdict, common) for verdict in review.verdicts.added), mode=0o600)
    (source,) = find_sources([str(path)], note=lambda text: listener(Warned(text)))
    if source.name in plan.primary:
        raise InputError(f"an input is called {source.name}, as the records are that people added", "Rename the input.")
    primary = detect(sample_objects(source))
    facts = (source.kind, source.encoding, source.compression, source.size)
    listener(SourceFound(source.name, source.path, primary or "unknown", *facts))
    # Without column types of its own, so that no piece of another source depends on what was added.
    return replace(plan, sources=(*plan.sources, source), primary={**plan.primary, source.name: primary})


def _added_line(verdict: Verdict, common: str | None) -> bytes:
    obj = dict(verdict.obj or {})
    if common is not None:
        try:
            name, turns, meta = read_record(obj, common, None)
            obj = obj if name == common else write_record(name, meta, turns, common, None)
        except (BadRecord, Inexpressible):
            pass  # the run quarantines it, or refuses to write it, with the reason
    return dumps_bytes(obj) + b"\n"


def _stale_line(item: Stale) -> bytes:
    told = {"record_id": item.record_id, "content_hash": item.content_hash, "why": item.why, **_told(item.of)}
    return orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE)


def _told(of: RecordVerdicts) -> dict[str, Any]:
    """What was judged, without any text."""
    lines = [item for item in (of.accept, of.drop, *of.rejects, *of.edits, of.tags, of.note) if item]
    return {
        "verdicts": [
            {"kind": line.kind, "stage": line.stage, "reason": line.reason, "author": line.author, "time": line.time}
            for line in lines
        ]
    }
