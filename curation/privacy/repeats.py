"""A value that was found once in a record is looked for in all of it: in any letter case, width and spacing.

A name in a signature is found by its place, and may stand in the greeting where nothing tells it; a number may be
repeated with blanks. Without this a mask would hide in one line what stands in the next.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice

from curation.privacy.pseudonyms import canonical
from curation.privacy.spans import Span

REPEATED = "repeated"
# What may stand between two characters of a value: blanks, dashes, dots, brackets, and what nobody sees.
_BETWEEN = r"[\s\-‐-―−._·•・()（）/\u00ad\u200b-\u200f\u2060\ufeff]{0,3}"
_PARTS = re.compile(r"[^\W_]|[@+]")
_FEWEST_DIGITS, _FEWEST_LETTERS, _FEWEST_HAN = 6, 4, 2
MOST_VALUES = 2000  # of one record that are looked for again; one with more is a list of them
_LONGEST = 256  # characters; of a longer value (a private key) only the beginning is looked for


@lru_cache(maxsize=8192)
def spelling(entity: str, value: str) -> re.Pattern[str] | None:
    """What finds a value in other spellings; None for one so short that it may be part of anything.

    One word in Latin letters keeps its case, since Mark and May are words too.
    """
    text = canonical(entity, value)[:_LONGEST]
    parts = _PARTS.findall(text)
    if not _long_enough(parts):
        return None
    keep_case = parts[0].isascii() and parts[0].isalpha() and not re.search(r"[\s\d@]", text)
    if keep_case:
        parts = _PARTS.findall(unicodedata.normalize("NFKC", value))
    body = _BETWEEN.join([_wide(part, keep_case) for part in parts])
    before = r"(?<!\d)" if parts[0].isdecimal() else r"(?<![A-Za-z0-9])" if parts[0].isascii() else ""
    after = r"(?!\d)" if parts[-1].isdecimal() else r"(?![A-Za-z0-9])" if parts[-1].isascii() else ""
    return re.compile(f"{before}{body}{after}")


def _long_enough(parts: list[str]) -> bool:
    digits = sum(part.isdecimal() for part in parts)
    wide = sum(not part.isascii() for part in parts)
    letters = len(parts) - digits - wide
    return digits / _FEWEST_DIGITS + letters / _FEWEST_LETTERS + wide / _FEWEST_HAN >= 1


def _wide(part: str, keep_case: bool) -> str:
    """A character and its full-width form, in both cases unless the case is kept."""
    forms = {part} if keep_case else {part, part.upper(), part.lower()}
    forms = {form for form in forms if len(form) == 1}
    forms |= {chr(ord(form) + 0xFEE0) for form in forms if "!" <= form <= "~"}
    return re.escape(part) if len(forms) < 2 else "[" + "".join(re.escape(form) for form in sorted(forms)) + "]"


def squashed(text: str) -> str:
    """The letters and digits of a text in one width and case: what is the same in every spelling."""
    return "".join(_PARTS.findall(unicodedata.normalize("NFKC", text).casefold()))


def said_again(texts: Sequence[str], found: Mapping[tuple[str, str], int]) -> set[tuple[str, str]]:
    """Which of the values `(entity, value)`, found so many times in the texts of a record, stand in them more often.

    Counting in squashed texts costs little; only values that are said again need an expression of their own.
    """
    whole = "\0".join([squashed(text) for text in texts])
    counts: Counter[str] = Counter()
    forms: dict[tuple[str, str], str] = {}
    for (entity, value), number in islice(found.items(), MOST_VALUES):
        forms[entity, value] = form = squashed(canonical(entity, value)[:_LONGEST])
        counts[form] += number
    again = {form for form, number in counts.items() if form and whole.count(form) > number}
    return {key for key, form in forms.items() if form in again}


def repeats(text: str, values: set[tuple[str, str]]) -> list[Span]:
    """The places of values (entity, value), in whatever spelling."""
    found: list[Span] = []
    for entity, value in sorted(values):
        pattern = spelling(entity, value)
        if pattern is not None:
            found.extend(Span(*place.span(), entity, 0.5, REPEATED) for place in pattern.finditer(text))
    return found
