"""The barrier: one decision over the fingerprints of every shard, cut apart again by shard."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import polars as pl

from curation.engine.apply import complete
from curation.engine.passes import Decided, Step, Work, count
from curation.engine.store import Store, make_key
from curation.errors import StageError
from curation.schema import Decisions
from curation.stage import CorpusStage, StageContext


def decide_corpus(
    work: Work,
    step: Step,
    print_keys: Sequence[str],
    sizes: Sequence[int],
    earlier: Sequence[str],
    dropped: Sequence[str],
) -> tuple[list[Decided], dict[str, Any]]:
    """Decide once. `print_keys` and `sizes` (level-0 records) are by shard; `earlier` are the keys of all corpus stages
    so far; `dropped`, of those that decided since these fingerprints were taken, whose dropped records are left out.

    Returns where each shard's decisions lie, and the manifest.
    """
    store = work.store()
    stage = step.stage()
    assert isinstance(stage, CorpusStage)  # noqa: S101 - the plan puts only corpus stages here
    facts = [list(print_keys), list(earlier), list(dropped), list(sizes), work.seed]
    key = make_key("corpus", step.name, stage_identity(step, stage), facts)
    manifest = store.manifest(key)
    if manifest is None:
        manifest = _decide(work, store, step, stage, key, print_keys, sizes, earlier, dropped)
    return [Decided(key, tuple(rows), tuple(edits)) for rows, edits in manifest["cuts"]], manifest


def stage_identity(step: Step, stage: Any) -> list[Any]:
    """What the decisions of a stage depend on, besides the records."""
    return [step.use, stage.version, stage.model_dump(mode="json"), dict(stage.assets())]


def print_identity(step: Step, stage: Any) -> list[Any]:
    """What the fingerprints of a corpus stage depend on, besides the records."""
    return [step.use, stage.version, dict(stage.fingerprint_facts()), dict(stage.assets())]


def _decide(
    work: Work,
    store: Store,
    step: Step,
    stage: CorpusStage,
    key: str,
    print_keys: Sequence[str],
    sizes: Sequence[int],
    earlier: Sequence[str],
    dropped: Sequence[str],
) -> dict[str, Any]:
    began = time.process_time()
    bases = [sum(sizes[:index]) for index in range(len(sizes) + 1)]
    prints = fingerprints(store, print_keys, bases, dropped)
    scratch = work.folder.parent / "scratch" / key
    context = StageContext(work.seed, work.column_types, scratch, _clusters(store, earlier))
    decisions = complete(stage.decide(prints, context), step.name, stage)
    places = prints.select("record_id", "ordinal").unique().collect()
    _check(decisions, places, step.name)
    rows = _in_order(decisions.rows, places)
    edits = _in_order(decisions.edits, places, "turn")
    facts = {
        "cuts": _cuts(rows["ordinal"], edits["ordinal"], bases),
        "stages": [count(step.name, places.height, rows, time.process_time() - began)],
    }
    return store.put(key, {"decisions": rows.drop("ordinal"), "edits": edits.drop("ordinal")}, facts)


def fingerprints(store: Store, print_keys: Sequence[str], bases: Sequence[int], dropped: Sequence[str]) -> pl.LazyFrame:
    """Every shard's fingerprints in record order with the global `ordinal`, without records dropped since."""
    frames = [
        pl.scan_ipc(store.path(key, "prints"))
        .with_columns(ordinal=(pl.col("local") + pl.lit(base, dtype=pl.UInt64)).cast(pl.UInt64))
        .drop("local")
        for key, base in zip(print_keys, bases, strict=False)
    ]
    prints = pl.concat(frames)
    for key in dropped:
        gone = pl.scan_ipc(store.path(key, "decisions")).filter(pl.col("action") == "drop").select("record_id")
        prints = prints.join(gone, on="record_id", how="anti", maintain_order="left")
    return prints


def _clusters(store: Store, keys: Sequence[str]) -> pl.LazyFrame:
    """`record_id, cluster` from the `_cluster` value of decisions; a record may be in clusters of several stages."""
    empty = pl.LazyFrame(schema={"record_id": pl.String(), "cluster": pl.String()})
    found = [
        pl.scan_ipc(store.path(key, "decisions"))
        .select("record_id", cluster=pl.col("values").str.json_path_match("$._cluster"))
        .filter(pl.col("cluster").is_not_null())
        for key in keys
    ]
    return pl.concat([empty, *found])


def _check(decisions: Decisions, places: pl.DataFrame, step: str) -> None:
    ids = decisions.rows["record_id"]
    if ids.n_unique() != ids.len():
        raise StageError(f"stage '{step}' decided twice about a record", "This is a defect of the stage.")
    if decisions.rows.join(places, on="record_id", how="anti").height:
        raise StageError(f"stage '{step}' decided about a record it was not given", "This is a defect of the stage.")


def _in_order(frame: pl.DataFrame, places: pl.DataFrame, *then: str) -> pl.DataFrame:
    return frame.join(places, on="record_id", how="left").sort("ordinal", *then)


def _cuts(rows: pl.Series, edits: pl.Series, bases: Sequence[int]) -> list[list[list[int]]]:
    """For each shard, `[offset, length]` of its rows and of its edits, both sorted by ordinal."""
    borders = pl.Series(bases, dtype=pl.UInt64)
    row_cuts = rows.search_sorted(borders, side="left").to_list() if rows.len() else [0] * len(bases)
    edit_cuts = edits.search_sorted(borders, side="left").to_list() if edits.len() else [0] * len(bases)
    return [
        [[row_cuts[i], row_cuts[i + 1] - row_cuts[i]], [edit_cuts[i], edit_cuts[i + 1] - edit_cuts[i]]]
        for i in range(len(bases) - 1)
    ]
