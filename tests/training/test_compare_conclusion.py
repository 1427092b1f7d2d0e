"""Losses, suites, forgetting and the conclusion of a comparison: what they may say, and what they may not."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from preferences_drawn import by_length, cases, losses
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar

from training.compare.model import CaseResult, RecordLoss
from training.compare.noise_floor import NoiseFloor
from training.compare.statistics import (
    all_suites,
    conclude,
    forgetting,
    loss_difference,
    preference,
    suite_differences,
    wilson,
)

COUNTS = st.integers(0, 60)


# Losses


def test_losses_are_sums_by_sums_with_perplexity() -> None:
    rows = [
        RecordLoss("heldout", "short", "a", 10, 2, 8), RecordLoss("heldout", "short", "b", 6, 2, 8),
        RecordLoss("heldout", "long", "a", 90, 98, 400), RecordLoss("heldout", "long", "b", 94, 98, 400),
        RecordLoss("heldout", "alone", "a", 3, 3, 9), RecordLoss("heldout", "broken", "a", 3, 3, 9),
        RecordLoss("heldout", "broken", "b", math.nan, 3, 9),
    ]  # fmt: skip
    found = loss_difference(rows)
    assert found is not None
    assert (found.records, found.unpaired, found.unit) == (2, 2, "nats a token")
    assert (found.a, found.b, found.difference) == pytest.approx((1.0, 1.0, 0.0))
    assert (found.lower, found.higher, found.p) == (1, 1, 1.0)
    assert found.perplexity == pytest.approx((math.e, math.e))
    assert found.perplexity_ratio == pytest.approx(1.0)


def test_the_last_row_of_a_record_counts_and_order_does_not() -> None:
    pairs = [(10.0 + n, 9.0 + n * 0.9) for n in range(20)]
    rows = losses(pairs)
    stale = [RecordLoss("heldout", "r0", "b", 900.0, 10, 40), *rows]
    assert loss_difference(stale) == loss_difference(rows) == loss_difference(rows[::-1])


def test_other_tokens_are_compared_by_byte() -> None:
    pairs = [(20.0 + n, 16.0 + n) for n in range(15)]
    found = loss_difference(losses(pairs, tokens=(10, 20)))
    assert found is not None
    assert found.unit == "bits a byte"
    assert found.a == pytest.approx(sum(a for a, _ in pairs) / math.log(2) / (40 * 15))
    assert found.difference < 0, "twice as many tokens for the same bytes do not make a loss"
    assert found.perplexity is None
    assert found.perplexity_ratio_interval is None
    assert loss_difference([]) is None


def test_pairing_finds_what_unpaired_records_would_hide() -> None:
    draws = np.random.default_rng(2)
    level = draws.gamma(6, 5, 60)
    pairs = [(float(x), float(x * 0.97 + draws.normal(0, 0.2))) for x in level]
    found = loss_difference(losses(pairs))
    assert found is not None
    assert found.interval is not None
    assert found.interval.high < 0
    assert level.std() / math.sqrt(60) / 10 > -found.difference / 2, "whose means are far apart by chance"
    assert found.perplexity_ratio_interval == pytest.approx([math.exp(end) for end in found.interval])


# Suites and forgetting


def test_suites_are_paired_case_by_case() -> None:
    rows = cases("json", [(1, 1)] * 10 + [(1, 0)] * 8 + [(0, 1)] * 2) + cases("json", [(1, 1)] * 5, "zh")
    rows.append(CaseResult("json", "zh", "alone", "a", 1.0, "q", "x", "y"))
    english, chinese = suite_differences(rows)
    assert (english.a, english.b, english.gained, english.lost) == (0.9, 0.6, 2, 8)
    assert english.difference == pytest.approx(-0.3)
    assert english.p == pytest.approx(mcnemar([[10, 8], [2, 0]], exact=True).pvalue)
    assert english.p_holm == pytest.approx(2 * english.p)
    assert (chinese.cases, chinese.difference, chinese.p, chinese.unpaired) == (5, 0.0, 1.0, 1)
    together = all_suites([english, chinese])
    assert together is not None
    assert (together.cases, together.gained, together.lost, together.unpaired) == (25, 2, 8, 1)
    assert all_suites([]) is None


NONE = NoiseFloor(0.0, 0.0, "")


def test_forgetting_needs_more_than_the_noise_floor() -> None:
    worse = losses([(20.0 + n, 20.6 + n * 1.001) for n in range(30)])  # 0.06 nats a token
    assert forgetting(worse, [], NONE).verdict == "forgot"
    assert forgetting(worse, [], NoiseFloor(0.2, None, "seeds")).verdict == "kept"
    unsure = losses([(20.0 + n % 7, 20.6 + n % 5) for n in range(30)])
    assert forgetting(unsure, [], NONE).verdict == "not shown"
    assert forgetting([], [], NONE).verdict == "not measured"


def test_a_suite_that_fell_is_forgetting_even_where_losses_kept() -> None:
    kept = losses([(20.0 + n, 19.0 + n) for n in range(30)])
    fallen = cases("json", [(1, 0)] * 15 + [(1, 1)] * 5) + cases("choice", [(1, 1)] * 60)
    found = forgetting(kept, fallen, NONE)
    assert found.verdict == "forgot"
    assert found.reasons == ("The suite json (en) fell from 100% to 25% of 20 cases.",)
    assert forgetting(kept, fallen, NoiseFloor(0.0, 0.9, "")).verdict == "kept", "a floor may be so high"
    assert forgetting(kept, cases("choice", [(1, 1)] * 200), NoiseFloor(0.0, 0.05, "")).verdict == "kept"
    assert forgetting(kept, cases("choice", [(1, 1)] * 20), NoiseFloor(0.0, 0.05, "")).verdict == "not shown"


def test_many_suites_do_not_add_up_to_forgetting_by_chance() -> None:
    """Twelve suites of twenty cases that are noise on both sides: at most about one comparison in twenty may say so."""
    draws = np.random.default_rng(3)
    said = 0
    for _ in range(150):
        rows = [
            case
            for suite in range(12)
            for case in cases(f"s{suite}", [tuple(map(int, pair)) for pair in draws.random((20, 2)) < 0.7])  # type: ignore[misc]
        ]
        said += forgetting([], rows, NONE).verdict == "forgot"
    assert said / 150 <= 0.06


# The conclusion


def _facts(**parts: Any) -> dict[str, Any]:
    sides = {
        side: {"label": label, "kind": kind} for side, label, kind in (("a", "Base", "base"), ("b", "Fine", "tuned"))
    }
    return {"confidence": 0.95, "sides": sides, **parts}


def _winners(a: int, b: int, ties: int = 0) -> dict[str, Any]:
    names = ["a"] * a + ["b"] * b + ["tie"] * ties
    winners: Any = {f"p{place}": winner for place, winner in enumerate(names)}
    lengths = {name: (100 + len(name) * 9, 100 + int(name[1:]) * 7 % 31) for name in winners}
    return asdict(preference(winners, lengths, resamples=200))


def _votes(a: int, b: int, ties: int = 0, **tally: int) -> dict[str, Any]:
    counted = {"a": a, "b": b, "left": (a + b) // 2, "stale": 0, "sealed": 0, **tally}
    return {"preference": _winners(a, b, ties), "tally": counted}


def _judged(a: int, b: int, ties: int = 0, **more: Any) -> dict[str, Any]:
    facts = {"failed": 0, "disagreed": 0, "is_side": False, "stale": 0, **more}
    return {"preference": _winners(a, b, ties), **facts}


def _loss(by: float, records: int = 40) -> dict[str, Any]:
    found = loss_difference(losses([(20 + n % 9, 20 + n % 9 + by * 10 + 0.01 * (n % 3)) for n in range(records)]))
    assert found is not None
    return asdict(found)


def test_people_decide_before_a_judge_and_a_judge_beforelosses() -> None:
    votes, judge, loss = _votes(3, 17), _judged(18, 2), _loss(-0.3)
    found = conclude(_facts(votes=votes, judge=judge, heldout=loss))
    assert (found.verdict, found.by) == ("better", "votes")
    assert found.sentence.startswith("Fine is better than Base: blind, people preferred Fine on 17 of 20 prompts")
    assert any("disagrees" in caveat for caveat in found.caveats)
    assert len(found.evidence) == 3
    found = conclude(_facts(judge=judge, heldout=loss))
    assert (found.verdict, found.by) == ("worse", "judge")
    found = conclude(_facts(heldout=loss))
    assert (found.verdict, found.by) == ("better", "loss")
    assert found.sentence.startswith("Fine fits the held-out records better than Base: the loss of Fine")
    assert found.evidence[0].startswith("The loss of Fine")
    assert any("not which answers people would prefer" in caveat for caveat in found.caveats)
    assert conclude(_facts(heldout=_loss(0.3))).verdict == "worse"
    nothing = conclude(_facts())
    assert (nothing.verdict, nothing.by, nothing.sentence) == (
        "not shown", "none", "Nothing is shown: nothing was measured.",
    )  # fmt: skip


def test_votes_that_show_nothing_are_not_overruled_by_a_judge() -> None:
    found = conclude(_facts(votes=_votes(9, 11), judge=_judged(1, 19)))
    assert (found.verdict, found.by) == ("not shown", "votes")
    assert found.sentence.startswith("It is not shown that Fine is better or worse than Base")
    tied = conclude(_facts(votes=_votes(0, 2, 30), judge=_judged(1, 19)))
    assert (tied.verdict, tied.by) == ("not shown", "votes"), "that most are ties is something that people said"


def test_too_few_votes_leave_the_word_to_the_next() -> None:
    found = conclude(_facts(votes=_votes(0, 5), judge=_judged(1, 19)))
    assert (found.verdict, found.by) == ("better", "judge")
    assert "Not enough to decide by: 5 prompts voted on." in found.caveats
    alone = conclude(_facts(votes=_votes(0, 5)))
    assert (alone.verdict, alone.by) == ("not shown", "none")
    assert "5 prompts voted on, too few" in alone.sentence
    assert alone.evidence[0].startswith("Blind, people preferred")


def test_a_judge_that_fails_too_often_decides_nothing() -> None:
    assert conclude(_facts(judge=_judged(1, 19, failed=4))).by == "judge"
    found = conclude(_facts(judge=_judged(1, 19, failed=6)))
    assert (found.verdict, found.by) == ("not shown", "none")
    assert any("no usable verdict on 6 of 26" in caveat for caveat in found.caveats)


def test_forgetting_goes_with_the_verdict_and_does_not_change_it() -> None:
    parts = {"votes": _votes(3, 17)}
    said = {"verdict": "forgot", "reasons": ["The suite json (en) fell from 100% to 25% of 20 cases."]}
    found = conclude(_facts(**parts, forgetting=said))
    assert found.verdict == "better"
    assert found.caveats[0] == "Fine forgot: The suite json (en) fell from 100% to 25% of 20 cases."
    assert "Forgetting was not measured." in conclude(_facts(**parts)).caveats
    unsure = conclude(_facts(**parts, forgetting={"verdict": "not shown", "reasons": []}))
    assert any("nor that it forgot" in caveat for caveat in unsure.caveats)
    assert not any(
        "forg" in c for c in conclude(_facts(**parts, forgetting={"verdict": "kept", "reasons": []})).caveats
    )


@pytest.mark.parametrize(
    ("parts", "caveat"),
    [
        ({"votes": _votes(3, 17, left=20)}, "the left answer 20 times of 20"),
        ({"votes": _votes(3, 17, stale=2)}, "2 votes are on answers that were given anew"),
        ({"votes": _votes(3, 17, sealed=1)}, "1 vote is of people who are still voting"),
        ({"judge": _judged(3, 17, is_side=True)}, "one of the models that are compared"),
        ({"judge": _judged(3, 17, disagreed=9)}, "changed its mind"),
        ({"judge": _judged(3, 17, stale=3)}, "3 judgements are of answers"),
        ({"judge": _judged(3, 17), "agreement": {"kappa_interval": (-0.1, 0.6)}}, "agrees with people"),
        ({"votes": _votes(3, 17)}, "another seed gives another model"),
    ],
)
def test_what_has_to_be_known_besides_is_told(parts: dict[str, Any], caveat: str) -> None:
    assert any(caveat in one for one in conclude(_facts(**parts)).caveats)
    assert conclude(_facts(**parts)).verdict == "better"


def test_answers_of_several_models_show_nothing() -> None:
    found = conclude(_facts(votes=_votes(3, 17), mixed=["The model of side b changed."]))
    assert (found.verdict, found.by) == ("not shown", "none")
    assert found.sentence == "Nothing is shown: The model of side b changed."
    assert len(found.evidence) == 1


def test_the_confidence_is_named_as_it_is() -> None:
    assert "97.5% interval" in conclude({**_facts(votes=_votes(3, 17)), "confidence": 0.975}).sentence


def test_a_win_by_length_is_told() -> None:
    outcomes, a, b = by_length(80, 4, theta=0.0, phi=3.0)
    winners: Any = {f"p{place}": "b" if outcome else "a" for place, outcome in enumerate(outcomes)}
    lengths = {f"p{place}": pair for place, pair in enumerate(zip(a, b, strict=True))}
    votes = {**_votes(0, 0), "preference": asdict(preference(winners, lengths))}
    found = conclude(_facts(votes=votes))
    assert found.verdict == "better"
    assert any("With answers of the same length it would not be shown" in caveat for caveat in found.caveats)


@given(COUNTS, COUNTS, COUNTS)
def test_law_a_conclusion_never_says_more_than_the_test_and_the_interval(a: int, b: int, ties: int) -> None:
    found = conclude(_facts(votes=_votes(a, b, ties)))
    opposite = conclude(_facts(votes=_votes(b, a, ties)))
    if found.verdict == "better":
        assert b > a
        assert binomtest(b, a + b).pvalue < 0.05
        assert wilson(b, a + b).low > 0.5
    assert opposite.verdict == {"better": "worse", "worse": "better"}.get(found.verdict, found.verdict)
    assert conclude({**_facts(votes=_votes(a, b, ties)), "confidence": 0.9999}).verdict in ("not shown", found.verdict)


def test_of_comparisons_without_any_difference_at_most_one_in_twenty_shows_one() -> None:
    draws = np.random.default_rng(8)
    shown = 0
    for _ in range(300):
        outcomes = draws.choice(3, size=30, p=[0.4, 0.4, 0.2])
        a, b, ties = (int((outcomes == kind).sum()) for kind in range(3))
        outcomes = draws.choice(2, size=30)
        judge = _judged(int((outcomes == 0).sum()), int((outcomes == 1).sum()))
        shown += conclude(_facts(votes=_votes(a, b, ties), judge=judge)).verdict != "not shown"
    assert shown / 300 <= 0.05
