"""Are records that are wrong on purpose found, and does a selection cover topics? Writes docs/select_planted.md.

    python benchmarks/select_planted.py                    # print the page
    python benchmarks/select_planted.py --write            # and write it
    python benchmarks/select_planted.py --missed truncated # what was not found of a kind, and what was wrongly noted

3,000 records from the data kept beside the project (STUDIO_DATA, or ../shared/data), 300 of them spoiled. Bounds are chosen on
one half and held against the other, both ways round, so that no record is judged by a bound it had a part in.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/curation"))

from planted_answers import KINDS, LANGUAGES, Planted, planted, sources
from planted_topics import records as topic_records

from curation.schema import RECORD_SCHEMA, TURN_SCHEMA, Batch, conform, content_hash
from curation.stage import CorpusStage, StageContext
from curation.stages.conflicts import Conflicts
from curation.stages.fit import Fit
from curation.stages.select import Select
from curation.stages.signals import Signals

F64 = NDArray[np.float64]
Mask = NDArray[np.bool_]
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "select_planted.md"
SIZE, SPOILED, SEED = 3000, 300, 1
BUDGET, DRAWS, TOPIC_SEEDS = 0.1, 1000, (1, 2, 3)


@dataclass(frozen=True)
class Sign:
    """A number that is low where something is wrong. kinds: what it is there to find. bounds: those that are tried."""

    name: str
    stage: str
    value: str
    kinds: tuple[str, ...]
    bounds: F64


SIGNS = (
    Sign("`signals` complete", "signals", "complete", ("truncated",), np.array([0.25, 0.75])),
    Sign("`conflicts` standing", "conflicts", "standing", ("swapped", "off_topic"), np.arange(-5, 0, 0.1)),
    Sign("`conflicts` agreement", "conflicts", "agreement", ("contradicting",), np.arange(0.3, 1.001, 0.02)),
    Sign("`fit` score", "fit", "score", ("swapped", "off_topic"), np.arange(-0.1, 0.5, 0.01)),
)
TOGETHER = SIGNS[:3]  # fit looks for what standing finds better


def batch_of(pairs: Sequence[tuple[str, str]]) -> Batch:
    """Prompts and answers as a batch; the number of a pair is its record's id."""
    chats = [[("user", prompt), ("assistant", answer)] for prompt, answer in pairs]
    ids = {"record_id": [str(number) for number in range(len(chats))], "content_hash": [content_hash(c) for c in chats]}
    turns = [(str(n), turn, *said) for n, chat in enumerate(chats) for turn, said in enumerate(chat)]
    return Batch(conform(pl.DataFrame(ids), RECORD_SCHEMA), pl.DataFrame(turns, schema=TURN_SCHEMA, orient="row"))


def decided(stage: CorpusStage, batch: Batch) -> pl.DataFrame:
    """What a corpus stage decides about a batch."""
    prints = stage.fingerprint(batch, StageContext()).with_row_index("ordinal")
    return stage.decide(prints.with_columns(pl.col("ordinal").cast(pl.UInt64)).lazy(), StageContext()).rows


def numbers(rows: pl.DataFrame, value: str, count: int) -> F64:
    """One number a record, a high one where there is none."""
    found = np.full(count, 9.0)
    for record, score, values in rows.select("record_id", "score", "values").iter_rows():
        found[int(record)] = score if value == "score" else json.loads(values)[value]
    return found


@dataclass
class Measured:
    """A corpus and what the stages say about it. seconds: CPU time of each stage."""

    records: list[Planted]
    values: dict[str, F64]
    seconds: dict[str, float]

    def __post_init__(self) -> None:
        self.kind = np.array([record.kind for record in self.records])
        self.language = np.array([record.language for record in self.records])
        self.half = np.array([record.half for record in self.records])
        twins = [record.twin for record in self.records if record.kind == "contradicting"]
        # Which of two answers is wrong, nothing in them says: who was contradicted counts neither way.
        self.contradicted = np.isin(np.arange(len(self.records)), twins)
        self.cut = np.array([record.cut for record in self.records])

    def of(self, kinds: Sequence[str]) -> Mask:
        """The records that were spoiled in one of these ways."""
        return np.isin(self.kind, kinds)

    def judged(self, sign: Sign) -> Mask:
        """The records that a sign may be right or wrong about."""
        left_out = np.zeros(len(self.records), dtype=bool)
        if "contradicting" in sign.kinds:
            left_out |= self.contradicted
        if "truncated" in sign.kinds:
            left_out |= self.cut & (self.kind != "contradicting")
        return ~left_out


