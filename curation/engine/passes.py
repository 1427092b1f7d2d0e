"""What happens to one shard in one pass. These functions run in worker processes; the parent only sends names and keys.

A pass is: read or load the shard, replay what was decided before, run the record stages of this stretch of the recipe,
take the fingerprints that the following corpus stages need. Nothing here knows about other shards.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from curation.collector import at_rest
from curation.engine.apply import apply, check_law, complete
from curation.engine.inside import Teller, Told
from curation.engine.intake import parse_chunk
from curation.engine.review import Overrule, overrule
from curation.engine.store import Store
from curation.llm.model import never
from curation.readers import RawChunk
from curation.registry import stage_class
from curation.schema import Batch, Decisions
from curation.scores import scores_of
from curation.stage import CorpusStage, RecordStage, Stage, StageContext
from curation.telling import hearing


@dataclass(frozen=True)
class Step:
    """A stage of the recipe, as it travels to a worker: its name in the recipe, its kind, its parameters."""

    name: str
    use: str
    parameters: dict[str, Any]

    def stage(self) -> Stage:
        """The stage itself, validated again (cheap) so that no pickled class has to match."""
        return stage_class(self.use)(**self.parameters)


@dataclass(frozen=True)
class Decided:
    """Where decisions already made about a shard lie: a whole piece, or some rows of a corpus stage's piece.

    digest: of those rows, so that what depends on them does not depend on what was decided about other shards.
    """

    key: str
    rows: tuple[int, int] | None = None  # offset and length; None: all of them
    edits: tuple[int, int] | None = None
    digest: str = ""

    @property
    def identity(self) -> str | list[object]:
        """What the keys of later work say about these decisions."""
        return self.digest or [self.key, self.rows, self.edits]


@dataclass(frozen=True)
class ShardRef:
    """A level-0 shard: where it comes from and where its records lie."""

    index: int
    key: str
    source: str
    primary: str | None
    forced: str | None


@dataclass(frozen=True)
class Work:
    """Everything the passes of one run share. folder: of the shards. should_stop, heard: of passes in the process of the
    engine; heard gets the key of a shard and how far a stage is in it.
    """

    folder: Path
    reuse: tuple[Path, ...]
    seed: int
    column_types: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    should_stop: Callable[[], bool] = never
    heard: Callable[[str, Told], None] | None = None

    @contextmanager
    def telling(self, shard: str, stage: str) -> Iterator[None]:
        """What the stage tells in the meantime reaches the engine, from this process or another."""
        heard = self.heard
        if heard is not None:
            with hearing(lambda *told: heard(shard, Told(stage, *told)), self.should_stop):
                yield
            return
        teller = Teller(self.folder, shard, stage)
        try:
            with hearing(teller):
                yield
        finally:
            teller.close()

    def store(self) -> Store:
        """The store of the run."""
        return Store(self.folder, self.reuse)

    def context(self) -> StageContext:
        """What record stages may know."""
        return StageContext(
            seed=self.seed, column_types=self.column_types, folder=self.folder.parent, should_stop=self.should_stop
        )


def read_shard(work: Work, shard: ShardRef, chunk: RawChunk) -> tuple[Batch, dict[str, Any]]:
    """Parse a raw chunk into the level-0 shard. Returns it and its manifest."""
    with at_rest():
        batch, quarantine, reasons, formats = parse_chunk(chunk, shard.primary, shard.forced)
    facts = {
        "records": len(batch),
        "blank": chunk.blank,
        "quarantined": sum(reasons.values()),
        "quarantine": reasons,
        "formats": formats,
        "first": chunk.positions[0] if chunk.positions else 0,
        "last": chunk.positions[-1] if chunk.positions else 0,
    }
    parts: dict[str, pl.DataFrame | bytes] = {
        "records": batch.records,
        "turns": batch.turns,
        "quarantine": quarantine,
    }
    return batch, work.store().put(shard.key, parts, facts)


def load_state(store: Store, shard: ShardRef, trail: Sequence[Decided]) -> Batch:
    """The shard's records as they are after the decisions of `trail`, in order."""
    batch = level_zero(store, shard.key)
    for decided in trail:
        for decisions in split_by_stage(load_decisions(store, decided)):
            batch = apply(batch, decisions)
    return batch


def level_zero(store: Store, key: str) -> Batch:
    """The records of a shard as they were read."""
    return Batch(store.frame(key, "records"), store.frame(key, "turns"))


def load_decisions(store: Store, decided: Decided) -> Decisions:
    """Decisions that a pass or a corpus stage stored."""
    if decided.rows is None or decided.edits is None:
        return Decisions(store.frame(decided.key, "decisions"), store.frame(decided.key, "edits"))
    return Decisions(
        store.slice(decided.key, "decisions", *decided.rows), store.slice(decided.key, "edits", *decided.edits)
    )


def split_by_stage(decisions: Decisions) -> list[Decisions]:
    """Decisions of several stages, apart, in the order in which the stages decided."""
    stages = decisions.rows["stage"].unique(maintain_order=True).to_list()
    if len(stages) < 2:
        return [decisions]
    return [
        Decisions(decisions.rows.filter(pl.col("stage") == stage), decisions.edits.filter(pl.col("stage") == stage))
        for stage in stages
    ]


