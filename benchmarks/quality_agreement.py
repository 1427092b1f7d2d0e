"""Do `quality` and `repetition` decide like datatrove's filters, and at what speed?

usage: python benchmarks/quality_agreement.py [--records 20000] [--seed 7] [--data DIR] [--work DIR]
    [--reuse] [--json FILE]

One English corpus (see `quality_corpus.py`) goes through datatrove's Gopher, C4, FineWeb and
Gopher-repetition filters and through these stages with the same settings (`profile: web`, `language: en`),
filter by filter and as the pipeline that FineWeb was made with. Printed: how many documents get the same
decision, and the same reason; how many texts are the same after C4 took lines out; documents per CPU second
(all threads) of both, measured one after the other in the same run. Exit code 1 when agreement is below
99.5 % or the speed below 3 times datatrove's.

datatrove is installed into an environment of its own in the cache folder; 20000 documents keep it busy for some ten
minutes, and --reuse spares them when only these stages have changed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from measure import Row, save
from peers import PEERS, python_of
from quality_corpus import documents

from curation.schema import RECORD_SCHEMA, TURN_SCHEMA, Batch
from curation.stage import RecordStage, StageContext
from curation.stages.heuristics.words import shared_vocabulary
from curation.stages.quality import Quality
from curation.stages.repetition import Repetition

DATATROVE = PEERS["datatrove"].version
BATCH = 1000
LEAST_AGREEMENT = 0.995
LEAST_SPEED = 3.0

# The peer's names of reasons, by filter, in ours.
NAMES = {
    "gopher": {
        "gopher_short_doc": "gopher_too_few_words",
        "gopher_long_doc": "gopher_too_many_words",
        "gopher_below_avg_threshold": "gopher_short_words",
        "gopher_above_avg_threshold": "gopher_long_words",
        "gopher_too_many_hashes": "gopher_hashes",
        "gopher_too_many_ellipsis": "gopher_ellipses",
        "gopher_too_many_bullets": "gopher_bullet_lines",
        "gopher_too_many_end_ellipsis": "gopher_ellipsis_lines",
        "gopher_below_alpha_threshold": "gopher_few_alphabetic",
        "gopher_enough_stop_words": "gopher_few_stop_words",
    },
    "c4": {f"{name}": f"c4_{name}" for name in ("lorem_ipsum", "curly_bracket", "too_few_sentences")},
    "fineweb": {
        "empty": "fineweb_empty",
        "line_punct_ratio": "fineweb_few_terminal_lines",
        "short_line_ratio": "fineweb_short_lines",
        "char_dup_ratio": "fineweb_duplicate_lines",
        "list_ratio": "fineweb_many_newlines",
    },
    "repetition": {
        **{f"top_{n}_gram": f"top_{n}gram" for n in (2, 3, 4)},
        **{f"duplicated_{n}_n_grams": f"dup_{n}gram" for n in range(5, 11)},
    },
}
NAMES["c4_no_punct"] = NAMES["c4"]
NAMES["pipeline"] = {f"{kind}:{theirs}": ours for kind, names in NAMES.items() for theirs, ours in names.items()}


def stages() -> dict[str, tuple[RecordStage, ...]]:
    """What stands against each of the peer's runs: its filters' settings, which are the published ones."""
    web: dict[str, Any] = {"profile": "web", "language": "en"}
    repetition = Repetition(profile="web", loop_repeats=None)
    return {
        "gopher": (Quality(**web, rules=("gopher",)),),
        "c4": (Quality(**web, rules=("c4",), c4_remove_lines=True),),
        "c4_no_punct": (Quality(**web, rules=("c4",), c4_remove_lines=True, c4_terminal=False),),
        "fineweb": (Quality(**web, rules=("fineweb",)),),
        "repetition": (repetition,),
        "pipeline": (repetition, Quality(**web, c4_remove_lines=True, c4_terminal=False)),
    }


@dataclass
class Outcome:
    """What one side said: a reason a document ("" = kept), its text afterwards, the CPU seconds it took."""

    reasons: list[str]
    texts: list[str] | None
    seconds: float


def main() -> int:
    """Make the corpus, run both sides, compare."""
    options = _options()
    work: Path = options.work
    work.mkdir(parents=True, exist_ok=True)
    texts = list(documents(options.records, options.seed, options.data))
    corpus = work / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(texts)), encoding="utf-8")
    print(
        f"{len(texts)} documents, {sum(map(len, texts)) / 1e6:.1f} M characters, datatrove {DATATROVE}", file=sys.stderr
    )
    theirs = _peer(work, corpus, options.reuse)
    rows = [_compare(name, _ours(parts, texts), theirs[name], texts) for name, parts in stages().items()]
    frame = pl.DataFrame([{key: value for key, value in row.items() if key != "differing"} for row in rows])
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=160, tbl_hide_dataframe_shape=True):
        print(frame)
    for row in rows:
        print(f"{row['filter']}: differing (theirs, ours): {row['differing']}")
    size = sum(len(text.encode()) for text in texts)
    save(options.json, *(_table(row, len(texts), size) for row in rows))
    good = all(row["decisions"] >= LEAST_AGREEMENT and row["times"] >= LEAST_SPEED for row in rows)
    return 0 if good else 1


def _table(found: dict[str, Any], records: int, size: int) -> tuple[dict[str, Any], list[Row]]:
    """Both sides of one filter as two lines. Only CPU seconds are known, of the filters alone."""
    both = (("studio", "", found["docs/CPU-s"]), ("datatrove", DATATROVE, found["theirs"]))
    facts = {"agree": found["decisions"], "reasons": found["reasons"], "processes": 1}
    lines: list[Row] = [
        {"program": name, "version": number, "cpu": round(records / rate, 2), "rate": round(rate, 1), **facts}
        for name, number, rate in both
    ]
    return {"title": found["filter"], "records": records, "bytes": size}, lines


def _options() -> argparse.Namespace:
    root = Path(__file__).resolve().parent.parent
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "curation-studio" / "quality-agreement"
    data = Path(os.environ.get("STUDIO_DATA", root.parent / "shared" / "data"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--data", type=Path, default=data if data.is_dir() else None, help="adds Wikipedia and Alpaca")
    parser.add_argument("--work", type=Path, default=cache, help="where corpus and results go")
    parser.add_argument("--reuse", action="store_true", help="take datatrove's side from the run before, same options")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    return parser.parse_args()


def _peer(work: Path, corpus: Path, reuse: bool) -> dict[str, Outcome]:
    """The peer's outcomes, from a process in its own environment, which is made on first use."""
    python = python_of("datatrove")
    results = work / "theirs.jsonl"
    if not (reuse and results.exists()):
        script = Path(__file__).with_name("quality_agreement_peer.py")
        subprocess.run([python, script, corpus, results], check=True)
    outcomes = {}
    for line in results.read_text("utf-8").splitlines():
        found = json.loads(line)
        names = NAMES[found["filter"]]
        reasons = [names.get(reason, reason.rpartition(":")[2]) for reason in found["reasons"]]
        outcomes[found["filter"]] = Outcome(reasons, found["texts"], found["cpu_seconds"])
    return outcomes


