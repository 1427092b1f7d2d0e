"""Where a threshold is moved, as many records change sides as in a run that is really done again."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from engine_inputs import run

from curation.errors import InputError
from curation.recipe import Recipe
from curation.thresholds import Dial, Moved, dials, setting_for

SAMPLES = Path(__file__).parents[2] / "datasets"
SOURCES = [SAMPLES / name for name in ("support_desk.jsonl", "qa_zh.csv", "alpaca_mixed.json")]


def done(folder: Path, recipe: str) -> tuple[Path, Recipe]:
    """A finished run over all samples."""
    run(folder, *SOURCES, recipe=recipe, workers=1)
    return folder, Recipe.from_text(recipe)


def dropped(folder: Path, stage: str) -> set[str]:
    ledger = pl.read_parquet(folder / "ledger" / "*.parquet")
    return set(ledger.filter((pl.col("stage") == stage) & (pl.col("action") == "drop"))["record_id"])


def moved_for_real(folder: Path, recipe: Recipe, dial: Dial, value: float, target: Path) -> tuple[int, int]:
    """How many records change sides at the dial's stage in another run: let go, and dropped now."""
    changed = recipe.with_settings([setting_for(dial, recipe, value)])
    run(target, *SOURCES, recipe=changed.to_yaml(), workers=1, reuse=[folder])
    before, after = dropped(folder, dial.step), dropped(target, dial.step)
    return len(before - after), len(after - before)


def the_dial(folder: Path, recipe: Recipe, setting: str) -> Dial:
    (found,) = [each for each in dials(folder, recipe) if each.setting == setting]
    return found


ALONE = {
    "length.min_chars": "stages: [{use: length, min_chars: 120}]",
    "length.max_chars": "stages: [{use: length, min_chars: 20, max_chars: 200}]",
    "length.min_words": "stages: [{use: length, part: answer, min_words: 12}]",
    "length.max_turns": "stages: [{use: length, max_turns: 2}]",
    "language.threshold": "stages: [{use: language, threshold: 0.8, unknown: drop, annotate: true}]",
}
BESIDE_OTHERS = {
    "length.min_chars": "stages: [{use: length, min_chars: 120, min_words: 18}]",
    "language.threshold": "stages: [{use: language, allow: [en], threshold: 0.9, unknown: drop, annotate: true}]",
    "quality.min_words": "stages: [{use: quality, profile: web}]",
    "quality.min_mean_word_length": "stages: [{use: quality, profile: web, min_words: null, max_words: null}]",
    "repetition.top_3gram": "stages: [{use: repetition, profile: web}]",
    "near.threshold": "stages: [{use: near, threshold: 0.75, lowest: 0.5}]",
    "semantic.threshold": "stages: [{use: semantic, threshold: 0.5}]",
    "values.thresholds.toxicity": (
        "stages: [{use: values, annotate: true, actions: {toxicity: drop}, thresholds: {toxicity: 0.3}}]"
    ),
}


