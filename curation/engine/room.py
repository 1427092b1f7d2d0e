"""How much room a run takes on the disk: told before it begins, and refused where there is less."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from curation.copying import readable
from curation.engine.plan import Plan
from curation.engine.sample import Sample, first_records
from curation.engine.store import encode_frame
from curation.errors import OutputError
from curation.events import DiskNeeded, Listener
from curation.readers import Source
from curation.recipe import Recipe, Step
from curation.stage import CorpusStage, StageContext
from curation.writers import render_lines

SAMPLE = 2_000  # records of a source that are tried out
SMALL = 32 << 20  # bytes of input below which nobody needs to be told
MOST = 200  # times its input is more than any run takes: short texts have vectors of some kB for each stage
INFLATED = 6  # times a compressed or columnar source is larger when it is read, about
DECIDED = 24  # bytes a record and stage that decisions and ledger take, about


@dataclass(frozen=True)
class Room:
    """Bytes: what the run keeps in its folder as if every record stayed, so rather too much; what a stage needs for a while on
    top; and what the dataset takes, where it is written elsewhere than into the run's folder (`out`).
    """

    kept: int
    scratch: int
    dataset: int

    @property
    def total(self) -> int:
        """All of it, if it is on one disk."""
        return self.kept + self.scratch + self.dataset


def check_room(
    plan: Plan,
    recipe: Recipe,
    folder: Path,
    listener: Listener,
    *,
    out: Path | None,
    format: str | None,  # noqa: A002
    limit: int | None,
    refuse: bool = True,
) -> None:
    """Tell what a run of some size will take on the disk of `folder`, less what it already has there.

    Raises OutputError where that is more than is free (only tells if not `refuse`). Nothing is known of standard input.
    """
    size = sum(max(source.size, 0) * _inflation(source) for source in plan.sources)
    free = shutil.disk_usage(folder).free
    if size < SMALL and size * MOST < free:
        return
    room = room_of(plan, recipe, format, limit)
    there = sum(path.stat().st_size for path in (folder / "shards").iterdir())
    apart = out is not None and not _same_disk(out, folder)
    need = max(0, room.total - (room.dataset if apart else 0) - there)
    listener(DiskNeeded(str(folder), need, free))
    if refuse and need > free:
        raise OutputError(
            f"this run needs about {readable(need)} on the disk of {folder}, and {readable(free)} are free",
            "Make room, name another folder with --runs-dir, or go on all the same with --no-disk-check.",
        )


def room_of(plan: Plan, recipe: Recipe, format: str | None, limit: int | None) -> Room:  # noqa: A002
    """Told by the first records of each source, written as a run would write them."""
    kept = scratch = dataset = 0.0
    left = limit
    for source in plan.sources:
        sample = first_records(source, SAMPLE, format)
        records = len(sample.batch)
        if not records:
            continue
        count = sample.count if sample.sure else max(sample.count, _inflated_count(source, sample))
        if left is not None:
            count = min(count, left)
            left -= count
        times = count / records
        lines, _ = render_lines(sample.batch, plan.out_format, {}, Counter())
        written = sum(map(len, lines))
        kept += times * (_bytes_kept(sample, recipe, plan) + written)
        dataset += times * written
        scratch += count * max(map(_scratch_bytes, recipe.steps()), default=0)
    return Room(round(kept), round(scratch), round(dataset))


def _bytes_kept(sample: Sample, recipe: Recipe, plan: Plan) -> int:
    """Of the sample: its records, and what each stage leaves about them."""
    batch = sample.batch
    text = int(batch.turns["content"].str.len_bytes().sum())
    total = len(encode_frame(batch.records)) + len(encode_frame(batch.turns))
    for step in recipe.steps():
        total += DECIDED * len(batch)
        if not isinstance(step.stage, CorpusStage):
            continue
        if step.stage.lazy:
            total += text + step.stage.vector_bytes * len(batch)
        else:
            prints = step.stage.fingerprint(batch, StageContext(recipe.seed, plan.column_types))
            total += len(encode_frame(prints.with_columns(local=pl.int_range(len(prints), dtype=pl.UInt32))))
    return total


def _scratch_bytes(step: Step) -> int:
    return step.stage.scratch_bytes() if isinstance(step.stage, CorpusStage) else 0


def _inflation(source: Source) -> int:
    return 1 if source.compression == "none" and source.kind != "parquet" else INFLATED


def _inflated_count(source: Source, sample: Sample) -> int:
    text = int(sample.batch.turns["content"].str.len_bytes().sum())
    return round(max(source.size, 0) * INFLATED * len(sample.batch) / max(text, 1))


def _same_disk(out: Path, folder: Path) -> bool:
    there = next(parent for parent in [out, *out.absolute().parents] if parent.exists())
    return there.stat().st_dev == folder.stat().st_dev
