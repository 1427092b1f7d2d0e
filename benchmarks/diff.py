"""The index of a run and the diff of two datasets: how long they take to build and to open, and what they hold.

    python benchmarks/diff.py [--records 1000000] [--only run|pair|peers] [--shuffled]

The records are made here (some 300 characters each, a third of them changed by `clean`, a twentieth dropped by `length`).
Each figure is taken in a process of its own: CPU seconds (user and system, workers included) and the largest resident
memory of the process tree. Opening is timed as a screen does it: import, open, counts, the first page of 50 hunks with
texts, and a page from the middle of a filter. `peers`: the whole programs `studio diff --stat` and `dt diff`, both told which
column is the key, and what they count.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from dataclasses import replace
from pathlib import Path

from measure import CACHE, Measured, Row, failed, measure, row, save
from peers import PEERS, NotInstalledError, python_of

WORDS = "river stone bread lamp paper cloud green tea letter window morning street garden number 雨天 自行车 绿茶 茶汤".split()
RECIPE = "stages: [{use: clean}, {use: length, min_chars: 120}]"
PAGES = 20


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("run", "pair", "peers"))
    parser.add_argument("--shuffled", action="store_true", help="the second dataset stands in another order")
    parser.add_argument("--json", type=Path, help="write what the peers took here as well; for --only peers")
    parser.add_argument("--step", choices=("curate", "build", "open", "compare", "reopen"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, default=CACHE / "diff")
    options = parser.parse_args()
    if options.step:
        STEPS[options.step](options.folder, options.records)
        return
    folder = options.folder / f"{options.records}{'-shuffled' if options.shuffled else ''}"
    make(folder, options.records, options.shuffled)
    if options.only == "peers":
        lines = [beside(name, folder) for name in PROGRAMS]
        print(*lines, sep="\n")
        size = sum((folder / name).stat().st_size for name in ("a.jsonl", "b.jsonl"))
        save(options.json, ({"records": options.records, "bytes": size, "shuffled": options.shuffled}, lines))
        return
    steps = {"run": ("curate", "build", "open"), "pair": ("compare", "reopen")}
    for name in [options.only] if options.only else steps:
        for step in steps[name]:
            command = [sys.executable, __file__, "--step", step, "--folder", folder, "--records", str(options.records)]
            used = measure(command)
            assert used.code == 0, used.output
            print(
                f"{step:8} wall {used.wall:7.1f} s  cpu {used.cpu:7.1f} s  peak {used.peak / 1e6:6.0f} MB  {used.output.strip()}"
            )


def make(folder: Path, records: int, shuffled: bool) -> None:
    """`a.jsonl`, and `b.jsonl` in which 1 record in 20 reads otherwise, 1 in 100 is gone and 1 in 100 is new."""
    if (folder / "b.jsonl").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(5)
    lines = []
    with (folder / "a.jsonl").open("w", encoding="utf-8") as stream:
        for number in range(records):
            question = f"Question {number}: {' '.join(draw.choices(WORDS, k=12))}?"
            answer = " ".join(draw.choices(WORDS, k=28 if draw.random() > 0.05 else 2))
            if draw.random() < 0.33:
                answer += " <b>indeed</b>"
            line = json.dumps({"id": number, "question": question, "answer": answer}, ensure_ascii=False)
            stream.write(line + "\n")
            kind = draw.random()
            if kind < 0.05:
                line = line.replace("river", "brook", 3)
            elif kind < 0.06:
                continue
            elif kind < 0.07:
                lines.append(
                    json.dumps({"id": records + number, "question": f"New {number}?", "answer": answer + " new"})
                )
            lines.append(line)
    if shuffled:
        draw.shuffle(lines)
    (folder / "b.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def curate(folder: Path, records: int) -> None:
    """The run whose index is built: not part of what is measured here, but told."""
    from curation import Recipe
    from curation import curate as run

    done = run(folder / "a.jsonl", Recipe.from_text(RECIPE, "bench"), run_dir=folder / "run", report=False)
    print(done.counts)


def build(folder: Path, records: int) -> None:
    """The index of the run, built anew."""
    from curation.diff.frames import remove
    from curation.diff.index import FOLDER, ReviewIndex

    remove(folder / "run" / FOLDER)
    print(len(ReviewIndex.open(folder / "run")), "hunks")


def open_index(folder: Path, records: int) -> None:
    """Opening the run's index, and what a screen asks first."""
    import psutil

    began = time.perf_counter()
    from curation.diff import Filter, ReviewIndex

    imported = time.perf_counter()
    before = psutil.Process().memory_info().rss
    index = ReviewIndex.open(folder / "run")
    opened = time.perf_counter()
    index.counts()
    counted = time.perf_counter()
    index.page(Filter(), 0, 50)
    paged = time.perf_counter()
    times = []
    for place in range(PAGES):
        only = Filter(status="changed") if place % 2 else Filter(stage="length")
        start = len(index.rows(only)) * place // PAGES
        began_page = time.perf_counter()
        index.page(only, start, 50)
        times.append(time.perf_counter() - began_page)
    held = (psutil.Process().memory_info().rss - before) / 1e6
    print(
        f"import {imported - began:.2f} s, open {opened - imported:.3f} s, counts {counted - opened:.3f} s, "
        f"first page {paged - counted:.3f} s, {PAGES} pages elsewhere: median {sorted(times)[PAGES // 2]:.3f} s, "
        f"worst {max(times):.3f} s; +{held:.0f} MB"
    )


