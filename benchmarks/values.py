"""How well `values` works: precision and recall on the labelled cases, every hit on real data, and its speed.

    python benchmarks/values.py [--policy NAME] [--hits] [--write]

The labelled cases are in tests/curation/data/values.jsonl, half of them harmless look-alikes. The
dev half is for tuning. The test half was written when the rules were finished; docs/values.md says what was mended since.
--hits prints what was found in the real data, for reading. --write puts the tables into docs/values.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

import polars as pl

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "curation"))

from batches import Chat, batch_of  # noqa: E402

from curation.schema import Batch  # noqa: E402
from curation.stage import StageContext  # noqa: E402
from curation.stages.values import Values  # noqa: E402

DATA = Path(os.environ.get("STUDIO_DATA", ROOT.parent / "shared" / "data"))
CASES = ROOT / "tests" / "curation" / "data" / "values.jsonl"
PAGE = ROOT / "docs" / "values.md"
SPEED_RECORDS = 8_000
SHARD = 8_192  # records the engine puts into one shard at most


def cases(split: str) -> list[dict[str, object]]:
    """The labelled cases of one half."""
    rows = [json.loads(line) for line in CASES.read_text("utf-8").splitlines()]
    return [row for row in rows if row["split"] == split]


def chat(row: dict[str, object]) -> Chat | str:
    return str(row["text"]) if "text" in row else [("user", str(row["prompt"])), ("assistant", str(row["answer"]))]


def judged(stage: Values, chats: list[Chat | str]) -> dict[int, dict[str, object]]:
    """The decision about each chat, by its place."""
    rows = stage.decide(batch_of(chats), StageContext()).rows.rows(named=True)
    return {int(str(row["record_id"]).split(":")[1]) - 1: row for row in rows if row["action"] != "annotate"}


def accuracy(stage: Values, split: str) -> list[str]:
    """A table: for each category precision and recall of the reason given, by language, and how much was caught at all."""
    rows = cases(split)
    found = judged(stage, [chat(row) for row in rows])
    lines = [
        "| category | cases | precision | recall | en | zh | caught under any reason |",
        "|:--|--:|--:|--:|--:|--:|--:|",
    ]
    total: Counter[str] = Counter()
    for category in [*dict.fromkeys(str(row["category"]) for row in rows), "all"]:
        count: Counter[str] = Counter()
        for place, row in enumerate(rows):
            reason = found.get(place, {}).get("reason")
            mine = row["harmful"] and category in (row["category"], "all")
            right = reason == (row["category"] if row["harmful"] else None)
            if reason is not None and category in (reason, "all"):
                count["said"] += 1
                count["said right"] += right
            if mine:
                for key in ("harmful", f"harmful {row['language']}"):
                    count[key] += 1
                    count[key + " right"] += right
                count["caught"] += reason is not None
        total = count
        lines.append(
            f"| {category} | {count['harmful']} | {share(count['said right'], count['said'])} "
            f"| {share(count['harmful right'], count['harmful'])} "
            f"| {share(count['harmful en right'], count['harmful en'])} "
            f"| {share(count['harmful zh right'], count['harmful zh'])} | {share(count['caught'], count['harmful'])} |"
        )
    harmless = [place for place, row in enumerate(rows) if not row["harmful"]]
    wrong = sum(place in found for place in harmless)
    assert total["harmful"] + len(harmless) == len(rows)
    return [*lines, "", f"Of {len(harmless)} harmless look-alikes, {wrong} were taken for harmful."]


def share(part: int, whole: int) -> str:
    return f"{part / whole:.2f} ({part}/{whole})" if whole else "n/a"


def real() -> dict[str, list[Chat | str]]:
    """The real data, by file."""
    found: dict[str, list[Chat | str]] = {}
    for name in ("alpaca_en_demo", "alpaca_zh_demo"):
        rows = json.loads((DATA / "llamafactory" / f"{name}.json").read_text("utf-8"))
        found[name] = [pair(f"{row['instruction']}\n{row['input']}".strip(), row["output"]) for row in rows]
    lines = (DATA / "self_instruct" / "seed_tasks.jsonl").read_text("utf-8").splitlines()
    found["seed_tasks"] = [
        pair(f"{row['instruction']}\n{one['input']}".strip(), one["output"])
        for row in map(json.loads, lines)
        for one in row["instances"]
    ]
    with (DATA / "sarcasm" / "sarcasm.csv").open(encoding="utf-8", newline="") as stream:
        found["sarcasm"] = [pair(row["question"], row["answer"]) for row in csv.DictReader(stream)]
    rows = json.loads((DATA / "llamafactory" / "dpo_en_demo.json").read_text("utf-8"))
    found["dpo_en_demo (chosen)"] = [
        [
            *(("user" if t["from"] == "human" else "assistant", t["value"]) for t in row["conversations"]),
            ("chosen", row["chosen"]["value"]),
        ]
        for row in rows
    ]
    return found


def pair(prompt: str, answer: str) -> Chat:
    return [("user", prompt), ("assistant", answer)]


def hits(stage: Values, show: bool) -> list[str]:
    """A table of how much is found in the real data, and by which reason."""
    lines = ["| data | records | found | reasons |", "|:--|--:|--:|:--|"]
    for name, chats in real().items():
        found = judged(stage, chats)
        kinds = Counter(str(row["reason"]) for row in found.values())
        told = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())) or "none"
        lines.append(f"| {name} | {len(chats):,} | {len(found)} | {told} |")
        for place, row in found.items() if show else ():
            print(f"--- {name} {place} {row['reason']} {row['score']} {row['detail']}")
            print("\n".join(text for _, text in chats[place])[:1500])
    return lines


def speed(stage: Values) -> list[str]:
    """Records a CPU-second over Alpaca records, repeated to the size of a shard."""
    lines = ["| data | characters a record | records a CPU-second |", "|:--|--:|--:|"]
    for name, chats in list(real().items())[:2]:
        many = (chats * (SPEED_RECORDS // len(chats) + 1))[:SPEED_RECORDS]
        batch: Batch = batch_of(many)
        stage.decide(batch_of(chats[:50]), StageContext())
        began = time.process_time()
        stage.decide(batch, StageContext())
        took = time.process_time() - began
        size = int(batch.turns["content"].str.len_chars().sum() or 0) // len(many)
        lines.append(f"| {name} | {size:,} | {len(many) / took:,.0f} |")
    return lines


def main() -> None:
    """Print the tables; write them if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policy", default="balanced")
    parser.add_argument("--hits", action="store_true")
    parser.add_argument("--write", action="store_true")
    told = parser.parse_args()
    stage = Values(policy=told.policy)
    parts = [
        "The test half (one defect it showed was mended, see above):",
        "",
        *accuracy(stage, "test"),
        "",
        "The dev half:",
        "",
        *accuracy(stage, "dev"),
    ]
    if DATA.is_dir():
        parts += ["", "Real data:", "", *hits(stage, told.hits), "", "Speed, one thread:", "", *speed(stage)]
    print("\n".join(parts))
    if told.write:
        before, _, rest = PAGE.read_text("utf-8").partition("<!-- measured: begin -->")
        _, _, after = rest.partition("<!-- measured: end -->")
        text = "\n".join([before + "<!-- measured: begin -->", "", *parts, "", "<!-- measured: end -->" + after])
        PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    pl.Config.set_tbl_rows(50)
    main()
