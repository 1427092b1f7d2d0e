"""Answers that other records speak against, how rare a record is, and how well a question and its answer fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from batches import batch_of, decide, reasons
from engine_inputs import digests, run
from planted_answers import Planted, shipped

from curation.conflicts.placing import placed
from curation.embedding import shared
from curation.embedding.shared import packed, shared_vectors, unpacked
from curation.engine.plan import stretches
from curation.recipe import Recipe
from curation.schema import Batch, Decisions
from curation.stage import StageContext
from curation.stages.conflicts import Conflicts
from curation.stages.fit import Fit
from curation.stages.rarity import Rarity, nearest

CLEAN = shipped(Path(__file__).parents[2] / "datasets")


def chat(question: str, answer: str) -> list[tuple[str, str]]:
    return [("user", question), ("assistant", answer)]


def corpus(*more: list[tuple[str, str]], records: list[Planted] = CLEAN) -> Batch:
    """The clean records, and `more` behind them."""
    return batch_of([*(chat(record.prompt, record.answer) for record in records), *more])


def last(decisions: Decisions, number: int = 1) -> dict[str, Any]:
    """The decision about the record that is `number`-th from the end."""
    row = decisions.rows.sort(pl.col("record_id").str.split(":").list.last().cast(pl.Int64)).row(-number, named=True)
    return {**row, **json.loads(row["values"])}


MOON = chat("How far is the moon from the earth?", "The moon is about 384,000 km away from the earth on average.")
MOON_AGAIN = chat("What is the distance to the moon?", "The moon is about 150,000 km away from the earth on average.")
MOON_AGREES = chat("What is the distance to the moon?", "On average the moon is 384,000 km away from the earth.")
GLASS = chat("窗玻璃可以和瓶子一起回收吗？", "窗玻璃可以和瓶子一起回收，因为它们的成分相同。")
GLASS_NOT = chat("请问窗玻璃可以和瓶子一起回收吗？", "窗玻璃不可以和瓶子一起回收，因为它们的成分相同。")
NAME = chat("Suggest a name for a boat.", "The Patient Heron, because it waits for the tide.")
OTHER_NAME = chat("Please suggest a name for a boat.", "Quicksilver would suit a fast and shiny hull of steel.")


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        ((MOON, MOON_AGAIN), "other_number"),
        ((GLASS, GLASS_NOT), "negated"),
        ((NAME, OTHER_NAME), "other_answer"),
        ((MOON, MOON_AGREES), "consistent"),
    ],
)
def test_two_answers_to_one_question(pair: tuple[list[tuple[str, str]], ...], reason: str) -> None:
    found = decide(Conflicts(agreement=0.8), corpus(*pair))
    for number, twin in ((1, 2), (2, 1)):
        mine = last(found, number)
        assert mine["reason"] == reason
        assert (mine["related_id"] == last(found, twin)["record_id"]) == (reason != "consistent")
        assert (mine["agreement"] < 0.8) == (reason != "consistent")


BREAD = chat(
    "Why does bread dough rise when it is left in a warm place?",
    "It stands still in the water and waits, then strikes.",
)
HERON = chat(
    "How does a heron catch its fish in the shallow water?",
    "Yeast eats the sugar in the dough and makes gas, so the bread rises.",
)
STRAY = chat(
    "Which tools do I need to plane a wooden board?", "Interest rates were raised by a quarter of a percent in March."
)


def test_swapped_answers_name_the_question_they_belong_to_and_off_topic_ones_none() -> None:
    found = decide(Conflicts(), corpus(BREAD, HERON, STRAY))
    assert [last(found, number)["reason"] for number in (2, 1)] == ["swapped", "off_topic"]
    assert last(found, 2)["related_id"] == last(found, 3)["record_id"]
    assert last(found, 1)["related_id"] is None
    assert all(last(found, number)["score"] < 0.5 for number in (1, 2))


@pytest.mark.parametrize(
    ("changed", "after"),
    [({"doubt": -20.0}, "consistent"), ({"elsewhere": 0.99}, "off_topic"), ({"near": 0.0}, "consistent")],
)
def test_bounds_of_the_standing_change_what_is_noted(changed: dict[str, Any], after: str) -> None:
    batch = corpus(BREAD, chat(HERON[0][1], f"{HERON[1][1]} The heron does not."))
    assert last(decide(Conflicts(near=1.0, doubt=-0.5), batch))["reason"] == "swapped"
    assert last(decide(Conflicts(**{"near": 1.0, "doubt": -0.5, **changed}), batch))["reason"] == after


@pytest.mark.parametrize(
    ("changed", "pair", "before"),
    [
        ({"agreement": 0.01}, (MOON, MOON_AGAIN), "other_number"),
        ({"alike": 0.99}, (MOON, MOON_AGAIN), "other_number"),
        ({"certainty": 1.0}, (NAME, OTHER_NAME), "other_answer"),
        ({"apart": 0.0}, (NAME, OTHER_NAME), "other_answer"),
    ],
)
def test_bounds_of_the_agreement_change_what_is_noted(
    changed: dict[str, Any], pair: tuple[list[tuple[str, str]], ...], before: str
) -> None:
    assert last(decide(Conflicts(agreement=0.8), corpus(*pair)))["reason"] == before
    assert last(decide(Conflicts(**{"agreement": 0.8, **changed}), corpus(*pair)))["reason"] == "consistent"


def test_every_record_with_both_sides_is_measured_and_copies_alike() -> None:
    copy = chat(CLEAN[0].prompt, CLEAN[0].answer)
    found = decide(Conflicts(), corpus(copy, [("user", "Nobody answered this.")], chat("And this?", " ")))
    assert found.rows.height == len(CLEAN) + 1
    assert set(found.rows["action"]) == {"annotate"}
    assert last(found)["score"] == found.rows["score"][0]
    few = decide(Conflicts(neighbours=1), corpus())
    assert not few.rows["values"].equals(decide(Conflicts(), corpus()).rows["values"])
    assert decide(Conflicts(), batch_of(["no question"])).rows.is_empty()
    assert reasons(decide(Conflicts(), batch_of([MOON]))) == {"a:1": "consistent"}


def test_placing_against_a_plain_computation() -> None:
    draw = np.random.default_rng(3)
    asked, answered = (draw.normal(size=(40, 8)).astype(np.float32) for _ in range(2))
    for side in (asked, answered):
        side /= np.linalg.norm(side, axis=1, keepdims=True)
    found = placed(asked, answered, 39, 2.0)
    close = answered @ asked.T
    away = np.where(np.eye(40, dtype=bool), np.nan, close)
    usual_question, usual_answer = np.nanmean(away, axis=0), np.nanmean(away, axis=1)
    adjusted = away - usual_question / 2
    assert found.other.tolist() == np.nanargmax(adjusted, axis=1).tolist()
    own = np.diag(close)
    assert found.margin == pytest.approx(own - usual_question / 2 - np.nanmax(adjusted, axis=1), abs=1e-5)
    assert found.relative == pytest.approx(own - (usual_question + usual_answer) / 2, abs=1e-5)


def test_rarity_is_the_mean_distance_to_the_nearest() -> None:
    draw = np.random.default_rng(5)
    vectors = draw.normal(size=(60, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[7] = vectors[3]
    distances, closest = nearest(vectors, 4)
    plain = 1 - vectors @ vectors.T
    np.fill_diagonal(plain, np.inf)
    assert distances == pytest.approx(np.sort(plain, axis=1)[:, :4], abs=1e-5)
    assert (closest[3], closest[7]) == (7, 3)
    assert nearest(vectors[:2], 9)[0].shape == (2, 1)


def test_rare_and_crowded_records_and_every_parameter_of_rarity() -> None:
    crowd = [
        chat(f"How do I oil a bicycle chain, {word}?", f"Wipe the chain, oil it, {word}.")
        for word in ("friend", "please", "then")
    ]
    stray = chat("Describe the tax law of Ruritania.", "In Ruritania hats are taxed by their height, measured at noon.")
    batch = corpus(*crowd, stray)
    found = decide(Rarity(neighbours=2, crowded=0.4), batch)
    assert last(found)["reason"] == "rare"
    assert [last(found, number)["reason"] for number in (2, 3, 4)] == ["crowded"] * 3
    assert last(found, 2)["related_id"] in {last(found, 3)["record_id"], last(found, 4)["record_id"]}
    assert set(reasons(found).values()) == set(Rarity.reasons)
    assert last(found)["score"] > last(found, 2)["score"]
    assert last(decide(Rarity(neighbours=2, rare=1.5), batch))["reason"] == "usual"
    assert last(decide(Rarity(neighbours=2, crowded=0.01), batch), 2)["reason"] == "usual"
    assert last(decide(Rarity(neighbours=20), batch), 2)["score"] > last(found, 2)["score"]
    assert last(decide(Rarity(neighbours=2, part="prompt"), batch))["score"] != last(found)["score"]
    with pytest.raises(ValueError, match=r"'crowded' .* must be below 'rare'"):
        Rarity(crowded=0.8)


def test_fit_and_every_parameter_of_it() -> None:
    batch = batch_of(
        [
            MOON,
            chat("Why does bread dough rise in a warm place?", "Interest rates were raised by a quarter of a percent."),
            chat("How far is the moon?", "How far is the moon?"),
            chat("Is it far?", "Yes"),
            chat("面包为什么会发起来？", "酵母吃掉面团里的糖，产生气体，面包就发起来了。"),
            [("user", "Nobody answered this.")],
        ]
    )
    found = Fit().decide(batch, StageContext())
    assert reasons(found) == {"a:1": "fits", "a:2": "unrelated", "a:3": "echo", "a:4": "brief", "a:5": "fits"}
    assert set(found.rows["action"]) == {"annotate"}
    scores = dict(found.rows.select("record_id", "score").iter_rows())
    assert scores["a:1"] > 0.4 > 0.1 > scores["a:2"]
    assert reasons(Fit(least=0.99).decide(batch, StageContext()))["a:1"] == "unrelated"
    assert reasons(Fit(echo=0.3).decide(batch, StageContext()))["a:1"] == "echo"
    assert reasons(Fit(brief=0).decide(batch, StageContext()))["a:4"] != "brief"


def test_vectors_of_the_same_texts_are_computed_once_and_only_whole_calls_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[int] = []
    plain = shared.encode_each_once
    monkeypatch.setattr(
        shared, "encode_each_once", lambda model, texts: calls.append(len(texts)) or plain(model, texts)
    )
    texts = ["a text of this test", "", "一段文字"]
    first = shared_vectors("multilingual", texts)
    assert shared_vectors("multilingual", list(texts)) is first
    assert calls == [3]
    assert shared_vectors("multilingual", texts[:1]).shape == (1, 512)
    assert calls == [3, 1]
    assert unpacked(packed(first)) == pytest.approx(first, abs=1e-3)
    assert packed(first).is_null().to_list() == [False, True, False]
    monkeypatch.setattr(shared, "MOST_BYTES", 1)
    shared_vectors("multilingual", ["another"])
    assert len(shared._kept) == 1


RECIPE = "stages:\n  - use: signals\n  - use: fit\n  - use: conflicts\n  - use: rarity\n"


def test_stages_that_drop_nothing_share_a_pass_and_others_do_not() -> None:
    def corpus_stages(text: str) -> list[list[str]]:
        return [[step.name for step in stretch.corpus] for stretch in stretches(Recipe.from_text(text))]

    assert corpus_stages(RECIPE) == [["conflicts", "rarity"]]
    assert corpus_stages("stages:\n  - use: near\n  - use: conflicts\n  - use: rarity\n") == [
        ["near"],
        ["conflicts", "rarity"],
    ]
    assert corpus_stages("stages:\n  - use: conflicts\n  - use: semantic\n  - use: rarity\n") == [
        ["conflicts", "semantic"],
        ["rarity"],
    ]
    chosen = "  - use: select\n    records: 2\n    by: quality\n    score: conflicts\n"
    assert corpus_stages(RECIPE + chosen) == [["conflicts", "rarity"], ["select"]]


def test_a_run_annotates_and_drops_nothing_whatever_the_workers(tmp_path: Path) -> None:
    inputs = tmp_path / "in.jsonl"
    lines = [json.dumps({"instruction": one.prompt, "output": one.answer}, ensure_ascii=False) for one in CLEAN[:40]]
    inputs.write_text("\n".join(lines) + "\n", encoding="utf-8")
    summary = run(tmp_path / "one", inputs, recipe=RECIPE, workers=1)
    assert summary["counts"]["kept"] == 40
    run(tmp_path / "two", inputs, recipe=RECIPE, workers=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    ledger = pl.read_parquet(tmp_path / "one" / "ledger" / "*.parquet")
    assert dict(ledger.group_by("stage").len().iter_rows()) == dict.fromkeys(
        ("signals", "fit", "conflicts", "rarity"), 40
    )
