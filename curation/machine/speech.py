"""Refusals and disclaimers: what a chat model says about itself instead of, or before, an answer."""

from __future__ import annotations

import re
from collections.abc import Container

from curation.machine.answer import Answer, sentences, width
from curation.machine.finding import Finding
from curation.machine.rulebook import Rulebook

# A refusal begins within so many characters (Chinese: a third).
_BEGINNING = 240
# Letters that are left beside what the model says about itself; with fewer there is no answer.
_SUBSTANCE = 28
_SHORT = 120  # width of an answer that may be all apology
_LABEL = 10  # characters before the first words of an answer that somebody in a dialogue does not say
_TURN = re.compile(
    r"[,;]? \b(?:but|however|though|nevertheless|that said|still)\b,?|[,;—-]+ *(?=here\b)|: +"
    r"|，?(?:但是|但|不过|然而|可是|可以说|仅供参考)[，：]?|：",
    re.IGNORECASE,
)
# "While I have no feelings, …": the main clause is what is said.
_CONCESSION = re.compile(
    r"\W*(?:while|although|though|even though|虽然|尽管)[^.。\n]*?[,，](?! ?(?:and|or|I)\b)", re.IGNORECASE
)
# What belongs to a refusal and is no answer: apologies, reasons, requests for more, offers, advice to ask elsewhere.
_ABOUT_IT = re.compile(
    r"\b(?:I|me|my|AI|as an?)\b|我|作为|无法|不能|抱歉|对不起|能否|如果您?你?能|您可以|你可以|建议您|您需要"
    r"|请您?你?(?:提供|补充|告诉|重新)|其[他它]问题|\b(?:please|you (?:can|may|could|will)|try|let me know|is there|instead"
    r"|sorry|apologi\w+|harm\w*|illegal|wrong|provide|feel free|(?:could|can|would) you|need)\b",
    re.IGNORECASE,
)
_SELF = re.compile(r"\b(?:I|my|AI)\b|我|作为")
_UNABLE = re.compile(
    r"\b(?:can(?:not|[’']t)|unable|not (?:able|capable|possible|have|possess)|n[’']t have|no \w+|without|never|lack)\b"
    r"|无法|不能|没有|不具备|不会|难以",
    re.IGNORECASE,
)
_OFFER = re.compile(
    r"\bI (?:can|could|am able to|would be|will be|[’']m here)\b|我(?:只能|可以|能够?|会|很乐意|将)|帮助您|您可以"
)


def refusal(answer: Answer, book: Rulebook, off: Container[str]) -> Finding | None:
    """A refusal at the beginning that no answer follows. Quotations, stories and letters are not the model's words."""
    rules, text = book.rules["refusal"], answer.said
    limit = _BEGINNING // 3 if answer.chinese else _BEGINNING
    for name, pattern in rules.items():
        if f"refusal.{name}" in off:
            continue
        match = pattern.search(text, 0, 3 * limit)
        if match is None or match.start() > limit:
            continue
        drafting = book.asks(answer.prompt, "drafting") or rules_salutation(book).match(answer.text) is not None
        if name == "missing_input" and not _apologetic(text[: limit * 2]):
            continue
        if drafting and (name == "bare" or len(text[: match.start()].strip()) > limit // 4):
            continue
        if not _answered(answer, match.end()):
            return Finding("refusal", name)
    return None


def rules_salutation(book: Rulebook) -> re.Pattern[str]:
    """How letters begin."""
    return book.rules["boilerplate"]["salutation"]


def self_description(answer: Answer, book: Rulebook, off: Container[str]) -> Finding | None:
    """A model that speaks of itself: a disclaimer where an answer stands beside it, a refusal where none does."""
    rules, text = book.rules["disclaimer"], answer.said
    for name, pattern in rules.items():
        match = pattern.search(text)
        if match is None:
            continue
        if book.asks(answer.prompt, "identity"):
            return None
        drafted = book.asks(answer.prompt, "drafting") and len(text[: match.start()].strip()) > _SUBSTANCE
        if drafted and name == "as_an_ai":  # a voice in a story
            continue
        if name == "as_an_ai" and match.start() > _LABEL and book.asks(answer.prompt, "dialogue"):
            continue
        unable = _UNABLE.search(text, match.start(), _end_of_sentence(text, match.end())) is not None
        if unable and _beside(answer) < _SUBSTANCE and name == "as_an_ai" and "refusal.as_an_ai" not in off:
            return Finding("refusal", "as_an_ai")
        if f"disclaimer.{name}" not in off:
            return Finding("disclaimer", name)
    return None


def _apologetic(text: str) -> bool:
    return (
        re.search(r"sorry|apologi|unable|cannot|can[’']t|unfortunately|抱歉|对不起|不好意思|无法|不能", text, re.I)
        is not None
    )


def _answered(answer: Answer, end: int) -> bool:
    """Whether an answer follows a refusal that ends at `end`: a turn to it, or much text that is not about the refusal."""
    text = answer.text
    stop = _end_of_sentence(text, end)
    turn = _TURN.search(text, end, stop)
    if turn and width(text[turn.end() : stop]) >= _SUBSTANCE and not _ABOUT_IT.search(text[turn.end() : stop]):
        return True
    rest = text[stop:]
    about_it = sum(width(rest[a:b]) for a, b in sentences(rest) if _ABOUT_IT.search(rest[a:b]))
    return width(rest) - about_it > _SHORT


def _end_of_sentence(text: str, place: int) -> int:
    return next((last for _, last in sentences(text) if last >= place), len(text))


def _beside(answer: Answer) -> float:
    """The width of what is no talk of the model about itself: other sentences, and clauses behind a turn."""
    text, total = answer.text, 0.0
    for first, last in sentences(text):
        sentence = text[first:last]
        turn = _CONCESSION.match(sentence) or _TURN.search(sentence)
        if turn and turn.end() < len(sentence) - 6:
            total += width(sentence[turn.end() :])
        elif not (_SELF.search(sentence) and (_UNABLE.search(sentence) or _OFFER.search(sentence))):
            total += width(sentence)
    return total
