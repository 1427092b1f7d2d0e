"""Phrases of chat programs before and after an answer, and what is left without them."""

from __future__ import annotations

import re
from collections.abc import Container

from curation.machine.answer import Answer
from curation.machine.finding import Finding
from curation.machine.rulebook import Rulebook

_TAIL = 420  # characters from the end in which closing phrases are looked for
_MOST = 3  # phrases taken from one end
_BLANK = " \t\r\n\u3000"
# "Sure!" answers such a prompt; before anything else it is a phrase.
_YES_OR_NO = re.compile(
    r"^\W*(?:is|are|was|were|am|do|does|did|can|could|should|shall|will|would|may|might|has|have|had|isn|aren|don|won)\b"
    r"|[吗么嘛][？?]?\s*$|是否|能否|可否|能不能|可不可以|是不是|\b(?:right|okay|ok)\?",
    re.IGNORECASE | re.MULTILINE,
)
_MEANT_FOR_USERS = re.compile(
    r"\b(?:adjust|modify|customi[sz]e|tweak|edit|change|adapt|personali[sz]e)\b|仅供参考", re.I
)


def boilerplate(answer: Answer, book: Rulebook, off: Container[str]) -> Finding | None:
    """An opening or a closing phrase of a chat program. In letters and talk they are the writer's own words."""
    rules, text = book.rules["boilerplate"], answer.text
    start, end = 0, len(text)
    if "boilerplate.opener" not in off:
        start = _after_openers(answer, rules["openers"])
        if not start and rules["bare_openers"].match(text.lstrip()) and not _YES_OR_NO.search(answer.prompt):
            start = _after_openers(answer, rules["bare_openers"])
    if "boilerplate.closer" not in off:
        end = _before_closers(answer, rules["closers"])
    if start == 0 and end == len(text):
        return None
    if rules["salutation"].match(text) or book.asks(answer.prompt, "dialogue"):
        start, end = 0, end if _MEANT_FOR_USERS.search(text, end) else len(text)
    if start == 0 and end == len(text):
        return None
    rule = "opener" if start else "closer"
    return Finding("boilerplate", rule, score=float(start + len(text) - end), keep=(start, max(start, end)))


def _after_openers(answer: Answer, openers: re.Pattern[str]) -> int:
    text, start = answer.said, 0
    for _ in range(_MOST):
        place = start + len(text[start:]) - len(text[start:].lstrip(_BLANK))
        found = openers.match(text, place)
        if found is None or found.end() == place:
            break
        start = found.end()
    return start + len(text[start:]) - len(text[start:].lstrip(_BLANK)) if start else 0


def _before_closers(answer: Answer, closers: re.Pattern[str]) -> int:
    """Where the answer ends once closing phrases are off. Such a phrase is a sentence of its own at the very end."""
    text, end = answer.said, len(answer.text)
    for _ in range(_MOST):
        stop = len(text[:end].rstrip(_BLANK))
        begin = _last_sentence(text, stop)
        found = closers.match(text, begin, stop)
        if found is None or found.end() < stop:
            break
        end = len(text[:begin].rstrip(_BLANK))
    return end


def _last_sentence(text: str, stop: int) -> int:
    """Where the last sentence before `stop` begins."""
    marks = ".!?。！？\n"
    last = stop
    while last > 0 and text[last - 1] in marks + "～~😊🙂 ":
        last -= 1
    floor = max(0, stop - _TAIL)
    begin = max((text.rfind(mark, floor, last) for mark in marks), default=-1) + 1
    begin = max(begin, floor)
    while begin < stop and text[begin] in " \t\u3000":
        begin += 1
    return begin