def read_pass(work: Work, shard: ShardRef, chunk: RawChunk) -> dict[str, Any]:
    """Only read a shard, unless that was done. Returns its manifest."""
    manifest = work.store().manifest(shard.key)
    return read_shard(work, shard, chunk)[1] if manifest is None else manifest


def record_pass(
    work: Work,
    shard: ShardRef,
    chunk: RawChunk | None,
    trail: Sequence[Decided],
    steps: Sequence[Step],
    pass_key: str,
    prints: Sequence[tuple[Step, str]],
    overrules: Sequence[Overrule] = (),
) -> dict[str, Any]:
    """One pass over one shard. Whatever is already there under its key is not made again.

    `prints` are the corpus stages that follow, each with the key of its fingerprints for this shard; `overrules` the
    decisions of `steps` that a person rejected.
    Returns `{"read": manifest, "pass": manifest}`.
    """
    store = work.store()
    first: Batch | None = None
    read = store.manifest(shard.key)
    if read is None:
        if chunk is None:
            raise FileNotFoundError(store.path(shard.key, "records"))
        first, read = read_shard(work, shard, chunk)
    missing = [(step, key) for step, key in prints if store.manifest(key) is None]
    done = store.manifest(pass_key)
    if done is not None and not missing:
        return {"read": read, "pass": done, "reused": True}
    batch = load_state(store, shard, trail) if first is None else first
    with _keeping(store, [*steps, *(step for step, _ in missing)]):
        if done is None:
            batch, done = _decide(work, store, shard, batch, steps, pass_key, overrules)
        else:
            for decisions in split_by_stage(load_decisions(store, Decided(pass_key))):
                batch = apply(batch, decisions)
        if missing:
            level0 = store.frame(shard.key, "records") if first is None else first.records
            _take_fingerprints(work, store, shard, level0, batch, missing, [*trail, Decided(pass_key)])
    return {"read": read, "pass": done, "reused": False}


@contextmanager
def _keeping(store: Store, steps: Sequence[Step]) -> Iterator[None]:
    """Vectors that stages share are kept in the run. Only stages that make some load what they are kept by: numpy takes a
    tenth of a second.
    """
    for step in steps:
        stage_class(step.use)
    shared = sys.modules.get("curation.embedding.shared")
    with nullcontext() if shared is None else shared.kept_on(store):
        yield


def _decide(
    work: Work,
    store: Store,
    shard: ShardRef,
    batch: Batch,
    steps: Sequence[Step],
    pass_key: str,
    overrules: Sequence[Overrule],
) -> tuple[Batch, dict[str, Any]]:
    """Run record stages over a batch and store what they decided, with counts and CPU seconds by stage."""
    all_decisions: list[Decisions] = []
    counts: list[dict[str, Any]] = []
    for step in steps:
        stage = step.stage()
        assert isinstance(stage, RecordStage)  # noqa: S101 - the plan puts only record stages here
        began = time.process_time()
        with work.telling(shard.key, step.name):
            decisions = complete(stage.decide(batch, work.context()), step.name, stage)
        decisions = overrule(decisions, [item for item in overrules if item.stage == step.name])
        after = apply(batch, decisions)
        check_law(batch, decisions, after, step.name)
        counts.append(count(step.name, len(batch), decisions.rows, time.process_time() - began))
        all_decisions.append(decisions)
        batch = after
    joined = Decisions.concat(all_decisions)
    parts = {"decisions": joined.rows, "edits": joined.edits}
    return batch, store.put(pass_key, parts, {"stages": counts, "left": len(batch)})


def count(step: str, records_in: int, rows: pl.DataFrame, seconds: float) -> dict[str, Any]:
    """What a stage did, in numbers: `{"stage", "records_in", "cpu_seconds", "reasons": {"drop/too_short": 3}}`."""
    grouped = rows.group_by("action", "reason").len().sort("action", "reason")
    reasons = {f"{action}/{reason}": number for action, reason, number in grouped.iter_rows()}
    return {"stage": step, "records_in": records_in, "cpu_seconds": seconds, "reasons": reasons}


def _take_fingerprints(
    work: Work,
    store: Store,
    shard: ShardRef,
    level0: pl.DataFrame,
    batch: Batch,
    missing: Sequence[tuple[Step, str]],
    trail: Sequence[Decided],
) -> None:
    """Store the fingerprints of a shard's surviving records, each with its place in the shard as it was read (`local`)."""
    places = level0.select("record_id").with_row_index("local")
    for step, key in missing:
        stage = step.stage()
        assert isinstance(stage, CorpusStage)  # noqa: S101 - the plan puts only corpus stages here
        context = work.context()
        if stage.reads_scores:
            context = replace(context, scores=_scores(store, trail))
        with work.telling(shard.key, step.name):
            prints = stage.fingerprint(batch, context)
        prints = prints.join(places, on="record_id", how="left", maintain_order="left")
        store.put(key, {"prints": prints}, {"records": len(batch)})


def _scores(store: Store, trail: Sequence[Decided]) -> pl.DataFrame:
    return pl.concat([scores_of(load_decisions(store, decided).rows) for decided in trail])
