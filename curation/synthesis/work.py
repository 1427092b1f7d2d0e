"""One unit, from its source to what came of its items: asked, read, and looked at by every gate that needs no other item.

Many threads do this at once. Whatever depends on the order of units (which of two repetitions came first) is left to
`curation.synthesis.order`, so that an outcome depends on the replies alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from curation.errors import InputError, Stopped
from curation.llm.budget import Budget
from curation.llm.ledger import call_key
from curation.llm.model import CallFailed, ChatModel, ChatReply, ChatRequest
from curation.synthesis.decisions import asked_anew, decided
from curation.synthesis.model import UNITS, Exchange, Item, Material, Outcome, Status, Unit, last_outcomes, read_rows
from curation.synthesis.reasons import FAILED, PASSING

if TYPE_CHECKING:
    from curation.synthesis.gates import Gates
    from curation.synthesis.material import Materials
    from curation.synthesis.parse import Flaw
    from curation.synthesis.prompts import Prompts
    from curation.synthesis.recipe import GenerateRecipe

TOO_LARGE: Final = "The prompt is too long"
_SAYS_TOO_LARGE = re.compile(
    rf"context[ _](length|size|window)|maximum context|too many (prompt )?tokens|prompt is too long|{TOO_LARGE}", re.I
)
_HALF = re.compile("[\ud800-\udfff]")
ASKED_AGAIN: Final = (*PASSING, "refused")
"""Failures after which the next leg asks again; of refusals those with a status of HTTP, which cost nothing and often have a
cause that can be mended: a model that was not loaded, a name misspelt."""


@dataclass(frozen=True)
class Done:
    """What came of a unit, before it is told from its neighbours. money: what was paid for it now. from_ledger: every
    reply was paid for before. said: what the failure of its last call says to people, "" where that did not fail."""

    outcome: Outcome
    money: float
    from_ledger: bool
    said: str = ""


class Worker:
    """What a thread needs to work on units; shared by all of them."""

    def __init__(
        self,
        recipe: GenerateRecipe,
        prompts: Prompts,
        materials: Materials,
        gates: Gates,
        model: ChatModel,
        judge: ChatModel | None,
        secret: str,
    ) -> None:
        self._recipe, self._prompts, self._materials, self._gates = recipe, prompts, materials, gates
        self._model, self._judge, self._secret = model, judge, secret
        self._prices = Budget(price_prompt=recipe.budget.price_prompt, price_completion=recipe.budget.price_completion)

    def request(self, unit: Unit) -> ChatRequest:
        """What is asked about the unit, naming the model as the ledger of calls does."""
        return addressed(self._model, self._asked(unit, self._materials.of(unit)))

    def key(self, unit: Unit) -> str:
        """The key of the unit's own call in the ledger."""
        return call_key(self._model.identity, self.request(unit))

    def work(self, unit: Unit, should_stop: Callable[[], bool]) -> Done:
        """Ask, read and look. Raises Stopped, and OutputError where the ledger cannot be written: then nothing has come
        of the unit. All else that can go wrong with one unit is an outcome."""
        material = self._materials.of(unit)
        meter = _Meter(self._prices, should_stop)
        try:
            reply = meter.ask(self._model, self._asked(unit, material))
        except CallFailed as failed:
            blank = (Item(f"{unit.unit_id}.{place}", "failed", type=_type(unit, place)) for place in range(unit.wanted))
            return meter.done(unit, [_failed(item, failed) for item in blank])
        from curation.synthesis.parse import read_items

        reading = read_items(reply.text, unit)
        looked = [self._look(unit, place, found, material, meter) for place, found in enumerate(reading.items)]
        return meter.done(unit, looked, repaired=reading.repaired, surplus=reading.surplus)

    def _asked(self, unit: Unit, material: Material) -> ChatRequest:
        nonce = self._nonce(unit, material)
        return self._prompts.request(unit, material, self._recipe, nonce)

    def _nonce(self, unit: Unit, material: Material) -> str:
        from curation.synthesis.prompts import data_of, nonce_for

        return nonce_for(self._secret, unit.unit_id, data_of(material))

    def _look(
        self, unit: Unit, place: int, found: tuple[Exchange, ...] | Flaw, material: Material, meter: _Meter
    ) -> Item:
        item_id = f"{unit.unit_id}.{place}"
        if not isinstance(found, tuple):
            status: Status = "failed" if found.reason in FAILED else "rejected"
            return Item(item_id, status, found.reason, found.detail, type=_type(unit, place))
        from curation.synthesis.parse import filled

        judge = self._judge

        def ask_model(request: ChatRequest) -> ChatReply:
            return meter.ask(self._model, request)

        def ask_judge(request: ChatRequest) -> ChatReply:
            return meter.ask(judge or self._model, request)

        whole = tuple(map(writable, filled(found, unit, material, place)))
        item = self._gates.look(unit, item_id, whole, material, ask_model, ask_judge if judge else None)
        item = item if item.type else replace(item, type=_type(unit, place))
        return _failed(item, meter.failed) if item.status == "failed" and meter.failed is not None else item


