"""All gates, in their order: those that look at an item by itself, and those that hold it against others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from curation.llm.model import CallFailed, ChatReply, ChatRequest
from curation.synthesis.gates.answerable import answerable
from curation.synthesis.gates.copied import copied
from curation.synthesis.gates.duplicates import Duplicates
from curation.synthesis.gates.injection import OwnWords, injection
from curation.synthesis.gates.language import language
from curation.synthesis.gates.leakage import leakage
from curation.synthesis.gates.length import length, schema
from curation.synthesis.gates.looked import Gate, Looked, Turned
from curation.synthesis.gates.placeholder import placeholder
from curation.synthesis.gates.quote import Quoted, quoted
from curation.synthesis.gates.refusal import refusal
from curation.synthesis.gates.support import support
from curation.synthesis.gates.told import rests_on_its_quote, rests_on_orders
from curation.synthesis.model import Exchange, Item, Material, Origin, Unit
from curation.synthesis.recipe import GenerateRecipe

if TYPE_CHECKING:
    from curation.synthesis.prompts import Prompts

UNITS = 128
Ask = Callable[[ChatRequest], ChatReply]

# From the cheapest to the dearest, and the plainest fault first: an item has one reason.
BEFORE: tuple[Gate, ...] = (schema, length, placeholder, injection, refusal, leakage, language)
AFTER: tuple[Gate, ...] = (rests_on_orders, support, rests_on_its_quote, answerable, copied)


class Gates:
    """The gates of one run. `look` may be called by many threads; `admit` and `remember` by one, in the order of the plan.

    existing: records that must not be repeated. secret: of the nonces that fence what prompts show.
    """

    def __init__(
        self, recipe: GenerateRecipe, prompts: Prompts, existing: Sequence[Origin] = (), secret: str = ""
    ) -> None:
        self._recipe, self._prompts, self._secret = recipe, prompts, secret
        self._others = Duplicates(recipe.gates, existing)
        self._own_words = lru_cache(maxsize=UNITS)(self._own)  # the items of a unit come one after another

    def look(
        self,
        unit: Unit,
        item_id: str,
        exchanges: Sequence[Exchange],
        material: Material,
        ask: Ask,
        judge: Ask | None = None,
    ) -> Item:
        """What becomes of an item by itself: accepted, with its quotes as the source has them and where they stand;
        rejected by the first gate that turns it away; or failed, where a model had to be asked and did not answer.
        """
        place = int(item_id.rpartition(".")[2] or 0)
        kind = unit.types[place] if place < len(unit.types) else ""
        item = Item(item_id, "accepted", exchanges=tuple(exchanges), type=kind)
        looked = Looked(unit, item.exchanges, material, self._recipe.gates, self._own_words(unit, material))
        # The quotes first: a person who accepts a rejected item sees where it comes from.
        found = quoted(looked) if unit.kind == "qa" else None
        if isinstance(found, tuple):
            item = replace(item, exchanges=found[0], spans=found[1])
            looked = replace(looked, exchanges=found[0])
        turned = next((each for each in _passed(looked, found) if each), None)
        item = replace(item, scores=dict(looked.scores))
        if turned:
            return _turned(item, turned)
        try:
            return self._asked(looked, item, ask, judge)
        except CallFailed as failed:
            return replace(item, status="failed", reason=failed.kind, detail=failed.message[:300])

    def admit(self, unit: Unit, item: Item) -> Item:
        """The item, or that it repeats one that was admitted or remembered before, or a record that is there already."""
        if item.status != "accepted":
            return item
        turned, related, scores = self._others.admit(item, unit.kind, unit.again)
        scores = {**item.scores, **scores}
        if turned is None:
            return replace(item, scores=scores)
        return replace(_turned(item, turned), related_id=related, scores=scores)

    def remember(self, item: Item) -> None:
        """Take in an item that an earlier leg of the run accepted."""
        if item.status == "accepted":
            self._others.remember(item)

    def _asked(self, looked: Looked, item: Item, ask: Ask, judge: Ask | None) -> Item:
        """The item after the models that may have been asked about it."""
        settings = self._recipe.gates
        nonce = self._nonce(looked.unit, looked.material)
        if settings.answerable == "model" and looked.unit.kind == "qa":
            for exchange in item.exchanges:
                reply = ask(self._prompts.answerable(exchange, looked.material, self._recipe, nonce))
                answer = self._prompts.read_answerable(reply.text)
                if answer is None:
                    return replace(item, status="failed", reason="unreadable", detail="answerable")
                if not answer:
                    return _turned(item, Turned("unanswerable", "model"))
        if settings.judge:
            reply = (judge or ask)(self._prompts.judge(item.exchanges, looked.material, self._recipe, nonce))
            found = self._prompts.read_mark(reply.text)
            if found is None:
                return replace(item, status="failed", reason="unreadable", detail="judge")
            mark, why = found
            item = replace(item, scores={**item.scores, "judge": mark}, judged=why)
            if mark < settings.judge_min:
                return _turned(item, Turned("judged", f"{mark:g} below {settings.judge_min:g}"))
        return item

    def _nonce(self, unit: Unit, material: Material) -> str:
        from curation.synthesis.prompts import data_of, nonce_for

        return nonce_for(self._secret, unit.unit_id, data_of(material))

    def _own(self, unit: Unit, material: Material) -> OwnWords:
        """What the model was told besides the data."""
        nonce = self._nonce(unit, material)
        request = self._prompts.request(unit, material, self._recipe, nonce)
        data = "\n".join(
            (material.text, material.title, *material.headings, *_turns(material), self._recipe.ask.guidance)
        )
        return OwnWords("\n".join(message.content for message in request.messages), data, nonce)


def _turns(material: Material) -> Iterator[str]:
    for turns in (material.turns, *material.seeds):
        yield from (content for _, content in turns)


def _passed(looked: Looked, found: Quoted) -> Iterator[Turned | None]:
    """What each gate says, in their order. found: what the gate of quotes has said."""
    for gate in BEFORE:
        yield gate(looked)
    yield found if isinstance(found, Turned) else None
    for gate in AFTER:
        yield gate(looked)


def _turned(item: Item, turned: Turned) -> Item:
    return replace(item, status="rejected", reason=turned.reason, detail=turned.detail)
