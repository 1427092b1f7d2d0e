"""The default recipe whole, with personal data by names and duplicates by meaning, beside the same libraries put together plainly.

    python benchmarks/sft_whole.py [--records 10000] [--workers 1 2] [--json FILE]

`sft` leaves both off, and `near` and `language` too: here `pii` and `language` are switched on, and `near` and `semantic`
stand between `exact` and `split`, with `keep: first` as the other side keeps the first. The records are made by seed
(`sft_corpus.py`), the other side is `sft_plain.py`. Each runs whole, in a process of its own, with one thread a process;
kept or dropped is compared record by record. CPU seconds of the stages are those that the run's own
summary tells; it leaves out fingerprints (hashes, vectors), which are in "all else".
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from measure import CACHE, Measured, Row, measure, row, save
from sft_corpus import write

ROOT = Path(__file__).resolve().parent.parent
# One thread a process on both sides, and the tree that this file lies in, whatever else is installed.
SURROUNDINGS = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "PYTHONPATH": str(ROOT),
}
COPIES = "  - use: near\n    keep: first\n  - use: semantic\n    keep: first\n\n"
LAST = "  # Last, so that shares are shares of what is left."


def recipe() -> str:
    """The recipe `sft` with what it leaves off."""
    text = (ROOT / "curation" / "recipes" / "sft.yaml").read_text("utf-8").replace("name: sft\n", "name: sft-whole\n")
    before, mark, after = text.partition(LAST)
    assert mark, "the recipe sft has changed: where does split begin?"
    return before + COPIES + mark + after


def studio(source: Path, folder: Path, workers: int) -> tuple[Measured, set[int], dict[str, Any]]:
    """The run, the ids it kept, and its summary."""
    (folder / "recipe.yaml").write_text(recipe(), "utf-8")
    command = [sys.executable, "-m", "studio", "curate", source, "--recipe", folder / "recipe.yaml", "--plain"]
    command += ["--set", "pii.enabled=true", "--set", "language.enabled=true", "--workers", str(workers)]
    command += ["--out", folder / "out.jsonl", "--runs-dir", folder / "runs"]
    used = measure(command, folder / "log", **SURROUNDINGS)
    kept = {json.loads(line)["id"] for path in folder.glob("out*.jsonl") for line in path.open(encoding="utf-8")}
    summary = next((folder / "runs").glob("*/summary.json"), None)
    return used, kept, json.loads(summary.read_text("utf-8")) if summary else {}


def plain(source: Path, folder: Path) -> tuple[Measured, set[int], dict[str, Any]]:
    """The same of the other side, with its facts for a summary."""
    out = folder / "out.jsonl"
    script = Path(__file__).with_name("sft_plain.py")
    used = measure([sys.executable, script, source, out], folder / "log", **SURROUNDINGS)
    if used.code:
        return used, set(), {}
    kept = {json.loads(line)["id"] for line in out.open(encoding="utf-8")}
    return used, kept, json.loads(out.with_suffix(".facts").read_text("utf-8"))


def fresh(name: str) -> Path:
    """An empty folder for one program."""
    folder = CACHE / "work" / f"sft-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def shares(title: str, seconds: dict[str, float], whole: float) -> dict[str, float]:
    """Print CPU seconds by stage and their shares of the whole; what no stage has is start-up, reading, writing."""
    every = {**seconds, "all else": whole - sum(seconds.values())}
    told = (f"{name} {value:.1f} s ({value / whole:.0%})" for name, value in every.items() if value >= 0.05)
    print(f"\n{title}: " + ", ".join(told), flush=True)
    return {name: round(value, 2) for name, value in every.items()}


def differences(source: Path, ours: set[int], theirs: set[int], went: dict[str, str]) -> dict[str, int]:
    """How many records are decided otherwise, by what they were made as and by who drops them."""
    found: Counter[str] = Counter()
    for line in source.open(encoding="utf-8"):
        record = json.loads(line)
        if (record["id"] in ours) != (record["id"] in theirs):
            side = "only studio drops" if record["id"] in theirs else f"only plain drops, {went[str(record['id'])]}"
            found[f"{record['kind']} {record['language']}: {side}"] += 1
    return dict(found.most_common())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    given = parser.parse_args()
    source = write(CACHE / "corpora" / f"sft-{given.records}.jsonl", given.records)
    used, theirs, facts = plain(source, fresh("plain"))
    lines: list[Row] = [row("plain", used, rate=round(given.records / used.cpu, 1), kept=len(theirs), agree=1.0)]
    lines[0]["stages"] = shares("plain", facts.get("cpu", {}), used.cpu)
    for workers in given.workers:
        mine, ours, summary = studio(source, fresh(f"studio-{workers}"), workers)
        agree = 1 - len(ours ^ theirs) / given.records
        rate = round(given.records / mine.cpu, 1)
        lines.append(row("studio", mine, workers, rate=rate, kept=len(ours), agree=agree))
        cpu = {stage["stage"]: stage["cpu_seconds"] for stage in summary.get("stages", ())}
        lines[-1]["stages"] = shares(f"studio, {workers}", cpu, mine.cpu)
    print("decided otherwise:", differences(source, ours, theirs, facts.get("went", {})))
    print(
        f"\n| program | processes | CPU s | wall s | records/CPU-s | kept | agree | times, CPU | times, wall |\n|{'---|' * 9}"
    )
    for line in lines:
        if "failed" in line:
            print(f"| {line['program']} | {line['processes']} | {line['failed']} |")
            continue
        print(
            f"| {line['program']} | {line['processes']} | {line['cpu']:.1f} | {line['wall']:.1f} | {line['rate']:.0f} | "
            f"{line['kept']:,} | {line['agree']:.2%} | {used.cpu / line['cpu']:.2f} | {used.wall / line['wall']:.2f} |"
        )
    save(given.json, ({"records": given.records, "bytes": source.stat().st_size}, lines))


if __name__ == "__main__":
    main()
