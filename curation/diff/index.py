"""What a review screen asks: how many hunks of which kind, and a page of them with their texts.

    index = ReviewIndex.open(run_folder)          # built once, in some seconds for a million records
    index.counts(Filter(stage="near"))
    for hunk in index.page(Filter(status="removed", verdict=OPEN), start=0, n=20): ...

Texts are read when a page is; numbers and filters work on columns of fixed width. Nothing here is thread-safe: use one
index from one thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curation.diff.frames import NOWHERE, open_frame, read_facts
from curation.diff.model import OPEN, STATUSES, Cause, Counts, Filter, Head, Hunk
from curation.diff.pairs import pair_hunk
from curation.diff.records import Side, Text, run_side
from curation.diff.run import build_run_index, run_key
from curation.engine.review import OVERRULED
from curation.engine.store import Store
from curation.ledger import Event, Turn, ledger_events
from curation.verdicts.fold import RecordVerdicts, Verdicts, fold
from curation.verdicts.journal import JOURNAL, read_journal

FOLDER = "review"  # of a run, for its index
Rows = NDArray[np.uint32]


class ReviewIndex:
    """The hunks of a run, or of two datasets. Open one with `ReviewIndex.open` or `curation.diff.compare`."""

    def __init__(self, folder: Path, facts: dict[str, Any], before: Side, after: Side, run: Path | None) -> None:
        self.facts = facts
        self.run = run
        self.before, self.after = before, after
        self._hunks = open_frame(folder, "hunks")
        self._causes = open_frame(folder, "causes")
        self._sorted: dict[str, NDArray[np.int64]] = {}
        self._said: dict[int, RecordVerdicts] = {}
        self._judged: dict[int, RecordVerdicts] = {}  # those of them that say more than tags and remarks
        self._last: tuple[Filter, Rows] | None = None

    @classmethod
    def open(cls, run: Path, verdicts: Verdicts | None = None) -> ReviewIndex:
        """The index of a finished run, built if it is not there yet. verdicts: by default those of the run's own journal.

        Raises InputError where there is no finished run.
        """
        folder, key = run / FOLDER, run_key(run)
        facts = read_facts(folder, key)
        if facts is None:
            build_run_index(run, folder)
            facts = read_facts(folder, key)
        assert facts is not None  # noqa: S101 - it was just written
        side = run_side(run, facts["a"])
        index = cls(folder, facts, side, side, run)
        index.judge(fold(read_journal(run / JOURNAL).verdicts) if verdicts is None else verdicts)
        return index

    @classmethod
    def of_pair(cls, folder: Path, facts: dict[str, Any]) -> ReviewIndex:
        """The index of two datasets that `curation.diff.compare` built."""
        store = Store(folder / "shards")
        return cls(folder, facts, Side(store, facts["a"]), Side(store, facts["b"]), None)

    def __len__(self) -> int:
        return self._hunks.height

    def judge(self, verdicts: Verdicts) -> None:
        """Show these verdicts: those about records of this index whose content is what was judged. Milliseconds."""
        self._said = {}
        self._last = None
        for side, column in ((self.before, "at"), (self.after, "b_at")) if len(self) else ():
            told = [(side.at(record_id), content, of) for (record_id, content), of in verdicts.records.items()]
            items = [(at, content, of) for at, content, of in told if at is not None]
            rows = self._rows_at(np.array([at for at, _, _ in items], dtype=np.uint64), column)
            hashes = self._hunks["hash"].gather(np.maximum(rows, 0)).to_list()
            for row, found, (_, content, of) in zip(rows.tolist(), hashes, items, strict=True):
                if row >= 0 and f"{found or 0:016x}" == content[:16]:
                    self._said[row] = of
            if self.run is not None:
                break
        self._judged = {row: of for row, of in self._said.items() if of.status}

    def _rows_at(self, places: NDArray[np.uint64], column: str) -> NDArray[np.int64]:
        """The rows of places on a side, -1 where there is no hunk."""
        order = self._order(column)
        known = self._hunks[column].to_numpy()
        found = np.searchsorted(known, places, sorter=order)
        inside = np.minimum(found, len(self) - 1)
        rows = inside if order is None else order[inside]
        return np.where(known[rows] == places, rows, -1).astype(np.int64)

    def _order(self, column: str) -> NDArray[np.int64] | None:
        """Runs are in the order of their input; the hunks of two datasets stand in the order of the second."""
        if self.run is not None:
            return None
        if column not in self._sorted:
            self._sorted[column] = np.argsort(self._hunks[column].to_numpy(), kind="stable")
        return self._sorted[column]

    def counts(self, only: Filter | None = None) -> Counts:
        """How many hunks there are, of those that the filter leaves."""
        rows = self.rows(only or Filter())
        chosen = self._hunks[rows] if len(rows) < len(self) else self._hunks
        causes = self._causes
        if len(rows) < len(self):
            keep = np.zeros(len(self), dtype=bool)
            keep[rows] = True
            causes = causes.filter(keep[causes["hunk"].to_numpy()])
        judged = causes.filter(pl.col("hunk").is_in(pl.Series(list(self._judged), dtype=pl.UInt32).implode()))
        verdicts: dict[str, int] = {}
        if self._judged:
            keep_rows = set(rows.tolist()) if len(rows) < len(self) else None
            for row, of in self._judged.items():
                if keep_rows is None or row in keep_rows:
                    verdicts[of.status] = verdicts.get(of.status, 0) + 1
        return Counts(
            len(rows),
            {STATUSES[number]: count for number, count in _counted(chosen["status"])},
            self._by_reason(causes),
            self._by_reason(judged),
            self._by_source(chosen),
            {OPEN: len(rows) - sum(verdicts.values()), **dict(sorted(verdicts.items()))},
            self.facts["records"] - len(self),
        )

    def _by_reason(self, causes: pl.DataFrame) -> dict[tuple[str, str], int]:
        stages, reasons = self.facts["stages"], self.facts["reasons"]
        grouped = causes.group_by("stage", "reason").agg(count=pl.col("hunk").n_unique()).sort("stage", "reason")
        return {(stages[stage], reasons[reason]): count for stage, reason, count in grouped.iter_rows()}

    def _by_source(self, hunks: pl.DataFrame) -> dict[str, int]:
        found: dict[str, int] = {}
        for name, side, rows in (
            ("at", self.before, hunks.filter(pl.col("at") != NOWHERE)),
            ("b_at", self.after, hunks.filter(pl.col("at") == NOWHERE)),
        ):
            for number, count in _counted(rows[name] // (1 << 40)):
                found[side.sources[number]] = found.get(side.sources[number], 0) + count
        return found

    def rows(self, only: Filter) -> Rows:
        """The numbers of the hunks that a filter leaves, in order. The last answer is kept."""
        if self._last is not None and self._last[0] == only:
            return self._last[1]
        keep = np.ones(len(self), dtype=bool)
        if only.status:
            number = STATUSES.index(only.status) if only.status in STATUSES else 255
            keep &= self._hunks["status"].to_numpy() == number
        if only.stage or only.reason:
            keep &= self._caused(only.stage, only.reason)
        if only.source:
            keep &= self._from(only.source)
        if only.verdict:
            keep &= self._with_verdict(only.verdict)
        if only.record_id:
            keep &= self._one(only.record_id)
        if only.text:
            keep &= self._holding(only.text)
        rows = np.flatnonzero(keep).astype(np.uint32)
        self._last = (only, rows)
        return rows

    def _caused(self, stage: str, reason: str) -> NDArray[np.bool_]:
        is_it = pl.lit(True)
        for name, wanted, known in (
            ("stage", stage, self.facts["stages"]),
            ("reason", reason, self.facts["reasons"]),
        ):
            if wanted:
                is_it &= pl.col(name) == (known.index(wanted) if wanted in known else (1 << 16) - 1)
        keep = np.zeros(len(self), dtype=bool)
        keep[self._causes.filter(is_it)["hunk"].to_numpy()] = True
        return keep

    def _from(self, source: str) -> NDArray[np.bool_]:
        keep = np.zeros(len(self), dtype=bool)
        for side, column in ((self.before, "at"), (self.after, "b_at")):
            if source in side.sources:
                keep |= (self._hunks[column].to_numpy() >> np.uint64(40)) == side.sources.index(source)
        return keep

    def _with_verdict(self, verdict: str) -> NDArray[np.bool_]:
        keep = np.full(len(self), verdict == OPEN)
        keep[[row for row, of in self._judged.items() if verdict == OPEN or of.status == verdict]] = verdict != OPEN
        return keep

    def _one(self, record_id: str) -> NDArray[np.bool_]:
        keep = np.zeros(len(self), dtype=bool)
        for side, column in ((self.before, "at"), (self.after, "b_at")):
            at = side.at(record_id)
            if at is not None:
                keep |= self._hunks[column].to_numpy() == at
        return keep

    def _holding(self, text: str) -> NDArray[np.bool_]:
        """Searches every shard: some seconds for a million records."""
        keep = np.zeros(len(self), dtype=bool)
        sides = ((self.before, "at"),) if self.run is not None else ((self.before, "at"), (self.after, "b_at"))
        for side, column in sides:
            places = [at for found in side.search(text, edits=self.run is not None) for at in found]
            keep |= np.isin(self._hunks[column].to_numpy(), np.array(places, dtype=np.uint64))
        return keep

    def page(self, only: Filter | None = None, start: int = 0, n: int = 50) -> list[Hunk]:
        """Hunks `start` … `start + n - 1` of those that the filter leaves, with their texts."""
        return self.hunks(self.rows(only or Filter())[start : start + n].tolist())

    def hunks(self, numbers: Sequence[int]) -> list[Hunk]:
        """Some hunks by their numbers, with their texts."""
        rows = self._hunks[list(numbers)].rows(named=True)
        befores = self.before.texts([row["at"] for row in rows if row["at"] != NOWHERE])
        if self.run is None:
            afters = self.after.texts([row["b_at"] for row in rows if row["b_at"] != NOWHERE])
            return [
                pair_hunk(number, row, self, befores.get(row["at"]), afters.get(row["b_at"]))
                for number, row in zip(numbers, rows, strict=True)
            ]
        events = self._events([row["at"] for row in rows])
        return [
            self._run_hunk(number, row, befores.get(row["at"]), events.get(row["at"], []))
            for number, row in zip(numbers, rows, strict=True)
        ]

    def heads(self, numbers: Sequence[int]) -> list[Head]:
        """What a list says about some hunks. No text is read, so it takes microseconds each."""
        rows = self._hunks[list(numbers)].select("at", "b_at", "status", "stage", "reason", "score")
        stages, reasons = self.facts["stages"], self.facts["reasons"]
        found = []
        for number, (at, b_at, status, stage, reason, score) in zip(numbers, rows.iter_rows(), strict=True):
            record_id = self.before.record_id(at) if at != NOWHERE else self.after.record_id(b_at)
            name = stages[stage] if self.run is not None else stages[0]
            found.append(Head(number, STATUSES[status], record_id, name, reasons[reason], score))
        return found

    def statuses(self) -> dict[int, str]:
        """What people decided, by the number of the hunk: accepted, rejected, dropped or edited."""
        return {number: of.status for number, of in self._judged.items()}

    def _events(self, places: Sequence[int]) -> dict[int, list[Event]]:
        assert self.run is not None  # noqa: S101 - only a run has a ledger
        found: dict[int, list[Event]] = {}
        for shard, mine in self.before.by_shard(places):
            ids = {self.before.record_id(at): at for at in mine}
            shard = {**shard, "uses": self.facts["uses"]}
            for record_id, events in ledger_events(self.run, shard, list(ids)).items():
                found[ids[record_id]] = events
        return found

    def _run_hunk(self, number: int, row: dict[str, Any], text: Text | None, events: Sequence[Event]) -> Hunk:
        before = text.turns if text else {}
        after = dict(before)
        for event in events:
            after.update({turn.turn: Turn(turn.turn, before[turn.turn].role, turn.content) for turn in event.after})
        status = STATUSES[row["status"]]
        stage, reason = self.facts["stages"][row["stage"]], self.facts["reasons"][row["reason"]]
        causes = tuple(_cause(event) for event in events if event.action != "annotate" or event.actor == "human")
        first = next((cause for cause in causes if (cause.stage, cause.reason) == (stage, reason)), None)
        return Hunk(
            number,
            status,
            self.before.record_id(row["at"]),
            text.content_hash if text else "",
            self.before.sources[row["at"] >> 40],
            stage,
            reason,
            first.score if first else None,
            first.related_id if first else None,
            causes,
            () if status == "added" else tuple(before.values()),
            () if status == "removed" else tuple(after.values()),
            verdict=self._said.get(number),
        )

    def keys(self, numbers: Sequence[int]) -> Iterator[tuple[int, str, str, str, str]]:
        """`(number, record_id, content_hash, stage, reason)` of some hunks, without reading a text: for bulk decisions."""
        rows = self._hunks[list(numbers)].with_columns(number=pl.Series(numbers, dtype=pl.UInt32))
        stages, reasons = self.facts["stages"], self.facts["reasons"]
        for side, column, mine in (
            (self.before, "at", rows.filter(pl.col("at") != NOWHERE)),
            (self.after, "b_at", rows.filter(pl.col("at") == NOWHERE)),
        ):
            hashes = side.hashes(mine[column].to_list())
            for number, at, stage, reason in mine.select("number", column, "stage", "reason").iter_rows():
                if at in hashes:
                    name = stages[stage] if self.run is not None else stages[0]
                    yield number, side.record_id(at), hashes[at], name, reasons[reason]

    def hash_of(self, record_id: str) -> str | None:
        """The content hash of any record of the side before, such as a kept twin."""
        at = self.before.at(record_id)
        return self.before.hashes([at]).get(at) if at is not None else None

    def verdict_of(self, number: int) -> RecordVerdicts | None:
        """What a person decided about a hunk."""
        return self._said.get(number)

    def record(self, record_id: str) -> tuple[Turn, ...]:
        """The turns of any record of the side before as read, such as a kept twin's; () where there is none."""
        at = self.before.at(record_id)
        text = self.before.texts([at]).get(at) if at is not None else None
        return tuple(text.turns.values()) if text else ()


def _cause(event: Event) -> Cause:
    """A decision as the cause of a hunk; a rejected one under the reason it was given for."""
    reason, text = event.reason, event.reason_text
    if reason == OVERRULED:
        reason = str(event.values.get("_overruled", reason)).rpartition("/")[2]
    return Cause(
        event.stage,
        event.action,
        reason,
        text,
        event.score,
        event.threshold,
        event.related_id,
        event.detail,
        event.values,
        event.actor,
    )


def _counted(column: pl.Series) -> list[tuple[int, int]]:
    return [(value, count) for value, count in column.value_counts().sort(column.name).iter_rows()]
