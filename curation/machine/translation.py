"""Traces of machine translation: entities, notes, pieces of the other language, sentences twice, foreign punctuation."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from itertools import pairwise

from curation.machine.answer import Answer, is_chinese, sentences
from curation.machine.finding import Finding
from curation.machine.rulebook import Rulebook
from curation.stages.heuristics.scripts import HAN

_HAN = re.compile(f"[{HAN}]")
_HAN_RUN = re.compile(f"[{HAN}]{{2,}}")
_ENGLISH_RUN = re.compile(r"(?<![\w/.@#-])[a-z][a-z'’-]*(?:,? [a-z][a-z'’-]*){2,}")
_FUNCTION = frozenset("the a an of to and is are was on in for you that with from your it be by at".split())
_ENGLISH_WORD = re.compile(r"(?<![A-Za-z])[a-z]{2,}(?![A-Za-z])")
_BRACKETED = re.compile(r"[(（\[【][^)）\]】\n]*[)）\]】]")
_FULL_IN_ENGLISH = re.compile(r"(?<=[A-Za-z0-9])[，。；！？](?=\s?[A-Za-z]|\s*$)", re.MULTILINE)
_HALF_COMMA = re.compile(f"(?<=[{HAN}]),(?=[{HAN}])")
_HALF_STOP = re.compile(rf"(?<=[{HAN}])\.(?=[{HAN}]|\s|\Z)")
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]*>")
_CODE_LINE = re.compile(r"^.*(?:[=;{}]|\w\().*$", re.MULTILINE)
_CLAUSES = re.compile(r"[。！？：:\n]")
_FEWEST_WORDS = 5  # of an answer that can be in the wrong language
_FEWEST_MARKS = 2


def translation(answer: Answer, book: Rulebook, off: Container[str]) -> Finding | None:
    """The first trace that no rule in `off` would find."""
    for rule in _traces(answer, book):
        if f"translation.{rule}" not in off:
            return Finding("translation", rule)
    return None


def _traces(answer: Answer, book: Rulebook) -> Iterator[str]:
    rules, prompt = book.rules["translation"], answer.prompt
    if rules["note"].search(answer.said):
        yield "note"
    if rules["ui_string"].search(answer.said):
        yield "ui_string"
    if _entities(answer, book):
        yield "entity"
    if not answer.code_only and not (book.asks(prompt, "languages") or _speaks_both(prompt)):
        yield from _mixtures(answer)
    if _odd_width(answer):
        yield "width"


def _entities(answer: Answer, book: Rulebook) -> bool:
    """Whether an HTML entity stands in a text that is no HTML, for a prompt that has none and is not about them."""
    entity = book.rules["translation"]["entity"]
    if "&" not in answer.text or not entity.search(answer.said) or _TAG.search(answer.text):
        return False
    return not book.asks(answer.prompt, "markup") and not entity.search(answer.prompt)


def _mixtures(answer: Answer) -> Iterator[str]:
    """Rules about two languages in one answer, for a prompt that is in one of them and does not speak of the other."""
    text = _BRACKETED.sub("", answer.said)
    asked_in_chinese = is_chinese(answer.prompt) if answer.prompt else is_chinese(text)
    if _doubled(text):
        yield "doubled"
    if answer.prompt and _wrong(text, asked_in_chinese):
        yield "wrong_language"
    elif asked_in_chinese:
        clauses = _CLAUSES.split(_CODE_LINE.sub("", text))
        if any(_HAN.search(clause) and _runs(clause) for clause in clauses):
            yield "fragment"
    elif not asked_in_chinese and _HAN_RUN.search(text) and not _HAN.search(answer.prompt):
        yield "fragment"


def _runs(clause: str) -> bool:
    """Whether a clause has three or more English words in lower case, one of them a function word."""
    return any(_FUNCTION & set(re.findall("[a-z]+", run)) for run in _ENGLISH_RUN.findall(clause))


def _speaks_both(prompt: str) -> bool:
    """Whether a prompt itself has words of both languages, as a task about a foreign text has."""
    if not _HAN.search(prompt):
        return False
    return _ENGLISH_WORD.search(prompt) is not None or not is_chinese(prompt)


def _wrong(text: str, asked_in_chinese: bool) -> bool:
    """Whether prose is in the language in which nobody asked."""
    if asked_in_chinese:
        words = re.findall(r"[A-Za-z]+", text)
        return not _HAN.search(text) and len(words) >= _FEWEST_WORDS and bool(_FUNCTION & {w.lower() for w in words})
    return is_chinese(text) and len(_HAN.findall(text)) >= 2 * _FEWEST_WORDS


def _doubled(text: str) -> bool:
    """Whether sentences in Chinese and English take turns: at least two of each, none of them a short label."""
    kinds = []
    for first, last in sentences(text):
        sentence = text[first:last]
        han = len(_HAN.findall(sentence))
        words = [] if han else re.findall(r"[A-Za-z]+", sentence)
        if han >= _FEWEST_WORDS or len(words) >= 4:
            kinds.append(han > 0)
    switches = sum(a != b for a, b in pairwise(kinds))
    return switches >= 3 and min(sum(kinds), len(kinds) - sum(kinds)) >= 2


def _odd_width(answer: Answer) -> bool:
    """Full-width marks between English words, or Chinese without one mark of its own."""
    text = answer.said
    if not _HAN.search(text):
        return not text.isascii() and len(_FULL_IN_ENGLISH.findall(text)) >= _FEWEST_MARKS
    if not answer.chinese or re.search("[，。；、]", text):
        return False
    return len(_HALF_COMMA.findall(text)) >= _FEWEST_MARKS and _HALF_STOP.search(text) is not None
