"""A run that is killed at any moment goes on where it was, and ends with the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from engine_inputs import digests, run, write_messy

KILLS = int(os.environ.get("STUDIO_KILLS", "8"))

CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from curation.engine import local
from engine_inputs import run
local.SHARD_RECORDS = 64
run(Path(sys.argv[2]), Path(sys.argv[3]), workers=int(sys.argv[4]), out=Path(sys.argv[5]), report=False)
"""


def start(folder: Path, source: Path, out: Path, workers: int) -> subprocess.Popen[bytes]:
    here = str(Path(__file__).resolve().parent)
    arguments = [sys.executable, "-c", CHILD, here, str(folder), str(source), str(workers), str(out)]
    return subprocess.Popen(arguments, start_new_session=True, stderr=subprocess.DEVNULL)


@pytest.mark.slow
def test_killed_anywhere_the_run_ends_with_the_same_bytes(tmp_path: Path) -> None:
    source = write_messy(tmp_path / "in.jsonl", 1500)
    began = time.monotonic()
    whole = start(tmp_path / "whole", source, tmp_path / "whole-out", 2)
    assert whole.wait() == 0
    lasts = time.monotonic() - began
    draw = random.Random(3)
    killed_early = 0
    for attempt in range(KILLS):
        folder, out = tmp_path / f"run{attempt}", tmp_path / f"out{attempt}"
        process = start(folder, source, out, workers=2)
        time.sleep(draw.uniform(0, lasts * 1.1))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if not (folder / "summary.json").exists():
            killed_early += 1
            assert (
                not (out / "train.jsonl").exists()
                or (out / "train.jsonl").read_bytes() == (tmp_path / "whole-out" / "train.jsonl").read_bytes()
            ), "a file under its final name must be whole"
        again = start(folder, source, out, workers=1 + attempt % 2)
        assert again.wait() == 0
        assert digests(folder) == digests(tmp_path / "whole")
        for name in ("train.jsonl", "validation.jsonl"):
            assert (out / name).read_bytes() == (tmp_path / "whole-out" / name).read_bytes()
        assert not list(out.glob(".~*"))
    assert killed_early >= KILLS // 3, "the kills must hit the run, not its end"


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    from curation.engine.pool import ProcessPool

    with ProcessPool(1) as pool:
        first = pool.submit(os.getpid).result()
        os.kill(first, signal.SIGKILL)
        second = pool.submit(os.getpid).result()
    assert first != second
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.kill(second, 0)
            time.sleep(0.05)


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    child = (
        "import os, sys, time\nfrom curation.engine.pool import ProcessPool\n"
        "pool = ProcessPool(1)\nprint(pool.submit(os.getpid).result(), flush=True)\ntime.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    worker = int(process.stdout.readline())
    process.kill()
    process.wait()
    for _ in range(100):
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("the worker outlived its parent")


def test_the_whole_run_is_whole(tmp_path: Path) -> None:
    summary = run(tmp_path / "run", write_messy(tmp_path / "in.jsonl", 50), workers=1)
    assert (tmp_path / "run" / "summary.json").exists()
    assert summary["outputs"][0]["sha256"] in digests(tmp_path / "run").values()
