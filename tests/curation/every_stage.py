"""A recipe of every kind of stage, in which no model has to be loaded, and records for it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from engine_inputs import write_messy

SAMPLES = Path(__file__).resolve().parents[2] / "datasets"
# Record stages; corpus stages in one stretch; one that reads scores, and so opens another; stages that draw.
_RECIPE = """
seed: 7
stages:
  - use: clean
  - use: length
    min_chars: 12
  - use: pii
    names: false
  - use: language
    annotate: true
    threshold: 0
  - use: quality
  - use: repetition
  - use: machine_text
  - use: values
  - use: where
    condition: turns >= 1 AND chars > 15
  - use: exact
    normalise: letters
  - use: near
    allow_wipeout: true
  - use: decontaminate
    against: [{items}]
  - use: signals
  - use: select
    fraction: 0.9
    by: quality
    score: signals
  - use: mix
    caps: {{"messy.jsonl": 150}}
  - use: sample
    fraction: 0.95
  - use: split
    validation: 0.2
"""


def write_inputs(folder: Path, messy: int) -> list[Path]:
    """So many messy records, and the samples in English and Chinese that come with the project."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ("support_desk.jsonl", "qa_zh.csv")
    return [write_messy(folder / "messy.jsonl", messy), *(Path(shutil.copy(SAMPLES / n, folder / n)) for n in names)]


def recipe(folder: Path) -> str:
    """The recipe; the items that it keeps out are written to `folder`."""
    items = folder / "items.jsonl"
    lines = (SAMPLES / "support_desk.jsonl").read_text("utf-8").splitlines()[:8]
    items.write_text("".join(json.dumps(json.loads(line), ensure_ascii=False) + "\n" for line in lines), "utf-8")
    return _RECIPE.format(items=items)
