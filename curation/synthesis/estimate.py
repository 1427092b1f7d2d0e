"""What a generation will come to, before anybody is asked: calls, tokens and money.

Tokens of prompts are estimated from letters and words, as those of chunks are, since an endpoint's tokenizer is not at
hand. How far that is off depends on the tokenizer, so the least and the most are told too. Measured on SmolLM2's
tokenizer and Qwen's: in English (30 articles, 1,000 records) the estimate was 11 to 19 % above the truth; in Chinese
(1,000 records) SmolLM2 took 1.75 times what was estimated, and Qwen 0.66 times. The truth was within the bounds in every
case. Answers are not estimated but bounded: an answer ends at model.max_tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import TYPE_CHECKING

from curation.llm.budget import FORM_TOKENS, MESSAGE_TOKENS, Budget
from curation.llm.model import ChatRequest
from curation.synthesis.chunk_tokens import Count
from curation.synthesis.chunk_tokens import estimate as tokens_of
from curation.synthesis.sections import BudgetSettings

if TYPE_CHECKING:
    from curation.synthesis.recipe import GenerateRecipe

_WIDE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
_OTHER = re.compile(r"[^\W\d_\u0000-\u024f\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
LEAST_WIDE, MOST_WIDE = 0.55, 2.0
"""Tokens of a Chinese, Japanese or Korean character."""

LEAST_REST, MOST_REST = 0.75, 1.1
"""The truth about anything else, by the estimate."""

MOST_OTHER = 1.5
"""Tokens of a letter in an alphabet other than the Latin one, at most: many tokenizers were made for English."""


@dataclass(frozen=True)
class Estimate:
    """What is left to ask. calls: those of the gates are among them, for as many items as are asked for. prompt_tokens:
    about; least and most say within what. completion_tokens: at most. money: of these, in the currency of the prices, and
    0 where none is known."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    money: float = 0.0
    least_prompt_tokens: int = 0
    most_prompt_tokens: int = 0


def estimate(
    requests: Iterable[ChatRequest],
    budget: BudgetSettings,
    *,
    looks: Sequence[int] = (),
    items: int = 0,
    per_call: int = 1,
    count: Count | None = None,
) -> Estimate:
    """What the requests will come to, each asked once and answered at full length.

    looks: what else is asked about each item, as `looks_of` says. items: how many are asked for; 0: `per_call` by each
    request. count: counts the tokens of texts, where the model's tokenizer is at hand.
    """
    calls = completion = 0
    least = about = most = 0.0
    for request in requests:
        calls += 1
        completion += request.max_tokens
        low, middle, high = _prompt(request, count)
        least, about, most = least + low, about + middle, most + high
    if looks and calls:  # a look shows the source again, with the item in place of the request for it
        items = items or calls * per_call
        times = items * len(looks) / calls
        least, about, most = least * (1 + times), about * (1 + times), most * (1 + times) + completion * len(looks)
        calls += items * len(looks)
        completion += items * sum(looks)
    prices = Budget(price_prompt=budget.price_prompt, price_completion=budget.price_completion)
    money = prices.price(ceil(about), completion)
    return Estimate(calls, ceil(about), completion, money, floor(least), ceil(most))


def looks_of(recipe: GenerateRecipe) -> tuple[int, ...]:
    """Tokens at most of what the model writes whenever it is asked about an item: whether its question can be answered, and
    how good it is."""
    from curation.synthesis.prompts.render import ANSWERABLE_TOKENS, MARK_TOKENS

    asked = recipe.gates.answerable == "model" and recipe.source.kind == "documents"
    answerable = (ANSWERABLE_TOKENS,) * recipe.ask.turns if asked else ()
    return (*answerable, MARK_TOKENS) if recipe.gates.judge else answerable


def _prompt(request: ChatRequest, count: Count | None) -> tuple[float, float, float]:
    """Tokens of a prompt: at least, about, at most. A schema is not counted: few endpoints bill it."""
    texts = [message.content for message in request.messages]
    around = MESSAGE_TOKENS * len(texts)
    if count is not None:
        counted = sum(count(texts)) + around
        return counted, counted, counted + FORM_TOKENS
    bounds = [_tokens(text) for text in texts]
    least, about, most = (sum(column) for column in zip(*bounds, strict=True)) if bounds else (0.0, 0.0, 0.0)
    return least, about + around, most + around + FORM_TOKENS


def _tokens(text: str) -> tuple[float, float, float]:
    about = tokens_of(text)
    wide, other = len(_WIDE.findall(text)), len(_OTHER.findall(text))
    rest = about - wide
    return LEAST_WIDE * wide + LEAST_REST * rest, about, MOST_WIDE * wide + MOST_REST * rest + MOST_OTHER * other
