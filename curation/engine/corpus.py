"""The barrier: one decision over the fingerprints of every shard, cut apart again by shard."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import polars as pl
import xxhash

from curation.engine.apply import complete
from curation.engine.passes import Decided, Step, Work, count, load_decisions
from curation.engine.review import Overrule, overrule
from curation.engine.store import Store, encode_frame, make_key
from curation.errors import StageError
from curation.parts import rows_named
from curation.schema import Decisions
from curation.stage import CorpusStage, StageContext

CORPUS_VERSION = 2  # raised whenever the same decisions may be stored in another way


@dataclass(frozen=True)
class Gone:
    """Records that a corpus stage dropped after fingerprints were taken: its piece, less those a person restored."""

    key: str
    restored: tuple[str, ...] = ()

    def ordinals(self, store: Store) -> pl.Series:
        """Where the records stand in the whole corpus, ascending."""
        gone = pl.scan_ipc(store.path(self.key, "dropped"))
        if self.restored:
            gone = gone.filter(~pl.col("record_id").is_in(pl.Series(self.restored).implode()))
        return gone.select("ordinal").collect()["ordinal"]


@dataclass(frozen=True)
class CorpusDecided:
    """What a corpus stage decided: by shard, in all, and in numbers."""

    by_shard: list[Decided]
    gone: Gone
    stages: list[dict[str, Any]]


def decide_corpus(
    work: Work,
    step: Step,
    print_keys: Sequence[str],
    sizes: Sequence[int],
    earlier: Sequence[str],
    dropped: Sequence[Gone],
    overrules: Mapping[int, Sequence[Overrule]],
) -> CorpusDecided:
    """Decide once. `print_keys` and `sizes` (level-0 records) are by shard; `earlier` are the keys of all corpus stages
    so far; `dropped`, of those that decided since these fingerprints were taken, whose dropped records are left out.
    `overrules`, by shard, are decisions of this stage that a person rejected.
    """
    store = work.store()
    stage = step.stage()
    assert isinstance(stage, CorpusStage)  # noqa: S101 - the plan puts only corpus stages here
    facts = [list(print_keys), list(earlier), [[item.key, item.restored] for item in dropped], list(sizes), work.seed]
    key = make_key("corpus", CORPUS_VERSION, step.name, stage_identity(step, stage), facts)
    manifest = store.manifest(key)
    if manifest is None:
        manifest = _decide(work, store, step, stage, key, print_keys, sizes, earlier, dropped)
    digests = manifest.get("digests") or [""] * len(manifest["cuts"])
    decided = [
        Decided(key, tuple(rows), tuple(edits), digest)
        for (rows, edits), digest in zip(manifest["cuts"], digests, strict=True)
    ]
    return _overruled(store, step, decided, manifest["stages"], overrules)


def _overruled(
    store: Store,
    step: Step,
    decided: list[Decided],
    stages: Sequence[Mapping[str, Any]],
    overrules: Mapping[int, Sequence[Overrule]],
) -> CorpusDecided:
    """The same decisions, with a piece of its own for each shard in which a person rejected some."""
    whole = decided[0].key
    by_shard = list(decided)
    reasons = Counter(stages[0]["reasons"])
    restored: list[str] = []
    for place, items in sorted(overrules.items()):
        item = decided[place]
        key = make_key("overruled", item.identity, sorted(map(list, items)))
        manifest = store.manifest(key)
        if manifest is None:
            before = load_decisions(store, item)
            after = overrule(before, items)
            gone = before.rows.filter(pl.col("action") == "drop").join(
                after.rows.filter(pl.col("action") == "drop"), on="record_id", how="anti"
            )
            facts = {
                "before": _reasons(before.rows, step),
                "after": _reasons(after.rows, step),
                "restored": gone["record_id"].to_list(),
            }
            manifest = store.put(key, {"decisions": after.rows, "edits": after.edits}, facts)
        if manifest["before"] != manifest["after"]:
            by_shard[place] = Decided(key)
            reasons.subtract(manifest["before"])
            reasons.update(manifest["after"])
            restored += manifest["restored"]
    counted = {reason: number for reason, number in sorted(reasons.items()) if number}
    return CorpusDecided(by_shard, Gone(whole, tuple(restored)), [{**stages[0], "reasons": counted}])


def _reasons(rows: pl.DataFrame, step: Step) -> dict[str, int]:
    found: dict[str, int] = count(step.name, 0, rows, 0.0)["reasons"]
    return found


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
    dropped: Sequence[Gone],
) -> dict[str, Any]:
    began = time.process_time()
    bases = list(accumulate(sizes, initial=0))
    prints, parts = fingerprints(store, print_keys, bases, dropped)
    scratch = work.folder.parent / "scratch" / key
    context = StageContext(work.seed, work.column_types, scratch, _clusters(store, earlier), parts=parts)
    try:
        decisions = complete(stage.decide(prints, context), step.name, stage)
    finally:
        shutil.rmtree(scratch.parent, ignore_errors=True)
    decided = pl.concat([decisions.rows["record_id"], decisions.edits["record_id"]]).unique()
    places = rows_named(parts, decided, ["ordinal"]).unique("record_id")
    _check(decisions, places, step.name)
    rows = _in_order(decisions.rows, places)
    edits = _in_order(decisions.edits, places, "turn")
    cuts = _cuts(rows["ordinal"], edits["ordinal"], bases)
    seen = sum(part.select(pl.col("ordinal").n_unique()).collect().item() for part in parts)
    facts = {
        "cuts": cuts,
        "digests": [_digest(rows.slice(*mine), edits.slice(*texts)) for mine, texts in cuts],
        "stages": [count(step.name, seen, rows, time.process_time() - began)],
    }
    pieces = {
        "decisions": rows.drop("ordinal"),
        "edits": edits.drop("ordinal"),
        "dropped": rows.filter(pl.col("action") == "drop").select("ordinal", "record_id"),
    }
    return store.put(key, pieces, facts)


def _digest(rows: pl.DataFrame, edits: pl.DataFrame) -> str:
    """A digest (hex) of what was decided about a shard, without where its records stand in the whole corpus."""
    digest = xxhash.xxh3_128(encode_frame(rows.drop("ordinal").rechunk()))
    digest.update(encode_frame(edits.drop("ordinal").rechunk()))
    return digest.hexdigest()


def fingerprints(
    store: Store, print_keys: Sequence[str], bases: Sequence[int], dropped: Sequence[Gone]
) -> tuple[pl.LazyFrame, list[pl.LazyFrame]]:
    """Every shard's fingerprints in record order with the global `ordinal`, without records dropped since: as one frame,
    and shard by shard.
    """
    gone = pl.concat([pl.Series("ordinal", [], dtype=pl.UInt64), *(item.ordinals(store) for item in dropped)]).sort()
    cuts = gone.search_sorted(pl.Series(bases, dtype=pl.UInt64), side="left").to_list()
    paths = [str(store.path(key, "prints")) for key in print_keys]
    parts = []
    for place, (path, base) in enumerate(zip(paths, bases, strict=False)):
        part = pl.scan_ipc(path).with_columns(ordinal=pl.col("local") + pl.lit(base, dtype=pl.UInt64)).drop("local")
        mine = gone.slice(cuts[place], cuts[place + 1] - cuts[place])
        parts.append(part.filter(~pl.col("ordinal").is_in(mine.implode())) if len(mine) else part)
    # One scan of all files, not one a file: polars would keep a thread for each.
    starts = pl.Series(bases[: len(paths)], dtype=pl.UInt64)
    start = pl.col("_path").replace_strict(paths, starts, return_dtype=pl.UInt64)
    whole = pl.scan_ipc(paths, include_file_paths="_path").with_columns(ordinal=pl.col("local") + start)
    whole = whole.drop("local", "_path").join(gone.to_frame().lazy(), on="ordinal", how="anti", maintain_order="left")
    return whole, parts


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
