"""A record's tokens with what is trained: every character once, in order, and trained where the labels say so."""

from __future__ import annotations

from pathlib import Path

import pytest
from preflight_bench import Bench
from preflight_damage import labelled
from preflight_sets import CLEAN, split

from training.preflight.show import show, worth_showing


@pytest.fixture
def bench(tiny: Path) -> Bench:
    from transformers import AutoTokenizer

    return Bench(AutoTokenizer.from_pretrained(tiny))


@pytest.mark.parametrize("name", ["multi_turn", "chinese", "translations", "tools", "texts"])
def test_the_pieces_make_up_the_rendered_text(name: str, bench: Bench) -> None:
    context = bench.context(split(CLEAN[name]()))
    for example in context.examples.train[:6]:
        (shown,) = show(context, example)
        encoded = context.encoded_by_id[example.record_id]
        assert "".join(token.text for token in shown.tokens) == context.template.render(example.messages).text
        assert [token.id for token in shown.tokens] == encoded.input_ids  # type: ignore[union-attr]
        trained = "".join(run.text for run in shown.runs() if run.trained)
        answers = [message.content for message in example.messages if message.role in ("assistant", "text")]
        assert trained == "".join(f"{answer}<|im_end|>" for answer in answers)
        assert sum(run.tokens for run in shown.runs()) == len(shown.tokens)


def test_a_pair_is_shown_with_both_answers(bench: Bench) -> None:
    bench.settings = ["method.objective=dpo"]
    context = bench.context(split(CLEAN["pairs"]()))
    example = context.examples.train[1]
    chosen, rejected = show(context, example)
    assert (chosen.part, rejected.part) == ("chosen", "rejected")
    assert [run.text for run in chosen.runs() if run.trained] == [example.messages[-1].content + "<|im_end|>"]
    assert [run.text for run in rejected.runs() if run.trained] == [example.rejected[-1].content + "<|im_end|>"]


def test_what_is_shown_is_what_the_labels_say_not_what_they_should(bench: Bench) -> None:
    bench.tensors = labelled(lambda ids, labels: list(ids))
    context = bench.context(split(CLEAN["chat"]()))
    (shown,) = show(context, context.examples.train[0])
    assert shown.trained == len(shown.tokens)


def test_tokens_of_another_text_are_shown_by_themselves(bench: Bench) -> None:
    from dataclasses import replace

    bench.tensors = lambda one: replace(one, input_ids=[5, *one.input_ids[1:]])
    context = bench.context(split(CLEAN["chat"]()))
    (shown,) = show(context, context.examples.train[0])
    assert shown.tokens[0].text == context.text_of([5])


def test_a_cut_record_is_shown_as_far_as_it_is_trained(bench: Bench) -> None:
    bench.settings = ["data.max_length=150", "data.too_long=cut"]
    context = bench.context(split(CLEAN["chat"]()))
    (shown,) = show(context, context.examples.train[0])
    assert len(shown.tokens) == 150
    assert shown.cut > 0
    assert context.template.render(context.examples.train[0].messages).text.startswith(
        "".join(token.text for token in shown.tokens)
    )


def test_records_that_findings_name_come_first(bench: Bench) -> None:
    from training.preflight import examine

    bench.settings = ["data.max_length=200"]
    context = bench.context(split(CLEAN["chat"]()))
    report = examine(context)
    named = report.of("too_long")
    assert named is not None
    chosen = worth_showing(context, report, 5)
    assert chosen[0].record_id == named.example
    assert len({example.record_id for example in chosen}) == 5
