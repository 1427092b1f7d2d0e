"""The records of a map: those of finished curations with what became of them, or those of files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import polars as pl

from curation.datasets import datasets_of
from curation.errors import InputError, Stopped
from curation.events import Listener, SourceFound, Warned
from curation.report.charts import label
from curation.schema import Batch
from curation.scores import SCORES, scores_of
from curation.topics.model import GATHERED, WITHHELD, MapSettings
from curation.topics.private import withheld
from curation.topics.texts import mapped_texts

SIDE: Final = (
    500  # characters of the prompt, and of the answer, that are looked at: what a record is about is said early
)
OPENING: Final = 160  # characters that are shown
_CHUNK_RECORDS, _CHUNK_BYTES = 8192, 16 << 20
# Stages whose numbers say nothing about a record by itself: about pairs, places in an order, or names.
_NO_MEASURES: Final = ("exact", "near", "semantic", "conflicts", "select", "topics")
MOST_SCORES: Final = 32


@dataclass(frozen=True)
class Gathered:
    """records: GATHERED, in the order of the inputs. scores: SCORES and `input`, of the same. left_out: beyond the limit."""

    records: pl.DataFrame
    scores: pl.DataFrame
    left_out: int


def is_curation(folder: Path) -> bool:
    """Whether a folder is that of a finished curation."""
    return (folder / "index.json").is_file() and (folder / "ledger").is_dir()


def gather(
    inputs: Sequence[str], settings: MapSettings, listener: Listener, should_stop: Callable[[], bool]
) -> Gathered:
    """Read all inputs: folders of finished curations, or anything else that a curation takes.

    Beyond `settings.limit` those with the lowest digests stay: the same ones whatever the order. Memory is some 1 kB a
    record that stays. Raises InputError, Stopped.
    """
    chosen = _Chosen(settings.limit)
    for number, name in enumerate(inputs):
        folder = Path(name)
        parts = (
            _of_run(folder, number, settings) if is_curation(folder) else _of_files(name, number, settings, listener)
        )
        for records, scores in parts:
            if should_stop():
                raise Stopped("The map was stopped while records were read.")
            chosen.add(records, scores.with_columns(input=pl.lit(number, dtype=pl.UInt16)))
    found = chosen.result()
    if not found.records.height:
        raise InputError(
            f"There is no record in {', '.join(inputs)}.", "`studio inspect FILE` shows what is in a file."
        )
    if found.left_out:
        told = f"{found.left_out:,} records are beyond the limit of {settings.limit:,} and are not on the map."
        listener(Warned(told))
    return found


class _Chosen:
    """The records that stay, of those that came by; never more than twice the limit in memory."""

    def __init__(self, limit: int) -> None:
        self._limit, self._seen = limit, 0
        self._records = GATHERED.to_frame()
        self._scores: list[pl.DataFrame] = [SCORES.to_frame().with_columns(input=pl.lit(0, dtype=pl.UInt16))]

    def add(self, records: pl.DataFrame, scores: pl.DataFrame) -> None:
        order = pl.int_range(self._seen, self._seen + records.height, dtype=pl.Int64).alias("order")
        self._seen += records.height
        self._records = pl.concat([self._records, records.with_columns(order)], how="diagonal")
        self._scores.append(scores)
        if self._limit and self._records.height > 2 * self._limit:
            self._cut()

    def _cut(self) -> None:
        if self._limit and self._records.height > self._limit:
            self._records = self._records.sort("content_hash", "order").head(self._limit).sort("order")
            ids = self._records.select("record_id", "input")
            self._scores = [pl.concat(self._scores).join(ids, on=["record_id", "input"], how="semi")]

    def result(self) -> Gathered:
        self._cut()
        records = self._records.select(list(GATHERED))
        return Gathered(records, pl.concat(self._scores), self._seen - records.height)


def _of_files(
    name: str, number: int, settings: MapSettings, listener: Listener
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    from curation.engine.intake import parse_chunk
    from curation.formats import detect
    from curation.readers import find_sources, read_chunks, sample_objects

    for source in find_sources(datasets_of(name), note=lambda text: listener(Warned(text))):
        form = detect(sample_objects(source))
        listener(
            SourceFound(source.name, source.path, form or "none", source.kind, source.encoding, source.compression,
                        source.size)
        )  # fmt: skip
        bad = 0
        with closing(read_chunks(source, chunk_records=_CHUNK_RECORDS, chunk_bytes=_CHUNK_BYTES)) as chunks:
            for chunk in chunks:
                batch, _, reasons, _ = parse_chunk(chunk, form, None)
                bad += sum(reasons.values())
                fates = batch.records.select("record_id", fate=pl.lit(""), reason=pl.lit(""))
                yield _rows(batch, batch.turns, fates, number, settings), SCORES.to_frame()
        if bad:
            listener(Warned(f"{bad:,} lines of {source.name} are no record.", f"studio inspect {source.path}"))


def _of_run(folder: Path, number: int, settings: MapSettings) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    from curation.engine.store import Store
    from curation.ledger import read_index

    store = Store(folder / "shards")
    summary = read_summary(folder)
    order = {stage["stage"]: place for place, stage in enumerate(summary["stages"])}
    silent = [stage["stage"] for stage in summary["stages"] if stage["use"] in _NO_MEASURES]
    for shard in read_index(folder):
        batch = Batch(store.frame(shard["key"], "records"), store.frame(shard["key"], "turns"))
        ledger = pl.read_parquet(folder / "ledger" / f"part-{shard['place']:05d}.parquet", glob=False)
        dropped = ledger.filter(pl.col("action") == "drop").unique("record_id", keep="first", maintain_order=True)
        fates = (
            batch.records.select("record_id")
            .join(dropped.select("record_id", "stage", "reason"), on="record_id", how="left", maintain_order="left")
            .select(
                "record_id",
                fate=pl.when(pl.col("stage").is_null()).then(pl.lit("kept")).otherwise(pl.lit("dropped")),
                reason=pl.concat_str("stage", "reason", separator="/").fill_null(""),
            )
        )
        turns = final_turns(batch.turns, store.frame(shard["finish"], "edits"), order)
        rows = _rows(batch, turns, fates, number, settings)
        secret = withheld(ledger, batch.records["record_id"], summary)
        rows = rows.with_columns(
            opening=pl.when(pl.col("record_id").is_in(secret.implode())).then(pl.lit(WITHHELD)).otherwise("opening")
        )
        yield rows, scores_of(ledger.filter(~pl.col("stage").is_in(silent)))


def read_summary(folder: Path) -> dict[str, Any]:
    """`summary.json` of a finished curation. Raises InputError."""
    try:
        found: dict[str, Any] = orjson.loads((folder / "summary.json").read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} holds no finished run.", "`studio runs list` shows the runs there are.") from error
    return found


def final_turns(turns: pl.DataFrame, edits: pl.DataFrame, order: dict[str, int]) -> pl.DataFrame:
    """The turns after every edit: of several edits of a turn, that of the last stage; people's come behind all stages."""
    if not edits.height:
        return turns
    places = pl.col("stage").replace_strict(order, default=len(order), return_dtype=pl.Int64)
    last = edits.sort(places, maintain_order=True).unique(["record_id", "turn"], keep="last", maintain_order=True)
    joined = turns.join(
        last.select("record_id", "turn", "after"), on=["record_id", "turn"], how="left", maintain_order="left"
    )
    return joined.with_columns(content=pl.coalesce("after", "content")).drop("after")


def _rows(batch: Batch, turns: pl.DataFrame, fates: pl.DataFrame, number: int, settings: MapSettings) -> pl.DataFrame:
    """GATHERED of one batch. turns: as they are to be looked at."""
    frame = (
        batch.records.select("record_id", "content_hash")
        .join(mapped_texts(batch.records["record_id"], turns, settings.part), on="record_id", maintain_order="left")
        .join(fates, on="record_id", how="left", maintain_order="left")
    )
    shown = pl.col("shown").str.slice(0, 4 * OPENING)
    return frame.with_columns(
        input=pl.lit(number, dtype=pl.UInt16),
        opening=shown.map_elements(opening, return_dtype=pl.String, skip_nulls=False),
    ).select(list(GATHERED))


def opening(text: str) -> str:
    """The first words of a text on one line, with what hides or steers made visible."""
    return label(" ".join(text.split()), OPENING)
