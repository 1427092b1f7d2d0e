"""The statistics of a comparison: against scipy and statsmodels, by simulation, and by laws that hold for any counts."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from preferences_drawn import by_length
from scipy.optimize import minimize_scalar
from scipy.special import expit
from scipy.stats import binom, binomtest, multinomial
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.inter_rater import cohens_kappa as peer_kappa
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from training.compare.statistics import (
    Counts,
    agreement,
    bootstrap_mean,
    bootstrap_ratios,
    cohens_kappa,
    detectable_rate,
    holm,
    length_controlled,
    paired_difference,
    preference,
    sign_test,
    votes_needed,
    wilson,
    win_rate,
)

COUNTS = st.integers(0, 60)


# Win rates


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_wilson_is_that_of_statsmodels(confidence: float) -> None:
    for trials in (1, 2, 7, 40, 1000):
        for successes in {0, 1, trials // 3, trials - 1, trials}:
            peer = proportion_confint(successes, trials, 1 - confidence, method="wilson")
            assert wilson(successes, trials, confidence) == pytest.approx(peer, abs=1e-12)


@given(COUNTS, COUNTS)
def test_law_without_ties_the_win_rate_is_wilsons(a: int, b: int) -> None:
    assert win_rate(Counts(a, b)) == pytest.approx(wilson(b, a + b), abs=1e-9)


@given(COUNTS, COUNTS, COUNTS)
def test_law_win_rates_mirror_hold_their_rate_and_stay_within_bounds(a: int, b: int, ties: int) -> None:
    found, mirrored = win_rate(Counts(a, b, ties)), win_rate(Counts(b, a, ties))
    assert 0 <= found.low <= Counts(a, b, ties).rate <= found.high <= 1
    assert found == pytest.approx((1 - mirrored.high, 1 - mirrored.low), abs=1e-9)
    if a + b + ties:
        wide, narrow = win_rate(Counts(a, b, ties), 0.99), win_rate(Counts(a, b, ties), 0.9)
        assert wide.low <= found.low <= narrow.low
        assert narrow.high <= found.high <= wide.high


def test_ends_of_a_win_rate_are_where_the_likelihood_says() -> None:
    """Tango's score at the ends, with the likelihood maximised numerically instead of by his formula."""
    for gained, lost, pairs in ((12, 2, 50), (9, 6, 20), (3, 0, 15), (30, 12, 60)):
        for end in paired_difference(gained, lost, pairs):
            same = pairs - gained - lost

            def unlikelihood(
                share: float, end: float = end, counts: tuple[int, int, int] = (gained, lost, same)
            ) -> float:
                shares = (share + end, share, 1 - 2 * share - end)
                return -sum(n * math.log(max(p, 1e-300)) for n, p in zip(counts, shares, strict=True) if n)

            bounds = (max(0.0, -end) + 1e-12, (1 - end) / 2 - 1e-12)
            share = minimize_scalar(unlikelihood, bounds=bounds, method="bounded", options={"xatol": 1e-13}).x
            variance = pairs * (2 * share + end - end * end)
            assert abs(gained - lost - pairs * end) / math.sqrt(variance) == pytest.approx(1.959964, abs=1e-3)


def test_wilson_covers_95_percent_in_the_mean() -> None:
    for trials in (10, 20, 40, 100):
        ends = [wilson(successes, trials) for successes in range(trials + 1)]
        coverage = []
        for rate in np.linspace(0.05, 0.95, 37):
            inside = np.array([low <= rate <= high for low, high in ends])
            coverage.append(binom.pmf(np.arange(trials + 1), trials, rate) @ inside)
        assert 0.94 <= np.mean(coverage) <= 0.96
        assert min(coverage) > 0.91, "it oscillates, but not far"


def test_the_win_rate_with_ties_covers_95_percent_in_the_mean() -> None:
    prompts = 20
    outcomes = np.array([[a, b, prompts - a - b] for a in range(prompts + 1) for b in range(prompts + 1 - a)])
    ends = [win_rate(Counts(*map(int, one))) for one in outcomes]
    coverage = []
    for rate in np.linspace(0.15, 0.85, 15):
        inside = np.array([low - 1e-12 <= rate <= high + 1e-12 for low, high in ends])
        coverage.append(multinomial.pmf(outcomes, prompts, [1 - rate - 0.1, rate - 0.1, 0.2]) @ inside)
    assert 0.94 <= np.mean(coverage) <= 0.96
    assert min(coverage) > 0.93


