"""Mojibake repaired, and characters brought to one of their Unicode normal forms."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import cache
from typing import Literal

from curation.stages.cleaning.code_spans import MARKS

Form = Literal["nfc", "nfkc"]

# The bytes 80–BF as Latin-1 and Windows-1252 show them: what follows a lead byte in UTF-8 that was read as one of them.
_TRAIL = (
    "\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013\u2014\u2018-\u201a"
    "\u201c-\u201e\u2020-\u2022\u2026\u2030\u2039\u203a\u20ac\u2122"
)
# Signs of text decoded with the wrong table; the second line is for Windows-1251, the third for Mac Roman and CP437.
MOJIBAKE = (
    f"[\u00c2-\u00f4][{_TRAIL}]|[\u0080-\u0084\u0086-\u009f]"
    "|(?:[\u0420\u0421][^\\s\u0430-\u044f]){3}"
    "|\u221a[\u00a0-\u00bf\u00c4-\u00ff\u2202\u220f\u2211\u2248\u2260\u2264]|\u201a\u00c4|\u0393\u00c7"
)
_SUSPECT = re.compile(f"(?=[\u00c2-\u00f4\u0080-\u009f\u0393\u0420\u0421\u201a\u221a])(?:{MOJIBAKE})")
# Chinese, Japanese and Korean letters and emoji stand in no table that mojibake comes from.
_CHUNK = re.compile(f"[^\n{MARKS}\u2e80-\ud7ff\U00010000-\U0010ffff]+")

# Left alone by NFKC here: full-width punctuation, the ideographic space and the ellipsis are how Chinese is punctuated.
_KEPT_WIDE = "\u2025\u2026\u3000\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff60"
_NOT_KEPT = re.compile(f"[^{_KEPT_WIDE}]+")
# Where there is no character with a canonical or a compatibility form, nor with case: Chinese ideographs, Hangul
# syllables, surrogates and private use, Tangut to Khitan, and beyond the compatibility ideographs of plane 2.
_PLAIN = ((0x3400, 0xA000), (0xAC00, 0xF900), (0x12000, 0x16000), (0x17000, 0x1B000), (0x20000, 0x2F800))
_LAST = 0x2FA20


def repair_mojibake(text: str) -> str:
    """UTF-8 that was decoded as Latin-1, Windows-125x, Mac Roman or CP437, decoded right.

    ftfy decides, on the words of a line from the first to the last that show signs of it, and their neighbours that are
    not ASCII. Of all that ftfy can do nothing else is used.
    """
    return text if text.isascii() else _CHUNK.sub(lambda found: _repaired(found[0]), text)


def _repaired(line: str) -> str:
    suspects = [found.span() for found in _SUSPECT.finditer(line)]
    if not suspects:
        return line
    from ftfy import fix_encoding

    start, end = line.rfind(" ", 0, suspects[0][0]) + 1, _word_end(line, suspects[-1][1])
    while start and not (word := line[line.rfind(" ", 0, start - 1) + 1 : start - 1]).isascii():
        start -= len(word) + 1
    while end < len(line) and not (word := line[end + 1 : _word_end(line, end + 1)]).isascii():
        end += len(word) + 1
    return line[:start] + fix_encoding(line[start:end]) + line[end:]


def _word_end(line: str, start: int) -> int:
    end = line.find(" ", start)
    return len(line) if end < 0 else end


def normalise(text: str, form: Form) -> str:
    """`text` in NFC, or in NFKC but for Chinese punctuation, which keeps its full width.

    Both also replace the compatibility ideographs of CJK (U+F900 on) by the unified ones, as the standard wants it.
    """
    if form == "nfc":
        return unicodedata.normalize("NFC", text)
    return _NOT_KEPT.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)


@cache
def normalised_points(form: Form) -> str:
    """A character class (without brackets) that holds every character that `normalise` may act upon."""

    # Two starters may compose too (Hangul, some Indic vowels): the second of such a pair stands for both.
    found = {chr(point) for point in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))}
    for char in _characters():
        if unicodedata.combining(char) or normalise(char, form) != char:
            found.add(char)
        parts = unicodedata.decomposition(char)
        if parts and parts[0] != "<" and parts.count(" ") == 1:
            found.add(chr(int(parts[parts.index(" ") :], 16)))
    return _class_of(found)


@cache
def folded_points() -> str:
    """A character class (without brackets) that holds every character that has another case-folded form."""
    return "A-Z" + _class_of({char for char in _characters() if char.casefold() != char})


def _characters() -> Iterable[str]:
    start = 0x80
    for first, last in (*_PLAIN, (_LAST, _LAST)):
        yield from map(chr, range(start, first))
        start = last


def _class_of(wanted: Collection[str]) -> str:
    ranges: list[list[str]] = []
    for char in sorted(wanted):
        if ranges and ord(char) == ord(ranges[-1][1]) + 1:
            ranges[-1][1] = char
        else:
            ranges.append([char, char])
    return "".join(first if first == last else f"{first}-{last}" for first, last in ranges)
