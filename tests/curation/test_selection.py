"""Choosing records: held against brute force where that can be afforded, and against what is promised."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.selection import coverage as coverage_module
from curation.selection import spread as spread_module
from curation.selection.budget import Room, shared
from curation.selection.choose import Candidates, choose
from curation.selection.closest import closest_chosen
from curation.selection.coverage import SCALE, Coverage
from curation.selection.greedy import Blend, greedy
from curation.selection.model import Picked
from curation.selection.quality import best_first, ranked
from curation.selection.spread import farthest_first, most_central


def signs(seed: int, count: int, dimensions: int = 16) -> np.ndarray:
    """Vectors of length 1 with the entries ±1/4, some of them twice: their cosines are exact, and many are equal."""
    drawn = np.random.default_rng(seed).integers(0, 2, (max(1, count - count // 4), dimensions))
    rows = np.concatenate([drawn, drawn[: count // 4]])[:count]
    return ((2 * rows - 1) / math.sqrt(dimensions)).astype(np.float32)


def likeness(vectors: np.ndarray) -> np.ndarray:
    exact = vectors.astype(np.float64)
    return np.maximum(0, np.rint(exact @ exact.T * SCALE)) / SCALE


def value(vectors: np.ndarray, kept: tuple[int, ...] | list[int]) -> float:
    """Facility location, as it is written in books."""
    return float(likeness(vectors)[:, list(kept)].max(axis=1).mean()) if kept else 0.0


def single(count: int, budget: int) -> dict[str, Any]:
    return {
        "costs": np.ones(count, dtype=np.int64),
        "groups": np.zeros(count, dtype=np.int64),
        "limits": np.asarray([budget]),
    }


def naive(vectors: np.ndarray, quality: np.ndarray, diversity: float, budget: int, room: dict[str, Any]) -> list[int]:
    """Greedy by computing the value of every larger set in every step."""
    kept: list[int] = []
    left = room["limits"].astype(int).tolist()
    costs, groups = room["costs"].tolist(), room["groups"].tolist()

    def of(chosen: list[int]) -> float:
        return (1 - diversity) * sum(quality[j] for j in chosen) / budget + diversity * value(vectors, chosen)

    while True:
        fitting = [j for j in range(len(vectors)) if j not in kept and costs[j] <= left[groups[j]]]
        if not fitting:
            return kept
        gains = [round(of([*kept, j]) - of(kept), 9) for j in fitting]
        best = fitting[int(np.argmax(gains))]
        kept.append(best)
        left[groups[best]] -= costs[best]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 12), st.sampled_from([0.25, 0.5, 1.0]), st.booleans())
def test_the_lazy_choice_is_that_of_brute_force(
    seed: int, count: int, keep: int, diversity: float, noted: bool
) -> None:
    """For coverage, blends and shares of groups, with the short cut of noted likenesses and without."""
    vectors = signs(seed, count)
    draw = np.random.default_rng(seed)
    quality = draw.integers(0, 5, count) / 4
    room = single(count, keep)
    if seed % 2:
        room |= {"groups": draw.integers(0, 3, count), "limits": draw.integers(0, 4, 3)}
    was, coverage_module._SHORT = coverage_module._SHORT, 1 if noted else 10**9
    try:
        objective = Blend(Coverage(vectors, np.arange(count)), quality, keep, diversity)
        picked = greedy(objective, Room(**room))
    finally:
        coverage_module._SHORT = was
    assert picked.order == naive(vectors, quality, diversity, keep, room)
    told = (1 - diversity) * quality[picked.order].sum() / keep + diversity * value(vectors, picked.order)
    assert picked.value == pytest.approx(told, abs=1e-9)
    assert all(a >= b - 1e-12 for a, b in zip(picked.gains, picked.gains[1:], strict=False)) or seed % 2


def test_a_larger_set_is_chosen_as_by_computing_every_gain() -> None:
    """300 records, so that blocks are cut, batches grow and likenesses are noted and shortened."""
    vectors = signs(5, 300, 64)
    picked = greedy(Coverage(vectors, np.arange(300)), Room(**single(300, 40)))
    cover = np.zeros(300)
    for record, gain in zip(picked.order, picked.gains, strict=True):
        gains = np.maximum(0, likeness(vectors) - cover[:, None]).mean(axis=0)
        gains[picked.order[: picked.order.index(record)]] = -1
        assert record == int(np.argmax(np.round(gains, 9)))
        assert gain == pytest.approx(gains[record])
        cover = np.maximum(cover, likeness(vectors)[:, record])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 9), st.integers(1, 4))
def test_facility_location_keeps_its_promise(seed: int, count: int, keep: int) -> None:
    vectors = signs(seed, count, 8 if seed % 2 else 16)
    keep = min(keep, count)
    picked = greedy(Coverage(vectors, np.arange(count)), Room(**single(count, keep)))
    best = max(value(vectors, kept) for kept in combinations(range(count), keep))
    assert value(vectors, picked.order) >= (1 - 1 / math.e) * best - 1e-9


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 8))
def test_with_shares_of_groups_the_value_is_at_least_half_the_best(seed: int, count: int) -> None:
    vectors, draw = signs(seed, count, 8), np.random.default_rng(seed)
    groups, limits = draw.integers(0, 2, count), draw.integers(0, 3, 2)
    room = single(count, 0) | {"groups": groups, "limits": limits}
    picked = greedy(Coverage(vectors, np.arange(count)), Room(**room))
    allowed = [
        kept
        for size in range(count + 1)
        for kept in combinations(range(count), size)
        if all(sum(groups[j] == group for j in kept) <= limits[group] for group in (0, 1))
    ]
    assert value(vectors, picked.order) >= 0.5 * max(value(vectors, kept) for kept in allowed) - 1e-9


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 8), st.integers(1, 20))
def test_with_tokens_the_budget_is_kept_and_so_is_the_promise(seed: int, count: int, budget: int) -> None:
    vectors, costs = signs(seed, count, 8), np.random.default_rng(seed).integers(1, 9, count)
    room = single(count, budget) | {"costs": costs}
    picked = choose("coverage", Candidates(None, vectors, **room), 0.5, 1000)
    allowed = [
        kept
        for size in range(count + 1)
        for kept in combinations(range(count), size)
        if sum(costs[j] for j in kept) <= budget
    ]
    assert tuple(sorted(picked.order)) in allowed
    promised = (1 - 1 / math.e) / 2 * max(value(vectors, kept) for kept in allowed)
    assert value(vectors, picked.order) >= promised - 1e-9
    left = budget - sum(costs[picked.order])
    assert all(costs[j] > left for j in range(count) if j not in picked.order)


def test_gain_for_a_token_saves_a_budget_that_one_long_record_would_eat() -> None:
    """The mean of ten records: each covers itself, one long one covers itself and half of two others."""
    vectors = np.eye(12, dtype=np.float32)
    vectors[11, :2] = 0.5
    vectors[11] /= np.linalg.norm(vectors[11])
    costs = np.asarray([1] * 11 + [10])
    picked = choose("coverage", Candidates(None, vectors, costs, costs * 0, np.asarray([10])), 0.5, 1000)
    assert 11 not in picked.order
    assert len(picked.order) == 10
    plain = greedy(Coverage(vectors, np.arange(12)), Room(costs, costs * 0, np.asarray([10])))
    assert plain.order == [11]


def angles(vectors: np.ndarray) -> np.ndarray:
    exact = vectors.astype(np.float64)
    return np.arccos(np.clip(exact @ exact.T, -1, 1))


def radius(vectors: np.ndarray, kept: tuple[int, ...] | list[int]) -> float:
    return float(angles(vectors)[:, list(kept)].min(axis=1).max())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 9), st.integers(1, 4), st.integers(0, 8))
def test_k_centre_is_within_twice_the_least_radius(seed: int, count: int, keep: int, first: int) -> None:
    vectors = signs(seed, count)
    keep, first = min(keep, count), min(first, count - 1)
    picked = farthest_first(vectors, first, Room(**single(count, keep)))
    assert picked.order[0] == first
    assert len(set(picked.order)) == keep
    best = min(radius(vectors, kept) for kept in combinations(range(count), keep))
    assert radius(vectors, picked.order) <= 2 * best + 1e-6
    assert picked.order == naive_spread(vectors, first, keep)


def naive_spread(vectors: np.ndarray, first: int, keep: int) -> list[int]:
    cosines = np.rint(vectors.astype(np.float64) @ vectors.astype(np.float64).T * SCALE)
    kept = [first]
    while len(kept) < keep:
        closest = cosines[:, kept].max(axis=1)
        closest[kept] = np.inf
        kept.append(int(closest.argmin()))
    return kept


def test_many_centres_are_chosen_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = signs(3, 200, 64)
    for at_once in (1, 7, 500):
        monkeypatch.setattr(spread_module, "_AT_ONCE", at_once)
        monkeypatch.setattr(spread_module, "_COLUMNS", 64)
        assert farthest_first(vectors, 4, Room(**single(200, 50))).order == naive_spread(vectors, 4, 50)


def test_the_most_central_record_is_the_closest_to_the_mean() -> None:
    vectors = np.asarray([[0, 1], [0.6, 0.8], [1, 0], [0.8, 0.6], [0.8, 0.6]], dtype=np.float32)
    assert most_central(vectors) == 3


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 60),
    st.lists(st.integers(0, 20), min_size=1, max_size=6),
    st.sampled_from(["equal", "root", "proportional"]),
)
def test_shares_use_up_the_budget_and_are_as_even_as_they_can_be(total: int, sizes: list[int], share: Any) -> None:
    given_ = shared(total, np.asarray(sizes), share)
    assert given_.sum() == min(total, sum(sizes))
    assert (given_ <= sizes).all()
    weigh = {"equal": lambda size: 1.0, "root": math.sqrt, "proportional": float}[share]
    for mine, size in zip(given_.tolist(), sizes, strict=True):
        for theirs, other in zip(given_.tolist(), sizes, strict=True):
            if mine < size and other:  # who could have had more has no less than its part of what another got
                assert mine + 1 >= weigh(size) * (theirs - 1) / weigh(other) - 1e-6


def test_shares() -> None:
    sizes = np.asarray([100, 100, 4, 0])
    assert shared(20, sizes, "equal").tolist() == [8, 8, 4, 0]
    assert shared(21, sizes, "equal").tolist() == [9, 8, 4, 0]
    assert shared(51, sizes, "proportional").tolist() == [25, 25, 1, 0]
    assert shared(22, sizes, "root").tolist() == [10, 10, 2, 0]


def test_the_best_come_first_and_who_does_not_fit_is_passed_over() -> None:
    quality = np.asarray([0.1, 0.9, 0.5, 0.9, 0.3])
    costs = np.asarray([2, 5, 9, 4, 1])
    picked = best_first(quality, Room(costs, costs * 0, np.asarray([11])))
    assert picked.order == [1, 3, 4]
    assert picked.refused[2].why == "too_long"
    assert (picked.refused[2].taken, picked.refused[2].left) == (2, 2)
    shares = best_first(quality, Room(np.ones(5, dtype=np.int64), np.asarray([0, 1, 1, 1, 0]), np.asarray([1, 1])))
    assert shares.order == [1, 4]
    assert {record: item.why for record, item in shares.refused.items()} == {3: "over_quota", 2: "over_quota"}


def test_places_of_values() -> None:
    assert ranked(np.asarray([3.0, 1.0, np.nan, 3.0, 7.0])).tolist() == [0.5, 0.0, 0.0, 0.5, 1.0]
    assert ranked(np.asarray([2.0, 2.0])).tolist() == [1.0, 1.0]
    assert ranked(np.asarray([np.nan, 2.0])).tolist() == [0.0, 1.0]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(3, 40), st.integers(1, 3))
def test_the_closest_chosen_record(seed: int, count: int, keep: int) -> None:
    vectors = signs(seed, count)
    order = np.random.default_rng(seed).permutation(count)[:keep].tolist()
    rest = np.asarray([record for record in range(count) if record not in order], dtype=np.int64)
    found, cosines = closest_chosen(vectors, order, rest)
    exact = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    for record, closest, cosine in zip(rest, found, cosines, strict=True):
        assert cosine == pytest.approx(exact[record, order].max(), abs=1 / SCALE)
        assert closest == order[int(exact[record, order].argmax())]


def test_coverage_may_be_measured_on_some_of_the_records() -> None:
    """All of them are candidates all the same, and more are measured when more are kept."""
    vectors = signs(1, 3000)
    known = Candidates(None, vectors, **single(3000, 20))
    some, all_ = choose("coverage", known, 0.5, 1000), choose("coverage", known, 0.5, 3000)
    assert some.order != all_.order
    assert max(some.order) >= 1000
    assert value(vectors, some.order) > 0.97 * value(vectors, all_.order)
    many = Candidates(None, vectors, **single(3000, 1500))
    assert choose("coverage", many, 0.5, 1000) == choose("coverage", many, 0.5, 3000)


def test_threads_do_not_matter() -> None:
    """Sums are of whole numbers, so that they are the same in any order and any cut."""
    vectors = signs(2, 500, 64)
    whole = Coverage(vectors, np.arange(500)).gains(range(500))
    for cut in (1, 3, 64, 499):
        parts = [Coverage(vectors, np.arange(500)).gains(range(at, min(at + cut, 500))) for at in range(0, 500, cut)]
        assert np.array_equal(np.concatenate(parts), whole)


def test_nothing_to_choose_from() -> None:
    empty = Candidates(np.zeros(0), np.zeros((0, 4), dtype=np.float32), **single(0, 3))
    for by in ("quality", "coverage", "spread", "blend"):
        assert choose(by, empty, 0.5, 1000) == Picked()
