"""The engine: cut into shards, send passes to workers, decide at the barriers, publish."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from curation.engine.corpus import Gone, decide_corpus, print_identity, stage_identity
from curation.engine.finish import finish_shard
from curation.engine.inside import Told, forget, told
from curation.engine.passes import Decided, ShardRef, Work, read_pass, record_pass
from curation.engine.plan import SHARD_BYTES, SHARD_RECORDS, Plan, Stretch, make_plan
from curation.engine.pool import InlinePool, Pool, ProcessPool
from curation.engine.progress import Meter
from curation.engine.publish import publish
from curation.engine.room import check_room
from curation.engine.shard import Shard
from curation.engine.store import digest_payloads, make_key
from curation.engine.verdicts import Review, load_review, with_added
from curation.errors import InputError, OutputError, Stopped
from curation.events import Listener, ShardFinished
from curation.readers import RawChunk, read_chunks
from curation.recipe import Recipe
from curation.telling import hearing

READ_VERSION = 2  # raised whenever the same bytes may become other records
FINISH_VERSION = 2  # raised whenever the same records may be written as other bytes


class _Run:
    """The state of one execution. `curate` below is the way in."""

    def __init__(self, work: Work, plan: Plan, pool: Pool, meter: Meter, should_stop: Callable[[], bool]) -> None:
        self.work, self.plan, self.pool, self.meter, self.should_stop = work, plan, pool, meter, should_stop
        self.shards: list[Shard] = []
        self.corpus_stages: list[dict[str, Any]] = []
        self.corpus_keys: list[str] = []

    @property
    def ahead(self) -> int:
        """Tasks under way at once: bounds the raw bytes in memory. A cluster may have grown since the last pass."""
        return 2 * self.pool.size + 2

    def stretch(self, stretch: Stretch, chunks: Iterator[tuple[ShardRef, RawChunk]] | None) -> None:
        """One pass over every shard, then the corpus stages that follow it."""
        phase = " + ".join(step.name for step in (*stretch.records, *stretch.corpus)) or "read"
        if chunks is not None:
            phase = f"read + {phase}" if phase != "read" else phase
        total = None if chunks is not None else len(self.shards)
        self.meter.begin(phase, total)
        identities = [[step.name, stage_identity(step, step.stage())] for step in stretch.records]
        print_facts = [[step.name, print_identity(step, step.stage())] for step in stretch.corpus]
        self._drain(
            self._submit(stretch, [identities, print_facts], shard, chunk) for shard, chunk in self._shards(chunks)
        )
        self.meter.end()
        dropped: list[Gone] = []
        for step in stretch.corpus:
            self._check_stop()
            self.meter.begin(step.name, None)
            with hearing(partial(self._heard, step.name), self.should_stop):
                found = decide_corpus(
                    self.work,
                    step,
                    [shard.prints[step.name] for shard in self.shards],
                    [shard.read["records"] for shard in self.shards],
                    self.corpus_keys,
                    dropped,
                    {at: mine for at, shard in enumerate(self.shards) if (mine := shard.verdicts.of([step.name]))},
                )
            for shard, item in zip(self.shards, found.by_shard, strict=True):
                shard.trail.append(item)
            dropped.append(found.gone)
            self.corpus_keys.append(found.gone.key)
            self.corpus_stages.extend(found.stages)
            self.meter.end()

    def _heard(self, stage: str, done: int, total: int, unit: str) -> None:
        self.meter.heard("", Told(stage, done, total, unit))

    def read(self, chunks: Iterator[tuple[ShardRef, RawChunk]]) -> None:
        """Only read every shard: where verdicts apply is known when all records are."""
        self.meter.begin("read", None)
        waiting: deque[tuple[Shard, Future[Any]]] = deque()
        ahead = self.ahead

        def take() -> None:
            shard, future = waiting.popleft()
            shard.read = self._wait(future)
            self.meter.shard(ShardFinished("read", shard.ref.index, shard.read["records"], False, {}), shard.size)

        for shard, chunk in self._shards(chunks):
            waiting.append((shard, self.pool.submit(read_pass, self.work, shard.ref, chunk)))
            if len(waiting) >= ahead:
                take()
        while waiting:
            take()
        self.meter.end()

    def _shards(self, chunks: Iterator[tuple[ShardRef, RawChunk]] | None) -> Iterator[tuple[Shard, RawChunk | None]]:
        if chunks is None:
            yield from ((shard, None) for shard in self.shards)
            return
        for ref, chunk in chunks:
            shard = Shard(ref, sum(map(len, chunk.payloads)))
            self.shards.append(shard)
            yield shard, chunk

    def _submit(
        self, stretch: Stretch, identities: Sequence[Any], shard: Shard, chunk: RawChunk | None
    ) -> tuple[Shard, str, Future[Any]]:
        records, corpus = identities
        overrules = shard.verdicts.of([step.name for step in stretch.records])
        facts = [
            shard.ref.key,
            [item.identity for item in shard.trail],
            records,
            self.work.seed,
            self.work.column_types,
        ]
        pass_key = make_key("pass", *facts, *([sorted(map(list, overrules))] if overrules else []))
        prints = [
            (step, make_key("prints", pass_key, facts, self.work.seed))
            for step, facts in zip(stretch.corpus, corpus, strict=True)
        ]
        shard.prints.update({step.name: key for step, key in prints})
        future = self.pool.submit(
            record_pass, self.work, shard.ref, chunk, list(shard.trail), stretch.records, pass_key, prints, overrules
        )
        return shard, pass_key, future

    def _drain(self, submitted: Iterator[tuple[Shard, str, Future[Any]]]) -> None:
        waiting: deque[tuple[Shard, str, Future[Any]]] = deque()
        ahead = self.ahead
        for item in submitted:
            waiting.append(item)
            if len(waiting) >= ahead:
                self._take(*waiting.popleft())
        while waiting:
            self._take(*waiting.popleft())

    def _take(self, shard: Shard, pass_key: str, future: Future[Any]) -> None:
        answer = self._wait(future)
        shard.read = answer["read"]
        shard.trail.append(Decided(pass_key))
        shard.stages.extend(answer["pass"]["stages"])
        counts = {
            f"{stage['stage']}/{reason}": number
            for stage in answer["pass"]["stages"]
            for reason, number in stage["reasons"].items()
        }
        self.meter.shard(
            ShardFinished(self.meter.phase, shard.ref.index, shard.read["records"], answer["reused"], counts),
            shard.size,
        )

    def _wait(self, future: Future[Any]) -> Any:
        while not future.done():
            self._check_stop()
            if self.meter.wants_inside:
                self.meter.inside(told(self.work.folder))
            try:
                return future.result(timeout=0.1)
            except TimeoutError:
                continue
        self._check_stop()
        return future.result()

    def _check_stop(self) -> None:
        if self.should_stop():
            raise Stopped("the run was stopped", "What was finished is kept; resume it to go on from there.")

    def whole(
        self, chunks: Iterator[tuple[ShardRef, RawChunk]], review: Review, listener: Listener
    ) -> list[dict[str, Any]]:
        """Every stretch of the plan, and what `finish` returns."""
        if review.verdicts:
            self.read(chunks)
            review.resolve(self.work.store(), self.shards, listener)
        for number, stretch in enumerate(self.plan.stretches):
            self.stretch(stretch, None if review.verdicts or number else chunks)
        return self.finish()

    def finish(self) -> list[dict[str, Any]]:
        """Render every shard and write its part of the ledger. Returns the manifests, their keys added."""
        self.meter.begin("write", len(self.shards))
        submitted = []
        for shard in self.shards:
            acts = shard.verdicts.acts
            facts = [FINISH_VERSION, shard.ref.key, [item.identity for item in shard.trail], self.plan.out_format]
            key = make_key("finish", *facts, *([sorted(map(list, acts))] if acts else []))
            task = (self.work, shard.ref, list(shard.trail), key, self.plan.out_format, acts)
            submitted.append((key, self.pool.submit(finish_shard, *task)))
        manifests = []
        for shard, (key, future) in zip(self.shards, submitted, strict=True):
            manifests.append({**self._wait(future), "key": key})
            self.meter.shard(ShardFinished("write", shard.ref.index, shard.read["records"], False, {}), 0)
        self.meter.end()
        return manifests


def curate(
    inputs: Sequence[str],
    recipe: Recipe,
    folder: Path,
    *,
    listener: Listener,
    should_stop: Callable[[], bool] = lambda: False,
    out: Path | None = None,
    format: str | None = None,  # noqa: A002 - the name users know from the command line
    out_format: str | None = None,
    limit: int | None = None,
    workers: int | None = None,
    pool: Pool | None = None,
    report: bool = True,
    reuse: Sequence[Path] = (),
    verdicts: Path | None = None,
    disk_check: bool = True,
) -> dict[str, Any]:
    """Run a recipe over inputs in `folder` and return the summary, which is also in `folder/summary.json`.

    `report=False` leaves out `report.html` (about a second). Called again on the same folder after a stop or
    a kill, it goes on from what is finished. `reuse` are folders of older runs whose finished pieces may be taken over.
    `workers=None` uses every core; one worker is this process. `pool` runs the passes elsewhere, in place of `workers`, and
    is the caller's to close. Of a run of some size is told what it will take on the disk; where there is less, it does not
    begin, but for `disk_check=False`. `verdicts` is a journal of what people decided about the
    records; its lines are copied to `folder/verdicts.jsonl`, and what that file holds is replayed.
    Raises the errors of `curation.errors`; Stopped when `should_stop()` became true.
    """
    began = time.monotonic()
    shards = _shards_folder(folder)
    review = load_review(folder, verdicts)
    plan = make_plan(inputs, recipe, listener, forced=format, out_format=out_format, spool=folder / "stdin.bin")
    plan = with_added(plan, review, folder, listener)
    _refuse_overwriting(plan, out)
    check_room(plan, recipe, folder, listener, out=out, format=format, limit=limit, refuse=disk_check)
    work = Work(shards, tuple(other / "shards" for other in reuse), recipe.seed, plan.column_types)
    chunks, several = _peek(_cut(plan, format, limit))
    workers = workers or os.cpu_count() or 1
    own: Pool | None = None
    if pool is None:
        pool = own = ProcessPool(workers) if workers > 1 and several else InlinePool()
    meter = Meter(listener, _bytes_to_read(plan) if limit is None else None)
    if isinstance(pool, InlinePool):  # a worker is killed in place of being asked, and tells in files
        work = replace(work, should_stop=should_stop, heard=meter.heard)
    run = _Run(work, plan, pool, meter, should_stop)
    try:
        manifests = run.whole(chunks, review, listener)
    finally:
        if own is not None:
            own.close()
        forget(shards)
    return publish(
        folder,
        recipe,
        plan,
        run.shards,
        run.corpus_stages,
        manifests,
        review,
        out=out,
        report=report,
        listener=listener,
        began=began,
    )


def _shards_folder(folder: Path) -> Path:
    """The folder of the run's pieces, without what a killed run had half written there."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    shards = folder / "shards"
    shards.mkdir(exist_ok=True, mode=0o700)
    for stale in shards.glob(".~*.part"):
        stale.unlink(missing_ok=True)
    forget(shards)
    return shards


