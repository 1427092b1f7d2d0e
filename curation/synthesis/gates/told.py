"""Nothing of an item rests on a stretch of its source that gives orders to a model, and its answer on what it quotes.

The first looks for orders by their words, and so misses those in new words. The second needs no list: what an order says is
not said in the paragraph that an honest quote comes from.
"""

from __future__ import annotations

import re

from curation.dedup.differences import tokens_of
from curation.dedup.shingles import fold
from curation.dedup.verify_words import is_stop
from curation.machine.answer import is_chinese
from curation.synthesis.gates.looked import Looked, Turned, at, parts
from curation.synthesis.gates.numerals import mentions
from curation.synthesis.gates.orders import Stretch, Told, orders_in, told
from curation.synthesis.gates.quote import locate
from curation.synthesis.gates.support import FEW, word_share
from curation.synthesis.gates.words import Known, content_words, known
from curation.synthesis.model import Exchange

RUN, RUN_ANY, RUN_CHINESE = 3, 5, 4
STRICT, HALF = 0.8, 0.5
"""Share of an answer's words that must be in what is left of a source that gives orders; of a question's, and of few."""

BESIDE, SENTENCE_BESIDE = 0.34, 0.2
"""Share of a question's or an answer's words, and of a sentence's, that must be in the paragraph of the quote, in the title
or in a heading."""

REACH = 600
"""Characters before and behind a quote that belong to its paragraph at most."""

_LINK = re.compile(r"(?:https?://|www\.)[^\s)>\]\"'，。]+|\b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,12}\b(?:/\S*)?", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?。！？]+(?=[\s<]|$|[^\x00-\x7f])|\n")
_TALK = frozenset(
    "answer answers question questions write writes reply respond word words sentence say says said ask asks asked tell "
    "told instruction instructions document source text item items must should model assistant system".split()
)  # what orders and honest questions both say


def rests_on_orders(looked: Looked) -> Turned | None:
    """No quote in such a stretch, none of its words that the rest of the source does not have, and, with documents, nearly
    all words of the answer in the rest."""
    found = told(looked.material)
    if not found.said.strip():
        return None
    count, compared = len(looked.exchanges), looked.unit.kind == "qa" and looked.settings.support and _is_here(looked)
    for place, exchange in enumerate(looked.exchanges):
        if exchange.quote and _inside(exchange.quote, looked.material.text, found.stretches):
            return Turned("injection", at(place, "quoted order", count))
        written = parts(exchange) if looked.unit.kind != "instruction" else (exchange.question,)
        if any(_obeys(text, found) for text in written):
            return Turned("injection", at(place, "words of an order", count))
        if compared and (strange := _strange(exchange, known(found.clean))):
            return Turned("injection", at(place, f"{strange} beside orders", count))
    return None


def rests_on_its_quote(looked: Looked) -> Turned | None:
    """With documents, some words of the question, of the answer and of each of its sentences are where the quote stands."""
    if looked.unit.kind != "qa" or not looked.settings.support or not _is_here(looked):
        return None
    material, count = looked.material, len(looked.exchanges)
    for place, exchange in enumerate(looked.exchanges):
        span = locate(exchange.quote, material.text) if exchange.quote else None
        if span is None:
            continue
        beside = known("\n".join((_paragraph(material.text, *span), material.title, *material.headings)))
        sentences = [part for part in _SENTENCE_END.split(exchange.answer) if part.strip()]
        for text, least, of in (
            (exchange.answer, BESIDE, 1),
            (exchange.question, BESIDE, FEW),
            *((each, SENTENCE_BESIDE, FEW) for each in sentences),
        ):
            share, words = word_share(text, beside)
            if words >= of and share < least:
                return Turned("unsupported", at(place, f"{share:.2f} of {words} words beside its quote", count))
    return None


def _paragraph(text: str, start: int, end: int) -> str:
    """The paragraph of a quote, or of its first and last word."""
    before, behind = text[max(0, start - REACH) : start], text[end : end + REACH]
    return before[before.rfind("\n\n") + 1 :] + text[start:end] + behind.partition("\n\n")[0]


def _obeys(text: str, found: Told) -> bool:
    """Whether a text gives orders itself, or has words, names, numbers or links that only the orders have."""
    said, clean = known(found.said), known(found.clean)
    only = [word for word in set(content_words(text)) - _TALK if said.has(word) and not clean.has(word)]
    return (
        len(only) > 1
        or any(_is_name(text, word) or _is_name(found.said, word) or _is_foreign(word, found.clean) for word in only)
        or any(link.lower() not in clean.folded for link in _LINK.findall(text))
        or any(one & said.numbers and not one & clean.numbers for one in mentions(text))
        or not _runs(text).isdisjoint(_runs(found.said) - _runs(found.clean))
        or any(orders_in(line) for line in text.splitlines())
    )


def _is_here(looked: Looked) -> bool:
    """Whether it is written in the language of its source, so that words can be compared."""
    return looked.unit.language in ("", looked.material.language)


def _strange(exchange: Exchange, clean: Known) -> str:
    """What the rest of a source that gives orders does not bear out, in numbers; "" if it bears everything out."""
    sentences = [part for part in _SENTENCE_END.split(exchange.answer) if part.strip()]
    for text, least in ((exchange.answer, STRICT), (exchange.question, HALF), *((each, HALF) for each in sentences)):
        share, words = word_share(text, clean)
        if share < (least if words >= FEW else HALF):
            return f"{share:.2f} of {words} words"
    return ""


def _inside(quote: str, text: str, stretches: tuple[Stretch, ...]) -> bool:
    """Whether a quote stands nowhere but where orders are."""
    span = locate(quote, text)
    if span is None or not any(start < span[1] and span[0] < end for start, end in stretches):
        return False
    rest, at_ = [], 0
    for start, end in stretches:
        rest.append(text[at_:start])
        at_ = end
    return all(locate(quote, part) is None for part in [*rest, text[at_:]] if part.strip())


def _is_name(text: str, word: str) -> bool:
    """Whether a word (folded) is written as a name in the text: in capitals, or with one within a sentence."""
    for match in re.finditer(re.escape(word), text, re.IGNORECASE):
        begins = not text[: match.start()].strip() or re.search(r"[.!?:。！？：][\s\"'“(*]*$", text[: match.start()])
        if (match[0].isupper() and len(word) > 2) or (match[0][0].isupper() and not begins):
            return True
    return False


def _is_foreign(word: str, clean: str) -> bool:
    """Whether it is a Latin word, and the source is Chinese."""
    return word.isascii() and is_chinese(clean)


def _runs(text: str) -> set[tuple[str, ...]]:
    """Three words in a row of which two say something, any five; four Chinese characters."""
    tokens = tokens_of(fold(text))
    runs_of_any = {tuple(tokens[place : place + RUN_ANY]) for place in range(len(tokens) - RUN_ANY + 1)}
    chinese = [tuple(tokens[place : place + RUN_CHINESE]) for place in range(len(tokens) - RUN_CHINESE + 1)]
    runs = runs_of_any | {run for run in chinese if all(len(each) == 1 and each > "\u2e7f" for each in run)}
    for place in range(len(tokens) - RUN + 1):
        run = tuple(tokens[place : place + RUN])
        if sum(not is_stop(each) and each not in _TALK for each in run) >= 2 and not any(
            each > "\u2e7f" for each in run
        ):
            runs.add(run)
    return runs
