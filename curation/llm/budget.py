"""What calls may come to: a budget in requests, tokens and money, and what a request may cost before it is answered."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Final, NamedTuple

from curation.errors import InputError
from curation.llm.model import CallFailed, ChatReply, ChatRequest

BILLIONTHS: Final = 1_000_000_000  # money is counted in whole billionths: sums of floats drift, and budgets are exact
FORM_TOKENS: Final = 64  # what a template may write around a conversation, its own system prompt included
MESSAGE_TOKENS: Final = 8  # and around each message
_LIGHT: Final = (ascii_lowercase + " ").encode()

_UNBILLED_STATUS: Final = frozenset((*range(300, 500), 500, 501, 503)) - {408}
"""Statuses with which an endpoint says itself that it did nothing. Behind the other 5xx and 408 somebody may have worked."""


class Cost(NamedTuple):
    """What one attempt counts for. money: in billionths."""

    tokens: int = 0
    money: int = 0


@dataclass(frozen=True)
class Budget:
    """Bounds of what may be spent, 0: none. calls: requests; tokens: asked and answered together; money: at these prices,
    each of a million tokens. Without a price, calls cost nothing."""

    calls: int = 0
    tokens: int = 0
    money: float = 0.0
    price_prompt: float = 0.0
    price_completion: float = 0.0

    def __post_init__(self) -> None:
        """Raises InputError for what bounds nothing."""
        amounts = (self.calls, self.tokens, self.money, self.price_prompt, self.price_completion)
        if not all(math.isfinite(amount) and amount >= 0 for amount in amounts):
            raise InputError("A budget holds an amount that is none.", "Amounts and prices are numbers from 0 up.")
        if self.money and not (self.price_prompt or self.price_completion):
            raise InputError("Money is bounded, and no price is known.", "Say what a million tokens cost.")

    def price(self, prompt_tokens: int, completion_tokens: int) -> float:
        """What so many tokens cost, in the currency of the prices."""
        return self._billionths(prompt_tokens, completion_tokens) / BILLIONTHS

    def cost(self, prompt_tokens: int, completion_tokens: int) -> Cost:
        """What so many tokens count for."""
        return Cost(prompt_tokens + completion_tokens, self._billionths(prompt_tokens, completion_tokens))

    def reservation(self, request: ChatRequest) -> Cost:
        """What the request may come to at most: its prompt, and max_tokens of an answer."""
        return self.cost(prompt_tokens_at_most(request), request.max_tokens)

    @property
    def is_bound(self) -> bool:
        """Whether it bounds anything."""
        return bool(self.calls or self.tokens or self.money)

    def lacks(self, calls: int, spent: Cost, cost: Cost) -> str | None:
        """The sentence that says why one more request, of `cost`, is too much after so many calls and `spent`; else None."""
        if self.calls and calls >= self.calls:
            return f"The {self.calls:,} calls that were allowed have been made."
        if self.tokens and spent.tokens + cost.tokens > self.tokens:
            left = max(0, self.tokens - spent.tokens)
            return f"{left:,} of {self.tokens:,} tokens are left, and a call may take {cost.tokens:,}."
        allowed = math.floor(round(self.money * BILLIONTHS, 3))
        if self.money and spent.money + cost.money > allowed:
            left_money = max(0, allowed - spent.money) / BILLIONTHS
            return f"{left_money:.6g} of {self.money:.6g} are left to spend, and a call may cost {cost.money / BILLIONTHS:.6g}."
        return None

    def _billionths(self, prompt_tokens: int, completion_tokens: int) -> int:
        millionths = prompt_tokens * self.price_prompt + completion_tokens * self.price_completion
        return math.ceil(round(millionths * (BILLIONTHS // 1_000_000), 6))


FREE: Final = Cost()
UNBOUND: Final = Budget()


def prompt_tokens_at_most(request: ChatRequest) -> int:
    """More tokens than the prompt has: one for two small letters or spaces of ASCII, one for each other byte of UTF-8.

    Byte-level tokenizers never make more tokens than bytes. Of small letters and spaces two are a token at the least in all
    that people and programs write, base64 included; English prose, with about 4.5 bytes a token, is counted twice.
    """
    texts = [message.content for message in request.messages]
    if request.schema is not None:
        texts.append(json.dumps(dict(request.schema)))
    data = "".join(texts).encode("utf-8", "surrogatepass")
    heavy = len(data.translate(None, _LIGHT))
    return heavy + (len(data) - heavy + 1) // 2 + MESSAGE_TOKENS * len(request.messages) + FORM_TOKENS


def cost_of_reply(budget: Budget, request: ChatRequest, reply: ChatReply) -> Cost:
    """What an answer counts for: the tokens that the endpoint tells; what it may have come to where it tells none."""
    asked = reply.prompt_tokens or prompt_tokens_at_most(request)
    return budget.cost(asked, reply.completion_tokens or request.max_tokens)


def cost_of_failure(budget: Budget, request: ChatRequest, failed: CallFailed) -> Cost:
    """What a failure counts for: nothing where the endpoint never saw the request or turned it away, else all that it may
    have come to."""
    if not failed.sent or failed.status in _UNBILLED_STATUS:
        return FREE
    return budget.reservation(request)
