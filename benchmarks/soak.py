"""Ten million short records through cheap stages and `near` on one machine: does memory stay flat, does it slow down?

    python benchmarks/soak.py --records 10000000 [--workers 2] [--json FILE]

Records are questions and answers of some 140 characters, made by seed of short pieces of the manual pages on this machine;
6 % are exact copies, 6 % have one word changed, 3 % are junk, 5 % hold HTML. Twice a second the memory of all processes of
the run is added up, as `ps` shows it (RSS, shared pages counted in every process) and with shared pages once (PSS). The
rate of each pass over the records is told by tenths of the pass.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from corpus import sentences
from measure import CACHE, save

RECIPE = """
name: soak
stages:
  - use: clean
    html: always
  - use: length
    min_chars: 20
  - use: language
    annotate: true
  - use: quality
  - use: exact
  - use: near
  - use: split
    validation: 0.01
"""
LANGUAGES = ("en", "zh", "fr", "de")
SHARES = (0.6, 0.2, 0.1, 0.1)
BLOCK = 50_000  # records drawn at once
PIECES = (2, 4)  # of a question, of an answer


def pieces(language: str) -> list[str]:
    """Short runs of words (of characters where words have no blanks) of a language's sentences."""
    found: dict[str, None] = {}
    for sentence in sentences(language):
        units = list(sentence) if language == "zh" else sentence.split()
        step = 8 if language == "zh" else 4
        joiner = "" if language == "zh" else " "
        found.update((joiner.join(units[at : at + step]), None) for at in range(0, len(units) - step + 1, step // 2))
    if language == "zh":
        return [piece for piece in found if sum("\u4e00" <= sign <= "\u9fff" for sign in piece) > step // 2]
    return list(found)


def blocks(count: int, seed: int = 0) -> Iterator[list[tuple[str, str]]]:
    """`count` questions and answers, some at a time, so that any number of them fits in memory. Copies are of records of
    the same or the last block.
    """
    draw = np.random.default_rng(seed)
    pools = [pieces(language) for language in LANGUAGES]
    last: list[tuple[str, str]] = []
    for start in range(0, count, BLOCK):
        size = min(BLOCK, count - start)
        kinds, languages = draw.random(size), draw.choice(len(LANGUAGES), size, p=SHARES)
        numbers = draw.integers(0, 1 << 62, (size, sum(PIECES)))
        before = draw.integers(0, 1 << 62, size)
        made: list[tuple[str, str]] = []
        for kind, language, row, back in zip(
            kinds.tolist(), languages.tolist(), numbers.tolist(), before.tolist(), strict=True
        ):
            pool = pools[language]
            joiner = "，" if LANGUAGES[language] == "zh" else " "
            ask, answer = (
                joiner.join(pool[n % len(pool)] for n in part) for part in (row[: PIECES[0]], row[PIECES[0] :])
            )
            if kind < 0.12 and last:
                ask, answer = last[back % len(last)]
                if kind < 0.06:
                    answer += joiner + pool[row[0] % len(pool)].split()[0][:6]
            elif kind < 0.15:
                ask, answer = "?", str(row[0] % 1000)
            elif kind < 0.2:
                answer = f"<p>{answer}</p>"
            made.append((ask, answer))
        last = made
        yield made


def write(path: Path, count: int) -> Path:
    """The corpus as JSON lines, unless it is there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".part")
        with beside.open("w", encoding="utf-8") as file:
            for made in blocks(count):
                file.writelines(
                    json.dumps({"instruction": ask, "output": answer}, ensure_ascii=False) + "\n"
                    for ask, answer in made
                )
        beside.rename(path)
    return path


def watch(process: psutil.Process, held: list[tuple[float, int, int]]) -> None:
    """Append `(time, RSS, PSS)` of a process and its children until it ends."""
    while True:
        rss = pss = 0
        try:
            for one in [process, *process.children(recursive=True)]:
                used = one.memory_full_info()
                rss, pss = rss + used.rss, pss + used.pss
        except psutil.Error:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return
            continue  # a child ended just now
        held.append((time.time(), rss, pss))
        time.sleep(0.5)


def phases(folder: Path) -> list[dict[str, Any]]:
    """Each phase of a run, from its events: when it began and ended, and of a pass the records a second by tenths."""
    found: list[dict[str, Any]] = []
    for line in (folder / "events.jsonl").open(encoding="utf-8"):
        event = json.loads(line)
        name = event.get("phase") or event.get("stage")
        if name is None:
            continue
        if not found or found[-1]["phase"] != name:
            found.append({"phase": name, "began": found[-1]["ended"] if found else event["time"], "shards": []})
        found[-1]["ended"] = event["time"]
        if event["event"] == "shard_finished":
            found[-1]["shards"].append((event["time"], event["records"]))
    return found


def tenths(began: float, shards: list[tuple[float, int]]) -> list[int]:
    """Records a second in each tenth of a pass."""
    total = sum(records for _, records in shards)
    done = list(accumulate(records for _, records in shards))
    rates, before, since = [], 0, began
    for tenth in range(1, 11):
        at = next(place for place, records in enumerate(done) if records >= total * tenth / 10)
        rates.append(round((done[at] - before) / max(shards[at][0] - since, 1e-9)))
        before, since = done[at], shards[at][0]
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    given = parser.parse_args()
    source = write(CACHE / "corpora" / f"soak-{given.records}.jsonl", given.records)
    work = CACHE / "work" / "soak"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    (work / "recipe.yaml").write_text(RECIPE)
    command = [sys.executable, "-m", "studio", "curate", source, "--recipe", work / "recipe.yaml", "--plain"]
    command += ["--workers", str(given.workers), "--runs-dir", work / "runs"]
    began = time.time()
    held: list[tuple[float, int, int]] = []
    with (work / "log").open("w") as log:
        process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)
        watcher = threading.Thread(target=watch, args=(psutil.Process(process.pid), held))
        watcher.start()
        code = process.wait()
        watcher.join()
    if code:
        raise SystemExit(f"the run ended with {code}: see {work / 'log'}")
    wall = time.time() - began
    (folder,) = (work / "runs").iterdir()
    disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.stat().st_nlink == 1)
    disk += sum(path.stat().st_size for path in (folder / "shards").iterdir() if path.stat().st_nlink > 1)
    print(f"{given.records:,} records, {source.stat().st_size / 1e9:.2f} GB; {wall:.0f} s; {disk / 1e9:.2f} GB of disk")
    print(json.loads((folder / "summary.json").read_text())["counts"])
    print(f"| phase | s | records/s, tenth by tenth | peak RSS MiB | peak PSS MiB |\n|{'---|' * 5}")
    lines = []
    for phase in phases(folder):
        during = [row for row in held if phase["began"] <= row[0] <= phase["ended"] + 0.5] or [(0.0, 0, 0)]
        line = {
            "phase": phase["phase"],
            "wall": round(phase["ended"] - phase["began"], 1),
            "rates": tenths(phase["began"], phase["shards"]) if phase["shards"] else [],
            "rss": max(row[1] for row in during),
            "pss": max(row[2] for row in during),
        }
        lines.append(line)
        rates = " ".join(f"{rate:,}" for rate in line["rates"])
        print(f"| {line['phase']} | {line['wall']} | {rates} | {line['rss'] >> 20:,} | {line['pss'] >> 20:,} |")
    print(f"peak of all: RSS {max(row[1] for row in held) >> 20:,} MiB, PSS {max(row[2] for row in held) >> 20:,} MiB")
    save(given.json, ({"records": given.records, "bytes": source.stat().st_size, "wall": round(wall, 1)}, lines))


if __name__ == "__main__":
    main()
