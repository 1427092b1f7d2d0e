"""Near duplicates side by side: studio, datasketch, rensa, gaoya, text-dedup, datatrove, semhash on one known corpus.

    python benchmarks/dedup.py --records 20000 --language en mixed

The corpus is that of `dedup_corpus.py`. Every program runs whole in a process of its own, one after the other, with one
thread: it reads the file, finds duplicates and says which records stay. CPU is user and system time of all of it,
start-up included. A removed record is right if another record of its group stays; a group of which nothing stays, or a
record that was no copy at all, is a distinct record lost. Recall is over the planted pairs whose exact similarity is at least .8.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

from dedup_corpus import Record, make
from measure import CACHE, Measured, Row, failed, measure, row, save
from peers import PEERS, NotInstalledError, python_of

THRESHOLD = 0.7  # of every program; below the .8 that recall is counted at, so that nobody's banding decides it
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
COLUMNS = (
    "program",
    "CPU s",
    "wall s",
    "records/CPU-s",
    "peak MB",
    "removed",
    "recall ≥ .8",
    "precision",
    "distinct records lost",
    "short reworded removed",
)
RECIPE = """
name: near
stages:
  - use: near
    threshold: {threshold}
    lowest: {threshold}
    allow_wipeout: true
"""


@dataclass(frozen=True)
class Scored:
    """How well the kept records match the truth. lost: distinct records removed, by kind.
    reworded: share of the short reworded records removed, which counts neither way.
    """

    removed: int
    recall: float
    precision: float
    lost: dict[str, int]
    reworded: float


def corpus(count: int, language: str, checked: bool = True) -> tuple[Path, list[Record]]:
    """The file and the truth, made once."""
    path = CACHE / "corpora" / f"dedup-{language}-{count}{'' if checked else '-unchecked'}.jsonl"
    truth = path.with_suffix(".truth")
    if truth.exists():
        return path, [Record(**json.loads(line)) for line in truth.open(encoding="utf-8")]
    path.parent.mkdir(parents=True, exist_ok=True)
    records = make(count, language, checked=checked)
    with path.open("w", encoding="utf-8") as out:
        for number, record in enumerate(records):
            out.write(json.dumps({"id": number, "text": record.text}, ensure_ascii=False) + "\n")
    truth.write_text("".join(json.dumps(asdict(record)) + "\n" for record in records), encoding="utf-8")
    return path, records


def score(records: list[Record], kept: set[int]) -> Scored:
    groups: dict[int, list[int]] = defaultdict(list)
    lost: dict[str, int] = defaultdict(int)
    for number, record in enumerate(records):
        if record.group >= 0:
            groups[record.group].append(number)
        elif number not in kept:
            lost[record.kind] += 1
    for members in groups.values():
        if not kept.intersection(members):
            lost["base"] += 1
    base = {record.group: number for number, record in enumerate(records) if record.kind == "base"}
    pairs = [
        (number, base[record.group])
        for number, record in enumerate(records)
        if record.kind in ("exact", "near") and record.jaccard >= 0.8
    ]
    found = sum(not {one, other} <= kept for one, other in pairs)
    removed = len(records) - len(kept)
    reworded = [number not in kept for number, record in enumerate(records) if record.kind == "reworded"]
    return Scored(
        removed,
        found / len(pairs),
        1 - sum(lost.values()) / max(removed, 1),
        dict(lost),
        sum(reworded) / max(1, len(reworded)),
    )


def studio(source: Path, folder: Path, threshold: float, workers: int = 1) -> Measured:
    """The program, whole: engine, ledger, report and all. One thread a worker."""
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE.format(threshold=threshold))
    program = Path(sys.executable).with_name("studio")
    out = folder / "out.jsonl"
    command = [program, "curate", source, "--recipe", recipe, "--out", out, "--runs-dir", folder / "runs"]
    used = measure([*command, "--workers", str(workers), "--plain"], folder / "log", **ONE_THREAD)
    with out.open(encoding="utf-8") as lines:
        (folder / "kept").write_text("".join(f"{json.loads(line)['id']}\n" for line in lines))
    return used


def stage(source: Path, folder: Path, threshold: float) -> Measured:
    """The stage alone, as a library, which is what the other libraries' scripts do."""
    return measure([sys.executable, __file__, "--stage", source, folder, str(threshold)], folder / "log", **ONE_THREAD)