def compare(folder: Path, records: int) -> None:
    """Two datasets: read, matched, written as an index."""
    import shutil

    from curation.diff import compare as diff

    shutil.rmtree(folder / "pair", ignore_errors=True)
    index = diff([str(folder / "a.jsonl")], [str(folder / "b.jsonl")], folder / "pair")
    counts = index.counts()
    print(counts.by_status, "equal", counts.equal)


def reopen(folder: Path, records: int) -> None:
    """Opening the index of two datasets again."""
    import orjson

    began = time.perf_counter()
    from curation.diff import Filter, ReviewIndex

    imported = time.perf_counter()
    facts = orjson.loads((folder / "pair" / "facts.json").read_bytes())
    index = ReviewIndex.of_pair(folder / "pair", facts)
    opened = time.perf_counter()
    index.page(Filter(status="changed"), 1000, 50)
    print(
        f"import {imported - began:.2f} s, open {opened - imported:.3f} s, a page {time.perf_counter() - opened:.3f} s"
    )


def studio_diff(folder: Path) -> tuple[Measured, dict[str, int]]:
    """By the column `id`, numbers alone."""
    command = [Path(sys.executable).with_name("studio"), "diff", folder / "a.jsonl", folder / "b.jsonl"]
    used = measure([*command, "--key", "id", "--stat", "--json"], folder / "studio.log")
    told = [json.loads(line) for line in used.output.splitlines() if line.startswith("{")][-1]
    used = replace(used, code=used.code - 1)  # like diff(1) it ends with 1 where there is a difference
    return used, {name: told["counts"]["by_status"].get(name, 0) for name in ("removed", "changed", "added")}


def dtflow_diff(folder: Path) -> tuple[Measured, dict[str, int]]:
    """By the column `id`; it prints ten records of each kind besides the numbers."""
    report = folder / "dtflow.json"
    report.unlink(missing_ok=True)
    command = [python_of("dtflow").with_name("dt"), "diff", folder / "a.jsonl", folder / "b.jsonl", "--key", "id"]
    used = measure([*command, "--output", report], folder / "dtflow.log")
    told = json.loads(report.read_text())
    told = (told[0] if isinstance(told, list) else told)["summary"]
    return used, {"removed": told["removed"], "changed": told["modified"], "added": told["added"]}


PROGRAMS = {"studio": studio_diff, "dtflow": dtflow_diff}


def beside(name: str, folder: Path) -> Row:
    """One program, whole."""
    try:
        used, counts = PROGRAMS[name](folder)
    except NotInstalledError as error:
        return failed(name, str(error))
    return row(name, used, version=PEERS[name].version if name in PEERS else "", **counts)


STEPS = {"curate": curate, "build": build, "open": open_index, "compare": compare, "reopen": reopen}

if __name__ == "__main__":
    main()
