"""Questions and answers that are there, and neither too short nor too long."""

from __future__ import annotations

from curation.synthesis.gates.looked import HALF, Looked, Turned, at
from curation.synthesis.gates.quote import width


def schema(looked: Looked) -> Turned | None:
    """As many exchanges as were asked for, each with a question, an answer and, if they were asked for, its steps."""
    count, wanted = len(looked.exchanges), looked.unit.turns
    if count != wanted:
        return Turned("schema", f"{count} exchanges, {wanted} asked for")
    for place, each in enumerate(looked.exchanges):
        for name, text in (("question", each.question), ("answer", each.answer)):
            if not text.strip():
                return Turned("schema", at(place, f"no {name}", count))
        if any(map(HALF.search, (each.question, each.answer, each.reasoning, each.quote))):
            return Turned("schema", at(place, "half a character", count))
        if looked.unit.reasoning and not each.reasoning.strip():
            return Turned("schema", at(place, "no reasoning", count))
    return None


def length(looked: Looked) -> Turned | None:
    """Within the bounds that were set; at the lower ones a Chinese character counts double."""
    settings, count = looked.settings, len(looked.exchanges)
    for place, each in enumerate(looked.exchanges):
        for name, text, least, most in (
            ("question", each.question.strip(), settings.question_min, settings.question_max),
            ("answer", each.answer.strip(), settings.answer_min, settings.answer_max),
        ):
            if width(text) < least:
                return Turned("too_short", at(place, f"{name}: {width(text)} of {least} characters", count))
            if len(text) > most:
                return Turned("too_long", at(place, f"{name}: {len(text)} of {most} characters", count))
    return None
