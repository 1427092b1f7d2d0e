"""What a recipe costs, told from samples: how many records there are, and what a stage says of some."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from curation import Recipe
from curation.cost import SAMPLE, StageCost, recipe_costs
from curation.readers import find_sources
from curation.schema import Batch
from curation.stage import Cost
from curation.stages.ifd import Ifd

RECIPE = Recipe.from_text("name: r\nstages:\n  - use: exact\n  - use: ifd\n    model: nobody/has-it\n")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))


def write(path: Path, count: int) -> Path:
    records = [{"instruction": f"Say {n:05}.", "input": "", "output": f"{n:05} " * 30} for n in range(count)]
    if path.suffix == ".json":
        path.write_text(json.dumps(records, indent=2))
    else:
        text = "".join(json.dumps(record) + "\n" for record in records)
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def costs(*paths: Path, **options: Any) -> list[StageCost]:
    return recipe_costs(find_sources([str(path) for path in paths]), RECIPE, **options)


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_the_number_of_records_is_told_from_the_size(tmp_path: Path, name: str) -> None:
    (large,) = costs(write(tmp_path / name, 5000))
    assert large.stage == "ifd"
    assert large.records == pytest.approx(5000, rel=0.02)
    (whole,) = costs(write(tmp_path / f"few-{name}", SAMPLE - 1))
    assert whole.records == SAMPLE - 1
    assert large.cost.seconds == pytest.approx(whole.cost.seconds / (SAMPLE - 1) * 5000, rel=0.05)


def test_sources_add_up_and_a_limit_bounds_them(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one.jsonl", 60), write(tmp_path / "two.jsonl", 30)
    (first,), (second,), (both,) = costs(one), costs(two), costs(one, two)
    assert both.records == 90
    assert both.cost.seconds == pytest.approx(first.cost.seconds + second.cost.seconds)
    (some,) = costs(one, two, limit=9)
    assert (some.records, some.cost.seconds) == (9, pytest.approx(both.cost.seconds / 10))
    assert costs(one, two, limit=1000)[0] == both


def test_a_size_that_tells_nothing_is_not_taken_for_one(tmp_path: Path) -> None:
    assert costs(write(tmp_path / "a.jsonl.gz", 5000))[0].records == SAMPLE


def test_calls_tokens_and_money_are_added_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def asking(_stage: Ifd, sample: Batch) -> Cost:
        return Cost(0, len(sample), 10 * len(sample), len(sample), 0.5 * len(sample), "a price list")

    monkeypatch.setattr(Ifd, "cost", asking)
    (told,) = costs(write(tmp_path / "one.jsonl", 60), write(tmp_path / "two.jsonl", 30))
    assert told.cost == Cost(0, 90, 900, 90, 45.0, "a price list")


def test_a_cheap_recipe_says_nothing(tmp_path: Path) -> None:
    cheap = Recipe.from_text("name: r\nstages:\n  - use: exact\n")
    assert recipe_costs(find_sources([str(write(tmp_path / "a.jsonl", 9))]), cheap) == []