def _bytes_to_read(plan: Plan) -> int | None:
    """Of all sources; None where the size of one does not tell."""
    plain = all(source.compression == "none" and source.size >= 0 for source in plan.sources)
    return sum(source.size for source in plan.sources) if plain else None


def _refuse_overwriting(plan: Plan, out: Path | None) -> None:
    for source in plan.sources:
        if out is not None and source.file and out.exists() and out.samefile(source.file):
            raise OutputError(f"{out} is an input of this run", "Write the dataset under another name.")


def _cut(plan: Plan, forced: str | None, limit: int | None) -> Iterator[tuple[ShardRef, RawChunk]]:
    """Every source's raw shards, in order, `limit` records in all."""
    index = 0
    left = limit
    for source in plan.sources:
        for chunk in read_chunks(source, chunk_records=SHARD_RECORDS, chunk_bytes=SHARD_BYTES):
            if left is not None:
                chunk = _head(chunk, left)
                left -= len(chunk.payloads)
            primary = plan.primary[source.name]
            digest = digest_payloads(source.name, chunk.positions, chunk.payloads)
            bad = [[item.line, item.offset, item.reason] for item in chunk.bad]
            key = make_key("read", READ_VERSION, digest, bad, chunk.blank, primary, forced)
            yield ShardRef(index, key, source.name, primary, forced), chunk
            index += 1
            if left == 0:
                return
    if index == 0:
        raise InputError("the input holds no records", "Check that the files are not empty.")


def _head(chunk: RawChunk, most: int) -> RawChunk:
    return replace(
        chunk,
        positions=chunk.positions[:most],
        lines=chunk.lines[:most],
        offsets=chunk.offsets[:most],
        payloads=chunk.payloads[:most],
    )


def _peek(
    chunks: Iterator[tuple[ShardRef, RawChunk]],
) -> tuple[Iterator[tuple[ShardRef, RawChunk]], bool]:
    """The same chunks, and whether there are several: one shard is not worth a second process."""
    first = list(islice(chunks, 2))

    def again() -> Iterator[tuple[ShardRef, RawChunk]]:
        yield from first
        yield from chunks

    return again(), len(first) > 1
