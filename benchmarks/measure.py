"""Running a whole program and measuring it: wall, CPU of it and all its children, peak memory of the whole tree."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

Row = dict[str, Any]
CACHE = Path(os.environ.get("STUDIO_BENCH_CACHE", Path.home() / ".cache" / "studio-benchmarks"))


@dataclass(frozen=True)
class Measured:
    """What a program used. cpu: seconds of user and system time. peak: bytes, the most the tree held at once (sampled). unique:
    the same with pages that several processes share counted once (PSS).
    """

    wall: float
    cpu: float
    peak: int
    output: str
    code: int
    unique: int = 0


def measure(command: Sequence[str | Path], log: Path | None = None, **environment: str) -> Measured:
    """Run `command` to its end. Its output goes to `log` where given."""
    before = os.times()
    began = time.monotonic()
    process = subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    )
    peak = [0, 0]
    watcher = threading.Thread(target=_watch, args=(process.pid, peak), daemon=True)
    watcher.start()
    output = process.communicate()[0]
    wall = time.monotonic() - began
    after = os.times()
    if log is not None:
        log.write_text(output)
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Measured(wall, cpu, peak[0], output, process.returncode, peak[1])


def _watch(pid: int, peak: list[int]) -> None:
    try:
        root = psutil.Process(pid)
        while True:
            held = unique = 0
            for process in [root, *root.children(recursive=True)]:
                try:
                    used = process.memory_full_info()
                except psutil.Error:
                    continue
                held += used.rss
                unique += getattr(used, "pss", used.rss)
            peak[:] = max(peak[0], held), max(peak[1], unique)
            time.sleep(0.1)
    except psutil.Error:
        return


def row(program: str, used: Measured, processes: int = 1, **facts: Any) -> Row:
    """One line of a table as `--json` writes it: seconds, bytes, and what else the benchmark knows about the program."""
    if used.code:
        return failed(program, f"it ended with exit code {used.code}", processes)
    seconds = {"wall": round(used.wall, 2), "cpu": round(used.cpu, 2)}
    return {"program": program, "processes": processes, **seconds, "peak": used.peak, "unique": used.unique, **facts}


def failed(program: str, why: str, processes: int = 1) -> Row:
    """The line of a program that has no figures, and why."""
    return {"program": program, "processes": processes, "failed": why}


def save(path: Path | None, *tables: tuple[dict[str, Any], Sequence[Row]]) -> None:
    """Write tables for `bench.py`, each with the facts of what it was measured on. Nothing where no path was given."""
    if path is not None:
        path.write_text(
            json.dumps([{"on": on, "rows": list(rows)} for on, rows in tables], indent=1, ensure_ascii=False)
        )
