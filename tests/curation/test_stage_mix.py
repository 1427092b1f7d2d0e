from __future__ import annotations

from collections import Counter

import pytest
from batches import batch_of, decide, dropped, joined, reasons

from curation.errors import StageError
from curation.schema import Batch
from curation.stages.mix import Mix


def three_sources() -> Batch:
    return joined(
        *(batch_of([f"{name} {n}" for n in range(size)], name) for name, size in (("a", 60), ("b", 30), ("c", 10)))
    )


def left(stage: Mix, seed: int = 0) -> dict[str, int]:
    batch = three_sources()
    gone = dropped(decide(stage, batch, seed))
    return dict(Counter(name[0] for name in batch.records["record_id"] if name not in gone))


def test_a_cap_holds_for_its_source_alone() -> None:
    assert left(Mix(caps={"a": 5})) == {"a": 5, "b": 30, "c": 10}
    assert left(Mix(caps={"[ab]": 20})) == {"a": 20, "b": 20, "c": 10}


def test_weights_keep_as_much_as_their_proportion_allows() -> None:
    assert left(Mix(weights={"a": 1, "b": 1})) == {"a": 30, "b": 30, "c": 10}
    assert left(Mix(weights={"a": 2, "b": 4})) == {"a": 15, "b": 30, "c": 10}
    assert left(Mix(caps={"b": 10}, weights={"a": 2, "b": 1})) == {"a": 20, "b": 10, "c": 10}


def test_the_reason_says_which_limit_it_was() -> None:
    found = Counter(reasons(decide(Mix(caps={"b": 10}, weights={"a": 2, "b": 1}), three_sources())).values())
    assert found == {"over_weight": 40, "over_cap": 20}


def test_the_seed_draws_which_records_stay() -> None:
    assert dropped(decide(Mix(caps={"a": 5}), three_sources(), 1)) != dropped(
        decide(Mix(caps={"a": 5}), three_sources(), 2)
    )


def test_a_source_that_is_not_there_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(StageError, match="no source is named 'sarcasm'") as error:
        decide(Mix(caps={"sarcasm": 5}), batch_of(["x"], "sarcasm.csv"))
    assert "sarcasm.csv" in error.value.hint
