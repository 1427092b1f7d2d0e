"""Inputs and comparisons that several tests of the engine use."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

from curation.engine.local import curate
from curation.recipe import Recipe

RECIPE = """
seed: 7
stages:
  - use: exact
    normalise: letters
  - use: split
    validation: 0.2
"""

EASY = ["bread", "雨天", "a lamp", "green tea", "自行车", "the river", "two stones", "夜晚", "paper", "clouds"]


def write_messy(path: Path, records: int, seed: int = 1) -> Path:
    """A JSONL file of Alpaca records: some repeated, some with HTML, too short, blank, broken or not objects."""
    draw = random.Random(seed)
    lines: list[str] = []
    made: list[dict[str, Any]] = []
    for number in range(records):
        words = " ".join(draw.choice(EASY) for _ in range(draw.randint(1, 14)))
        record: dict[str, Any] = {"instruction": f"Say {words}", "input": "", "output": words.upper(), "id": number}
        kind = draw.random()
        if kind < 0.03:
            lines.append("  ")
        elif kind < 0.06:
            lines.append(draw.choice(["[1, 2]", "nonsense"]))
        elif kind < 0.16:
            record["output"] = f"<p>{words}</p>  and\u200b more "
        elif kind < 0.26 and made:
            record = {**draw.choice(made), "id": number}
        if kind >= 0.06:
            made.append(record)
            lines.append(json.dumps(record, ensure_ascii=False))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(folder: Path, *inputs: Path, recipe: str = RECIPE, **options: Any) -> dict[str, Any]:
    """Curate `inputs` in `folder` and return the summary."""
    options.setdefault("listener", lambda _: None)
    options.setdefault("report", False)
    return curate([str(path) for path in inputs], Recipe.from_text(recipe), folder, **options)


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of everything that must not depend on how the run went: dataset, ledger and quarantine."""
    files = [*folder.glob("dataset/*.jsonl"), *folder.glob("ledger/*.parquet"), folder / "quarantine.jsonl"]
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(files)}