class _Meter:
    """Asks, and keeps count of what was asked about one unit. failed: how the last call failed, if it did."""

    def __init__(self, prices: Budget, should_stop: Callable[[], bool]) -> None:
        self._prices, self._should_stop = prices, should_stop
        self._keys: list[str] = []
        self._prompt = self._completion = 0
        self._seconds = self._money = 0.0
        self._paid = False
        self.failed: CallFailed | None = None

    def ask(self, model: ChatModel, request: ChatRequest) -> ChatReply:
        """The reply. Raises CallFailed; Stopped in place of one that somebody stopped, which is no failure of the item."""
        request = addressed(model, request)
        self._keys.append(call_key(model.identity, request))
        self.failed = None
        try:
            reply = _asked(model, request, self._should_stop)
        except CallFailed as failed:
            self._paid, self.failed = True, failed
            if failed.kind == "stopped":
                raise Stopped("The generation was stopped.") from None
            raise
        self._prompt += reply.prompt_tokens
        self._completion += reply.completion_tokens
        self._seconds += reply.seconds
        if not reply.from_ledger:
            self._paid = True
            self._money += self._prices.price(reply.prompt_tokens, reply.completion_tokens)
        return reply

    def done(self, unit: Unit, items: list[Item], *, repaired: bool = False, surplus: int = 0) -> Done:
        """The outcome, with one item for each that was asked for."""
        if len(items) != unit.wanted:
            raise AssertionError(f"{unit.unit_id} asked for {unit.wanted} items and came to {len(items)}")
        outcome = Outcome(
            unit.unit_id,
            tuple(items),
            tuple(dict.fromkeys(self._keys)),
            self._prompt,
            self._completion,
            round(self._seconds, 3),
            repaired,
            surplus,
        )
        said = self.failed.message if self.failed is not None else ""
        return Done(outcome, self._money, not self._paid, said)


def _asked(model: ChatModel, request: ChatRequest, should_stop: Callable[[], bool]) -> ChatReply:
    """The reply. A model in this process whose window is smaller than the request refuses it, as endpoints do."""
    try:
        return model.complete(request, should_stop)
    except InputError as error:
        raise CallFailed("refused", f"{TOO_LARGE}: {error.message}", error.hint, sent=False) from None


def addressed(model: ChatModel, request: ChatRequest) -> ChatRequest:
    """The request with the name that the endpoint knows its model by, which is part of the call's key."""
    if request.model or not re.match(r"https?://", model.identity, re.I):
        return request
    return replace(request, model=model.identity.partition("#")[2])


def writable(exchange: Exchange) -> Exchange:
    """The exchange with U+FFFD for halves of surrogate pairs, which JSON can say and UTF-8 cannot."""
    texts = {name: _HALF.sub("\ufffd", text) for name, text in exchange.as_json().items() if _HALF.search(text)}
    return replace(exchange, **texts) if texts else exchange


def kind_of(failed: CallFailed) -> str:
    """The reason of an item whose call failed. A refusal of a request that is too long is one of its own."""
    return "too_large" if failed.kind == "refused" and _SAYS_TOO_LARGE.search(failed.message) else failed.kind


def left_of(units: Sequence[Unit], outcomes: Mapping[str, Outcome]) -> tuple[list[Unit], list[Unit]]:
    """Units that were never finalised, and those that are to be asked again; each in the order of the plan."""
    fresh = [unit for unit in units if unit.unit_id not in outcomes]
    again = [unit for unit in units if unit.unit_id in outcomes and _may_pass(outcomes[unit.unit_id])]
    return fresh, again


def open_units(folder: Path) -> list[Unit]:
    """What another leg of the run in `folder` would ask about, with what people asked for anew."""
    units: list[Unit] = read_rows(folder / UNITS, Unit)
    fresh, again = left_of([*units, *asked_anew(decided(folder), units)], last_outcomes(folder))
    return [*fresh, *again]


def _may_pass(outcome: Outcome) -> bool:
    return any(
        item.status == "failed" and item.reason in ASKED_AGAIN and (item.reason != "refused" or "status" in item.scores)
        for item in outcome.items
    )


def _failed(item: Item, failed: CallFailed) -> Item:
    """An item that a failed call left without an end. What an endpoint says may quote the prompt, so only our own words are
    its detail."""
    scores = {**item.scores, **({"status": float(failed.status)} if failed.status else {})}
    return replace(item, reason=kind_of(failed), detail=failed.message.partition(": ")[0][:200], scores=scores)


def _type(unit: Unit, place: int) -> str:
    return unit.types[place] if place < len(unit.types) else ""
