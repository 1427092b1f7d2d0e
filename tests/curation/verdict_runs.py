"""Runs with verdicts, and what several tests ask of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from curation.engine.store import Store
from curation.ledger import read_index
from curation.verdicts import Journal, Verdict

RECIPE = """
seed: 3
stages:
  - use: clean
  - use: length
    min_chars: 40
  - use: exact
    normalise: letters
  - use: split
    validation: 0.2
"""


def read(folder: Path) -> pl.DataFrame:
    """`record_id, content_hash` of every record of a run."""
    store = Store(folder / "shards")
    return pl.concat(
        store.frame(shard["key"], "records").select("record_id", "content_hash") for shard in read_index(folder)
    )


def ledger(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "ledger" / "*.parquet")


def about(folder: Path, record_id: str, kind: Any, **more: Any) -> Verdict:
    """A verdict about a record of a run, by its id."""
    hashes = dict(read(folder).iter_rows())
    return Verdict(kind, record_id, hashes[record_id], "lin", **more)


def judge(folder: Path, *verdicts: Verdict) -> Path:
    with Journal.open(folder / "verdicts.jsonl") as journal:
        journal.append(*verdicts)
    return folder / "verdicts.jsonl"


def first(folder: Path, stage: str, action: str) -> dict[str, Any]:
    """The first decision of that kind in the ledger."""
    found = ledger(folder).filter((pl.col("stage") == stage) & (pl.col("action") == action))
    return found.row(0, named=True)


def dataset(folder: Path) -> dict[str, dict[str, Any]]:
    """The records of the dataset by their column `key`."""
    lines = [line for file in sorted(folder.glob("dataset/*.jsonl")) for line in file.read_text().splitlines()]
    return {str(item.get("key")): item for item in map(json.loads, lines)}


def write_input(path: Path, records: int) -> Path:
    """Question and answer records with a `key`: every 5th to clean, every 7th too short, every 9th a copy."""
    lines = []
    for number in range(records):
        record = {
            "question": f"What is number {number}, 第{number}号？",
            "answer": f"It is the number {number} of many, a fine one.",
        }
        if number % 5 == 0:
            record["answer"] += " <b>Indeed</b>"
        if number % 7 == 0:
            record = {"question": f"{number}?", "answer": "Yes."}
        if number % 9 == 8:
            record = {
                "question": "Who wrote this line, and why so late?",
                "answer": "A clerk wrote it, since it rained.",
            }
        lines.append(json.dumps({**record, "key": number}, ensure_ascii=False))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
