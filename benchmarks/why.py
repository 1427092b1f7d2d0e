"""How long `studio why` takes to answer about one record of a large run, by id and by a fragment of its text.

    python benchmarks/why.py --records 1000000

Makes the run with the cheap recipe of `curate.py` if it is not there yet. Printed: the time of the answer itself (what
`studio why` adds to starting Python), over records spread at random, and of the whole command, started anew.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from pathlib import Path

from corpus import write
from curate import RECIPE
from measure import CACHE, measure

from curation.ledger import read_index, why

ASKED = 200


def finished_run(records: int) -> Path:
    """The folder of a finished run over that many records, made once."""
    runs = CACHE / "why" / str(records)
    done = sorted(runs.glob("*/result.json"))
    if done:
        return done[-1].parent
    runs.mkdir(parents=True, exist_ok=True)
    recipe = runs / "recipe.yaml"
    recipe.write_text(RECIPE)
    source = write(CACHE / "corpora" / f"{records}.jsonl", records)
    program = Path(sys.executable).with_name("studio")
    used = measure([program, "curate", source, "--recipe", recipe, "--runs-dir", runs, "--plain"], runs / "log")
    if used.code:
        raise SystemExit(f"the run ended with {used.code}: see {runs / 'log'}")
    print(
        f"run: {used.wall:.0f} s, {used.cpu:.0f} CPU-s, {records / used.cpu:,.0f} records/CPU-s, {used.peak / 2**20:.0f} MB"
    )
    return sorted(runs.glob("*/result.json"))[-1].parent


def seconds_of(folder: Path, wanted: str) -> float:
    began = time.perf_counter()
    why(folder, wanted)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    given = parser.parse_args()
    folder = finished_run(given.records)
    source = read_index(folder)[0]["source"]
    draw = random.Random(1)
    ids = [f"{source}:{draw.randrange(1, given.records + 1)}" for _ in range(ASKED)]
    seconds_of(folder, ids[0])  # imports
    taken = sorted(seconds_of(folder, wanted) for wanted in ids)
    print(f"by id: median {taken[ASKED // 2] * 1000:.1f} ms, 95th percentile {taken[int(ASKED * 0.95)] * 1000:.1f} ms")
    program = Path(sys.executable).with_name("studio")
    began = time.perf_counter()
    subprocess.run([program, "why", folder, ids[0]], check=True, stdout=subprocess.DEVNULL)
    print(f"the whole command: {(time.perf_counter() - began) * 1000:.0f} ms")


if __name__ == "__main__":
    main()
