"""Two datasets as numbers: read once into shards, one row of digests a record."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import xxhash

from curation.diff.frames import SOURCE_BITS
from curation.diff.pairs import canonical, fields_of
from curation.diff.records import Text
from curation.diff.run import hash64
from curation.engine.passes import ShardRef, Work, level_zero, read_pass
from curation.engine.plan import SHARD_BYTES, SHARD_RECORDS
from curation.engine.pool import InlinePool, Pool, ProcessPool
from curation.engine.store import digest_payloads, make_key
from curation.errors import InputError
from curation.formats import detect, text_columns
from curation.formats.meta import load_template
from curation.ledger import Turn
from curation.readers import RawChunk, Source, find_sources, read_chunks, sample_objects
from curation.schema import Batch

DIGESTS_VERSION = 2
SMALL = 4 << 20  # bytes of both datasets below which a second process costs more than it saves

TELLING = 40  # bytes from which the same answer says that two records are one; "Yes." does not

DIGESTS = pl.Schema(
    {
        "at": pl.UInt64(),
        "whole": pl.UInt64(),  # of everything in the record
        "content": pl.UInt64(),  # of its turns; the first 64 bits of the content hash
        "prompt": pl.UInt64(),  # of what comes before the answer; 0 without
        "answer": pl.UInt64(),  # of the last turn; 0 where it is too short to tell records apart
        "key": pl.UInt64(),  # of the column records are matched by; null without
    }
)


class Reading:
    """Reads sides of a diff into a store, several shards at a time."""

    def __init__(self, folder: Path, workers: int | None, size: int) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.work = Work(folder, (), 0)
        workers = workers or os.cpu_count() or 1
        self.pool: Pool = ProcessPool(workers) if workers > 1 and size > SMALL else InlinePool()
        self.ahead = 2 * workers + 2

    def side(
        self, sources: Sequence[Source], forced: str | None, key: str | None
    ) -> tuple[dict[str, Any], pl.DataFrame]:
        """The facts of a side (its sources, its shards) and its digests, in order."""
        waiting: deque[tuple[ShardRef, int, Future[Any]]] = deque()
        shards: list[dict[str, Any]] = []
        frames: list[pl.DataFrame] = [DIGESTS.to_frame()]
        facts = {"sources": [source.name for source in sources], "shards": shards, "quarantined": 0, "blank": 0}

        def take() -> None:
            ref, number, future = waiting.popleft()
            read, name = future.result()
            facts["quarantined"] += read["quarantined"]
            facts["blank"] += read["blank"]
            if read["records"]:
                shards.append({"source": number, "first": read["first"], "last": read["last"], "key": ref.key})
                frames.append(self.work.store().frame(name, "digests"))

        for number, ref, chunk in _cut(sources, forced):
            waiting.append((ref, number, self.pool.submit(digest_shard, self.work, ref, chunk, number, key)))
            if len(waiting) >= self.ahead:
                take()
        while waiting:
            take()
        return facts, pl.concat(frames).rechunk()

    def fields(self, facts: dict[str, Any], places: np.ndarray[Any, np.dtype[np.uint64]]) -> Iterator[pl.DataFrame]:
        """`at, field, digest` of every field of the records at `places` (ascending), shard by shard."""
        waiting: deque[Future[Any]] = deque()
        for shard in facts["shards"]:
            base = shard["source"] << SOURCE_BITS
            low, high = np.searchsorted(places, np.array([base + shard["first"], base + shard["last"] + 1], np.uint64))
            if low == high:
                continue
            source = facts["sources"][shard["source"]]
            waiting.append(self.pool.submit(digest_fields, self.work, shard["key"], base, source, places[low:high]))
            if len(waiting) >= self.ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def close(self) -> None:
        """End the workers."""
        self.pool.close()


def sources_of(inputs: Sequence[str], spool: Path) -> list[Source]:
    """What is to be compared. Raises InputError for what cannot be found."""
    return list(find_sources(inputs, spool=spool))


def _cut(sources: Sequence[Source], forced: str | None) -> Iterator[tuple[int, ShardRef, RawChunk]]:
    for number, source in enumerate(sources):
        primary = forced or detect(sample_objects(source))
        for chunk in read_chunks(source, chunk_records=SHARD_RECORDS, chunk_bytes=SHARD_BYTES):
            digest = digest_payloads(source.name, chunk.positions, chunk.payloads)
            bad = [[item.line, item.offset, item.reason] for item in chunk.bad]
            key = make_key("diff", DIGESTS_VERSION, digest, bad, chunk.blank, primary, forced)
            yield number, ShardRef(0, key, source.name, primary, forced), chunk


def digest_shard(
    work: Work, ref: ShardRef, chunk: RawChunk, number: int, key: str | None
) -> tuple[dict[str, Any], str]:
    """Read a shard and take its digests. Returns its manifest, and the key of the digests."""
    store = work.store()
    name = make_key("digests", DIGESTS_VERSION, ref.key, number, key)
    read = read_pass(work, ref, chunk)
    if store.manifest(name) is None:
        store.put(name, {"digests": _digests(level_zero(store, ref.key), number, ref.source, key)}, {})
    return read, name


def _digests(batch: Batch, number: int, source: str, key: str | None) -> pl.DataFrame:
    turns = batch.turns
    last = pl.col("turn") == pl.col("turn").max().over("record_id")
    parts = turns.with_columns(said=pl.concat_str("role", pl.lit("\x1f"), "content"))
    prompts = parts.filter(~last).group_by("record_id", maintain_order=True).agg(pl.col("said").str.join("\x1e"))
    ends = parts.filter(last)
    tells = pl.when(pl.col("content").str.len_bytes() >= TELLING).then(pl.col("answer")).otherwise(0)
    answers = ends.select("record_id", "content", answer=_hashed(ends["said"])).select("record_id", answer=tells)
    prompt = prompts.select("record_id", prompt=_hashed(prompts["said"]))
    records = batch.records
    wholes = [
        xxhash.xxh3_64_intdigest(f"{content}{name}{canonical(load_template(meta))}".encode())
        for content, name, meta in records.select("content_hash", "format", "meta").iter_rows()
    ]
    keys = _keys(batch, key) if key else [None] * len(batch)
    return (
        records.select(
            "record_id",
            at=pl.col("record_id").str.slice(len(source) + 1).cast(pl.UInt64)
            + pl.lit(number << SOURCE_BITS, dtype=pl.UInt64),
            whole=pl.Series(wholes, dtype=pl.UInt64),
            content=hash64(),
            key=pl.Series(keys, dtype=pl.UInt64),
        )
        .join(prompt, on="record_id", how="left", maintain_order="left")
        .join(answers, on="record_id", how="left", maintain_order="left")
        .with_columns(pl.col("prompt", "answer").fill_null(0))
        .select(list(DIGESTS))
    )


def _hashed(column: pl.Series) -> pl.Series:
    return pl.Series([xxhash.xxh3_64_intdigest(text.encode()) for text in column], dtype=pl.UInt64)


def _keys(batch: Batch, key: str) -> list[int | None]:
    """The digest of the column `key` of each record, whether it is text or not; None where it is absent or null."""
    contents: dict[str, list[str]] = {}
    found: list[int | None] = []
    for record_id, name, meta in batch.records.select("record_id", "format", "meta").iter_rows():
        template = load_template(meta)
        value = template.get(key)
        if value is not None and key in text_columns(name, template) and type(value) is int:  # a slot of a turn
            if not contents:
                for owner, content in batch.turns.select("record_id", "content").iter_rows():
                    contents.setdefault(owner, []).append(content)
            value = contents[record_id][value]
        found.append(None if value is None else xxhash.xxh3_64_intdigest(canonical(value).encode()))
    return found


def digest_fields(
    work: Work, key: str, base: int, source: str, places: np.ndarray[Any, np.dtype[np.uint64]]
) -> pl.DataFrame:
    """`at, field, digest` of every field of some records of a shard."""
    ids = {f"{source}:{int(at) - base}": int(at) for at in places}
    batch = level_zero(work.store(), key)
    turns: dict[str, dict[int, Turn]] = {}
    for record_id, turn, role, content in batch.turns.iter_rows():
        if record_id in ids:
            turns.setdefault(record_id, {})[turn] = Turn(turn, role, content)
    ats: list[int] = []
    names: list[str] = []
    digests: list[int] = []
    for record_id, name, meta in batch.records.select("record_id", "format", "meta").iter_rows():
        if record_id not in ids:
            continue
        for field, value in fields_of(Text(turns.get(record_id, {}), name, meta, "")):
            ats.append(ids[record_id])
            names.append(field)
            digests.append(xxhash.xxh3_64_intdigest(value.encode()))
    return pl.DataFrame(
        {"at": ats, "field": names, "digest": digests},
        schema={"at": pl.UInt64, "field": pl.String, "digest": pl.UInt64},
    )


def check_key(key: str, sides: Sequence[pl.DataFrame]) -> None:
    """Raise InputError where no record of one of the sides has the column that records are to be matched by."""
    for side, name in zip(sides, ("first", "second"), strict=True):
        if side.height and side["key"].null_count() == side.height:
            raise InputError(
                f"no record of the {name} dataset has a column '{key}'", "`studio inspect` lists the columns."
            )
