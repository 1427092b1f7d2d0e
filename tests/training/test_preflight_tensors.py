"""Ids and labels as flat arrays: the same numbers, in the same places, and the figures of the report."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from preflight_bench import Bench
from preflight_sets import CLEAN, split

from curation.errors import StudioError
from training.preflight import Finding, check_allowed, examine
from training.preflight.context import blocks
from training.preflight.finding import around, shortened
from training.preflight.tensors import MASKED, lay_out
from training.tokenize import Encoded, EncodedPair

SEQUENCES = st.lists(
    st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=12).map(
        lambda pairs: ([token for token, _ in pairs], [token if yes else MASKED for token, yes in pairs])
    ),
    min_size=1,
    max_size=8,
)


@given(SEQUENCES)
def test_flat_tensors_hold_the_same_numbers(given_sequences: list[tuple[list[int], list[int]]]) -> None:
    tensors = lay_out([Encoded(str(at), ids, labels) for at, (ids, labels) in enumerate(given_sequences)])
    assert len(tensors) == len(given_sequences)
    runs = []
    for at, (ids, labels) in enumerate(given_sequences):
        assert tensors.of(at) == (ids, [label != MASKED for label in labels])
        assert tensors.trained_counts[at] == sum(label != MASKED for label in labels)
        place = int(tensors.offsets[at])
        for trained, group in groupby(label != MASKED for label in labels):
            size = len(list(group))
            if trained:
                runs.append((place, place + size, at))
            place += size
    found = tensors.runs
    assert list(zip(found.starts.tolist(), found.ends.tolist(), found.owners.tolist(), strict=True)) == runs


@given(SEQUENCES, st.data())
def test_keeping_some_sequences_keeps_their_numbers(
    given_sequences: list[tuple[list[int], list[int]]], data: st.DataObject
) -> None:
    tensors = lay_out([Encoded(str(at), ids, labels) for at, (ids, labels) in enumerate(given_sequences)])
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(tensors), max_size=len(tensors))))
    kept = tensors.kept(mask)
    assert [kept.of(at) for at in range(len(kept))] == [tensors.of(at) for at in np.flatnonzero(mask).tolist()]
    assert kept.records == tuple(str(at) for at in np.flatnonzero(mask).tolist())


@given(SEQUENCES, st.integers(1, 30))
def test_blocks_are_whole_sequences_and_all_of_them(
    given_sequences: list[tuple[list[int], list[int]]], tokens: int
) -> None:
    tensors = lay_out([Encoded(str(at), ids, labels) for at, (ids, labels) in enumerate(given_sequences)])
    ranges = list(tensors.blocks(tokens))
    assert [at for low, high in ranges for at in range(low, high)] == list(range(len(tensors)))


def test_labels_of_another_length_are_remembered() -> None:
    tensors = lay_out([Encoded("a", [1, 2, 3], [-100, 2]), Encoded("b", [4], [4, 5, 6])])
    assert tensors.uneven == (0, 1)
    assert tensors.labels.tolist() == [-100, 2, -100, 4]


def test_a_pair_is_two_sequences_with_a_masked_prompt() -> None:
    tensors = lay_out([EncodedPair("p", [1, 2], [3], [4, 5], 7, 1)])
    assert tensors.records == ("p", "p")
    assert tensors.ids.tolist() == [1, 2, 3, 1, 2, 4, 5]
    assert tensors.labels.tolist() == [-100, -100, 3, -100, -100, 4, 5]
    assert tensors.cut.tolist() == [7, 7]


def test_lengths_are_told_before_anything_is_cut(tiny_bench: Bench) -> None:
    whole = tiny_bench.examine(split(CLEAN["chat"]())).lengths
    for too_long in ("refuse", "drop", "cut"):
        tiny_bench.settings = ["data.max_length=180", f"data.too_long={too_long}"]
        assert tiny_bench.examine(split(CLEAN["chat"]())).lengths == whole
    assert sum(whole.histogram.values()) == whole.sequences == len(CLEAN["chat"]())
    assert whole.least <= whole.median <= whole.most == whole.covers["1"] <= max(whole.histogram)
    assert whole.covers["0.95"] <= whole.covers["0.99"] <= whole.covers["1"]


def test_the_max_length_that_is_proposed_holds_everything(tiny_bench: Bench) -> None:
    tiny_bench.settings = ["data.max_length=100"]
    found = tiny_bench.examine(split(CLEAN["chat"]())).of("too_long")
    assert found is not None
    proposed = next(word for word in found.fix.split() if word.startswith("data.max_length="))
    tiny_bench.settings = [proposed]
    assert tiny_bench.examine(split(CLEAN["chat"]())).of("too_long") is None


def test_what_is_allowed_no_longer_blocks_and_is_marked(tiny_bench: Bench) -> None:
    tiny_bench.settings = ["data.max_length=100"]
    examples = split(CLEAN["chat"]())
    assert tiny_bench.examine(examples).blocked
    report = tiny_bench.examine(examples, allow=["too_long"])
    found = report.of("too_long")
    assert not report.blocked
    assert found is not None
    assert found.allowed
    assert not found.blocks
    assert report.as_json()["findings"][0]["allowed"] is True


def test_only_findings_can_be_allowed() -> None:
    check_allowed(["too_long", "leak"])
    with pytest.raises(StudioError, match="no finding called 'to_long'") as error:
        check_allowed(["to_long"])
    assert "too_long" in error.value.hint


def test_what_is_shown_is_short_and_has_the_place_in_it() -> None:
    text = "a" * 500 + "HERE" + "b" * 500
    shown = around(text, 500, 504)
    assert len(shown) <= 160
    assert "HERE" in shown
    assert shortened("x" * 161) == "x" * 159 + "…"
    assert around("HERE", 0, 4) == "HERE"


def test_blocks_of_texts_are_all_of_them_in_order() -> None:
    texts = ["a" * size for size in (5, 0, 30, 1, 1, 12)]
    assert [at for low, high in blocks(texts, 10) for at in range(low, high)] == list(range(6))


def test_a_finding_is_plain_json() -> None:
    found = Finding("leak", "warn", 2, "a:1", "shown", "message", "fix")
    assert found.as_json()["records"] == 2


@pytest.fixture
def tiny_bench(tiny: object) -> Bench:
    from transformers import AutoConfig, AutoTokenizer

    return Bench(AutoTokenizer.from_pretrained(tiny), AutoConfig.from_pretrained(tiny))


def test_what_is_worth_knowing_is_noted(tiny_bench: Bench) -> None:
    report = tiny_bench.examine(split(CLEAN["translations"]()))
    for reason in ("byte_fallback", "answer_in_other_language", "few_held_out"):
        found = report.of(reason)
        assert found is not None
        assert found.level == "note"
    tiny_bench.settings = ["data.max_length=215", "data.too_long=cut"]
    context = tiny_bench.context(split(CLEAN["chat"]()))
    found = examine(context).of("cut")
    assert found is not None
    assert found.level == "note"
    assert found.records == sum(one.cut_tokens > 0 for one in (*context.train, *context.validation)) > 0


def test_a_template_that_refuses_a_record_is_told(tiny_bench: Bench) -> None:
    from dataclasses import replace

    from training.template import template_for

    context = tiny_bench.context(split(CLEAN["tools"]()))
    alpaca = template_for("alpaca", tiny_bench.tokenizer)  # it has no place for what tools say
    found = examine(replace(context, template=alpaca)).of("template_refuses")
    assert found is not None
    assert found.level == "block"
    assert found.records == len(CLEAN["tools"]())
