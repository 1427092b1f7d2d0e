"""How often the stage `machine_text` is right: precision and recall by reason on the labelled cases, hits on real data, and
records a CPU-second.

    python benchmarks/machine_text.py                 # the table of docs/machine_text.md
    python benchmarks/machine_text.py --wrong dev     # the cases of one half that it gets wrong
    python benchmarks/machine_text.py --hits FOLDER   # real data: every hit, as JSON lines
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from curation.schema import RECORD_SCHEMA, TURN_SCHEMA, Batch, conform
from curation.stage import StageContext
from curation.stages.machine_text import MachineText

CASES = Path(__file__).parents[1] / "tests/curation/data/machine_text.jsonl"
FILES = (
    "llamafactory/alpaca_en_demo.json",
    "llamafactory/alpaca_zh_demo.json",
    "self_instruct/seed_tasks.jsonl",
    "sarcasm/sarcasm.csv",
    "llamafactory/dpo_en_demo.json",  # was not looked at before the rules were finished
)
REASONS = (
    "refusal", "disclaimer", "boilerplate", "prompt_leak", "placeholder", "translation", "looping", "truncated",
)  # fmt: skip


def batch_of(pairs: list[tuple[str, str]]) -> Batch:
    """A batch of prompts and answers; the number of a pair is its record's id."""
    turns = [
        (str(number), turn, role, text)
        for number, pair in enumerate(pairs)
        for turn, (role, text) in enumerate(zip(("user", "assistant"), pair, strict=True))
    ]
    ids = pl.DataFrame({"record_id": [str(number) for number in range(len(pairs))]}, schema={"record_id": pl.String})
    return Batch(conform(ids, RECORD_SCHEMA), pl.DataFrame(turns, schema=TURN_SCHEMA, orient="row"))


def decided(pairs: list[tuple[str, str]]) -> dict[int, dict[str, object]]:
    """What the stage decides with its defaults, by the number of the pair."""
    rows = MachineText().decide(batch_of(pairs), StageContext()).rows
    return {int(row["record_id"]): row for row in rows.iter_rows(named=True)}


def cases(split: str) -> list[dict[str, str | None]]:
    """The labelled cases of one half."""
    loaded = [json.loads(line) for line in CASES.read_text("utf-8").splitlines()]
    return [case for case in loaded if case["split"] == split]


def table(split: str) -> list[tuple[str, str, int, int, int]]:
    """`reason, language, right, wrongly found, missed` of one half; a wrong reason is both a false hit and a miss."""
    chosen = cases(split)
    found = decided([(case["prompt"], case["answer"]) for case in chosen])
    told = [(case["reason"], found.get(n, {}).get("reason"), case["language"]) for n, case in enumerate(chosen)]
    rows = []
    for reason in REASONS:
        for language in ("en", "zh"):
            mine = [(want, got) for want, got, tongue in told if tongue == language]
            right = sum(want == got == reason for want, got in mine)
            false = sum(got == reason != want for want, got in mine)
            missed = sum(want == reason != got for want, got in mine)
            rows.append((reason, language, right, false, missed))
    return rows


def printed(split: str) -> None:
    rows = table(split)
    for language in ("en", "zh", "both"):
        part = [row for row in rows if row[0] != "all" and language in (row[1], "both")]
        rows.append(("all", language, *(sum(row[place] for row in part) for place in (2, 3, 4))))
    print(
        f"\n{split}\n\n| reason | language | cases | found | precision | recall |\n| --- | --- | --- | --- | --- | --- |"
    )
    for reason, language, right, false, missed in rows:
        precision = f"{right / (right + false):.2f}" if right + false else "–"
        recall = f"{right / (right + missed):.2f}" if right + missed else "–"
        print(f"| {reason} | {language} | {right + missed} | {right + false} | {precision} | {recall} |")


def real(folder: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The pairs of each file of real data."""
    for name in FILES:
        path = folder / name
        if "dpo" in name:
            objects = json.loads(path.read_text("utf-8"))
            pairs = [("\n".join(t["value"] for t in o["conversations"]), o["chosen"]["value"]) for o in objects]
        elif name.endswith(".json"):
            objects = json.loads(path.read_text("utf-8"))
            pairs = [((o["instruction"] + "\n" + o.get("input", "")).strip(), o["output"]) for o in objects]
        elif name.endswith(".jsonl"):
            objects = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
            pairs = [
                (f"{o['instruction']}\n{i['input']}".strip(), i["output"]) for o in objects for i in o["instances"]
            ]
        else:
            with path.open(encoding="utf-8", newline="") as file:
                pairs = [(row["question"], row["answer"]) for row in csv.DictReader(file)]
        yield name, pairs


def speed(pairs: list[tuple[str, str]], rounds: int = 5) -> float:
    """Records a CPU-second, word lists loaded: the best of some rounds over all pairs."""
    batch = batch_of(pairs)
    stage = MachineText()
    stage.decide(batch_of(pairs[:100]), StageContext())
    best = 0.0
    for _ in range(rounds):
        began = time.process_time()
        stage.decide(batch, StageContext())
        best = max(best, len(pairs) / (time.process_time() - began))
    return best


def main() -> int:
    """Print what was asked for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--wrong", choices=("dev", "test"))
    options.add_argument("--hits", type=Path)
    chosen = options.parse_args()
    if chosen.wrong:
        mine = cases(chosen.wrong)
        found = decided([(case["prompt"], case["answer"]) for case in mine])
        for number, case in enumerate(mine):
            row = found.get(number, {})
            if row.get("reason") != case["reason"]:
                print(
                    case["id"],
                    "wanted",
                    case["reason"],
                    "got",
                    row.get("reason"),
                    row.get("values"),
                    repr(case["answer"][:120]),
                )
    elif chosen.hits:
        for name, pairs in real(chosen.hits):
            found = decided(pairs)
            print(name, len(pairs), dict(Counter(row["reason"] for row in found.values())), file=sys.stderr)
            for number, row in found.items():
                prompt, answer = pairs[number]
                told = {
                    "file": name,
                    "number": number,
                    "reason": row["reason"],
                    "values": json.loads(str(row["values"])),
                }
                print(json.dumps({**told, "prompt": prompt, "answer": answer}, ensure_ascii=False))
            length = sum(len(answer) for _, answer in pairs) / len(pairs)
            print(f"{name}: {length:.0f} characters, {speed(pairs):,.0f} records a CPU-second", file=sys.stderr)
    else:
        printed("dev")
        printed("test")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
