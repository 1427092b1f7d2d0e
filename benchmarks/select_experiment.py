"""Does it matter which 200 records are trained on? `studio experiment` on real instructions, every selector against chance.

    nice -n 10 python benchmarks/select_experiment.py [--out DIR] [--steps N] [--seeds N] [--records N] [--only-data]
        [--judge MODEL]

The English Alpaca demo (999 records of `llamafactory` in STUDIO_DATA, default ../shared/data), cleaned and without exact
copies: 150 are drawn first and held out, the others are the pool. Nothing is made dirty. The arms:

    all        the pool
    random     as many records as a selection has, another draw for each seed
    coverage   facility location over embeddings
    spread     k-centre over embeddings
    ifd        the best by `ifd` of smollm2, at most 1
    blend      half quality (`ifd`, at most 1), half coverage

The model is that of `benchmarks/experiment.py`: a Llama of random weights with 1.3 million parameters and a tokenizer made
of the pool, every weight trained. All arms read as many tokens. Everything else is what the studio does for anybody.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from experiment import DATA, ROOT, make_model, write

HELD_OUT = 150
CLEAN = "name: clean\nstages:\n  - use: clean\n  - use: exact\n"
MEASURES = {"ifd": "  - use: ifd\n", "blend": "  - use: ifd\n"}
CHOICES = {
    "coverage": "by: coverage",
    "spread": "by: spread",
    "ifd": "by: quality\n    score: ifd\n    most: 1",
    "blend": "by: blend\n    score: ifd\n    most: 1\n    diversity: 0.5",
}


def build(out: Path, records: int) -> int:
    """pool.jsonl, heldout.jsonl and a recipe for each selector in `out`; returns the size of the pool."""
    (out / "clean.yaml").write_text(CLEAN)
    words = [
        sys.executable,
        "-m",
        "studio",
        "curate",
        str(DATA / "alpaca_en_demo.json"),
        "--recipe",
        str(out / "clean.yaml"),
    ]
    subprocess.run([*words, "--runs-dir", str(out / "cleaned"), "--workers", "1", "--quiet"], check=True, cwd=ROOT)
    (run,) = (out / "cleaned").iterdir()
    found = [record for record in records_of(run / "dataset" / "train.jsonl") if record["output"].strip()]
    random.Random(2026).shuffle(found)
    write(out / "heldout.jsonl", found[:HELD_OUT])
    write(out / "pool.jsonl", found[HELD_OUT:])
    for name, choice in CHOICES.items():
        select = f"  - use: select\n    records: {records}\n    {choice}\n"
        (out / f"{name}.yaml").write_text(f"name: {name}\nseed: 0\nstages:\n{MEASURES.get(name, '')}{select}")
    return len(found) - HELD_OUT


def records_of(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def experiment(out: Path, model: str, steps: int, seeds: int, judge: str) -> Path:
    """The folder of the finished run."""
    settings = (
        "optimizer.learning_rate=0.003", "schedule.batch_size=8", "schedule.accumulation=1", "data.max_length=768",
        "data.too_long=cut", "schedule.decay=cosine", "checkpoints.every=1000", "device.kind=cpu", "device.threads=1",
    )  # fmt: skip
    arms = [*(f"{name}={out / name}.yaml" for name in CHOICES), "random=random:coverage", "all=all"]
    words = [
        sys.executable, "-m", "studio", "experiment", "--in", str(out / "pool.jsonl"), "--heldout", str(out / "heldout.jsonl"),
        "--model", model, "--train-preset", "full", "--max-steps", str(steps), "--seeds", str(seeds), "--runs-dir",
        str(out / "runs"), "--allow", "learning_rate", "--workers", "1", *(word for arm in arms for word in ("--arm", arm)),
        *(word for setting in settings for word in ("--train-set", setting)), *(("--judge", judge) if judge else ()),
    ]  # fmt: skip
    subprocess.run(words, check=True, cwd=ROOT)
    return max((out / "runs").iterdir(), key=lambda path: path.name)


def shared_records(run: Path) -> dict[str, dict[str, float]]:
    """What share of the records of one arm another has too, and how long questions and answers are in the mean."""
    found: dict[str, dict[str, float]] = {}
    sets = {}
    for name in (*CHOICES, "random-0", "raw"):
        (leg,) = (run / "legs" / f"data-{name}").iterdir()
        sets[name] = records_of(leg / "dataset" / "train.jsonl")
    keys = {name: {(one["instruction"], one["input"], one["output"]) for one in mine} for name, mine in sets.items()}
    for name, mine in sets.items():
        found[name] = {
            "question": sum(len(one["instruction"] + one["input"]) for one in mine) / len(mine),
            "answer": sum(len(one["output"]) for one in mine) / len(mine),
        }
        for other in CHOICES:
            found[name][other] = round(len(keys[name] & keys[other]) / len(keys[name]), 3)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--records", type=int, default=200)
    parser.add_argument("--judge", default="", help="an endpoint or a model, as `studio experiment --judge` takes it")
    parser.add_argument("--only-data", action="store_true")
    options = parser.parse_args()
    out = options.out or Path(tempfile.mkdtemp(prefix="select-experiment-"))
    out.mkdir(parents=True, exist_ok=True)
    print(f"{build(out, options.records)} records in the pool, in {out}", flush=True)
    if options.only_data:
        return
    began = time.monotonic()
    model = make_model(out / "model", out / "pool.jsonl")
    run = experiment(out, str(model), options.steps, options.seeds, options.judge)
    print(f"took {time.monotonic() - began:.0f} s")
    for name, facts in shared_records(run).items():
        print(name, json.dumps(facts))
    print((run / "report.md").read_text())


if __name__ == "__main__":
    main()
