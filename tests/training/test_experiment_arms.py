"""Arms: how they are written, which are set against each other, and what several differences together may say."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from test_experiment_statistics import arm as legs_of

from curation.errors import InputError, StudioError
from training.compare.model import Prompt
from training.examples import Message
from training.experiment.arms import Arm, asked, check, classic, made, pairs, reference
from training.experiment.judging import JudgingRecipe, judge_cost, told
from training.experiment.model import ArmData, ExperimentRecipe
from training.experiment.report import facts_of, page
from training.experiment.statistics import difference, t_test
from training.experiment.story import family, story

SURE = {"confidence": 0.95, "resamples": 1000}


def arms(*texts: str) -> list[Arm]:
    found = [made(one, "stages: []" if one.kind == "curated" else "") for one in map(asked, texts)]
    check(found)
    return found


FOUR = ("all", "best=select.yaml", "drawn=random:best", "wide=other.yaml")


def test_an_arm_is_written_as_name_and_value() -> None:
    assert asked("all") == ("all", "all", "", "records")
    assert asked("whole=all") == ("whole", "all", "", "records")
    assert asked("best = my dir/select.yaml") == ("best", "curated", "my dir/select.yaml", "records")
    assert asked("sft") == ("sft", "curated", "sft", "records")
    assert asked("chance=random:best") == ("chance", "random", "best", "records")
    assert asked("chance=random-tokens:best") == ("chance", "random", "best", "tokens")
    drawn = made(asked("chance=random-tokens:best"), "")
    assert (drawn.of, drawn.size, drawn.dataset(3)) == ("best", "tokens", "chance-3")
    assert made(asked("best=x"), "stages: []").dataset(3) == "best"


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (("all", "chance=random:best"), "an arm that chooses"),
        (("all", "best=x", "best=y"), "Two arms are named best"),
        (("best=x",), "set it against"),
        (("all", "whole=all", "best=x"), "Two arms hold everything"),
        (("all", "best=x", "chance=random:bset"), "bset"),
        (("all", "best=x", "chance=random:all"), "all"),
        (("base=all", "best=x"), "base"),
        (("all", "raw=x"), "raw"),
        (("all", "data-best=x"), "data-best"),
        (("all", "best-0=x"), "best-0"),
        (("all", "Best=x"), "Best"),
        (("all", "=x"), "names no arm"),
        (("all", "b" * 41), "b" * 41),
    ],
)
def test_arms_that_are_no_experiment_are_refused(texts: tuple[str, ...], said: str) -> None:
    with pytest.raises(InputError) as caught:
        arms(*texts)
    assert said in str(caught.value.message) + str(caught.value.hint)


def test_the_old_three_are_the_arms_they_were() -> None:
    assert [(one.name, one.kind, one.of) for one in classic("x")] == [
        ("raw", "all", ""), ("curated", "curated", ""), ("random", "random", "curated"),
    ]  # fmt: skip
    assert [pair[:2] for pair in pairs(classic("x"))] == [("curated", "raw"), ("curated", "random"), ("random", "raw")]


def test_what_chooses_is_set_against_what_does_not_and_against_each_other() -> None:
    found = arms(*FOUR)
    assert reference(found).name == "best"
    assert [tuple(pair) for pair in pairs(found)] == [
        ("best", "all", True), ("best", "drawn", True), ("wide", "all", True), ("wide", "drawn", True),
        ("drawn", "all", False), ("wide", "best", False),
    ]  # fmt: skip
    own = arms(*FOUR, "more=random:wide")
    assert ("best", "drawn", True) in pairs(own) and ("wide", "more", True) in pairs(own)
    assert ("wide", "drawn", True) not in pairs(own), "each against the draw of its own size"


def test_p_is_that_of_the_t_test_and_no_smaller_than_the_bootstraps() -> None:
    from scipy import stats

    values = [0.31, 0.24, 0.42, -0.29, 0.33]
    assert t_test(values) == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    assert (t_test([0.3]), t_test([0.0, 0.0]), t_test([0.2, 0.2])) == (1.0, 1.0, 0.0)
    clear = difference(legs_of("x", 3.0, 4, 0.01), legs_of("y", 4.0, 4, 0.01), **SURE)
    assert 2 / 1001 <= clear.p < 0.05 and clear.verdict == "better"
    assert difference(legs_of("x", 3.0, 4, 0.01), legs_of("y", 4.0, 4, 0.01), **SURE, more_is_better=True).verdict == (
        "worse"
    )
    none = difference(legs_of("x", 4.0, 4, 0.02), legs_of("y", 4.0, 4, 0.02), **SURE)
    assert none.p > 0.05 and none.verdict == "not shown"


def test_many_differences_together_have_to_be_clearer() -> None:
    """One that is shown by itself holds no longer when it is the luckiest of many."""
    one = replace(difference(legs_of("x", 3.0, 4, 0.01), legs_of("y", 4.0, 4, 0.01), **SURE), p=0.02)
    other = replace(one, verdict="not shown", p=0.6)
    (alone,) = family([one], 0.95)
    among = family([one, other, other, other], 0.95)
    assert (alone["p_holm"], alone["holds"]) == (0.02, True)
    assert (among[0]["p_holm"], among[0]["holds"]) == (0.08, False)
    assert family([one, other, other, other], 0.9)[0]["holds"]
    assert not any(row["holds"] for row in among[1:])


def test_the_story_says_what_holds_and_what_does_not() -> None:
    def row(arm: str, other: str, verdict: str, *, holds: bool) -> dict[str, object]:
        return {"arm": arm, "other": other, "mean": -0.1, "verdict": verdict, "holds": holds}

    better, worse = (row(*it, holds=True) for it in (("a", "all", "better"), ("b", "all", "worse")))
    none, loose = row("c", "all", "not shown", holds=False), row("c", "all", "better", holds=False)
    assert story([better], [True], "loss")[0] == "better"
    assert story([worse, none], [True, True], "loss")[0] == "worse"
    word, said = story([better, worse, none], [True] * 3, "loss")
    assert word == "mixed"
    assert said == (
        "Against all, a (-0.1000) is better; b (-0.1000) is worse; for c (-0.1000) no difference is shown (loss)."
    )
    word, said = story([loose, none], [True, True], "loss")
    assert word == "not shown" and "not by enough for 2 differences" in said and "c and all" in said
    assert story([better, worse], [True, False], "loss")[0] == "better", "arms that choose are not weighed for the word"


def test_the_report_of_arms_has_every_pair_and_the_old_one_its_sentence() -> None:
    found = arms(*FOUR)
    recipe = ExperimentRecipe(arms=tuple(found), training="y", seeds=3)
    levels = {"all": 4.0, "best": 3.0, "drawn": 4.0, "wide": 5.0}
    legs = [one for name, level in levels.items() for one in legs_of(name, level, 3, 0.01)]
    data = {name: ArmData(10, 10, 100, 50) for name in ("all", "best", "wide", "drawn-0", "drawn-1", "drawn-2")}
    counts = {"kept": 10, "dropped": 20, "edited": 0}
    curation = {"read": 30, "kept_out": 0, "arms": {"best": counts, "wide": counts}}
    base = {"heldout": legs[0].losses, "retention": legs[0].losses}
    facts = facts_of(recipe, data, curation, legs, base)
    assert [(one["arm"], one["other"]) for one in facts["differences"]] == [pair[:2] for pair in pairs(found)]
    assert facts["verdict"] == "mixed"
    told_means = {(one["arm"], one["other"]): f"{one['mean']:+.4f}" for one in facts["differences"]}
    assert f"best ({told_means['best', 'all']}) is better" in facts["sentence"]
    assert f"wide ({told_means['wide', 'drawn']}) is worse" in facts["sentence"]
    text = page(facts)
    assert "# Which choice of records helped?" in text and "best drops 20 and edits 0" in text
    assert text.count("| wide − best |") == 2 and "corrected for the 6 differences" in text


def test_a_recipe_has_one_curation_or_arms_and_survives_its_text() -> None:
    recipe = ExperimentRecipe(arms=tuple(arms(*FOUR)), training="y")
    assert ExperimentRecipe.from_text(recipe.to_yaml()) == recipe
    old = ExperimentRecipe(curation="x", training="y")
    assert recipe.digest() != old.digest() != ExperimentRecipe(curation="x", training="y", judging="z").digest()
    for wrong in ({"curation": "x", "arms": tuple(arms(*FOUR))}, {}):
        with pytest.raises(ValueError, match="either a curation or arms"):
            ExperimentRecipe(training="y", **wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError):
        ExperimentRecipe(arms=tuple(arms(*FOUR)[:1]), training="y").all_arms()


def test_an_experiment_of_the_old_three_keeps_its_digest() -> None:
    """Made before there were arms and judges, it goes on as what it was."""
    facts = {
        "seeds": 3, "first_seed": 0, "budget": "tokens", "confidence": 0.95, "resamples": 2000, "curation": "x",
        "training": "y",
    }  # fmt: skip
    expected = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    assert ExperimentRecipe(curation="x", training="y").digest() == expected


def judging(*settings: str) -> JudgingRecipe:
    return JudgingRecipe(name="judge").with_settings(["judge.model=smollm2", *settings])


def test_what_a_judge_costs_follows_from_arms_seeds_and_prompts() -> None:
    found = arms(*FOUR)
    prompts = [Prompt(f"p{n}", (Message("user", "How many?" * 10),), "Ten." if n else "") for n in range(3)]
    cost = judge_cost(judging(), found, 5, prompts)
    assert (cost.answers, cost.marks, cost.pairs, cost.calls) == (4 * 5 * 3, 4 * 5 * 3, 0, 60)
    assert cost.answer_tokens == 0 and 60 * 200 < cost.prompt_tokens < 60 * 1000, "it reads, and chooses"
    assert judge_cost(judging("judge.verdicts=written"), found, 5, prompts).answer_tokens == 60 * 512
    away = judging("judge.model='http://127.0.0.1:9/v1#x'", "judge.max_tokens=100")
    assert judge_cost(away, found, 5, prompts).answer_tokens == 6000
    both = judge_cost(judging("judge.pairwise=true"), found, 5, prompts)
    assert (both.marks, both.pairs, both.calls) == (60, 4 * 5 * 3, 60 + 2 * 60)
    alone = judge_cost(judging("judge.pairwise=true", "judge.rubrics=[]"), found, 5, prompts)
    assert (alone.marks, alone.calls) == (0, 120)
    needs = judge_cost(judging("judge.rubrics=[correctness]"), found, 5, prompts)
    assert needs.marks in (40, 60)
    assert judge_cost(judging("judge.max_calls=7"), found, 5, prompts).calls == 7
    assert judge_cost(judging("sampling.max_tokens=64"), found, 5, prompts).prompt_tokens < cost.prompt_tokens
    assert "60 marks of 60 answers: up to 60 calls" in told(cost.__dict__, "smollm2")


@pytest.mark.parametrize(
    "settings",
    [["judge.rubrics=[]"], ["judge.rubrics=[kindness]"], ["judge.model=''"], ["prompts.limit=0"], ["prompts.source=x"]],
)
def test_a_judge_that_cannot_be_is_refused(settings: list[str]) -> None:
    with pytest.raises(StudioError):
        judging(*settings)
