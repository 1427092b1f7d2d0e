"""Exact duplicates alone, by whole programs: studio, cleanllm, dtflow and llm-sanitizer-pro on one file.

    python benchmarks/exact.py --records 100000

The corpus is that of `corpus.py`, a tenth of it exact copies. Each program reads the file, keeps the first of equal texts
and writes the rest away; one process, one after the other. Studio writes a ledger, a card and a report as well, which the
others do not; the second line is studio without the report. What is compared is which records stay.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from corpus import write
from curate import kept_ids
from measure import CACHE, Measured, Row, failed, measure, row, save
from peers import PEERS, NotInstalledError, python_of

RECIPE = """
name: exact
stages:
  - use: exact
    normalise: none
"""


def studio(source: Path, folder: Path, *more: str) -> Measured:
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE)
    places = [source, "--recipe", recipe, "--out", folder / "out.jsonl", "--runs-dir", folder / "runs"]
    command = [Path(sys.executable).with_name("studio"), "curate", *places, "--workers", "1", "--plain", *more]
    return measure(command, folder / "log")


def cleanllm(source: Path, folder: Path) -> Measured:
    """It knows three things to go by: the whole record, in which the ids differ, a prompt, and code."""
    command = [python_of("cleanllm").with_name("cleanllm"), "dedup", prompts(source), "--out", folder / "out.jsonl"]
    return measure([*command, "--by", "prompt"], folder / "log")


def dtflow(source: Path, folder: Path) -> Measured:
    command = [python_of("dtflow").with_name("dt"), "dedupe", source, "--key", "text", "--output", folder / "out.jsonl"]
    return measure(command, folder / "log")


def llm_sanitizer_pro(source: Path, folder: Path) -> Measured:
    command = [
        python_of("llm-sanitizer-pro").with_name("sanitize"),
        "--input",
        source,
        "--output",
        folder / "out.jsonl",
    ]
    words = "--deduplicate --dedup-fields text --min-chars 0 --min-words 0 --min-unique-ratio 0 --no-progress"
    return measure([*command, *words.split()], folder / "log")


def prompts(source: Path) -> Path:
    """The same records with their text under the name `prompt`; made before the clock starts, and once."""
    path = source.with_name(f"{source.stem}-prompts.jsonl")
    if not path.exists():
        with source.open(encoding="utf-8") as lines, path.open("w", encoding="utf-8") as out:
            for record in map(json.loads, lines):
                out.write(json.dumps({"id": record["id"], "prompt": record["text"]}, ensure_ascii=False) + "\n")
    return path


PROGRAMS: dict[str, Callable[[Path, Path], Measured]] = {
    "studio": studio,
    "studio --no-report": lambda source, folder: studio(source, folder, "--no-report"),
    "cleanllm": cleanllm,
    "dtflow": dtflow,
    "llm-sanitizer-pro": llm_sanitizer_pro,
}


def line(name: str, source: Path, records: int, reference: set[int]) -> Row:
    """One program, whole. Fills `reference` with the ids that studio keeps, which the others are compared with."""
    folder = CACHE / "work" / f"exact-{name.replace(' ', '')}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        used = PROGRAMS[name](source, folder)
    except NotInstalledError as error:
        return failed(name, str(error))
    kept = kept_ids(folder / "out.jsonl")
    reference |= kept if name == "studio" else set()
    version = PEERS[name].version if name in PEERS else ""
    facts = {"rate": round(records / used.cpu, 1), "kept": len(kept), "agree": 1 - len(kept ^ reference) / records}
    return row(name, used, version=version, **facts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    given = parser.parse_args()
    source = write(CACHE / "corpora" / f"{given.records}.jsonl", given.records)
    prompts(source)
    reference: set[int] = set()
    lines = []
    for name in PROGRAMS:
        lines.append(line(name, source, given.records, reference))
        print(lines[-1], flush=True)
    save(given.json, ({"records": given.records, "bytes": source.stat().st_size}, lines))


if __name__ == "__main__":
    main()
