"""Texts of records on demand: from the shards of a run (as read, and after every edit), a few shards kept at hand."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from curation.diff.frames import SOURCE_BITS
from curation.engine.store import Store
from curation.ledger import Turn

_AT_HAND = 3  # shards kept decoded: some 10 MB each


@dataclass(frozen=True)
class Text:
    """A record as it lies in a shard: its turns by number, format and meta (see `curation.formats`), content hash."""

    turns: dict[int, Turn]
    format: str
    meta: str
    content_hash: str


class Side:
    """One side of a diff: its sources and shards, and where their pieces lie."""

    def __init__(self, store: Store, facts: Mapping[str, Any]) -> None:
        self.store = store
        self.sources: list[str] = facts["sources"]
        self.shards: list[dict[str, Any]] = facts["shards"]
        self._starts = [(shard["source"] << SOURCE_BITS) + shard["first"] for shard in self.shards]
        self._numbers = {name: number for number, name in enumerate(self.sources)}
        self._frames: OrderedDict[tuple[str, str], pl.DataFrame] = OrderedDict()

    def record_id(self, at: int) -> str:
        """The id of the record at a place."""
        return f"{self.sources[at >> SOURCE_BITS]}:{at & ((1 << SOURCE_BITS) - 1)}"

    def at(self, record_id: str) -> int | None:
        """The place of a record; None for an id of no source of this side."""
        source, _, position = record_id.rpartition(":")
        number = self._numbers.get(source)
        if number is None or not position.isascii() or not position.isdecimal() or int(position) >> SOURCE_BITS:
            return None
        return (number << SOURCE_BITS) + int(position)

    def shard_of(self, at: int) -> dict[str, Any] | None:
        """The shard that holds a place; None where there is none."""
        found = bisect_right(self._starts, at) - 1
        if found < 0:
            return None
        shard = self.shards[found]
        return shard if at <= (shard["source"] << SOURCE_BITS) + shard["last"] else None

    def texts(self, places: Sequence[int]) -> dict[int, Text]:
        """The records at some places, those that are there. One shard is decoded at a time."""
        found: dict[int, Text] = {}
        for shard, mine in self.by_shard(places):
            ids = {self.record_id(at): at for at in mine}
            wanted = pl.col("record_id").is_in(pl.Series(list(ids)).implode())
            turns: dict[str, dict[int, Turn]] = {}
            rows = self.frame(shard["key"], "turns").filter(wanted).select("record_id", "turn", "role", "content")
            for record_id, turn, role, content in rows.iter_rows():
                turns.setdefault(record_id, {})[turn] = Turn(turn, role, content)
            records = self.frame(shard["key"], "records").filter(wanted)
            for record_id, name, meta, content in records.select(
                "record_id", "format", "meta", "content_hash"
            ).iter_rows():
                found[ids[record_id]] = Text(turns.get(record_id, {}), name, meta, content)
        return found

    def hashes(self, places: Sequence[int]) -> dict[int, str]:
        """The content hashes of the records at some places, those that are there."""
        found: dict[int, str] = {}
        for shard, mine in self.by_shard(places):
            ids = {self.record_id(at): at for at in mine}
            for record_id, content in (
                self.frame(shard["key"], "records").select("record_id", "content_hash").iter_rows()
            ):
                if record_id in ids:
                    found[ids[record_id]] = content
        return found

    def by_shard(self, places: Sequence[int]) -> Iterator[tuple[dict[str, Any], list[int]]]:
        """The places, together with those that lie in the same shard."""
        groups: dict[str, tuple[dict[str, Any], list[int]]] = {}
        for at in places:
            shard = self.shard_of(at)
            if shard is not None:
                groups.setdefault(shard["key"], (shard, []))[1].append(at)
        yield from groups.values()

    def frame(self, key: str, part: str) -> pl.DataFrame:
        """A frame of a piece; the last few are kept."""
        name = (key, part)
        if name not in self._frames:
            self._frames[name] = self.store.frame(key, part)
            while len(self._frames) > 2 * _AT_HAND:
                self._frames.popitem(last=False)
        self._frames.move_to_end(name)
        return self._frames[name]

    def search(self, fragment: str, edits: bool = False) -> Iterator[list[int]]:
        """For each shard in order, the places of records that hold `fragment`, case ignored; with `edits`, also those
        that hold it only after a stage or a person changed them.
        """
        lowered = fragment.lower()
        for shard in self.shards:
            turns = self.store.frame(shard["key"], "turns")
            hits = turns.filter(pl.col("content").str.to_lowercase().str.contains(lowered, literal=True))["record_id"]
            if edits and "finish" in shard:
                after = self.store.frame(shard["finish"], "edits")
                held = pl.col("after").str.to_lowercase().str.contains(lowered, literal=True)
                hits = pl.concat([hits, after.filter(held)["record_id"]])
            places = {at for record_id in hits.unique() if (at := self.at(record_id)) is not None}
            yield sorted(places)


def run_side(run: Path, facts: Mapping[str, Any]) -> Side:
    """The records of a run."""
    return Side(Store(run / "shards"), facts)
