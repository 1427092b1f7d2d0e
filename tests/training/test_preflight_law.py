"""Whatever well-formed conversations say, the laws of tensors and templates hold, and no check falls over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from preflight_bench import Bench, llama_like
from preflight_sets import split

from training.examples import Example, Message
from training.preflight import PreflightContext
from training.preflight.registry import checks
from training.recipe import TrainRecipe

# What only the tensors and the template decide. Texts may be of any kind, so what is said about texts is not looked at.
LAWS = ("aligned", "share", "end_marks", "begin_marks", "length", "template", "prompts", "packing", "adapter")
WORDS = st.text(
    st.one_of(st.characters(codec="utf-8", exclude_categories=["Cs", "Co", "Cn"]), st.sampled_from("ab <|>\n\t你好😀")),
    min_size=1,
    max_size=30,
).map(lambda text: f"x{text.replace(chr(0), '')}y")
EXCHANGES = st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=3)
RECORDS = st.lists(EXCHANGES, min_size=3, max_size=8)


@pytest.fixture(scope="module")
def tokenizers(tiny: Path) -> dict[str, Any]:
    from transformers import AutoTokenizer

    return {"tiny": AutoTokenizer.from_pretrained(tiny), "llama": llama_like()}


def conversations(records: list[list[tuple[str, str]]]) -> list[Example]:
    return [
        Example(
            f"set.jsonl:{number}",
            tuple(
                message for asked, said in exchanges for message in (Message("user", asked), Message("assistant", said))
            ),
        )
        for number, exchanges in enumerate(records)
    ]


@pytest.mark.parametrize(("tokenizer", "template"), [("tiny", "chatml"), ("tiny", "alpaca"), ("llama", "llama2")])
@given(records=RECORDS, train_on=st.sampled_from(["answers", "last_answer", "everything"]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_laws_hold_for_any_conversation(
    tokenizer: str, template: str, records: list[list[tuple[str, str]]], train_on: str, tokenizers: dict[str, Any]
) -> None:
    bench = Bench(tokenizers[tokenizer], template=template, settings=[f"data.train_on={train_on}"])
    context = bench.context(split(conversations(records), 1))
    found = [one for check in checks() for one in list(check.examine(context)) if check.name in LAWS]
    assert [one for one in found if one.level == "block"] == []


@pytest.mark.parametrize("preset", TrainRecipe.preset_names())
def test_presets_have_sane_rates_and_warm_ups(preset: str, tiny: Path, tokenizers: dict[str, Any]) -> None:
    recipe = TrainRecipe.load(preset)
    bench = Bench(tokenizers["tiny"])
    examples = split(conversations([[(f"What is {n}?", f"It is the number {n}.")] for n in range(40)]))
    context = bench.context(examples)
    told = PreflightContext(recipe, examples, context.template, context.tokenizer, context.train, context.validation)
    schedule = next(check for check in checks() if check.name == "schedule")
    assert {one.reason for one in schedule.examine(told)}.isdisjoint({"learning_rate", "long_warmup", "no_steps"})
