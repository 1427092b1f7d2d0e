"""The quote of every answer stands in its source, word for word, and where."""

from __future__ import annotations

import re
from dataclasses import replace

from curation.stages.heuristics.scripts import HAN, KANA
from curation.synthesis.gates.looked import Looked, Turned, at
from curation.synthesis.gates.plain import Plain, plain
from curation.synthesis.model import Exchange, Span, anchors_in, place_of

_UNSPACED = re.compile(f"[{HAN}{KANA}]")
_EDGES = re.compile(r"^(?:[\[(]?\.{3}[\])]?)[ ,]*|[ ,]*(?:[\[(]?\.{3}[\])]?)$")
_OUTER = (('"', '"'), ("'", "'"), ("(", ")"))
_END = ".!?,;:"


Quoted = Turned | tuple[tuple[Exchange, ...], tuple[Span, ...]] | None


def quoted(looked: Looked) -> Turned | tuple[tuple[Exchange, ...], tuple[Span, ...]]:
    """The exchanges with their quotes as the source has them, and where those stand; or why the item is turned away."""
    exchanges, spans = [], []
    text, count = looked.material.text, len(looked.exchanges)
    for place, exchange in enumerate(looked.exchanges):
        length = width(plain(exchange.quote, marks=True).text)
        if looked.settings.quote and length < looked.settings.quote_min:
            return Turned("quote_missing", at(place, f"{length} characters", count))
        found = _drawn(looked, exchange.quote) or locate(exchange.quote, text) if length else None
        if found is None and looked.settings.quote:
            return Turned("quote_not_found", at(place, f"{length} characters", count))
        exchanges.append(replace(exchange, quote=text[slice(*found)] if found else ""))
        if found:
            spans.append(Span(place, *place_of(looked.material, *found)))
    return tuple(exchanges), tuple(spans)


def _drawn(looked: Looked, quote: str) -> tuple[int, int] | None:
    """Where the sentence stands that was asked about, if that is the quote."""
    text = looked.material.text
    return next((each for each in anchors_in(looked.material, looked.unit) if text[slice(*each)] == quote), None)


def locate(quote: str, text: str) -> tuple[int, int] | None:
    """Where `text` says what `quote` says, word for word: start and end, in characters. None: nowhere.

    Of several places the first. Tried as they are, then without marks of Markdown; with and without what encloses a
    quote: quotation marks, dots that say that it goes on, the mark at its end, a capital at its beginning. What is left
    out in the middle is no quote.
    """
    for marks in (False, True):
        source = plain(text, marks=marks)
        for wanted in _forms(plain(quote, marks=marks).text):
            found = _find(wanted, source)
            if found is not None:
                return found
    return None


def width(text: str) -> int:
    """Characters, those of Chinese and Japanese twice."""
    return len(text) + len(_UNSPACED.findall(text))


def _forms(quote: str) -> list[str]:
    """The quote, and the quote without what encloses it."""
    forms = [quote]
    for first, last in _OUTER:
        if len(quote) > 2 and quote[0] == first and quote[-1] == last:
            forms.append(quote[1:-1].strip())
    forms += [_EDGES.sub("", _EDGES.sub("", form)).strip() for form in forms]
    forms += [form.rstrip(_END) for form in forms]
    return [form for form in dict.fromkeys(forms) if any(map(str.isalnum, form))]


def _find(wanted: str, source: Plain) -> tuple[int, int] | None:
    texts = [wanted]
    if wanted[0].isupper() != wanted[0].islower():
        texts.append(wanted[0].swapcase() + wanted[1:])
    for text in texts:
        place = source.text.find(text)
        while place >= 0:
            if _is_whole(source, place, place + len(text)):
                return source.starts[place], source.ends[place + len(text) - 1]
            place = source.text.find(text, place + 1)
    return None


def _is_whole(source: Plain, start: int, end: int) -> bool:
    """Whether a stretch begins and ends where words and numbers do, and where characters of the original do ("½" is three)."""
    text, starts = source.text, source.starts
    cut = any(0 < place < len(starts) and starts[place] == starts[place - 1] for place in (start, end))
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    return not (cut or _joined(before, text[start]) or _joined_after(text[end - 1], after))


def _joined(before: str, first: str) -> bool:
    if not before or not _spelled(first):
        return False
    if _spelled(before[-1]):
        return True
    return first.isdigit() and before[-1] in ".," and len(before) == 2 and before[0].isdigit()


def _joined_after(last: str, after: str) -> bool:
    if not after or not _spelled(last):
        return False
    if _spelled(after[0]):
        return True
    return last.isdigit() and after[0] in ".," and len(after) == 2 and after[1].isdigit()


def _spelled(letter: str) -> bool:
    """A letter or digit of a script that is written in words."""
    return letter.isalnum() and not _UNSPACED.match(letter)
