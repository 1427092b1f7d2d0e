"""What `select` takes for alike, how much a crowd counts, and that both bring it to small topics."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from batches import batch_of, decide
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_tasks import tasks, topics
from planted_topics import records

from curation.selection.budget import Room
from curation.selection.choose import Candidates, choose
from curation.selection.coverage import SCALE, Coverage
from curation.selection.greedy import greedy
from curation.selection.likeness import by_region, prepared
from curation.stages.select import Select


def drawn(seed: int, count: int, dimensions: int = 8) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, dimensions))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def room(count: int, budget: int) -> Room:
    return Room(np.ones(count, dtype=np.int64), np.zeros(count, dtype=np.int64), np.asarray([budget]))


def test_what_all_share_and_what_is_widest_weighs_less() -> None:
    """Two languages and three subjects: the language is the greater difference, until vectors are prepared."""
    draw = np.random.default_rng(1)
    language, subject = np.arange(600) % 2, np.arange(600) // 2 % 3
    vectors = np.zeros((600, 16), dtype=np.float32)
    vectors[:, 0] = 2
    vectors[:, 1] = np.where(language, 0.56, -0.56)
    vectors[np.arange(600), 2 + subject] = 0.7
    vectors += 0.1 * draw.standard_normal(vectors.shape).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ready = prepared(vectors)
    assert np.allclose(np.linalg.norm(ready, axis=1), 1, atol=1e-5)

    def apart(of: np.ndarray) -> tuple[float, float]:
        """Mean cosine of the same subject in the other language, and of another subject in the same language."""
        cosines = of @ of.T
        same, spoken = subject[:, None] == subject, language[:, None] == language
        return float(cosines[same & ~spoken].mean()), float(cosines[~same & spoken].mean())

    assert apart(vectors)[0] < apart(vectors)[1]
    assert apart(ready)[0] > apart(ready)[1]
    assert abs((ready @ ready.T).mean()) < 0.1 < (vectors @ vectors.T).mean()


def test_nothing_can_be_prepared_of_one_record_or_of_copies() -> None:
    one = drawn(1, 1)
    assert np.array_equal(prepared(one), one)
    assert np.array_equal(prepared(np.repeat(one, 5, axis=0)), np.repeat(one, 5, axis=0))
    assert prepared(np.zeros((0, 1), dtype=np.float32)).shape == (0, 1)
    assert np.isfinite(prepared(np.concatenate([one, -one, one]))).all()


def test_crowds_count_alike_whatever_their_size() -> None:
    axes = np.eye(4, dtype=np.float32)
    vectors = np.concatenate([np.repeat(axes[:1], 100, axis=0), axes[1:2], np.repeat(axes[2:3], 4, axis=0)])
    counts = by_region(vectors, np.arange(105))
    assert counts[100] == 1
    assert (counts > 0).all()
    assert counts[:100] == pytest.approx([100**-1.5] * 100, rel=0.02)
    assert counts[101:] == pytest.approx([1 / 8] * 4, rel=0.02)
    assert by_region(vectors, np.asarray([0, 100])).tolist() == [1, 1]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 6), st.sampled_from([0.0, 0.1, 0.5]))
def test_the_lazy_choice_is_that_of_brute_force_where_records_count_differently(
    seed: int, count: int, keep: int, floor: float
) -> None:
    vectors = drawn(seed, count)
    counts = np.random.default_rng(seed).choice([1.0, 0.5, 0.125], count)
    picked = greedy(Coverage(vectors, np.arange(count), counts, floor), room(count, keep))
    scaled = vectors * (SCALE * counts[:, None]).astype(np.float32)
    like = np.rint(np.asarray([scaled @ vector for vector in vectors])).T.astype(np.float64)
    cover = np.rint(SCALE * floor * counts)
    whole = np.rint(SCALE * counts).sum() - cover.sum()
    for record, gain in zip(picked.order, picked.gains, strict=True):
        gains = np.maximum(0, like - cover[:, None]).sum(axis=0)
        gains[picked.order[: picked.order.index(record)]] = -1
        assert gains[record] >= gains.max() - count  # products of other shapes may differ by one rounding a record
        assert gain == pytest.approx(gains[record] / whole, abs=count / whole)
        cover = np.maximum(cover, like[:, record])
    assert -1e-9 <= picked.value <= 1 + count / whole


def test_a_crowd_takes_no_places_from_a_small_group() -> None:
    """A crowd of 300 that is not all alike, and four records of another kind: of 5 places the latter get one or more."""
    draw = np.random.default_rng(2)
    vectors = 0.25 * draw.standard_normal((304, 12)).astype(np.float32)
    vectors[:300, 0] += 0.6
    vectors[300:, 1] += 0.6
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    known = Candidates(None, vectors, np.ones(304, dtype=np.int64), np.zeros(304, dtype=np.int64), np.asarray([5]))
    kept = {counted: choose("coverage", known, 0.5, 1000, counted, 0.1).order for counted in ("record", "region")}
    assert max(kept["record"]) < 300 <= max(kept["region"])


@pytest.mark.parametrize("by", ["coverage", "spread"])
def test_a_tenth_of_the_records_covers_the_topics_where_a_random_one_does_not(by: str) -> None:
    """One draw of which topics are large. Chance reaches 56 %."""
    made = list(records(4))
    batch = batch_of([[("user", asked), ("assistant", answer)] for _, asked, answer in made])
    rows = decide(Select(fraction=0.1, by=by), batch).rows.filter(pl.col("action") == "annotate")
    kept = {made[int(record.split(":")[1]) - 1][0] for record in rows["record_id"]}
    assert rows.height == 100
    assert len(kept) >= 0.95 * 60 if by == "coverage" else len(kept) >= 0.9 * 60


def test_tasks_of_many_kinds_are_covered_far_better_than_by_chance() -> None:
    """94 places for 70 topics, most of which have four to eight records; chance reaches 56 %."""
    made = tasks(4)
    batch = batch_of([[("user", asked), ("assistant", answer)] for _, asked, answer in made])
    rows = decide(Select(fraction=0.1), batch).rows.filter(pl.col("action") == "annotate")
    kept = {made[int(record.split(":")[1]) - 1][0] for record in rows["record_id"]}
    assert len(kept) >= 0.75 * len(topics()) == 0.75 * 70
