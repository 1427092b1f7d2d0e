"""How much disk a run says it needs, against what it takes, and what becomes of one that has too little."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from curation import Recipe, curate
from curation.engine import room
from curation.engine.plan import make_plan
from curation.engine.room import Room, room_of
from curation.errors import OutputError
from curation.events import DiskNeeded, Event

Usage = namedtuple("Usage", "total used free")
WORDS = "the of and to in is that for it as with on be are this by 数据 清洗 重复 记录 语言 模型".split()
CHEAP = "name: cheap\nstages:\n  - use: clean\n  - use: exact\n  - use: near\n    allow_wipeout: true\n  - use: split\n"
PLAIN = "name: plain\nstages:\n  - use: clean\n"


def write(path: Path, records: int, words: int) -> Path:
    draw = random.Random(3)
    lines = [
        json.dumps(
            {
                "question": " ".join(draw.choices(WORDS, k=words)) + f" {number}",
                "answer": " ".join(draw.choices(WORDS, k=words)),
            },
            ensure_ascii=False,
        )
        for number in range(records)
    ]
    data = "\n".join(lines).encode() + b"\n"
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def told(source: Path, text: str, limit: int | None = None) -> Room:
    recipe = Recipe.from_text(text)
    return room_of(make_plan([str(source)], recipe, lambda _: None), recipe, None, limit)


def taken(folder: Path) -> int:
    """Bytes of a run's pieces and dataset; what is linked into the ledger counts once."""
    return sum(path.stat().st_size for name in ("shards", "dataset") for path in (folder / name).iterdir())


@pytest.mark.parametrize("text", [CHEAP, PLAIN])
@pytest.mark.parametrize(("records", "words"), [(12_000, 12), (3_000, 200)])
def test_what_is_told_is_enough_and_not_twice_as_much(tmp_path: Path, text: str, records: int, words: int) -> None:
    source = write(tmp_path / "in.jsonl", records, words)
    found = told(source, text)
    done = curate(source, Recipe.from_text(text), run_dir=tmp_path / "run", report=False, workers=1)
    assert done.counts["kept"] == records
    assert taken(tmp_path / "run") <= found.total - found.scratch <= 2 * taken(tmp_path / "run")
    assert (found.scratch > 0) == (text == CHEAP)


def test_half_of_the_records_take_half(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", 6_000, 20)
    assert told(source, CHEAP, limit=3_000).kept == pytest.approx(told(source, CHEAP).kept / 2, rel=0.02)


def test_a_limit_is_of_all_sources_together(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in "abc":
        write(folder / f"{name}.jsonl", 3_000, 20)
    assert told(folder, CHEAP, limit=3_000).total == pytest.approx(told(folder / "a.jsonl", CHEAP).total, rel=0.01)
    assert told(folder, CHEAP).total == pytest.approx(3 * told(folder / "a.jsonl", CHEAP).total, rel=0.01)


def test_a_compressed_source_is_taken_for_larger(tmp_path: Path) -> None:
    plain, packed = write(tmp_path / "in.jsonl", 6_000, 20), write(tmp_path / "in.jsonl.gz", 6_000, 20)
    assert 0.3 < told(packed, PLAIN).kept / told(plain, PLAIN).kept < 3


@pytest.fixture
def nearly_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that has room for little, and a program that asks about small inputs too."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 40, 1 << 40, 300_000))
    monkeypatch.setattr(room, "SMALL", 0)


@pytest.mark.usefixtures("nearly_full")
def test_a_run_that_has_too_little_room_does_not_begin(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", 6_000, 20)
    heard: list[Event] = []
    with pytest.raises(OutputError, match=r"needs about .* MB on the disk of .*run, and 300.0 kB are free"):
        curate(source, Recipe.from_text(CHEAP), run_dir=tmp_path / "run", listener=heard.append)
    (event,) = [event for event in heard if isinstance(event, DiskNeeded)]
    assert event.needed == told(source, CHEAP).total
    assert event.free == 300_000
    assert list((tmp_path / "run" / "shards").iterdir()) == []


@pytest.mark.usefixtures("nearly_full")
def test_it_begins_all_the_same_when_asked_to_and_what_it_has_counts(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", 6_000, 20)
    recipe = Recipe.from_text(CHEAP)
    folder = tmp_path / "run"
    curate(source, recipe, run_dir=folder, disk_check=False, report=False, workers=1)
    heard: list[Event] = []
    curate(source, recipe, run_dir=folder, disk_check=False, report=False, workers=1, listener=heard.append)
    (event,) = [event for event in heard if isinstance(event, DiskNeeded)]
    pieces = sum(path.stat().st_size for path in (folder / "shards").iterdir())
    assert event.needed <= told(source, CHEAP).total - pieces + 1


@pytest.mark.usefixtures("nearly_full")
def test_a_dataset_on_another_disk_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path / "in.jsonl", 6_000, 20)
    found = told(source, PLAIN)
    monkeypatch.setattr(room, "_same_disk", lambda _out, _folder: False)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 40, 1 << 40, found.total - found.dataset))
    done = curate(source, Recipe.from_text(PLAIN), run_dir=tmp_path / "run", out=tmp_path / "out.jsonl", report=False)
    assert done.counts["kept"] == 6_000
    with pytest.raises(OutputError):
        curate(source, Recipe.from_text(PLAIN), run_dir=tmp_path / "other", report=False)
