"""The estimate of a generation against the tokenizer of a real model: how far it is off, in English and in Chinese."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from curation.errors import StudioError
from curation.llm.model import ChatMessage, ChatRequest
from curation.stages.tokens import load
from curation.synthesis.chunk_tokens import counter
from curation.synthesis.estimate import Estimate, estimate, looks_of
from curation.synthesis.recipe import GenerateRecipe
from curation.synthesis.sections import BudgetSettings

NO_PRICE = BudgetSettings()


def requests(texts: Sequence[str], max_tokens: int = 100) -> list[ChatRequest]:
    return [ChatRequest("m", (ChatMessage("user", text),), max_tokens=max_tokens) for text in texts]


def texts_of(data: Path, name: str) -> list[str]:
    if name == "wiki_demo.txt":
        lines = (data / "llamafactory" / name).read_text(encoding="utf-8").splitlines()
        return [line for line in lines if line.strip()]
    found = json.loads((data / "llamafactory" / name).read_text(encoding="utf-8"))
    return ["\n".join(filter(None, (one["instruction"], one["input"], one["output"]))) for one in found]


@pytest.fixture(scope="module")
def count() -> Callable[[list[str]], list[int]]:
    from curation.weights.find import find_model

    try:
        return load(find_model("smollm2").path).count
    except StudioError as error:
        pytest.skip(error.message)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("wiki_demo.txt", 1.05, 1.2), ("alpaca_en_demo.json", 1.05, 1.2), ("alpaca_zh_demo.json", 0.5, 0.65)],
)
def test_how_far_it_is_off_for_smollm2(
    real_data: Path, count: Callable[[list[str]], list[int]], name: str, low: float, high: float
) -> None:
    """The figures of the module's docstring: a sixth too high in English; SmolLM2 needs 1.75 tokens where 1 is estimated in
    Chinese, since it was hardly made for it. The truth is within what is told either way."""
    asked = requests(texts_of(real_data, name))
    found, truth = estimate(asked, NO_PRICE), estimate(asked, NO_PRICE, count=count)
    assert low < found.prompt_tokens / truth.prompt_tokens < high
    assert found.least_prompt_tokens <= truth.prompt_tokens <= found.most_prompt_tokens
    assert truth.least_prompt_tokens == truth.prompt_tokens


def test_completions_are_bounded_and_prices_are_of_a_million() -> None:
    asked = requests(["word " * 1000] * 10, max_tokens=500)
    prices = BudgetSettings(price_prompt=2.0, price_completion=8.0)
    found = estimate(asked, prices)
    assert (found.calls, found.completion_tokens) == (10, 5000)
    assert found.money == pytest.approx((found.prompt_tokens * 2 + 5000 * 8) / 1e6, abs=1e-8)
    assert estimate(asked, NO_PRICE).money == 0
    assert estimate([], prices) == Estimate()


def test_what_the_gates_ask_is_counted_in() -> None:
    asked = requests(["word " * 100] * 4, max_tokens=300)
    plain = GenerateRecipe.load("documents")
    assert looks_of(plain) == ()
    judged = plain.with_settings(["gates.answerable=model", "gates.judge=same"])
    alone = estimate(asked, NO_PRICE)
    found = estimate(asked, NO_PRICE, looks=looks_of(judged), items=12)
    assert found.calls == 4 + 12 * 2
    assert found.completion_tokens == 4 * 300 + 12 * sum(looks_of(judged))
    assert found.prompt_tokens == pytest.approx(alone.prompt_tokens * 7, rel=0.01)
    assert found.most_prompt_tokens > 7 * alone.most_prompt_tokens
    assert estimate(asked, NO_PRICE, looks=looks_of(judged), per_call=3) == found
    assert len(looks_of(judged.with_settings(["ask.turns=3"]))) == 4, "every exchange of a conversation is looked at"
    assert looks_of(judged.with_settings(["source.kind=seeds"])) == looks_of(plain.with_settings(["gates.judge=same"]))


def test_letters_of_other_alphabets_may_be_many_tokens() -> None:
    (latin,) = (estimate(requests(["library " * 50]), NO_PRICE),)
    (other,) = (estimate(requests(["библиотека " * 50]), NO_PRICE),)
    assert other.most_prompt_tokens > 3 * latin.most_prompt_tokens


def test_a_tokenizer_that_is_named_counts(count: Callable[[list[str]], list[int]]) -> None:
    from curation.weights.find import find_model

    texts = ["今天的天气很好。", "The library opens at nine."]
    assert counter(find_model("smollm2").path)(texts) == count(texts)