# Tests


def test_the_sign_test_is_that_of_scipy_and_mcnemars_of_statsmodels() -> None:
    for wins, losses in itertools.product(range(0, 45, 4), range(1, 45, 3)):
        assert sign_test(wins, losses) == pytest.approx(binomtest(wins, wins + losses).pvalue, abs=1e-12)
        table = [[5, wins], [losses, 7]]
        assert sign_test(wins, losses) == pytest.approx(mcnemar(table, exact=True).pvalue, abs=1e-12)
    assert sign_test(0, 0) == 1
    assert sign_test(5200, 4800) == pytest.approx(binomtest(5200, 10000).pvalue, rel=1e-9)


@given(COUNTS, COUNTS)
def test_law_the_sign_test_does_not_care_who_is_who(wins: int, losses: int) -> None:
    assert sign_test(wins, losses) == sign_test(losses, wins)
    assert 0 < sign_test(wins, losses) <= 1


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_that_of_statsmodels(p_values: list[float]) -> None:
    named = {f"test {place}": value for place, value in enumerate(p_values)}
    peer = multipletests(p_values, method="holm")[1]
    assert list(holm(named).values()) == pytest.approx(list(peer))
    assert list(holm(named)) == list(named)


# Bootstrap


def test_a_bootstrap_is_the_same_for_the_same_seed_and_all_its_settings_matter() -> None:
    values = [0.0, 1.0, 0.5, 1.0, 1.0, 0.0, 0.5, 1.0]
    first = bootstrap_mean(values, 0.95, 1000, 3)
    assert first == bootstrap_mean(values, 0.95, 1000, 3)
    assert first is not None
    assert first != bootstrap_mean(values, 0.95, 1000, 4) or first != bootstrap_mean(values, 0.95, 1000, 5)
    wider = bootstrap_mean(values, 0.99, 1000, 3)
    assert wider is not None
    assert wider.low <= first.low < first.high <= wider.high
    assert bootstrap_mean(list(range(100)), 0.95, 200, 3) != bootstrap_mean(list(range(100)), 0.95, 1000, 3)
    assert bootstrap_mean([1.0]) is None
    assert bootstrap_mean([]) is None


def test_the_bootstraps_parts_in_memory_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [float(number % 7) for number in range(50)]
    whole = bootstrap_mean(values, resamples=500, seed=1)
    monkeypatch.setattr("training.compare.statistics.bootstrap._MOST_CELLS", 50 * 13)
    assert bootstrap_mean(values, resamples=500, seed=1) == whole


def test_the_bootstrap_of_a_win_rate_covers_95_percent() -> None:
    draws = np.random.default_rng(11)
    held = 0
    for at in range(1200):
        values = draws.choice([0.0, 0.5, 1.0], size=25, p=[0.25, 0.2, 0.55])
        found = bootstrap_mean(list(values), resamples=600, seed=at)
        assert found is not None
        held += found.low <= 0.65 <= found.high
    assert 0.935 <= held / 1200 <= 0.97  # two standard errors of this simulation are 0.013


def test_a_ratio_is_of_sums_and_draws_whole_records() -> None:
    tokens = [1.0, 100.0] * 10
    losses = [5.0, 100.0] * 10  # 5 nats a token in short records, 1 in long ones
    found = bootstrap_ratios([(losses, tokens, 1.0)])
    assert found is not None
    assert found.low < 105 / 101 < found.high
    assert found.high < 1.2, "not the mean of ratios, 3"
    same = bootstrap_ratios([(losses, tokens, 1.0), (losses, tokens, -1.0)])
    assert same == (0, 0), "both sides are drawn together"


# Agreement


