"""Records about numbers, and a judge that marks each by its number: what a run of the stage `rate` must come to."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import polars as pl
from llm_server import FaultyServer, last_user_text

from curation.engine import local
from curation.llm.ledger import CallLedger
from curation.recipe import Recipe
from curation.scoring.rate_ask import CALLS

PRODUCT = "rate.quality * rate.complexity"


def quality(number: int) -> int:
    return number % 6


def complexity(number: int) -> int:
    return number % 5 + 1


def number_in(body: dict[str, Any]) -> int:
    found = re.search(r"What is (\d+)\?", last_user_text(body))
    assert found is not None
    return int(found[1])


def marks_of(number: int) -> str:
    return json.dumps(
        {
            "quality": {"reason": f"because of {number}", "mark": quality(number)},
            "complexity": {"reason": "it is a number", "mark": complexity(number)},
        }
    )


def judge(body: dict[str, Any]) -> str:
    return marks_of(number_in(body))


def write_numbers(file: Path, count: int, first: int = 0) -> Path:
    lines = (
        json.dumps({"question": f"What is {n}?", "answer": f"It is the number {n}."})
        for n in range(first, first + count)
    )
    file.write_text("\n".join(lines))
    return file


def recipe_of(server: FaultyServer, select: bool = False, **settings: Any) -> Recipe:
    told = {"attempts": 1, "timeout": 5.0, **settings}
    lines = "".join(f"    {name}: {json.dumps(value)}\n" for name, value in told.items())
    tail = f"  - use: select\n    records: 5\n    by: quality\n    score: {PRODUCT}\n" if select else ""
    return Recipe.from_text(f"name: r\nstages:\n  - use: rate\n    model: {server.address}\n{lines}{tail}")


def run(folder: Path, recipe: Recipe, *files: Path, **options: Any) -> dict[str, Any]:
    options = {"listener": lambda _: None, "workers": 1, "report": False, **options}
    return local.curate([str(file) for file in files], recipe, folder, **options)


def rated(folder: Path) -> pl.DataFrame:
    """The decisions of the stage, in the order of the input."""
    parts = sorted((folder / "ledger").glob("*.parquet"))
    rows = pl.concat([pl.read_parquet(part, glob=False) for part in parts])
    return rows.filter(pl.col("stage") == "rate")


def told(folder: Path) -> list[tuple[str, float | None, dict[str, float]]]:
    """Reason, score and values of each record."""
    rows = rated(folder).select("reason", "score", "values").iter_rows()
    return [(reason, score, json.loads(values or "{}")) for reason, score, values in rows]


def expected(number: int) -> tuple[str, float, dict[str, float]]:
    return "rated", quality(number), {"quality": quality(number), "complexity": complexity(number)}


def answers_kept(folder: Path) -> int:
    """How many answers stand in the run's ledger of calls."""
    ledger = CallLedger(folder / CALLS)
    try:
        return ledger.summary().answered
    finally:
        ledger.close()


def wait_for(what: Any, seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)
