"""Real files: every record recognised as what it is, and restored exactly."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from curation.formats import detect, read_record, write_record
from curation.readers.payload import dumps_exact

DATA = Path(os.environ.get("STUDIO_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))

FILES = [
    ("llamafactory/alpaca_en_demo.json", "alpaca", 999, "messages"),
    ("llamafactory/alpaca_zh_demo.json", "alpaca", 1000, "qa"),
    ("llamafactory/identity.json", "alpaca", 91, "sharegpt"),
    ("llamafactory/dpo_en_demo.json", "preference", 300, None),
    ("llamafactory/wiki_demo.txt", "text", 30, None),
    ("presidio_research/generated_small.json", "text", 100, None),
    ("presidio_research/synth_dataset_first900.json", "text", 900, None),
    ("sarcasm/sarcasm.csv", "qa", 199, "llama2"),
    ("self_instruct/seed_tasks.jsonl", "self_instruct", 175, "alpaca"),
]


def objects(path: Path) -> Iterator[dict]:
    with path.open(encoding="utf-8", newline="") as stream:
        if path.suffix == ".json":
            yield from json.load(stream)
        elif path.suffix == ".csv":
            yield from csv.DictReader(stream)
        else:
            yield from (json.loads(line) if path.suffix == ".jsonl" else {"text": line[:-1]} for line in stream)


@pytest.mark.parametrize(("file", "name", "count", "other"), FILES, ids=lambda value: str(value).rpartition("/")[2])
def test_real_data_is_recognised_restored_and_converted(file: str, name: str, count: int, other: str | None) -> None:
    path = DATA / file
    if not path.exists():
        pytest.skip(f"needs {file} of the shared data; set STUDIO_DATA to its folder")
    found = list(objects(path))
    assert detect(found[:100]) == name
    names: Counter[str] = Counter()
    for obj in found:
        read, turns, meta = read_record(obj, name, None)
        names[read] += 1
        assert dumps_exact(write_record(read, meta, turns, None, None)) == dumps_exact(obj)
        assert all(dumps_exact(content) in dumps_exact(obj) for _, content in turns)
        if other is not None:
            there = write_record(read, meta, turns, other, None)
            again, said, back = read_record(there, other, None)
            texts = [content.strip() for _, content in turns]
            assert again == other
            assert "\n".join(texts).split() == "\n".join(content for _, content in said).split()
            assert write_record(again, back, said, None, None) == there
    assert names == {name: count}