def run_stage(source: Path, folder: Path, threshold: float) -> None:
    import polars as pl

    from curation.schema import RECORD_SCHEMA, TURN_SCHEMA, Batch, conform
    from curation.stage import StageContext
    from curation.stages.near import Near

    near = Near(threshold=threshold, lowest=threshold, allow_wipeout=True)
    context = StageContext(seed=0)
    table = pl.read_ndjson(source).with_columns(pl.col("id").cast(pl.String))
    ids = table["id"].to_list()
    prints = []
    for rows in table.iter_slices(4096):
        records = rows.select(
            record_id="id", content_hash=pl.lit(""), source=pl.lit("a"), format=pl.lit("text"),
            parent_ids=pl.lit([], dtype=pl.List(pl.String)), meta=pl.lit("{}"),
        )  # fmt: skip
        turns = rows.select(record_id="id", turn=pl.lit(0), role=pl.lit("text"), content="text")
        batch = Batch(conform(records, RECORD_SCHEMA), conform(turns, TURN_SCHEMA))
        prints.append(near.fingerprint(batch, context))
    ordinal = pl.int_range(pl.len(), dtype=pl.UInt64).alias("ordinal")
    rows = near.decide(pl.concat(prints).with_columns(ordinal).lazy(), context).rows
    gone = set(rows.filter(pl.col("action") == "drop")["record_id"])
    (folder / "kept").write_text("".join(f"{name}\n" for name in ids if name not in gone))


def peer(name: str, source: Path, folder: Path, threshold: float) -> Measured:
    python = python_of(THEIRS[name])
    command = [python, Path(__file__).with_name("dedup_peers.py"), name, source, folder, str(threshold)]
    return measure(command, folder / "log", HF_HUB_OFFLINE="1", HF_HOME=str(folder / "hf"), **ONE_THREAD)


OURS = ["near stage", "studio curate"]
THEIRS = {name: name for name in ("datasketch", "rensa", "gaoya", "datatrove", "semhash")}
THEIRS |= {"datasketch_batch": "datasketch", "text_dedup": "text-dedup"}  # function of dedup_peers.py: what it takes


def line(given: argparse.Namespace, name: str, source: Path, records: list[Record]) -> Row:
    """One program, whole, and how well what it kept matches the truth."""
    folder = CACHE / "work" / f"dedup-{name.replace(' ', '-')}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    processes = given.workers if name == "studio curate" else 1
    try:
        if name == "studio curate":
            used = studio(source, folder, given.threshold, given.workers)
        elif name == "near stage":
            used = stage(source, folder, given.threshold)
        else:
            used = peer(name, source, folder, given.threshold)
    except NotInstalledError as error:
        return failed(name, str(error))
    if not (folder / "kept").exists():
        return failed(name, f"failed with exit code {used.code}: the log is in the cache folder")
    result = score(records, {int(number) for number in (folder / "kept").read_text().split()})
    version = PEERS[THEIRS[name]].version if name in THEIRS else ""
    return row(name, used, processes, version=version, rate=round(len(records) / used.cpu, 1), **asdict(result))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--language", nargs="*", choices=["en", "mixed"], default=["en", "mixed"])
    parser.add_argument("--threshold", type=float, default=THRESHOLD)
    parser.add_argument("--only", nargs="*", choices=[*OURS, *THEIRS], default=[*OURS, *THEIRS])
    parser.add_argument(
        "--unchecked",
        action="store_true",
        help="do not check that no base resembles another one, for a million records: precision is a lower bound then",
    )
    parser.add_argument("--workers", type=int, default=1, help="worker processes of `studio curate`")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    given = parser.parse_args()
    tables = []
    for language in given.language:
        source, records = corpus(given.records, language, not given.unchecked)
        print(f"\n{language}: {len(records):,} records, {source.stat().st_size / 1e6:.1f} MB, {time.strftime('%F')}\n")
        print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
        lines = [shown(line(given, name, source, records)) for name in given.only]
        tables.append(({"language": language, "records": len(records), "bytes": source.stat().st_size}, lines))
    save(given.json, *tables)


def shown(found: Row) -> Row:
    """Print a line as soon as it is known."""
    if "failed" in found:
        print(f"| {found['program']} | {found['failed']} |", flush=True)
        return found
    lost = ", ".join(f"{count} {kind}" for kind, count in sorted(found["lost"].items())) or "0"
    print(
        f"| {found['program']} | {found['cpu']:.1f} | {found['wall']:.0f} | {found['rate']:,.0f} | {found['peak'] / 2**20:.0f} | "
        f"{found['removed']:,} | {found['recall']:.4f} | {found['precision']:.4f} | {lost} | {found['reworded']:.0%} |",
        flush=True,
    )
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["--stage"]:
        run_stage(Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))
    else:
        main()
