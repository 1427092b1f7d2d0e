"""Where verdicts apply in the records of a run: in their place, at a new place with the same content, or nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from curation.verdicts.fold import Key, RecordVerdicts, Verdicts

Why = Literal["gone", "changed", "ambiguous"]

STALE_REASONS: Mapping[Why, str] = {
    "gone": "no record of the input has that place or that content",
    "changed": "the record at that place reads otherwise now",
    "ambiguous": "the record is not in its place, and several others read the same",
}


@dataclass(frozen=True)
class Placed:
    """Verdicts about a record of this input. record_id: where it is now. moved: it was elsewhere when it was judged."""

    record_id: str
    of: RecordVerdicts
    moved: bool = False


@dataclass(frozen=True)
class Stale:
    """Verdicts that are not applied, and why."""

    record_id: str
    content_hash: str
    why: Why
    of: RecordVerdicts


@dataclass(frozen=True)
class Resolved:
    """by_shard: verdicts by the place of the shard that holds their records, in the order of the records' ids."""

    by_shard: Mapping[int, tuple[Placed, ...]] = field(default_factory=dict)
    stale: tuple[Stale, ...] = ()

    def placed(self) -> Iterable[Placed]:
        """All that apply."""
        return (item for items in self.by_shard.values() for item in items)


def resolve(verdicts: Verdicts, shards: Iterable[pl.LazyFrame]) -> Resolved:
    """Find the records of verdicts among `shards`, each with `record_id, content_hash` of its records as read.

    A record that stands where it stood and reads as it read comes first; content found once and elsewhere has moved.
    Memory grows with the verdicts, not with the records.
    """
    ids = pl.Series(sorted({record_id for record_id, _ in verdicts.records}), dtype=pl.String)
    hashes = pl.Series(sorted({content for _, content in verdicts.records}), dtype=pl.String)
    by_id: dict[str, tuple[int, str]] = {}
    by_hash: dict[str, list[tuple[int, str]]] = {}
    for place, frame in enumerate(shards):
        met = frame.select("record_id", "content_hash").filter(
            pl.col("record_id").is_in(ids.implode()) | pl.col("content_hash").is_in(hashes.implode())
        )
        for record_id, content in met.collect().iter_rows():
            by_id[record_id] = (place, content)
            by_hash.setdefault(content, []).append((place, record_id))
    return _matched(verdicts, by_id, by_hash)


def _matched(
    verdicts: Verdicts, by_id: Mapping[str, tuple[int, str]], by_hash: Mapping[str, list[tuple[int, str]]]
) -> Resolved:
    in_place = {key for key in verdicts.records if by_id.get(key[0], (0, ""))[1] == key[1]}
    taken = {record_id for record_id, _ in in_place}
    found: dict[int, list[Placed]] = {}
    stale: list[Stale] = []
    for key, of in verdicts.records.items():
        record_id, content = key
        if key in in_place:
            found.setdefault(by_id[record_id][0], []).append(Placed(record_id, of))
            continue
        others = by_hash.get(content, [])
        if len(others) == 1 and others[0][1] not in taken:
            place, now = others[0]
            taken.add(now)
            found.setdefault(place, []).append(Placed(now, of, moved=True))
        else:
            stale.append(Stale(*key, _why(key, others, by_id), of))
    ordered = {place: tuple(sorted(items, key=lambda item: item.record_id)) for place, items in sorted(found.items())}
    return Resolved(ordered, tuple(stale))


def _why(key: Key, others: list[tuple[int, str]], by_id: Mapping[str, tuple[int, str]]) -> Why:
    if others:
        return "ambiguous"
    return "changed" if key[0] in by_id else "gone"