def measure(records: list[Planted]) -> Measured:
    """Run the stages over a corpus."""
    batch = batch_of([(record.prompt, record.answer) for record in records])
    rows: dict[str, pl.DataFrame] = {}
    seconds: dict[str, float] = {}
    runs: dict[str, Callable[[], pl.DataFrame]] = {
        "signals": lambda: Signals().decide(batch, StageContext()).rows,
        "fit": lambda: Fit().decide(batch, StageContext()).rows,
        "conflicts": lambda: decided(Conflicts(), batch),
    }
    for name, run in runs.items():
        began = time.process_time()
        rows[name] = run()
        seconds[name] = time.process_time() - began
    values = {sign.name: numbers(rows[sign.stage], sign.value, len(records)) for sign in SIGNS}
    return Measured(records, values, seconds)


def best_bound(found: Measured, sign: Sign, rows: Mask) -> float:
    """The bound with the best harmonic mean of precision and recall among `rows`."""
    rows = rows & found.judged(sign)
    right = found.of(sign.kinds)[rows]
    value = found.values[sign.name][rows]
    scores = []
    for bound in sign.bounds:
        hit = value < bound
        scores.append(2 * (hit & right).sum() / max(1, hit.sum() + right.sum()))
    return float(sign.bounds[int(np.argmax(scores))])


def crossed(found: Measured) -> tuple[dict[str, Mask], dict[str, tuple[float, float]]]:
    """What each sign finds, each half by the bound chosen on the other; and the bounds held against half 0 and half 1."""
    noted, bounds = {}, {}
    for sign in SIGNS:
        one, two = (best_bound(found, sign, found.half != half) for half in (0, 1))
        noted[sign.name] = found.values[sign.name] < np.where(found.half == 0, one, two)
        bounds[sign.name] = (one, two)
    return noted, bounds


def share(part: int, whole: int) -> str:
    return f"{part / whole:.2f}" if whole else "–"


def recall_table(found: Measured, noted: dict[str, Mask]) -> str:
    lines = ["| kind | language | spoiled | found by its own sign | by any of the three |", "|:--|:--|--:|--:|--:|"]
    together = np.any([noted[sign.name] for sign in TOGETHER], axis=0)
    for kind in (*KINDS, "all"):
        for language in (*LANGUAGES, "both"):
            rows = found.of(KINDS if kind == "all" else [kind])
            rows &= (found.language == language) | (language == "both")
            own = np.zeros(len(rows), dtype=bool)
            for sign in TOGETHER:
                own |= noted[sign.name] & found.of(sign.kinds)
            total = int(rows.sum())
            lines.append(
                f"| {kind} | {language} | {total} | {share(int((own & rows).sum()), total)} | "
                f"{share(int((together & rows).sum()), total)} |"
            )
    return "\n".join(lines)


def precision_table(found: Measured, noted: dict[str, Mask]) -> str:
    lines = [
        "| sign | language | noted | of the kind it looks for | spoiled in any way | recall of its kinds |",
        "|:--|:--|--:|--:|--:|--:|",
    ]
    anything = np.any([noted[sign.name] for sign in TOGETHER], axis=0)
    everything = Sign("any of the first three", "", "", KINDS, np.zeros(0))
    for sign in (*SIGNS, everything):
        hits = anything if sign is everything else noted[sign.name]
        for language in (*LANGUAGES, "both"):
            mine = found.judged(sign) & ((found.language == language) | (language == "both"))
            hit, kinds, any_kind = hits & mine, found.of(sign.kinds) & mine, found.of(KINDS) & mine
            lines.append(
                f"| {sign.name} | {language} | {hit.sum()} | {share(int((hit & kinds).sum()), int(hit.sum()))} | "
                f"{share(int((hit & any_kind).sum()), int(hit.sum()))} | "
                f"{share(int((hit & kinds).sum()), int(kinds.sum()))} |"
            )
    return "\n".join(lines)