@given(st.lists(st.tuples(st.sampled_from("abt"), st.sampled_from("abt")), min_size=4, max_size=60))
def test_kappa_is_that_of_statsmodels(pairs: list[tuple[str, str]]) -> None:
    kappa, error = cohens_kappa(pairs)
    if kappa is None:
        assert len({one for one, _ in pairs}) < 2 or len({other for _, other in pairs}) < 2
        return
    table = np.array([[sum(pair == (one, other) for pair in pairs) for other in "abt"] for one in "abt"])
    peer = peer_kappa(table)
    assert kappa == pytest.approx(peer.kappa, abs=1e-12)
    assert error == pytest.approx(peer.std_kappa, abs=1e-9)


@given(st.lists(st.tuples(st.sampled_from("abt"), st.sampled_from("abt")), max_size=60), st.randoms())
def test_law_agreement_is_symmetric_and_knows_no_order(pairs: list[tuple[str, str]], order: random.Random) -> None:
    found = agreement(pairs)
    swapped = [(other, one) for one, other in pairs]
    order.shuffle(swapped)
    mirrored = agreement(swapped)
    assert (mirrored.items, mirrored.same, mirrored.kappa_interval is None) == (
        found.items, found.same, found.kappa_interval is None,
    )  # fmt: skip
    if found.kappa_interval is not None and mirrored.kappa_interval is not None and found.kappa is not None:
        assert mirrored.kappa_interval == pytest.approx(found.kappa_interval, abs=1e-9)
        assert -1 <= found.kappa_interval.low <= found.kappa <= found.kappa_interval.high <= 1


def test_agreement_on_everything_is_not_certain_agreement() -> None:
    found = agreement([("a", "a"), ("b", "b"), ("a", "a"), ("tie", "tie")])
    assert found.kappa == pytest.approx(1)
    assert found.kappa_interval is not None
    assert found.kappa_interval.low < 0.6
    assert agreement([("a", "a")] * 9).kappa is None, "who always says the same agrees by chance"


