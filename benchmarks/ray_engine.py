"""One recipe on the local engine and on a Ray cluster of two nodes, one of which is killed half way: the same bytes?

    python benchmarks/ray_engine.py --records 100000

Every stage that asks nobody is on (not `rate`, which needs an endpoint, and not `ifd`, whose model reads some tens of records
a second); `--names` lets `pii` look for names too. `--short`: questions and answers of 140 characters (`soak.py`) in place of
texts of 550. Two `ray start` with one core each stand for two machines; they share
this one's disk. The cluster is made anew for each run on it, and its start is not counted.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
from corpus import write
from measure import CACHE

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "curation"))

RECIPE = """
name: every stage
seed: 7
stages:
  - use: clean
  - use: length
    min_chars: 12
  - use: pii
    names: {names}
  - use: language
    annotate: true
  - use: quality
  - use: repetition
  - use: machine_text
  - use: values
  - use: where
    condition: chars > 15
  - use: exact
    normalise: letters
  - use: near
    allow_wipeout: true
  - use: decontaminate
    against: ["{items}"]
  - use: conflicts
  - use: semantic
    allow_wipeout: true
  - use: signals
  - use: fit
  - use: rarity
  - use: topics
  - use: select
    fraction: 0.9
    by: quality
    score: signals
  - use: mix
    caps: {{"*.jsonl": {cap}}}
  - use: sample
    fraction: 0.95
  - use: split
    validation: 0.05
"""


def child(given: argparse.Namespace) -> None:
    """One run; a line for every finished shard, and its seconds at the end."""
    from curation import Recipe, curate
    from curation.engine import local
    from curation.events import Event, ShardFinished

    local.SHARD_RECORDS = given.shard

    def say(event: Event) -> None:
        if isinstance(event, ShardFinished):
            print(f"shard {event.phase[:60]}", flush=True)

    where: dict[str, Any] = {"engine": "ray", "address": given.address} if given.address else {"workers": 2}
    began = time.monotonic()
    done = curate(given.source, Recipe.load(given.recipe), run_dir=given.folder, report=False, listener=say, **where)
    used = os.times()
    facts = {
        "wall": time.monotonic() - began,
        "driver_cpu": used.user + used.system,
        "counts": done.counts,
        "stages": {row["stage"]: row["cpu_seconds"] for row in done.summary["stages"]},
    }
    print(json.dumps(facts))


def run(given: argparse.Namespace, folder: Path, address: str | None, kill: Any = None, at: int = 0) -> dict[str, Any]:
    """A child's facts. `kill` is called when `at` shards were finished."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, __file__, "--child", "--shard", str(given.shard), "--folder", str(folder)]
    command += ["--source", given.source, "--recipe", given.recipe, *(["--address", address] if address else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    shards, last = 0, ""
    for line in process.stdout:
        last = line
        shards += line.startswith("shard ")
        if kill is not None and shards == at:
            kill()
            kill = None
    if process.wait():
        raise SystemExit(f"the run in {folder} failed")
    found: dict[str, Any] = json.loads(last)
    return {**found, **digests(folder), "shards": shards}


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of the dataset's files and of the ledger's rows in an order of their own."""
    dataset = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.glob("dataset/*.jsonl"))))
    rows = pl.read_parquet(folder / "ledger" / "*.parquet").sort(pl.all())
    return {"dataset": dataset.hexdigest(), "ledger": hashlib.sha256(rows.write_ndjson().encode()).hexdigest()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--shard", type=int, default=8192, help="records of a shard")
    parser.add_argument("--short", action="store_true", help="short questions and answers: a fifth of the time")
    parser.add_argument("--names", action="store_true", help="look for names too, at some hundred records a second")
    parser.add_argument("--without", nargs="*", default=[], metavar="STAGE", help="stages to leave out")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    for name in ("source", "recipe", "folder", "address"):
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given)
        return
    from ray_nodes import two_nodes
    from soak import write as short

    from curation import Recipe

    work = CACHE / "work" / "ray"
    work.mkdir(parents=True, exist_ok=True)
    made = short if given.short else write
    source = made(CACHE / "corpora" / f"{'soak-' * given.short}{given.records}.jsonl", given.records)
    items = work / "items.jsonl"
    items.write_bytes(b"".join(source.read_bytes().splitlines(keepends=True)[:50]))
    recipe = work / "recipe.yaml"
    recipe.write_text(RECIPE.format(items=items, cap=given.records // 2, names=str(given.names).lower()))
    left_out = [f"{stage}.enabled=false" for stage in given.without]
    recipe.write_text(Recipe.load(str(recipe)).with_settings(left_out).to_yaml())
    given.source, given.recipe = str(source), str(recipe)
    found = {"local, 2 processes": run(given, work / "local", None)}
    with two_nodes() as cluster:
        found["Ray, 2 nodes"] = run(given, work / "ray", cluster.address)
    with two_nodes() as cluster:
        half = found["Ray, 2 nodes"]["shards"] // 6
        found["Ray, a node killed"] = run(given, work / "killed", cluster.address, cluster.nodes[1].kill, half)
    print(f"{given.records:,} records, shards of {given.shard:,}: {next(iter(found.values()))['counts']}")
    print(f"| engine | wall s | dataset | ledger, sorted |\n|{'---|' * 4}")
    for name, facts in found.items():
        print(f"| {name} | {facts['wall']:.1f} | `{facts['dataset'][:16]}` | `{facts['ledger'][:16]}` |")
    same = len({(facts["dataset"], facts["ledger"]) for facts in found.values()}) == 1
    print("the same bytes" if same else "NOT THE SAME BYTES")
    print({name: seconds for name, seconds in found["local, 2 processes"]["stages"].items() if seconds > 1})
    raise SystemExit(not same)


if __name__ == "__main__":
    main()