def _ours(parts: tuple[RecordStage, ...], texts: list[str]) -> Outcome:
    """What the stages decide, batch by batch, as the engine would ask them."""
    reasons: list[str] = []
    after: list[str] = []
    parts[0].decide(_batch(["Load the libraries before the clock starts."]), StageContext())
    shared_vocabulary(limit=0)  # words met in the run before would make this one faster
    batches = [_batch(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH)]
    start = time.process_time()
    for batch in batches:
        why = pl.Series([""] * len(batch))
        left = batch
        for stage in parts:
            decisions = stage.decide(left, StageContext())
            drops = decisions.rows.filter(pl.col("action") == "drop").select("record_id", "reason")
            found = batch.records.select("record_id").join(drops, on="record_id", how="left", maintain_order="left")
            why = pl.select(pl.coalesce(found["reason"], why)).to_series()
            records = left.records.join(drops, on="record_id", how="anti", maintain_order="left")
            edits = decisions.edits.select("record_id", "turn", content="after")
            turns = left.turns.join(drops, on="record_id", how="anti", maintain_order="left")
            left = Batch(records, turns.update(edits, on=["record_id", "turn"]))
        reasons += why.to_list()
        whole = batch.turns.update(left.turns.select("record_id", "turn", "content"), on=["record_id", "turn"])
        after += whole["content"].to_list()
    return Outcome(reasons, after, time.process_time() - start)


def _batch(texts: list[str]) -> Batch:
    ids = [str(i) for i in range(len(texts))]
    records = [(i, i, "corpus", "text", [], "{}") for i in ids]
    turns = [(i, 0, "text", text) for i, text in zip(ids, texts, strict=True)]
    return Batch(
        pl.DataFrame(records, schema=RECORD_SCHEMA, orient="row"), pl.DataFrame(turns, schema=TURN_SCHEMA, orient="row")
    )


def _compare(name: str, ours: Outcome, theirs: Outcome, texts: list[str]) -> dict[str, Any]:
    pairs = list(zip(theirs.reasons, ours.reasons, strict=True))
    kept = [i for i, (a, b) in enumerate(pairs) if a == b == ""]
    row: dict[str, Any] = {
        "filter": name,
        "they drop": sum(a != "" for a, _ in pairs),
        "decisions": sum((a == "") == (b == "") for a, b in pairs) / len(pairs),
        "reasons": sum(a == b for a, b in pairs) / len(pairs),
        "same text": None,
        "docs/CPU-s": len(texts) / ours.seconds,
        "theirs": len(texts) / theirs.seconds,
        "times": theirs.seconds / ours.seconds,
        "differing": Counter(f"{a or 'kept'}, {b or 'kept'}" for a, b in pairs if a != b).most_common(8),
    }
    if theirs.texts is not None and ours.texts is not None and kept:
        row["same text"] = sum(theirs.texts[i] == ours.texts[i] for i in kept) / len(kept)
    return row


if __name__ == "__main__":
    sys.exit(main())
