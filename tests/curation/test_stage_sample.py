"""The `sample` stage: how many, which ones, and what they do not depend on."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from batches import batch_of, decide, joined, reasons
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curation.schema import Batch
from curation.selection.weighed import token_counts
from curation.stage import StageContext
from curation.stages.sample import Sample

CORPUS = batch_of([f"text number {number}" for number in range(200)])


def kept(batch: Batch, seed: int = 0, **parameters: Any) -> list[str]:
    gone = reasons(decide(Sample(**parameters), batch, seed))
    return [name for name in batch.records["record_id"] if name not in gone]


def test_fraction_and_n_keep_as_many_as_asked_for() -> None:
    assert len(kept(CORPUS, fraction=0.25)) == 50
    assert len(kept(CORPUS, n=37)) == 37
    assert len(kept(CORPUS, n=10_000)) == 200
    assert kept(CORPUS, n=0) == kept(CORPUS, fraction=0) == []
    assert len(kept(CORPUS, fraction=1)) == 200


@pytest.mark.parametrize(("fraction", "size", "left"), [(0.29, 50, 15), (0.5, 3, 2), (0.1, 4, 0), (0.7, 5, 4)])
def test_fractions_are_rounded_to_the_nearest_halves_up(fraction: float, size: int, left: int) -> None:
    assert len(kept(batch_of([f"r{number}" for number in range(size)]), fraction=fraction)) == left


def test_decisions_say_why() -> None:
    decisions = decide(Sample(n=198), CORPUS)
    assert decisions.rows["reason"].to_list() == ["not_sampled"] * 2
    assert sorted(decisions.rows["score"]) == [199, 200]
    assert decisions.rows["threshold"].to_list() == [198, 198]
    assert set(decisions.rows["reason"]) == set(Sample.reasons)


def test_by_source() -> None:
    batch = joined(batch_of([f"a{n}" for n in range(80)], "a"), batch_of([f"b{n}" for n in range(20)], "b"))

    def sizes(**parameters: Any) -> dict[str, int]:
        names = [name.partition(":")[0] for name in kept(batch, **parameters)]
        return {source: names.count(source) for source in "ab"}

    assert sizes(n=15, by="source") == {"a": 15, "b": 15}
    assert sizes(fraction=0.5, by="source") == {"a": 40, "b": 10}
    assert sum(sizes(n=15).values()) == 15
    assert sizes(fraction=0.5) != {"a": 40, "b": 10}  # 50 of all; this seed draws otherwise from each


def test_the_seed_is_the_stages_own_or_the_recipes() -> None:
    assert kept(CORPUS, seed=1, n=20) != kept(CORPUS, seed=2, n=20)
    own = Sample.model_validate({"n": 20, "seed": 1})
    assert reasons(decide(own, CORPUS, seed=2)) == reasons(decide(Sample(n=20), CORPUS, seed=1))


def test_a_smaller_sample_is_part_of_a_larger_one() -> None:
    assert set(kept(CORPUS, n=20)) < set(kept(CORPUS, n=60)) < set(kept(CORPUS, fraction=0.5))


def test_the_draw_is_pinned() -> None:
    """The same on every machine and version: XXH3 of seed and content, nothing of polars' own."""
    assert kept(CORPUS, seed=7, n=3) == ["a:82", "a:95", "a:173"]


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(12)), st.lists(st.integers(1, 11), max_size=3), st.integers(0, 12), st.integers(0, 99))
def test_shards_and_names_of_files_do_not_matter(order: list[int], cuts: list[int], n: int, seed: int) -> None:
    """Whatever the shards the corpus is cut into, and whatever its records are called, the same texts are drawn."""
    texts = [f"text {number}" for number in range(12)]
    stage, context = Sample(n=n), StageContext(seed=seed)
    whole = batch_of(texts)
    expected = {texts[int(name.partition(":")[2]) - 1] for name in kept(whole, seed, n=n)}
    shuffled = batch_of([texts[place] for place in order], "other")
    edges = [0, *sorted(set(cuts)), 12]
    shards = [Batch(shuffled.records[a:b], shuffled.turns[a:b]) for a, b in pairwise(edges) if a < b]
    prints = pl.concat([stage.fingerprint(shard, context) for shard in shards])
    prints = prints.with_columns(ordinal=pl.int_range(pl.len(), dtype=pl.UInt64))
    gone = reasons(stage.decide(prints.lazy(), context))
    content = dict(shuffled.turns.select("record_id", "content").iter_rows())
    assert {text for name, text in content.items() if name not in gone} == expected


def test_copies_are_drawn_together_the_earlier_first() -> None:
    batch = batch_of(["same"] * 3 + ["other"])
    for seed in range(8):
        left = kept(batch, seed, n=2)
        assert left in (["a:1", "a:2"], ["a:1", "a:4"])


def test_tokens_are_a_budget_that_the_draw_does_not_exceed() -> None:
    """Of long and short texts, as many in the order of the draw as fit; a number that fits all keeps all."""
    batch = batch_of([f"record {n} " + "word " * (n % 9) for n in range(60)])
    costs = dict(zip(batch.records["record_id"], token_counts(batch, ""), strict=True))
    order = [(set(kept(batch, n=n)) - set(kept(batch, n=n - 1))).pop() for n in range(1, 61)]
    for tokens in (0, 40, 200):
        left = kept(batch, tokens=tokens)
        fitting = max(n for n in range(61) if sum(costs[name] for name in order[:n]) <= tokens)
        assert set(left) == set(order[:fitting])
    assert len(kept(batch, tokens=sum(costs.values()))) == 60
    decisions = decide(Sample(tokens=40), batch)
    assert set(decisions.rows["threshold"]) == {len(kept(batch, tokens=40))}


def test_tokens_of_each_source() -> None:
    batch = joined(batch_of(["same length of text"] * 30, "a"), batch_of(["same length of text"] * 30, "b"))
    cost = token_counts(batch, "")[0]
    left = [name.partition(":")[0] for name in kept(batch, tokens=7 * cost, by="source")]
    assert (left.count("a"), left.count("b")) == (7, 7)


def test_moving_the_size_reuses_the_fingerprints() -> None:
    assert Sample(n=3).fingerprint_facts() == Sample(fraction=0.5, by="source").fingerprint_facts()
    assert Sample(tokens=3).fingerprint_facts() == Sample(tokens=5).fingerprint_facts()
    assert Sample(tokens=3).fingerprint_facts() != Sample(n=3).fingerprint_facts()
    assert Sample(tokens=3).assets() and not Sample(n=3).assets()
    assert Sample(n=3, seed=1).fingerprint_facts() != Sample(n=3, seed=2).fingerprint_facts()


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"n": 1, "fraction": 0.5},
        {"n": 1, "tokens": 1},
        {"tokens": -1},
        {"n": -1},
        {"fraction": 1.5},
        {"n": 1, "by": "role"},
        {"n": 1, "seed": -1},
    ],
)
def test_bad_parameters(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Sample(**parameters)
