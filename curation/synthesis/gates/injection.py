"""What the model wrote is neither its prompt nor what its source told it to write."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from curation.dedup.differences import tokens_of
from curation.dedup.shingles import fold
from curation.machine.answer import Answer
from curation.machine.leakage import prompt_leak
from curation.machine.rulebook import rulebook
from curation.synthesis.gates.looked import Looked, Turned, at
from curation.synthesis.gates.phrases import phrases

RUN, RUN_OF_CHARACTERS = 8, 12
"""Words in a row of the prompt's own that are no chance; characters, in Chinese."""

REACH = 300  # characters behind an order in which it says what to write

_FENCE = re.compile(r"</? ?(?:source|record|examples)(?: [0-9a-f]{6,})? ?>", re.IGNORECASE)
_QUOTED = re.compile(r"[\"“”'‘’「『《]([^\"“”‘’「」『』《》\n]{2,200})[\"“”'’」』》]")
_PAYLOAD_END = re.compile(r"[\n。！]|[.!?](?=\s|$)")
_SHORT = 3  # letters below which a payload is too common to mean anything


def injection(looked: Looked) -> Turned | None:
    """No marks of the fence or of chat templates, no run of the prompt's own words, no order to a model, and nothing that
    an order in the source dictates."""
    book, count = rulebook(), len(looked.exchanges)
    dictated = payloads(looked.material.text) if looked.unit.kind in ("qa", "instruction") else ()
    prompt = looked.own
    for place, exchange in enumerate(looked.exchanges):
        for text in (exchange.question, exchange.answer, exchange.reasoning):
            if not text:
                continue
            if prompt and prompt.nonce and prompt.nonce in text:
                return Turned("injection", at(place, "nonce", count))
            if _FENCE.search(text) and not _FENCE.search(looked.source):
                return Turned("injection", at(place, "fence", count))
            if found := prompt_leak(Answer(text), book, ("prompt_leak.instructed", "prompt_leak.role_label")):
                return Turned("injection", at(place, found.rule, count))
            if prompt and prompt.repeated_in(text):
                return Turned("injection", at(place, "prompt", count))
            if rule := phrases().found("orders", Answer(text).said):
                return Turned("injection", at(place, rule, count))
            if any(_says(text, payload) for payload in dictated):
                return Turned("injection", at(place, "dictated", count))
    return None


class OwnWords:
    """The words of a prompt that are its own, and not those of the data in it."""

    def __init__(self, prompt: str, data: str, nonce: str = "") -> None:
        self.nonce = nonce
        self._runs = frozenset(_runs(tokens_of(fold(prompt)))).difference(_runs(tokens_of(fold(data))))

    def repeated_in(self, text: str) -> bool:
        """Whether a text has a run of them."""
        return not self._runs.isdisjoint(_runs(tokens_of(fold(text))))


@lru_cache(maxsize=256)
def payloads(source: str) -> tuple[str, ...]:
    """What orders to models in a source tell them to write: whatever stands in quotation marks behind such an order, and
    behind "write", "answer with" and the like the rest of the sentence. Folded."""
    found: list[str] = []
    for _, order in phrases().all_found("orders", source):
        told = source[order.start() : order.end() + REACH]
        found += [quoted[1] for quoted in _QUOTED.finditer(told)]
        for _, match in phrases().all_found("dictations", told):
            rest = told[match.end() :].lstrip(" :：,，")
            end = _PAYLOAD_END.search(rest)
            found.append(rest[: end.start() if end else len(rest)])
    folded = dict.fromkeys(_folded(each) for each in found)
    return tuple(each for each in folded if len(each) >= _SHORT)


def _says(text: str, payload: str) -> bool:
    """Whether a text is a payload, or has one that is long enough to be no chance."""
    said = _folded(text)
    if payload not in said:
        return False
    return len(payload) >= 12 or len(payload) * 2 >= len(said) or (payload.isascii() and f" {payload} " in f" {said} ")


def _folded(text: str) -> str:
    return " ".join(tokens_of(unicodedata.normalize("NFKC", text).lower()))


def _runs(tokens: list[str]) -> Iterator[tuple[str, ...]]:
    characters = sum([len(token) == 1 and token > "\u0e00" for token in tokens])
    size = RUN_OF_CHARACTERS if characters * 2 > len(tokens) else RUN
    return zip(*(tokens[place:] for place in range(size)), strict=False)
