"""The starters that select, on the data that come with the project; and that no text is embedded twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson
import polars as pl
import pytest

from curation.embedding import shared
from curation.engine import local
from curation.engine.local import curate
from curation.recipe import Recipe

DATA = [str(Path(__file__).parents[2] / "datasets" / name) for name in ("alpaca_mixed.json", "qa_zh.csv")]
EVERYTHING = """
stages:
  - {use: fit}
  - {use: conflicts}
  - {use: rarity}
  - {use: topics}
  - {use: semantic, allow_wipeout: true}
  - {use: select, records: 20, by: blend, score: fit}
"""


def run(folder: Path, recipe: Recipe, **options: object) -> pl.DataFrame:
    """The ledger of a run over the data."""
    curate(DATA, recipe, folder, listener=lambda _: None, report=False, workers=1, **options)  # type: ignore[arg-type]
    return pl.read_parquet(folder / "ledger" / "*.parquet")


def embedded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each text is given to the encoder from now on, with nothing kept from before."""
    given: Counter[str] = Counter()
    plain = shared.encode_each_once

    def counted(model: object, texts: list[str]) -> object:
        given.update({text for text in texts if text})
        return plain(model, texts)  # type: ignore[arg-type]

    monkeypatch.setattr(shared, "encode_each_once", counted)
    monkeypatch.setattr(shared, "MOST_BYTES", 1)  # one call fits into memory: as with more shards than two
    shared._kept.clear()
    return given


def test_the_cheap_recipe_keeps_a_tenth_and_says_why(tmp_path: Path) -> None:
    ledger = run(tmp_path / "run", Recipe.load("select"))
    chosen = ledger.filter((pl.col("stage") == "select") & (pl.col("action") == "annotate"))
    asked = ledger.filter(pl.col("stage") == "select")
    assert chosen.height == round(0.1 * asked.height) > 5
    assert set(ledger["stage"]) == {"exact", "near", "signals", "fit", "conflicts", "topics", "select"}
    kept = set(chosen["record_id"])
    score = {
        stage: dict(ledger.filter(pl.col("stage") == stage).select("record_id", "score").iter_rows())
        for stage in ("signals", "conflicts")
    }
    of = {name: score["signals"].get(name, 0) * (score["conflicts"].get(name) or 0) for name in asked["record_id"]}
    assert sum(of[name] for name in kept) / len(kept) > sum(of.values()) / len(of)
    lost = asked.filter(pl.col("action") == "drop")
    assert set(lost["reason"]) <= {"covered", "less_quality", "unscored"}
    assert lost["related_id"].is_in(list(kept)).all()


def test_the_dearer_recipe_drops_what_is_doubtful_and_takes_the_hardest_below_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    recipe = Recipe.load("select-ifd").with_settings(["ifd.tokens=16", "select.records=8", "select.fraction=null"])
    ledger = run(tmp_path / "run", recipe)
    doubtful = ledger.filter((pl.col("stage") == "sound") & (pl.col("action") == "drop"))
    assert set(doubtful["reason"]) <= {"out_of_range"}
    assert doubtful.height
    measured = ledger.filter(pl.col("stage") == "ifd").select("record_id", "score")
    assert not set(doubtful["record_id"]) & set(measured["record_id"])
    chosen = ledger.filter((pl.col("stage") == "select") & (pl.col("action") == "annotate"))
    joined = chosen.select("record_id").join(measured, on="record_id", how="left")["score"]
    assert chosen.height == 8
    assert joined.drop_nulls().max() < 1
    assert joined.mean() > measured.filter(pl.col("score") < 1)["score"].mean()


def test_no_text_is_embedded_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six stages, five barriers, many shards and hardly any memory: every text of a shard goes through the model once."""
    monkeypatch.setattr(local, "SHARD_RECORDS", 40)
    given = embedded(monkeypatch)
    first = run(
        tmp_path / "first", Recipe.from_text(EVERYTHING.replace("  - {use: semantic, allow_wipeout: true}\n", ""))
    )
    texts = sum(given.values())
    assert texts > 150
    assert max(given.values()) <= 2  # the same sentence in two shards
    assert first.filter(pl.col("stage") == "select").height > 100

    again = run(tmp_path / "again", Recipe.from_text(EVERYTHING), reuse=[tmp_path / "first" / "shards"])
    fresh = sum(given.values()) - texts
    gone = again.filter((pl.col("stage") == "semantic") & (pl.col("action") == "drop")).height
    assert (gone > 0) == (fresh > 0)  # a shard of which `semantic` dropped records is asked about anew


def test_what_was_kept_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "SHARD_RECORDS", 40)
    recipe = Recipe.from_text("stages:\n  - {use: fit}\n  - {use: select, records: 9}\n")
    embedded(monkeypatch)
    first = run(tmp_path / "first", recipe)
    with monkeypatch.context() as patch:
        patch.setattr(shared, "_from_shelf", lambda *_: None)
        shared._kept.clear()
        assert run(tmp_path / "second", recipe).equals(first)
    chosen = first.filter((pl.col("stage") == "select") & (pl.col("action") == "annotate"))
    assert sorted(orjson.loads(values)["place"] for values in chosen["values"]) == list(range(1, 10))
