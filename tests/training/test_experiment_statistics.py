"""What an experiment may say: intervals that hold what they promise, and a verdict only where both agree."""

from __future__ import annotations

import random
from collections.abc import Mapping

import numpy as np
import pytest
from scipy import stats

from training.experiment.budget import steps_of, steps_wanted, tokens_read
from training.experiment.model import ArmData, ExperimentRecipe, LegFacts, mean
from training.experiment.report import facts_of, interval, page
from training.experiment.statistics import bootstrap_ratio, difference, headline, seed_noise, t_interval
from training.recipe import TrainRecipe


def leg(arm: str, seed: int, losses: Mapping[str, tuple[float, int]], tokens: int = 1000) -> LegFacts:
    return LegFacts(arm, seed, f"legs/{arm}-{seed}", 10, 1.5, tokens, losses, losses)  # type: ignore[arg-type]


def arm(name: str, level: float, seeds: int, spread: float, records: int = 60, noise: float = 0.3) -> list[LegFacts]:
    """Legs whose records have a loss of `level` a token, moved by the seed and by the record."""
    found = []
    for seed in range(seeds):
        draw = random.Random(f"{name}{seed}")
        moved = level + draw.gauss(0, spread)
        shared = random.Random("records")
        losses = {}
        for at in range(records):
            tokens = shared.randint(5, 40)
            losses[f"r{at}"] = ((moved + shared.gauss(0, 1) + draw.gauss(0, noise)) * tokens, tokens)
        found.append(leg(name, seed, losses))
    return found


SURE = {"confidence": 0.95, "resamples": 1000}


def test_the_t_interval_is_scipys() -> None:
    values = [0.31, 0.24, 0.42, 0.29, 0.33]
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert t_interval(values, 0.9) == pytest.approx((low, high))
    assert t_interval([0.3], 0.95) is None


def test_the_bootstrap_covers_as_often_as_it_says() -> None:
    """Ratio of sums over records, with tokens that go along with the gaps; 95 % of 400 draws, give or take 3 sigma."""
    draw = np.random.default_rng(1)
    hits = 0
    for trial in range(400):
        tokens = draw.integers(5, 60, 120)
        gaps = tokens * draw.normal(-0.05, 0.3, 120)
        low, high = bootstrap_ratio(gaps.tolist(), tokens.tolist(), 0.95, 400, trial)
        hits += low <= -0.05 <= high
    assert 0.91 <= hits / 400 <= 0.98


def test_the_same_seed_gives_the_same_interval_and_confidence_widens_it() -> None:
    gaps, tokens = [float(n % 7 - 3) for n in range(50)], [10 + n % 5 for n in range(50)]
    narrow = bootstrap_ratio(gaps, tokens, 0.8, 2000, 0)
    assert narrow == bootstrap_ratio(gaps, tokens, 0.8, 2000, 0)
    wide = bootstrap_ratio(gaps, tokens, 0.99, 2000, 0)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    assert narrow != bootstrap_ratio(gaps, tokens, 0.8, 500, 0)


@pytest.mark.parametrize(("level", "verdict"), [(3.0, "better"), (5.0, "worse"), (4.0, "not shown")])
def test_a_clear_difference_is_shown_and_none_is_not(level: float, verdict: str) -> None:
    found = difference(arm("curated", level, 4, 0.02), arm("raw", 4.0, 4, 0.02), **SURE)
    assert found.verdict == verdict
    assert found.mean == pytest.approx(level - 4, abs=0.1)
    assert found.over_seeds is not None and found.over_seeds[0] <= found.mean <= found.over_seeds[1]
    assert list(found.by_seed) == [0, 1, 2, 3]


def test_seeds_that_disagree_show_nothing_however_many_records() -> None:
    """Every record says better in the mean; the trainings do not."""
    found = difference(arm("curated", 3.7, 3, 0.6), arm("raw", 4.0, 3, 0.6), **SURE)
    assert found.over_seeds is not None and found.over_seeds[0] < 0 < found.over_seeds[1]
    assert found.verdict == "not shown"


def test_records_that_disagree_show_nothing_however_alike_the_seeds() -> None:
    same = {f"r{at}": (float(at % 2) * 40, 10) for at in range(8)}
    other = {f"r{at}": (float((at + 1) % 2) * 40 - 0.1, 10) for at in range(8)}
    found = difference([leg("curated", s, same) for s in (0, 1)], [leg("raw", s, other) for s in (0, 1)], **SURE)
    assert found.over_seeds is not None and found.over_seeds[0] > 0
    assert found.over_records[0] < 0 < found.over_records[1]
    assert found.verdict == "not shown"


def test_one_seed_never_shows_anything() -> None:
    found = difference(arm("curated", 1.0, 1, 0), arm("raw", 9.0, 1, 0), **SURE)
    assert found.over_seeds is None and found.verdict == "not shown"
    assert "one seed" in headline(found, found, found)[1]


def test_unpaired_seeds_are_refused_and_unpaired_records_left_out() -> None:
    with pytest.raises(ValueError, match="paired"):
        difference(arm("curated", 1, 2, 0), arm("raw", 1, 3, 0), **SURE)
    mine, theirs = arm("curated", 3.0, 2, 0.01), arm("raw", 4.0, 2, 0.01)
    expected = difference(mine, theirs, **SURE)
    more = [leg(one.arm, one.seed, {**one.losses, "only here": (1e9, 1)}) for one in mine]
    assert difference(more, theirs, **SURE) == expected


