"""Every comparison with other programs, side by side in one run, and the pages that tell of it.

    python benchmarks/bench.py [--only NAME ...] [--quick]
    python benchmarks/bench.py --pages          # measure nothing, make the pages again from results.json

Installs each peer in an environment of its own, makes the inputs by seed, and runs the benchmarks of this folder one after
the other. What they measured goes into results.json, comparison by comparison, so that one can be done again alone; from it
come docs/benchmarks.md and the tables in both READMEs, and a test fails where they differ. A peer that cannot be installed
or that fails stands in the tables as that.

A comparison holds what ran right after each other on one machine: figures of different comparisons say nothing about each
other, nor do those of --quick, whose inputs are so small that starting up is most of it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from bench_comparisons import COMPARISONS, Comparison
from bench_pages import PAGE, READMES, RESULTS, page, with_headline

ROOT = Path(__file__).resolve().parent.parent
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(COMPARISONS), default=list(COMPARISONS), metavar="NAME",
                        help=f"only these: {', '.join(COMPARISONS)}")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="small inputs: to see that all of it runs")
    parser.add_argument("--pages", action="store_true", help="measure nothing")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument(
        "--out", type=Path, default=PAGE, help="another file than docs/benchmarks.md leaves the READMEs alone"
    )
    given = parser.parse_args()
    found: dict[str, Any] = json.loads(given.results.read_text("utf-8")) if given.results.exists() else {}
    for name in [] if given.pages else given.only:
        print(f"\n== {name}", flush=True)
        found[name] = measured(COMPARISONS[name], given.quick)
        ordered = {each: found[each] for each in COMPARISONS if each in found}
        given.results.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", "utf-8")
    given.out.write_text(page(found), "utf-8")
    for language, path in READMES.items() if given.out == PAGE else ():
        path.write_text(with_headline(path.read_text("utf-8"), found, language), "utf-8")


def measured(comparison: Comparison, quick: bool) -> dict[str, Any]:
    """What one benchmark wrote, and under which circumstances."""
    arguments = [*comparison.arguments, *(comparison.quick if quick else comparison.full)]
    began, before, busy, own = time.monotonic(), os.getloadavg()[0], _busy(), _own()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        command = [sys.executable, str(ROOT / "benchmarks" / comparison.script), *arguments, "--json", str(out)]
        code = subprocess.run(command, env={**os.environ, **ONE_THREAD}, cwd=ROOT).returncode
        wall = time.monotonic() - began
        others = max(0.0, (_busy() - busy) - (_own() - own)) / (wall * (os.cpu_count() or 1))
        facts = {
            "command": " ".join(["python", f"benchmarks/{comparison.script}", *arguments]),
            "date": datetime.now(UTC).strftime("%F"),
            "quick": quick,
            "seconds": round(wall),
            "load": {"before": round(before, 1), "after": round(os.getloadavg()[0], 1), "others": round(others, 2)},
            "nice": os.nice(0),
            "machine": machine(),
        }
        if not out.exists():
            return {**facts, "failed": f"the benchmark ended with exit code {code}", "tables": []}
        return {**facts, "tables": json.loads(out.read_text())}


def _busy() -> float:
    """CPU seconds that all processes of the machine have used."""
    times = psutil.cpu_times()
    return float(sum(times[:8]) - times.idle - getattr(times, "iowait", 0.0))


def _own() -> float:
    """CPU seconds of the children that have ended, and theirs."""
    times = os.times()
    return times.children_user + times.children_system


def machine() -> dict[str, Any]:
    """The processor, cores, memory, system and Python; nothing that names the machine."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": platform.system(),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    main()
