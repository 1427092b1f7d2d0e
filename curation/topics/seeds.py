"""The records of a topic, as seeds for more like them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl

from curation.errors import InputError
from curation.topics.gather import final_turns, is_curation, read_summary
from curation.topics.model import read_map, read_points
from curation.writers.atomic import write_atomic

_CHUNK_RECORDS, _CHUNK_BYTES = 8192, 16 << 20


def write_seeds(folder: Path, topic: int, out: Path, root: Path) -> tuple[int, int]:
    """Write the records of a topic of the map in `folder` to `out`, one JSON object a line, in the format they came in;
    returns how many were written, and how many are no longer what was mapped.

    Dropped records and copies are left out; of a curation the text is that which its dataset has. The most central record
    comes first. root: where relative inputs of the map start. Raises InputError for a topic that is not there or has no
    record left, and OutputError.
    """
    found = read_map(folder)
    points = read_points(folder)
    if topic not in {each.number for each in found.topics}:
        raise InputError(f"The map has no topic {topic}.", f"Its topics are 1 to {len(found.topics)}.")
    mine = points.filter((pl.col("topic") == topic) & (pl.col("fate") != "dropped") & (pl.col("copy_of") == "")).sort(
        "central", descending=True, maintain_order=True
    )
    objects: dict[tuple[int, str], dict[str, Any]] = {}
    for number, name in enumerate(found.inputs):
        wanted = mine.filter(pl.col("input") == number).select("record_id", "content_hash")
        if wanted.height:
            read = _of_run if is_curation(root / name) else _of_files
            objects |= {(number, record): value for record, value in read(_from(root, name), wanted).items()}
    keys = [key for key in mine.select("input", "record_id").iter_rows() if key in objects]
    if not keys:
        raise InputError(
            f"Topic {topic} has no record that could be a seed.",
            "Its records were dropped, or the inputs have changed since; make the map again.",
        )
    from curation.readers import dumps_exact

    write_atomic(out, "".join(dumps_exact(objects[key]) + "\n" for key in keys).encode(), mode=0o600)
    return len(keys), mine.height - len(keys)


def _from(root: Path, name: str) -> str:
    return name if name.startswith("hf:") else str(root / name)


def _of_run(name: str, wanted: pl.DataFrame) -> dict[str, dict[str, Any]]:
    from curation.engine.store import Store
    from curation.formats import original
    from curation.ledger import read_index

    folder = Path(name)
    store = Store(folder / "shards")
    order = {stage["stage"]: place for place, stage in enumerate(read_summary(folder)["stages"])}
    found: dict[str, dict[str, Any]] = {}
    for shard in read_index(folder):
        records = store.frame(shard["key"], "records").join(wanted, on=["record_id", "content_hash"], how="semi")
        if not records.height:
            continue
        turns = final_turns(store.frame(shard["key"], "turns"), store.frame(shard["finish"], "edits"), order)
        found |= _objects(records, turns, original)
    return found


def _of_files(name: str, wanted: pl.DataFrame) -> dict[str, dict[str, Any]]:
    from curation.datasets import datasets_of
    from curation.engine.intake import parse_chunk
    from curation.formats import detect, original
    from curation.readers import find_sources, read_chunks, sample_objects

    found: dict[str, dict[str, Any]] = {}
    for source in find_sources(datasets_of(name)):
        form = detect(sample_objects(source))
        with closing(read_chunks(source, chunk_records=_CHUNK_RECORDS, chunk_bytes=_CHUNK_BYTES)) as chunks:
            for chunk in chunks:
                batch, *_ = parse_chunk(chunk, form, None)
                records = batch.records.join(wanted, on=["record_id", "content_hash"], how="semi")
                if records.height:
                    found |= _objects(records, batch.turns, original)
    return found


def _objects(records: pl.DataFrame, turns: pl.DataFrame, original: Any) -> dict[str, dict[str, Any]]:
    said: dict[str, list[tuple[str, str]]] = {}
    mine = turns.join(records.select("record_id"), on="record_id", how="semi").sort("record_id", "turn")
    for record, role, content in mine.select("record_id", "role", "content").iter_rows():
        said.setdefault(record, []).append((role, content))
    rows: Sequence[tuple[str, str, str]] = records.select("record_id", "format", "meta").rows()
    return {record: original(form, meta, said.get(record, [])) for record, form, meta in rows}