def test_the_headline_says_no_more_than_the_differences() -> None:
    raw, better, worse, same = (arm(n, v, 4, 0.01) for n, v in (("raw", 4), ("x", 3), ("y", 5), ("z", 4.0)))
    said = {
        (a, b): headline(difference(mine, raw, **SURE), difference(mine, other, **SURE), difference(raw, raw, **SURE))
        for a, mine in (("better", better), ("worse", worse), ("same", same))
        for b, other in (("raw", raw), ("self", mine))
    }
    assert said["better", "raw"][0] == "better" and "not only their number" in said["better", "raw"][1]
    assert said["better", "self"][0] == "better" and "no difference is shown" in said["better", "self"][1]
    assert said["worse", "raw"][0] == "worse" and "did harm" in said["worse", "raw"][1]
    assert said["same", "raw"][0] == "not shown"
    assert not [sentence for _, sentence in said.values() if "general" in sentence]
    forgot = headline(*(difference(one, raw, **SURE) for one in (better, better, worse)))
    assert forgot[0] == "better" and " On general questions it is worse than raw (+" in forgot[1]


def test_seed_noise_is_what_two_like_trainings_lie_apart() -> None:
    draw = np.random.default_rng(3)
    arms = draw.normal(4, 0.1, (3, 5))
    floor = seed_noise([list(values) for values in arms], 0.95)
    assert floor is not None
    apart = np.abs(draw.normal(0, 0.1, 20_000) - draw.normal(0, 0.1, 20_000))
    assert 0.85 < float((apart < floor).mean()) <= 1
    pooled = np.sqrt(np.mean([np.var(values, ddof=1) for values in arms]))
    assert floor == pytest.approx(stats.t.ppf(0.975, 12) * np.sqrt(2) * pooled)
    assert seed_noise([[1.0], [2.0]], 0.95) is None


def test_arms_read_as_many_tokens_or_take_as_many_steps() -> None:
    recipe = TrainRecipe.load("full").with_settings(
        ["schedule.batch_size=4", "schedule.accumulation=2", "schedule.max_steps=30"]
    )
    curated, raw = ArmData(60, 60, 6_000, 3_000), ArmData(210, 210, 42_000, 30_000)
    assert steps_of(raw, curated, recipe, "steps") == 30 == steps_of(curated, curated, recipe, "tokens")
    steps = steps_of(raw, curated, recipe, "tokens")
    wanted = tokens_read(recipe, curated, 30)
    assert wanted == pytest.approx(6_000 * (3 + 48 / 60)), "8 steps an epoch, of 8 records"
    assert tokens_read(recipe, raw, steps) == pytest.approx(wanted, rel=0.05)
    assert steps < 30, "its records are twice as long"


def test_without_max_steps_the_epochs_are_those_over_the_curated_set() -> None:
    recipe = TrainRecipe.load("full").with_settings(
        ["schedule.batch_size=4", "schedule.accumulation=1", "schedule.epochs=2.5"]
    )
    assert steps_wanted(recipe, ArmData(42, 42, 1, 1)) == 28  # 11 steps an epoch


def test_the_recipe_survives_its_text_and_refuses_strange_keys() -> None:
    from curation.errors import StudioError

    recipe = ExperimentRecipe(
        curation="name: x\nstages: []  # a comment\n", training="name: y\n", seeds=5, budget="steps"
    )
    assert ExperimentRecipe.from_text(recipe.to_yaml()) == recipe
    assert recipe.digest() == recipe.model_copy(update={"name": "other"}).digest()
    assert recipe.digest() != recipe.model_copy(update={"seeds": 4}).digest()
    for broken in (recipe.to_yaml() + "sneeds: 3\n", recipe.to_yaml().replace("seeds: 5", "seeds: 0"), "[]", ""):
        with pytest.raises(StudioError):
            ExperimentRecipe.from_text(broken)


def test_the_page_has_every_leg_and_every_interval() -> None:
    legs = [*arm("raw", 4.0, 2, 0.01), *arm("curated", 3.0, 2, 0.01), *arm("random", 4.1, 2, 0.01)]
    recipe = ExperimentRecipe(curation="x", training="y", seeds=2)
    data = {name: ArmData(10, 10, 100, 50) for name in ("raw", "curated", "random-0", "random-1")}
    curation = {"read": 30, "kept_out": 2, "dropped": 18, "edited": 1}
    base = {"heldout": legs[0].losses, "retention": legs[0].losses}
    facts = facts_of(recipe, data, curation, legs, base)
    text = page(facts)
    assert facts["verdict"] == "better" and "**Better.**" in text
    for one in legs:
        assert f"| {one.arm} | {one.seed} | 10 | 1.5 | 1,000 | {one.loss:.4f} |" in text
    assert len(facts["general_differences"]) == len(facts["differences"]) == 3
    for found in (*facts["differences"], *facts["general_differences"]):
        assert interval(found["over_seeds"]) in text and interval(found["over_records"]) in text
    assert "apart; with the budget" not in text
    uneven = [leg(one.arm, one.seed, one.losses, 2000 if one.arm == "raw" else 1000) for one in legs]
    assert "apart; with the budget" in page(facts_of(recipe, data, curation, uneven, base))


def test_a_mean_over_nothing_is_no_number() -> None:
    assert mean({}) != mean({})
    assert mean({"a": (6.0, 2), "b": (0.0, 4)}) == 1.0
