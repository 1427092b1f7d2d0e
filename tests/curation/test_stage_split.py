from __future__ import annotations

from collections import Counter

import polars as pl
import pytest
from batches import batch_of, decide, joined, reasons
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curation.stages.split import Split

MANY = [f"text number {number}" for number in range(400)]


def test_each_split_gets_its_share() -> None:
    found = Counter(reasons(decide(Split(validation=0.1, test=0.2), batch_of(MANY))).values())
    assert found == {"validation": 40, "test": 80}


def test_nothing_is_drawn_without_a_share() -> None:
    assert decide(Split(validation=0), batch_of(MANY)).rows.height == 0


def test_the_seed_draws() -> None:
    batch = batch_of(MANY)
    assert reasons(decide(Split(), batch, seed=1)) == reasons(decide(Split(), batch, seed=1))
    assert reasons(decide(Split(), batch, seed=1)) != reasons(decide(Split(), batch, seed=2))


def test_the_draw_does_not_depend_on_the_order() -> None:
    def texts(chosen: list[str]) -> set[str]:
        found = reasons(decide(Split(validation=0.1), batch_of(chosen)))
        return {chosen[int(name.split(":")[1]) - 1] for name in found}

    assert texts(MANY) == texts(MANY[::-1])


def test_stratify_by_source_and_by_column() -> None:
    batch = joined(batch_of(MANY[:300], "a"), batch_of(MANY[300:], "b"))
    found = reasons(decide(Split(validation=0.1, stratify="source"), batch))
    assert Counter(name[0] for name in found) == {"a": 30, "b": 10}
    labels = [{"label": "x" if number % 4 else "y"} for number in range(400)]
    found = reasons(decide(Split(validation=0.1, stratify="label"), batch_of(MANY, meta=labels)))
    assert Counter(labels[int(name.split(":")[1]) - 1]["label"] for name in found) == {"x": 30, "y": 10}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=5, max_size=60), st.integers(0, 5))
def test_the_same_question_never_straddles_two_splits(questions: list[int], seed: int) -> None:
    chats = [
        [("user", f"Question {question}?"), ("assistant", f"answer {number}")]
        for number, question in enumerate(questions)
    ]
    found = reasons(decide(Split(validation=0.3, test=0.3), batch_of(chats), seed))
    places: dict[int, set[str]] = {}
    for number, question in enumerate(questions):
        places.setdefault(question, set()).add(found.get(f"a:{number + 1}", "train"))
    assert all(len(splits) == 1 for splits in places.values())


def test_a_cluster_of_duplicates_never_straddles_two_splits() -> None:
    pairs = [(f"a:{number}", f"c{number // 8}") for number in range(1, 401)]
    clusters = pl.LazyFrame(pairs, schema=["record_id", "cluster"], orient="row")
    found = reasons(decide(Split(validation=0.25, test=0.25), batch_of(MANY), clusters=clusters))
    places: dict[str, set[str]] = {}
    for name, cluster in pairs:
        places.setdefault(cluster, set()).add(found.get(name, "train"))
    assert all(len(splits) == 1 for splits in places.values())
    assert len(set.union(*places.values())) == 3


def test_the_shares_must_leave_something_to_train_on() -> None:
    with pytest.raises(ValidationError, match="leave something"):
        Split(validation=0.5, test=0.5)
