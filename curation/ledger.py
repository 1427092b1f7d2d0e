"""Asking a finished run: why is this record in, out, or changed?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import orjson
import polars as pl

from curation.engine.finish import WRITE_STAGE
from curation.engine.review import OVERRULED, REVIEW_REASONS, REVIEW_STAGE
from curation.engine.store import Store
from curation.errors import InputError, StudioError
from curation.registry import stage_class
from curation.schema import Batch

Fate = Literal["kept", "dropped", "quarantined"]


@dataclass(frozen=True)
class Turn:
    """One piece of a record's text."""

    turn: int
    role: str
    content: str


@dataclass(frozen=True)
class Event:
    """What one stage decided about a record. `after` holds the turns it changed, as they were from then on; `said` the
    words of a judge by the name of each mark, which are not in the ledger but in the cache of who asked for them."""

    stage: str
    action: str
    reason: str
    reason_text: str
    score: float | None
    threshold: float | None
    related_id: str | None
    values: dict[str, Any]
    detail: str | None
    actor: str
    after: tuple[Turn, ...] = ()
    said: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Story:
    """One record from its source to its fate. `turns` is its text as read; each event says what changed."""

    record_id: str
    source: str
    fate: Fate
    format: str
    turns: tuple[Turn, ...]
    events: tuple[Event, ...]
    line: int | None = None
    raw: str = ""
    also: tuple[str, ...] = field(default=())  # other records that hold the fragment asked for

    def final(self) -> tuple[Turn, ...]:
        """The text after every edit."""
        turns = {turn.turn: turn for turn in self.turns}
        for event in self.events:
            turns.update({turn.turn: turn for turn in event.after})
        return tuple(turns[key] for key in sorted(turns))


def why(folder: Path, wanted: str, most: int = 20) -> Story:
    """The story of a record, by its id (`source:position`) or by a fragment of its text.

    By id one shard is read: some milliseconds, however large the run. By fragment every shard is searched until `most`
    records are found; the first is told and the others are named. Raises InputError when nothing fits.
    """
    index = read_index(folder)
    shard = _shard_of(index, wanted)
    if shard is not None:
        story = _story(folder, shard, wanted)
        if story is not None:
            return story
    story = _quarantined(folder, wanted)
    if story is not None:
        return story
    found = list(_search(folder, index, wanted, most))
    if not found:
        raise InputError(
            f"no record of this run has the id or holds the text '{wanted}'",
            "Ids look like 'file.jsonl:12'; `studio inspect` shows the sources of a file.",
        )
    place, record_id = found[0]
    story = _story(folder, index[place], record_id)
    if story is None:
        raise InputError(f"the run folder {folder} is damaged: record {record_id} is gone", "Run it again.")
    return Story(**{**story.__dict__, "also": tuple(other for _, other in found[1:])})


def stories(folder: Path, record_ids: Sequence[str]) -> list[Story]:
    """The stories of some records by their ids, those that are in the run."""
    index = read_index(folder)
    by_shard: dict[int, list[str]] = {}
    for record_id in dict.fromkeys(record_ids):
        shard = _shard_of(index, record_id)
        if shard is not None:
            by_shard.setdefault(shard["place"], []).append(record_id)
    told = {place: _Some.of(folder, index[place], wanted) for place, wanted in by_shard.items()}
    found = {record_id: told[place].story(record_id) for place, wanted in by_shard.items() for record_id in wanted}
    return [story for record_id in record_ids if (story := found.get(record_id)) is not None]


def examples(folder: Path, stage: str, reason: str, most: int) -> list[Story]:
    """Up to `most` stories of records that `stage` decided about for `reason`, in the order of the input."""
    index = read_index(folder)
    stories: list[Story] = []
    for place, shard in enumerate(index):
        chosen = (
            pl.scan_parquet(folder / "ledger" / f"part-{place:05d}.parquet", glob=False)
            .filter((pl.col("stage") == stage) & (pl.col("reason") == reason))
            .select("record_id")
            .head(most - len(stories))
            .collect()
        )
        for record_id in chosen["record_id"]:
            story = _story(folder, shard, record_id)
            if story is not None:
                stories.append(story)
        if len(stories) >= most:
            break
    return stories