def test_the_interval_of_kappa_covers_95_percent() -> None:
    draws = np.random.default_rng(5)
    table = np.full((3, 3), 0.3 / 6)
    np.fill_diagonal(table, [0.315, 0.28, 0.105])
    chance = float(table.sum(1) @ table.sum(0))
    truth = (0.7 - chance) / (1 - chance)
    held = 0
    for _ in range(1500):
        found = agreement([(one // 3, one % 3) for one in draws.choice(9, size=40, p=table.ravel())])
        assert found.kappa_interval is not None
        held += found.kappa_interval.low <= truth <= found.kappa_interval.high
    assert 0.94 <= held / 1500 <= 0.97


# How many more votes


def test_votes_needed_is_nothing_where_nothing_is_visible_and_zero_where_it_is_shown() -> None:
    assert votes_needed(Counts(10, 10)) is None
    assert votes_needed(Counts(0, 0, 12)) is None
    assert votes_needed(Counts(8, 12)) is None, "four more of twenty is less than one standard error"
    assert votes_needed(Counts(2, 18)) == 0
    assert votes_needed(Counts(18, 2)) == 0


@pytest.mark.parametrize("counts", [Counts(7, 13), Counts(13, 7, 10), Counts(40, 55, 5), Counts(180, 220, 100)])
def test_after_the_votes_that_are_needed_the_test_has_the_power_it_promises(counts: Counts) -> None:
    more = votes_needed(counts)
    assert more is not None
    decisive = round((counts.all + more) * counts.decisive / counts.all)
    rate = max(counts.decisive_rate, 1 - counts.decisive_rate)
    shown = np.array([sign_test(wins, decisive - wins) < 0.05 for wins in range(decisive + 1)])
    assert 0.77 <= binom.pmf(np.arange(decisive + 1), decisive, rate) @ shown <= 0.86
    assert (votes_needed(counts, power=0.95) or 0) > more
    assert (votes_needed(counts, confidence=0.99) or 0) > more


@given(COUNTS, COUNTS, COUNTS)
def test_law_votes_needed_does_not_care_who_leads(a: int, b: int, ties: int) -> None:
    assert votes_needed(Counts(a, b, ties)) == votes_needed(Counts(b, a, ties))


def test_what_votes_could_have_shown() -> None:
    assert detectable_rate(5) is None, "five of five are no proof"
    found = [detectable_rate(decisive) for decisive in (6, 20, 40, 100, 1000)]
    assert found == sorted(found, key=lambda one: -(one or 0))
    for decisive, rate in zip((20, 40, 100), found[1:], strict=False):
        shown = np.array([sign_test(wins, decisive - wins) < 0.05 for wins in range(decisive + 1)])
        assert binom.pmf(np.arange(decisive + 1), decisive, rate) @ shown == pytest.approx(0.8, abs=0.005)


# Length


def test_a_win_by_length_alone_is_none_at_equal_length() -> None:
    outcomes, a, b = by_length(3000, 1, theta=0.0, phi=2.0)
    assert np.mean(outcomes) > 0.62
    found = length_controlled(outcomes, a, b)
    assert found.rate == pytest.approx(0.5, abs=0.04)
    assert found.slope == pytest.approx(2.0, abs=0.4)
    assert found.longer > 50
    really, _, _ = by_length(3000, 1, theta=1.0, phi=0.0)
    better = length_controlled(really, a, b)
    assert better.rate == pytest.approx(float(expit(1.0)), abs=0.04)


def test_the_length_controlled_interval_covers_95_percent() -> None:
    held = 0
    for seed in range(500):
        found = length_controlled(*by_length(60, seed, theta=0.5, phi=1.0))
        assert found.interval is not None
        held += found.interval.low <= expit(0.5) <= found.interval.high
    assert 0.93 <= held / 500 <= 0.98
    narrow, wide = (length_controlled(*by_length(60, 1, 0.5, 1.0), confidence=one).interval for one in (0.8, 0.99))
    assert narrow is not None
    assert wide is not None
    assert wide.low < narrow.low < narrow.high < wide.high


def test_where_length_cannot_be_told_apart_it_says_so() -> None:
    some = [1.0, 0.0] * 6
    assert "at least 10" in length_controlled([1.0, 0.0], [1, 2], [2, 1]).why
    assert "same way" in length_controlled([1.0] * 12, list(range(12)), list(range(1, 13))).why
    assert "by the same" in length_controlled(some, [10] * 12, [20] * 12).why
    equal = length_controlled([1.0, 1.0, 0.0] * 4, [10] * 12, [10] * 12)
    assert equal.rate == pytest.approx(2 / 3, abs=1e-6), "nothing to control for: the plain rate"
    separated = length_controlled([1.0] * 6 + [0.0] * 6, [10] * 6 + [90] * 6, [90] * 6 + [10] * 6)
    assert separated.rate == pytest.approx(0.5, abs=1e-6), "the longer one always won"
    assert length_controlled([0.5] * 12, list(range(12)), list(range(12, 0, -1))).rate == pytest.approx(0.5)


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 900), st.integers(0, 900)), max_size=40))
def test_law_length_control_mirrors(rows: list[tuple[float, int, int]]) -> None:
    outcomes, a, b = [[row[place] for row in rows] for place in range(3)]
    found = length_controlled(outcomes, a, b)  # type: ignore[arg-type]
    mirrored = length_controlled([1 - one for one in outcomes], b, a)  # type: ignore[arg-type]
    assert (found.rate is None) == (mirrored.rate is None)
    if found.rate is not None and found.interval is not None and mirrored.rate is not None:
        assert mirrored.rate == pytest.approx(1 - found.rate, abs=1e-6)
        assert 0 <= found.interval.low <= found.rate <= found.interval.high <= 1


# All of it about preferences


@given(st.dictionaries(st.text(max_size=3), st.sampled_from(["a", "b", "tie"]), max_size=30), st.randoms())
def test_law_preferences_know_no_order(winners: dict[str, Any], order: random.Random) -> None:
    lengths = {name: (len(name) * 7 % 50, len(name) * 13 % 40) for name in winners}
    names = list(winners)
    order.shuffle(names)
    found = preference(winners, lengths, resamples=200)
    assert found == preference({name: winners[name] for name in names}, lengths, resamples=200)
    assert found.a + found.b + found.ties == found.prompts == len(winners)
