"""English names that are known by their neighbours: an initial in their middle, a person in the same list or dialogue,
a request after them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from curation.privacy.names import words
from curation.privacy.names.english import LETTER, NAME, NOT_A_NAME, UPPER, WORD, _a_thing, _is_given, _plain
from curation.privacy.spans import Span

_INITIALED = re.compile(rf"(?<![{LETTER}'’.-]){WORD} [{UPPER}](?:\.| )[ ]?{WORD}(?!['’]?[{LETTER}])")
_MOST = 8  # people of one list
_LIST = re.compile(
    rf"(?<![{LETTER}'’-])(?P<first>{NAME})(?P<more>(?:, {NAME}){{0,{_MOST}}}),? (?:and|or|&) (?P<last>{NAME})"
)
_SPEAKERS = re.compile(rf"^(?P<n>{NAME}):[ ]", re.M)
_CALLED = re.compile(
    rf"^[\"“]?(?P<n>{NAME}), (?i:can|could|would|will|do|did|are|have|please|thank|thanks|i|i'm|i'll|you|your|how|what|we)\b",
    re.M,
)
_ITEM = re.compile(rf"{NAME}")
_INITIAL = re.compile(rf" [{UPPER}][. ]")  # cheap signs that the patterns above are worth a try
_JOINED = re.compile(rf" (?:and|or|&) [{UPPER}]")


def initialed(text: str) -> Iterator[Span]:
    """ "Elita B Desaulniers": two words that are none of the language's around a capital letter."""
    if not _INITIAL.search(text):
        return
    for match in _INITIALED.finditer(text):
        parts = re.findall(rf"[{LETTER}'’-]{{2,}}", match[0])
        if len(parts) == 2 and all(_uncommon(part) for part in parts) and not _a_thing(text, *match.span()):
            yield Span(*match.span(), "PERSON", 0.86, "en_initial")


def listed(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    """ "Kónya, Becker and Vasquez": where one of a list is a person, the others are, unless they name something else."""
    people = [span for span in spans if span.entity == "PERSON"]
    others = [span for span in spans if span.entity != "PERSON"]
    if not people or not _JOINED.search(text):
        return
    for match in _LIST.finditer(text):
        items = [item.span() for item in _ITEM.finditer(text, *match.span())]
        known = [_touched(item, people) for item in items]
        if not any(known):
            continue
        for (start, end), is_known in zip(items, known, strict=True):
            if not is_known and not _touched((start, end), others) and _known_by_form(text, start, end):
                yield Span(start, end, "PERSON", 0.72, "en_listed")


def spoken(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    """The speakers of a dialogue in which another speaker is a person, and who is called by a name and asked for something."""
    people = [span for span in spans if span.entity == "PERSON"]
    speakers = [match.span("n") for match in _SPEAKERS.finditer(text)] if ":" in text else []
    if any(_touched(place, people) for place in speakers):
        for start, end in speakers:
            if _known_by_form(text, start, end) and not _touched((start, end), people):
                yield Span(start, end, "PERSON", 0.75, "en_speaker")
    for match in _CALLED.finditer(text):
        if _known_by_form(text, *match.span("n")):
            yield Span(*match.span("n"), "PERSON", 0.72, "en_called")


def _known_by_form(text: str, start: int, end: int) -> bool:
    """Whether a run may be a name: each of its words is none of the language's, and it names no thing."""
    parts = re.findall(rf"[{LETTER}'’-]{{2,}}", text[start:end])
    return bool(parts) and all(_uncommon(part) for part in parts) and not _a_thing(text, start, end)


def _touched(place: tuple[int, int], spans: Sequence[Span]) -> bool:
    return any(span.start < place[1] and place[0] < span.end for span in spans)


def _uncommon(word: str) -> bool:
    """Whether a word may be part of a name: a known name, or no word of the language at all."""
    if word in NOT_A_NAME:
        return False
    plain = _plain(word)
    return _is_given(plain) or plain in words.family_names() or word.lower() not in words.common_words()
