"""A question asks about what its source speaks of, and its answer is one."""

from __future__ import annotations

from curation.synthesis.gates.looked import Looked, Turned, at, same_script
from curation.synthesis.gates.phrases import phrases
from curation.synthesis.gates.support import strange_names, strange_numbers
from curation.synthesis.gates.words import known


def answerable(looked: Looked) -> Turned | None:
    """Names and numbers of the question are in the source, and the answer does not say that the source has none."""
    if looked.settings.answerable == "off" or looked.unit.kind != "qa":
        return None
    source, count = known(looked.source), len(looked.exchanges)
    for place, exchange in enumerate(looked.exchanges):
        if strange := strange_numbers(exchange.question, source):
            return Turned("unanswerable", at(place, f"{strange} numbers", count))
        if same_script(exchange.question, looked.source) and (strange := strange_names([exchange.question], source)):
            return Turned("unanswerable", at(place, f"{strange} names", count))
        if rule := phrases().found("no_answer", exchange.answer.strip()):
            return Turned("unanswerable", at(place, rule, count))
    return None