def read_index(folder: Path) -> list[dict[str, Any]]:
    """The shards of a finished run. Raises InputError when there is no finished run."""
    try:
        index = orjson.loads((folder / "index.json").read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise InputError(f"{folder} holds no finished run", "`studio runs list` shows the runs there are.") from error
    return [{**shard, "place": place, "uses": index["uses"]} for place, shard in enumerate(index["shards"])]


def _shard_of(index: list[dict[str, Any]], record_id: str) -> dict[str, Any] | None:
    source, colon, position = record_id.rpartition(":")
    if not colon or not position.isdecimal():
        return None
    number = int(position)
    for shard in index:
        if shard["source"] == source and shard["first"] <= number <= shard["last"]:
            return shard
    return None


def _story(folder: Path, shard: dict[str, Any], record_id: str) -> Story | None:
    return _Some.of(folder, shard, [record_id]).story(record_id)


@dataclass(frozen=True)
class _Some:
    """What a shard holds of some of its records: each of its files is read once, however many they are."""

    shard: dict[str, Any]
    records: pl.DataFrame
    turns: pl.DataFrame
    ledger: pl.DataFrame
    edits: pl.DataFrame

    @staticmethod
    def of(folder: Path, shard: dict[str, Any], record_ids: Sequence[str]) -> _Some:
        store = Store(folder / "shards")
        wanted = pl.col("record_id").is_in(pl.Series(record_ids, dtype=pl.String).implode())
        return _Some(
            shard,
            store.frame(shard["key"], "records").filter(wanted),
            store.frame(shard["key"], "turns").filter(wanted),
            pl.read_parquet(folder / "ledger" / f"part-{shard['place']:05d}.parquet", glob=False).filter(wanted),
            store.frame(shard["finish"], "edits").filter(wanted),
        )

    def story(self, record_id: str) -> Story | None:
        is_it = pl.col("record_id") == record_id
        record = self.records.filter(is_it)
        if not record.height:
            return None
        turns = self.turns.filter(is_it).select("turn", "role", "content")
        edits = self.edits.filter(is_it)
        roles = dict(turns.select("turn", "role").iter_rows())
        uses = self.shard["uses"]
        rows = self.ledger.filter(is_it).iter_rows(named=True)
        events = tuple(_with_words(_event(row, edits, roles, uses)) for row in rows)
        fate: Fate = "dropped" if any(event.action == "drop" for event in events) else "kept"
        told = tuple(Turn(*row) for row in turns.iter_rows())
        return Story(record_id, self.shard["source"], fate, record["format"][0], told, events)


def _with_words(event: Event) -> Event:
    from curation.scoring.rate_reasons import reasons_of

    said = reasons_of(event.detail)
    return replace(event, said=said) if said else event


def ledger_events(folder: Path, shard: dict[str, Any], record_ids: Sequence[str]) -> dict[str, list[Event]]:
    """The events of some records of one shard (`place`, `key`, `finish` and `uses` as in the index), by record."""
    store = Store(folder / "shards")
    wanted = pl.col("record_id").is_in(pl.Series(record_ids, dtype=pl.String).implode())
    part = folder / "ledger" / f"part-{shard['place']:05d}.parquet"
    rows = pl.scan_parquet(part, glob=False).filter(wanted).collect()
    edits = store.frame(shard["finish"], "edits").filter(wanted)
    roles: dict[str, dict[int, str]] = {}
    if edits.height:
        turns = store.frame(shard["key"], "turns").filter(wanted).select("record_id", "turn", "role")
        for record_id, turn, role in turns.iter_rows():
            roles.setdefault(record_id, {})[turn] = role
    found: dict[str, list[Event]] = {}
    for row in rows.iter_rows(named=True):
        mine = (
            edits.filter(pl.col("record_id") == row["record_id"])
            if row["action"] in ("edit", "drop")
            else edits.clear()
        )
        event = _event(row, mine, roles.get(row["record_id"], {}), shard["uses"])
        found.setdefault(row["record_id"], []).append(event)
    return found


def _event(row: dict[str, Any], edits: pl.DataFrame, roles: dict[int, str], uses: dict[str, str]) -> Event:
    changed = edits.filter(pl.col("stage") == row["stage"]).select("turn", "after")
    return Event(
        row["stage"],
        row["action"],
        row["reason"],
        reason_text(uses.get(row["stage"], row["stage"]), row["reason"]),
        row["score"],
        row["threshold"],
        row["related_id"],
        orjson.loads(row["values"]) if row["values"] else {},
        row["detail"],
        row["actor"],
        tuple(Turn(turn, roles[turn], after) for turn, after in changed.iter_rows()),
    )


def reason_text(use: str, reason: str) -> str:
    """The sentence behind a reason; "" when the stage came from a package that is gone."""
    if use == REVIEW_STAGE or reason == OVERRULED:
        return REVIEW_REASONS.get(reason, "")
    if use == WRITE_STAGE:
        return "the output format cannot hold it"
    try:
        return stage_class(use).reasons.get(reason, "")
    except StudioError:
        return ""


def _search(folder: Path, index: list[dict[str, Any]], fragment: str, most: int) -> Iterator[tuple[int, str]]:
    store = Store(folder / "shards")
    left = most
    for place, shard in enumerate(index):
        turns = store.frame(shard["key"], "turns")
        hits = turns.filter(pl.col("content").str.contains(fragment, literal=True))["record_id"]
        for record_id in hits.unique(maintain_order=True).head(left):
            yield place, record_id
            left -= 1
        if not left:
            return


def _quarantined(folder: Path, wanted: str) -> Story | None:
    source, _, position = wanted.rpartition(":")
    if not position.isdecimal():
        return None
    with (folder / "quarantine.jsonl").open("rb") as lines:
        for text in lines:
            entry = orjson.loads(text)
            if entry["source"] == source and entry["line"] == int(position):
                event = Event(
                    "read",
                    "quarantine",
                    entry["reason"],
                    _quarantine_text(entry["reason"]),
                    None,
                    None,
                    None,
                    {},
                    entry["detail"],
                    "stage",
                )
                return Story(wanted, source, "quarantined", "", (), (event,), entry["line"], entry.get("raw", ""))
    return None


def _quarantine_text(reason: str) -> str:
    from curation.formats import FORMAT_REASONS
    from curation.readers import QUARANTINE_REASONS

    return {**QUARANTINE_REASONS, **FORMAT_REASONS}.get(reason, "")


def object_as_read(folder: Path, record_id: str) -> dict[str, Any]:
    """A record as the object that it was in its file, with every column; {} for a line that was no record. One shard is
    read. Raises InputError where there is no finished run."""
    from curation.formats import original

    shard = _shard_of(read_index(folder), record_id)
    if shard is None:
        return {}
    store, is_it = Store(folder / "shards"), pl.col("record_id") == record_id
    record = store.frame(shard["key"], "records").filter(is_it)
    if not record.height:
        return {}
    turns = store.frame(shard["key"], "turns").filter(is_it).sort("turn").select("role", "content")
    return original(record["format"][0], record["meta"][0], list(turns.iter_rows()))


def batch_of(folder: Path, place: int) -> Batch:
    """The records of one shard of a finished run, as they were read."""
    shard = read_index(folder)[place]
    store = Store(folder / "shards")
    return Batch(store.frame(shard["key"], "records"), store.frame(shard["key"], "turns"))
