"""Whoever reads a record has only the record: it must not speak of a text that was there when it was written."""

from __future__ import annotations

import re

from curation.synthesis.gates.looked import Looked, Turned, at, parts
from curation.synthesis.gates.phrases import phrases

# A question that brings its text along may speak of it. Behind the words: a colon or a new line, and the text.
_BROUGHT = re.compile(r"[^.!?。！？\n]{0,80}(?:[:：]|\n)\s*\S.{24,}", re.DOTALL)


def leakage(looked: Looked) -> Turned | None:
    """Nothing in the item speaks of the passage, the text above, or what its author says."""
    if not looked.settings.leakage:
        return None
    count = len(looked.exchanges)
    # A record that is worked on has its words from the record; only what is new in it is the model's.
    given = "\n".join(content for _, content in looked.material.turns).casefold()
    for place, exchange in enumerate(looked.exchanges):
        for text in parts(exchange):
            for rule, match in phrases().all_found("leakage", text):
                if match[0].casefold() in given:
                    continue
                if looked.unit.kind != "qa" and _BROUGHT.match(text, match.end()):
                    continue
                return Turned("leakage", at(place, rule, count))
    return None
