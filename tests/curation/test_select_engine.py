"""`select` through the engine: after stages that measure, by any number of workers, in any order of files, done again."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from engine_inputs import digests, run

from curation.engine import local
from curation.errors import StageError, StudioError
from curation.recipe import Recipe

WORDS = {
    "en": ["bread", "a lamp", "the river", "green tea", "two stones", "paper", "clouds", "the harbour"],
    "zh": ["雨天", "自行车", "夜晚", "图书馆", "火车站", "茶叶", "月亮", "山路"],
}
RECIPE = """
seed: 7
stages:
  - use: exact
  - use: language
    name: tongue
    annotate: true
    threshold: 0
  - use: select
    records: 12
    by: blend
    score: tongue.language_score
    quota: source
"""


def write(path: Path, count: int, seed: int) -> Path:
    draw = random.Random(seed)
    lines = []
    for number in range(count):
        words = [draw.choice(WORDS["zh" if number % 3 else "en"]) for _ in range(draw.randint(3, 9))]
        record = {"instruction": f"Say {' '.join(words)}", "input": "", "output": " ".join(reversed(words)) * 2}
        lines.append(json.dumps(record, ensure_ascii=False))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def ledger(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "ledger" / "*.parquet")


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    monkeypatch.setattr(local, "SHARD_RECORDS", 20)
    return write(tmp_path / "a.jsonl", 30, 1), write(tmp_path / "b.jsonl", 50, 2)


def test_kept_and_dropped_are_all_and_each_says_why(tmp_path: Path, sources: tuple[Path, Path]) -> None:
    summary = run(tmp_path / "run", *sources, recipe=RECIPE, workers=1)
    rows = ledger(tmp_path / "run").filter(pl.col("stage") == "select")
    before = summary["read"] if isinstance(summary.get("read"), int) else 80
    gone = ledger(tmp_path / "run").filter((pl.col("stage") != "select") & (pl.col("action") == "drop")).height
    assert rows.height == before - gone
    stays = rows.filter(pl.col("action") == "annotate")
    assert stays.height == 12
    lines = (tmp_path / "run" / "dataset" / "train.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 12
    assert sorted(stays["record_id"].str.head(1)) == ["a"] * 6 + ["b"] * 6
    assert sorted(orjson.loads(text)["place"] for text in stays["values"]) == list(range(1, 13))
    lost = rows.filter(pl.col("action") == "drop")
    assert lost["related_id"].is_in(stays["record_id"].implode()).all()


def test_bytes_depend_neither_on_workers_nor_on_shards_nor_on_the_order_of_files(
    tmp_path: Path, sources: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = sources
    run(tmp_path / "ab", one, two, recipe=RECIPE, workers=1)
    run(tmp_path / "ba", two, one, recipe=RECIPE, workers=2)
    assert digests(tmp_path / "ab") == digests(tmp_path / "ba")
    monkeypatch.setattr(local, "SHARD_RECORDS", 33)
    run(tmp_path / "other", one, two, recipe=RECIPE, workers=1)
    name = "dataset/train.jsonl"
    assert (tmp_path / "ab" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_another_measure_before_it_is_another_choice(tmp_path: Path, sources: tuple[Path, Path]) -> None:
    """In the same folder: what earlier stages measured is part of what the choice depends on."""
    by_quality = RECIPE.replace("by: blend", "by: quality").replace("quota: source", "best: highest")

    def stays(recipe: str) -> set[str]:
        run(tmp_path / "run", *sources, recipe=recipe, workers=1)
        rows = ledger(tmp_path / "run").filter((pl.col("stage") == "select") & (pl.col("action") == "annotate"))
        return set(rows["record_id"])

    first = stays(by_quality)
    assert stays(by_quality.replace("threshold: 0", "threshold: 0\n    part: answer\n    chars: 20")) != first
    assert stays(by_quality) == first


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("score: tongue.language_score", "score: tongue.sureness"), "no record has the number 'tongue.sureness'"),
        (("annotate: true", "annotate: false"), "no record has the number 'tongue.language_score'"),
    ],
)
def test_a_number_that_nothing_measured_ends_the_run_with_a_hint(
    tmp_path: Path, sources: tuple[Path, Path], change: tuple[str, str], said: str
) -> None:
    with pytest.raises(StageError, match=said) as caught:
        run(tmp_path / "run", *sources, recipe=RECIPE.replace(*change), workers=1)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        (RECIPE.replace("name: tongue", "name: other"), "no stage before it is named 'tongue'"),
        (RECIPE.replace("quota: source", "quota: topic"), "no stage before it is named 'topics'"),
        (
            RECIPE.replace("annotate: true", "annotate: true\n    enabled: false"),
            "'tongue', which it reads, is switched off",
        ),
        ("stages:\n  - {use: select, records: 3, by: quality, score: a}\n  - {use: exact, name: a}", "is named 'a'"),
    ],
)
def test_a_recipe_that_reads_what_no_stage_measures_is_refused_before_anything_runs(recipe: str, said: str) -> None:
    with pytest.raises(StudioError, match=said):
        Recipe.from_text(recipe)


def test_a_stage_that_is_switched_off_reads_nothing() -> None:
    recipe: Any = Recipe.from_text(
        RECIPE.replace("name: tongue", "enabled: false").replace(
            "  - use: select", "  - use: select\n    enabled: false"
        )
    )
    assert len(list(recipe.steps())) == 1
