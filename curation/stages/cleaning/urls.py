"""Web addresses removed, or replaced by a token."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

# What may stand in an address (RFC 3986), and Latin, Greek and Cyrillic letters as people paste them. Chinese, Japanese
# and Korean letters end an address: those languages put no blank after it.
_INSIDE = r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%|À-ÖØ-öø-ɏͰ-ϿЀ-ӿ]"
_URL = rf"(?:(?:https?|ftp)://(?=[A-Za-z0-9\[À-ӿ])|www\.(?=[A-Za-z0-9-]{{1,63}}\.[A-Za-z])){_INSIDE}+"
URL_SIGN = r"(?i:https?://|ftp://|www\.)"
URL = re.compile(rf"(?<![A-Za-z0-9@]){_URL}", re.IGNORECASE)
_LINK = re.compile(
    r"!?\[(?P<text>[^\[\]\n]*+)\]\([ ]*+<?(?:(?:https?|ftp)://|www\.)(?:[^\s()<>]|\([^\s()<>]*+\))*+>?"
    r"(?:[ ]++(?:\"[^\"\n]*+\"|'[^'\n]*+'))?[ ]*+\)",
    re.IGNORECASE,
)
_DEFINITION = re.compile(rf"^ {{0,3}}\[[^\]\n]++\]:[ \t]*+<?{_URL}>?[^\n]*+\n?", re.IGNORECASE | re.MULTILINE)
_BRACKETS = {"(": ")", "<": ">", "[": "]", "（": "）", "【": "】", "〈": "〉", "《": "》"}
_CLOSERS = {")": "(", "]": "["}


def treat_urls(text: str, how: Literal["remove", "replace"], token: str) -> str:
    """`text` with every web address removed or replaced by `token`.

    A Markdown link keeps its text; removed, it is no link any more, and neither are a definition of a link, brackets
    around nothing but the address, or one of two blanks beside it left behind.
    """
    if "://" not in text and "www." not in text.lower():
        return text
    if how == "remove":
        if "]:" in text:
            text = _DEFINITION.sub("", text)
        if "](" in text:
            text = _LINK.sub(lambda found: found["text"], text)
    out: list[str] = []
    start = 0
    for found in _found(text):
        first, last = found.start(), _end(text, found.start(), found.end())
        if first < start:
            continue
        if how == "remove":
            first, last = _with_brackets(text, max(start, 0), first, last)
        out += text[start:first], token if how == "replace" else ""
        start = last
    return "".join(out) + text[start:]


def _found(text: str) -> Iterator[re.Match[str]]:
    """The addresses in `text`, looked for where `://` or `www.` stands: searching for them is ten times as slow."""
    lower = text.lower()
    if len(lower) != len(text):  # a capital whose small letter takes two places
        lower = text
    places = {sign: lower.find(sign) for sign in ("://", "www.")}
    while left := [(place, sign) for sign, place in places.items() if place >= 0]:
        place, sign = min(left)
        after = place + len(sign)
        if sign == "://":
            place -= next((len(scheme) for scheme in ("https", "http", "ftp") if lower.endswith(scheme, 0, place)), 0)
        found = URL.match(text, place)
        if found:
            after = found.end()
            yield found
        places = {sign: lower.find(sign, after) if 0 <= place < after else place for sign, place in places.items()}


def _end(text: str, start: int, end: int) -> int:
    """Where the address really ends: before punctuation of the sentence, or a bracket that was open before it."""
    extra = {last: text.count(last, start, end) - text.count(first, start, end) for last, first in _CLOSERS.items()}
    while end > start + 4:
        last = text[end - 1]
        if extra.get(last, 0) > 0:
            extra[last] -= 1
        elif last not in ".,;:!?'*|~":
            break
        end -= 1
    return end


def _with_brackets(text: str, low: int, first: int, last: int) -> tuple[int, int]:
    """The span to remove: with the brackets around the address, and with one of the blanks on its two sides."""
    if first > low and last < len(text) and _BRACKETS.get(text[first - 1]) == text[last]:
        first, last = first - 1, last + 1
    before = first == low or text[first - 1] in " \n"
    if before and last < len(text) and text[last] == " ":
        return first, last + 1
    if first > low and text[first - 1] == " " and (last == len(text) or text[last] in "\n.,;:!?)]}`，。；：！？）】"):
        return first - 1, last
    return first, last