def bounds_table(bounds: dict[str, tuple[float, float]]) -> str:
    lines = ["| sign | held against half 0 | held against half 1 |", "|:--|--:|--:|"]
    lines += [f"| {name} | {one:.2f} | {two:.2f} |" for name, (one, two) in bounds.items()]
    return "\n".join(lines)


def coverage_table() -> str:
    lines = ["| way | topics covered, mean of three corpora | worst |", "|:--|--:|--:|"]
    shares: dict[str, list[float]] = {}
    for seed in TOPIC_SEEDS:
        made = list(topic_records(seed))
        names = np.array([name for name, _, _ in made])
        batch = batch_of([(asked, told) for _, asked, told in made])
        topics = len(set(names))
        for by in ("coverage", "spread"):
            rows = decided(Select(fraction=BUDGET, by=by), batch).filter(pl.col("action") == "annotate")
            kept = rows["record_id"].cast(pl.Int64).to_numpy()
            shares.setdefault(f"`select` by {by}", []).append(len(set(names[kept])) / topics)
        draw = np.random.default_rng(seed)
        size = round(BUDGET * len(names))
        drawn = [len(set(names[draw.choice(len(names), size, replace=False)])) / topics for _ in range(DRAWS)]
        shares.setdefault(f"random, mean of {DRAWS:,} draws", []).append(float(np.mean(drawn)))
        shares.setdefault(f"random, best of {DRAWS:,} draws", []).append(float(np.max(drawn)))
    lines += [f"| {way} | {np.mean(found):.1%} | {min(found):.1%} |" for way, found in shares.items()]
    return "\n".join(lines)


def page(found: Measured) -> str:
    noted, bounds = crossed(found)
    counts = {language: int((found.language == language).sum()) for language in LANGUAGES}
    cut = noted[SIGNS[0].name] & ~found.of(KINDS)
    again = sum(record.twin >= 0 and not record.kind for record in found.records)
    speed = {name: len(found.records) / seconds for name, seconds in found.seconds.items()}
    template = (Path(__file__).with_name("select_planted.txt")).read_text("utf-8")
    return template.format(
        size=f"{len(found.records):,}",
        spoiled=int(found.of(KINDS).sum()),
        each=int(found.of(["swapped"]).sum()),
        en=f"{counts['en']:,}",
        zh=f"{counts['zh']:,}",
        again=again,
        cut=int((cut & found.cut).sum()),
        uncut=int((cut & ~found.cut).sum()),
        recall=recall_table(found, noted),
        precision=precision_table(found, noted),
        bounds=bounds_table(bounds),
        coverage=coverage_table(),
        signals=f"{speed['signals']:,.0f}",
        fit=f"{speed['fit']:,.0f}",
        conflicts=f"{speed['conflicts']:,.0f}",
    )


def missed(found: Measured, kind: str) -> None:
    """What was not found of a kind, and what its sign noted although it was not spoiled."""
    noted, _ = crossed(found)
    sign = next(sign for sign in TOGETHER if kind in sign.kinds)
    hit = noted[sign.name]
    for title, rows in (
        ("missed", found.of([kind]) & ~hit),
        ("wrongly noted", hit & ~found.of(KINDS) & found.judged(sign)),
    ):
        print(f"\n{title}: {rows.sum()}")
        for number in np.flatnonzero(rows):
            record = found.records[number]
            print(
                f"  {found.values[sign.name][number]:.2f} {record.prompt[:70]!r} => {record.answer[:40]!r} … {record.answer[-60:]!r}"
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("STUDIO_DATA", ROOT.parent / "shared" / "data"))
    )
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    parser.add_argument("--missed", choices=KINDS, help="list what was missed of a kind and wrongly noted")
    options = parser.parse_args()
    if not options.data.is_dir():
        print(f"there is no folder {options.data}: set STUDIO_DATA to the data this is measured on", file=sys.stderr)
        return 1
    found = measure(planted(sources(options.data), SIZE, SPOILED, options.seed))
    if options.missed:
        missed(found, options.missed)
        return 0
    told = page(found)
    print(told)
    if options.write:
        PAGE.write_text(told, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
