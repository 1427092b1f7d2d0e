"""Near and semantic duplicates through the engine: killed and resumed, by any number of workers, in any order of files."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from engine_inputs import digests, run
from pairs import GROUPS

from curation.engine import local

KILLS = max(4, int(os.environ.get("STUDIO_KILLS", "4")))
RECIPE = """
seed: 7
stages:
  - use: near
    allow_wipeout: true
  - use: semantic
    allow_wipeout: true
  - use: split
    validation: 0.2
"""
CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from curation.engine import local
from engine_inputs import run
local.SHARD_RECORDS = 40
def listener(event):
    print(getattr(event, "phase", ""), flush=True)
run(Path(sys.argv[2]), *map(Path, sys.argv[6:]), recipe=sys.argv[3], workers=int(sys.argv[4]), out=Path(sys.argv[5]),
    listener=listener)
"""
TURNS = {
    "en": "Before you answer, think of a reader who has never heard of the matter and has little time to spare: ",
    "zh": "回答之前请想一想，读者从来没有听说过这件事，而且只有很少的时间来阅读你写的内容：",
}


def records() -> Iterator[dict[str, str]]:
    """Records in two languages with their paraphrases and look-alikes, and slips in half of the longer ones."""
    draw = random.Random(9)
    for line in GROUPS.read_text("utf-8").splitlines():
        group = json.loads(line)
        for name in ("en_a", "en_b", "en_other", "zh_a", "zh_b", "zh_other"):
            question, answer = group[name]
            yield {"instruction": question, "input": "", "output": answer}
            long = {"instruction": TURNS[name[:2]] * 2 + question, "input": "", "output": answer}
            yield long
            if draw.random() < 0.5:
                slip = long["instruction"].replace("reader", "raeder", 1).replace("从来没有", "从没有", 1)
                yield {**long, "instruction": slip}


def write(path: Path, chosen: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in chosen), encoding="utf-8")
    return path


def start(folder: Path, out: Path, workers: int, *sources: Path) -> subprocess.Popen[str]:
    here = str(Path(__file__).resolve().parent)
    arguments = [here, str(folder), RECIPE, str(workers), str(out), *map(str, sources)]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments],
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def killed_in(process: subprocess.Popen[str], stage: str, events: int, wait: float) -> bool:
    """Kill the run `wait` seconds after it has told so often that it is in the phase of `stage`; whether it was alive."""
    assert process.stdout is not None
    seen = 0
    for phase in process.stdout:
        seen += stage in phase
        if seen == events:
            break
    time.sleep(wait)
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    return alive


@pytest.mark.slow
def test_killed_in_near_or_semantic_the_run_ends_with_the_same_bytes(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", list(records()))
    whole = start(tmp_path / "whole", tmp_path / "whole-out", 2, source)
    told = (whole.communicate()[0] or "").split("\n")
    assert whole.returncode == 0
    ledger = pl.read_parquet(tmp_path / "whole" / "ledger" / "*.parquet")
    assert {"near_duplicate", "semantic_duplicate"} <= set(ledger.filter(pl.col("action") == "drop")["reason"])
    draw = random.Random(4)
    hits = dict.fromkeys(("near", "semantic"), 0)
    for attempt in range(KILLS):
        stage = ("near", "semantic")[attempt % 2]
        folder, out = tmp_path / f"run{attempt}", tmp_path / f"out{attempt}"
        events = draw.randint(1, sum(stage in phase for phase in told))
        hits[stage] += killed_in(start(folder, out, 2, source), stage, events, draw.uniform(0, 0.2))
        again = start(folder, out, 1 + attempt % 2, source)
        again.communicate()
        assert again.returncode == 0
        assert digests(folder) == digests(tmp_path / "whole")
        for name in ("train.jsonl", "validation.jsonl"):
            assert (out / name).read_bytes() == (tmp_path / "whole-out" / name).read_bytes()
        assert not list(out.glob(".~*"))
    assert min(hits.values()) >= KILLS // 3, "the kills must hit both stages"


@pytest.mark.slow
def test_the_bytes_depend_neither_on_workers_nor_on_shards_nor_on_the_order_of_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = list(records())[:240]
    monkeypatch.setattr(local, "SHARD_RECORDS", 40)
    one, two = write(tmp_path / "a.jsonl", chosen[::2]), write(tmp_path / "b.jsonl", chosen[1::2])
    run(tmp_path / "ab", one, two, workers=1, recipe=RECIPE)
    assert {"near_duplicate", "semantic_duplicate"} <= set(
        pl.read_parquet(tmp_path / "ab" / "ledger" / "*.parquet")["reason"]
    )
    run(tmp_path / "ba", two, one, workers=2, recipe=RECIPE)
    assert digests(tmp_path / "ab") == digests(tmp_path / "ba")
    monkeypatch.setattr(local, "SHARD_RECORDS", 70)
    run(tmp_path / "other", one, two, workers=1, recipe=RECIPE)
    for name in ("train.jsonl", "validation.jsonl"):
        assert (tmp_path / "ab/dataset" / name).read_bytes() == (tmp_path / "other/dataset" / name).read_bytes()
