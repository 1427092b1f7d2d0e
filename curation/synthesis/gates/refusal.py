"""A model that refuses, or speaks of itself, writes no record."""

from __future__ import annotations

from curation.machine.answer import Answer
from curation.machine.rulebook import rulebook
from curation.machine.speech import refusal as refuses
from curation.machine.speech import self_description
from curation.synthesis.gates.looked import Looked, Turned, at


def refusal(looked: Looked) -> Turned | None:
    """The rules of the stage `machine_text` about refusals and disclaimers, for answers and for questions."""
    if not looked.settings.refusal:
        return None
    book, count = rulebook(), len(looked.exchanges)
    for place, exchange in enumerate(looked.exchanges):
        for answer in (Answer(exchange.answer, exchange.question), Answer(exchange.question)):
            low = answer.text.lower()
            for reason, rule in (("refusal", refuses), ("disclaimer", self_description)):
                if not any(cue.lower() in low for cue in book.cues[reason]):
                    continue
                if found := rule(answer, book, ()):
                    return Turned("refusal", at(place, f"{found.reason}.{found.rule}", count))
    return None