def places_of(dial: Dial) -> list[float]:
    """Where the threshold is moved to: at its scores, beside them, and where it was."""
    scores = sorted({*dial.dropped, *(dial.stayed or ())})
    values = {dial.clamped(each) for each in (scores[0], scores[len(scores) // 2], scores[-1], dial.value)}
    return sorted(
        values | {dial.clamped(value + dial.stride) for value in values} | {dial.clamped(scores[0] - dial.stride)}
    )


@pytest.mark.parametrize("setting", list(ALONE))
def test_as_many_records_change_sides_as_in_a_run_done_again(tmp_path: Path, setting: str) -> None:
    folder, recipe = done(tmp_path / "run", ALONE[setting])
    dial = the_dial(folder, recipe, setting)
    assert dial.moved(dial.value) == Moved(0, None if dial.stayed is None else 0)
    seen = set()
    for number, value in enumerate(places_of(dial)):
        foretold = dial.moved(value)
        let_go, fallen = moved_for_real(folder, recipe, dial, value, tmp_path / str(number))
        assert foretold.exact
        assert (foretold.stay, foretold.leave) == (let_go, None if foretold.leave is None else fallen), value
        seen.add((let_go, fallen))
    assert len(seen) > 1, "moving it changes something"


@pytest.mark.parametrize("setting", list(BESIDE_OTHERS))
def test_never_more_than_said_are_let_go_where_the_stage_has_other_rules(tmp_path: Path, setting: str) -> None:
    folder, recipe = done(tmp_path / "run", BESIDE_OTHERS[setting])
    dial = the_dial(folder, recipe, setting)
    most = 0
    for number, value in enumerate(places_of(dial)):
        foretold = dial.moved(value)
        let_go, fallen = moved_for_real(folder, recipe, dial, value, tmp_path / str(number))
        assert foretold.exact is (foretold.stay == 0)
        assert foretold.stay >= let_go, value
        if foretold.leave is not None:
            assert foretold.leave == fallen, value
        most = max(most, foretold.stay)
    assert most, "some would be let go"


MANY = """
stages:
  - {use: length, name: answered, part: answer, min_chars: 20}
  - {use: length, min_chars: 60, max_words: 90}
  - {use: language, threshold: 0.7, unknown: drop, annotate: true}
  - {use: near}
  - {use: exact}
"""


def test_there_is_a_dial_for_each_threshold_that_dropped_something_in_the_order_of_the_recipe(tmp_path: Path) -> None:
    folder, recipe = done(tmp_path / "run", MANY)
    found = dials(folder, recipe)
    ledger = pl.read_parquet(folder / "ledger" / "*.parquet").filter(pl.col("action") == "drop")
    assert found[0].setting == "answered.min_chars"
    assert {each.step for each in found} == {"answered", "length", "language", "near"}, "exact has no threshold"
    for step in ("answered", "near"):
        (dial,) = [each for each in found if each.step == step]
        assert len(dial.dropped) == ledger.filter(pl.col("stage") == step).height
        assert list(dial.dropped) == sorted(dial.dropped)
    both = [each for each in found if each.step == "length"]
    assert sum(len(each.dropped) for each in both) == ledger.filter(pl.col("stage") == "length").height
    assert sorted((each.parameter, each.falls, each.whole) for each in both) == [
        ("max_words", "above", True),
        ("min_chars", "below", True),
    ]


def test_a_dial_stays_within_what_its_parameter_takes(tmp_path: Path) -> None:
    folder, recipe = done(tmp_path / "run", MANY)
    for dial in dials(folder, recipe):
        for value in (-1e9, -1.0, 0.0, 0.3333333, dial.value + 0.4, 1e6):
            taken = dial.clamped(value)
            changed = recipe.with_settings([setting_for(dial, recipe, taken)])
            step = next(each for each in changed.steps() if each.name == dial.step)
            assert step.stage.model_dump()[dial.parameter] == taken
        assert dial.clamped(dial.value) == dial.value
        assert dial.clamped(dial.value + dial.stride) != dial.value


def test_one_threshold_of_a_policy_is_moved_and_the_others_stay(tmp_path: Path) -> None:
    text = "stages: [{use: values, actions: {toxicity: drop}, thresholds: {toxicity: 0.3, hate: 0.55}}]"
    folder, recipe = done(tmp_path / "run", text)
    dial = the_dial(folder, recipe, "values.thresholds.toxicity")
    assert dial.stayed is None, "scores of what stayed are not noted"
    assert dial.moved(0.9).leave is None
    setting = setting_for(dial, recipe, 0.4)
    assert setting == "values.thresholds={toxicity: 0.4, hate: 0.55}"
    (step,) = recipe.with_settings([setting]).steps()
    assert step.stage.model_dump()["thresholds"] == {"toxicity": 0.4, "hate": 0.55}


def test_verdicts_of_people_are_no_scores(tmp_path: Path) -> None:
    folder, recipe = done(tmp_path / "run", ALONE["length.min_chars"])
    before = the_dial(folder, recipe, "length.min_chars").dropped
    for path in (folder / "ledger").glob("part-*.parquet"):
        rows = pl.read_parquet(path)
        person = rows.with_columns(actor=pl.lit("person"), score=pl.lit(1.0))
        pl.concat([rows, person]).write_parquet(path)
    assert the_dial(folder, recipe, "length.min_chars").dropped == before


def test_a_folder_without_a_finished_run_has_no_dials(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        dials(tmp_path, Recipe.from_text(MANY))
