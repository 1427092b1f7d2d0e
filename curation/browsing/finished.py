"""Records of a finished run as they were read, each with what became of it."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from curation.browsing.model import Raw

_HELD = 2  # shards kept taken apart; one is 8,192 records or 4 MB


def is_run(folder: Path) -> bool:
    """Whether the folder is that of a run, finished or not."""
    return (folder / "run.json").is_file() and (folder / "events.jsonl").is_file()


class RunSegment:
    """Every record of a run, in the order of the input. `fate`: kept, edited, or dropped with stage and reason."""

    def __init__(self, folder: Path) -> None:
        from curation.ledger import read_index

        self.name, self.kind = folder.name, "run"
        self._folder = folder
        self._index = read_index(folder)
        self._ends = list(accumulate(shard["records"] for shard in self._index))
        self._shards: OrderedDict[int, list[Raw]] = OrderedDict()
        self._lock = threading.RLock()

    @property
    def count(self) -> int:
        """Every record, as the index says."""
        return self._ends[-1] if self._ends else 0

    @property
    def notes(self) -> Sequence[str]:
        """Nothing to say."""
        return ()

    def grow(self) -> Iterator[None]:
        """Nothing to find."""
        yield

    def at_hand(self, row: int) -> bool:
        """Whether the row's shard is taken apart."""
        return bisect_right(self._ends, row) in self._shards

    def raw(self, row: int) -> Raw:
        """One record."""
        number = bisect_right(self._ends, row)
        return self._shard(number)[row - (self._ends[number - 1] if number else 0)]

    def raws(self, first: int, last: int) -> Iterator[Raw]:
        """Consecutive records."""
        return (self.raw(row) for row in range(first, last))

    def row_of(self, record_id: str) -> int | None:
        """The row of a record by its id, None where the run has no such record."""
        source, _, position = record_id.rpartition(":")
        for number, shard in enumerate(self._index):
            if shard["source"] == source and shard["first"] <= int(position) <= shard["last"]:
                own = next((row for row, raw in enumerate(self._shard(number)) if raw.record_id == record_id), None)
                return None if own is None else own + (self._ends[number - 1] if number else 0)
        return None

    def close(self) -> None:
        """Nothing is held open."""

    def _shard(self, number: int) -> list[Raw]:
        with self._lock:
            if number in self._shards:
                self._shards.move_to_end(number)
                return self._shards[number]
            found = self._read(number)
            self._shards[number] = found
            while len(self._shards) > _HELD:
                self._shards.popitem(last=False)
            return found

    def _read(self, number: int) -> list[Raw]:
        import polars as pl

        from curation.engine.store import Store
        from curation.formats import original
        from curation.readers import dumps_exact

        shard = self._index[number]
        store = Store(self._folder / "shards")
        turns: dict[str, list[tuple[str, str]]] = {}
        for record, role, content in (
            store.frame(shard["key"], "turns").select("record_id", "role", "content").iter_rows()
        ):
            turns.setdefault(record, []).append((role, content))
        ledger = pl.read_parquet(self._folder / "ledger" / f"part-{shard['place']:05d}.parquet", glob=False)
        fates = _fates(ledger)
        found = []
        for record, form, meta in (
            store.frame(shard["key"], "records").select("record_id", "format", "meta").iter_rows()
        ):
            payload = dumps_exact(original(form, meta, turns.get(record, []))).encode()
            source, _, position = record.rpartition(":")
            found.append(Raw(source, int(position), payload, fate=fates.get(record, "kept")))
        return found


def _fates(ledger: Any) -> dict[str, str]:
    fates: dict[str, str] = {}
    for record, stage, action, reason in ledger.select("record_id", "stage", "action", "reason").iter_rows():
        if action == "drop":
            fates[record] = f"dropped {stage}/{reason}"
        elif action == "edit":
            fates.setdefault(record, "edited")
    return fates
