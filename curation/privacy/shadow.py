"""The shadow of a text: the same text with its disguises taken off, and the way back to the original's positions.

Full-width letters and digits, styled mathematical letters, digits of other scripts, odd spaces and dashes become plain
ones. This is the part of NFKC that maps one code point to one; the rest of NFKC (ligatures, circled digits, fractions,
superscripts) is left out on purpose: `10²` is not 102, and a circled digit before a number is a list's marker. Code
points that show nothing (zero-width spaces and joiners, soft hyphens, directional marks) are removed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

# Zero-width, directional and variation marks: they show nothing, and a number with one of them inside is still read.
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff]+"
)
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_FOLDED_FORMS = ("<wide>", "<narrow>", "<font>", "<small>")
REMOVED = 0xE0FFF  # what an invisible code point becomes on the way: unassigned, so no text holds it
_LIMIT = 0x1FC00  # beyond it nothing is folded


@dataclass(frozen=True, slots=True)
class Shadow:
    """text: what is searched. offsets: the original position of each of its code points; None: the same positions."""

    text: str
    offsets: np.ndarray[Any, np.dtype[np.int64]] | None = None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Where the code points start..end (half open, not empty) of the shadow lie in the original text."""
        if self.offsets is None:
            return start, end
        return int(self.offsets[start]), int(self.offsets[end - 1]) + 1


def shadow(text: str) -> Shadow:
    """The shadow of one text."""
    return shadows([text])[0]


def shadows(texts: Sequence[str]) -> list[Shadow]:
    """The shadows of many texts, folded in one go; ASCII texts are their own shadows."""
    odd = [text for text in texts if not text.isascii()]
    points = np.frombuffer("".join(odd).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    folded = np.where(points < _LIMIT, _table()[np.minimum(points, _LIMIT)], points) if odd else points
    removed = np.flatnonzero(folded == REMOVED)
    whole = _decode(folded)
    made, begin = [], 0
    for text in texts:
        if text.isascii():
            made.append(Shadow(text))
            continue
        end = begin + len(text)
        low, high = np.searchsorted(removed, (begin, end)) if len(removed) else (0, 0)
        if low == high:
            made.append(Shadow(whole[begin:end]))
        else:
            kept = np.flatnonzero(folded[begin:end] != REMOVED)
            made.append(Shadow(_decode(folded[begin:end][kept]), kept))
        begin = end
    return made


def _decode(points: np.ndarray[Any, np.dtype[np.uint32]]) -> str:
    return points.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


@cache
def _table() -> np.ndarray[Any, np.dtype[np.uint32]]:
    """What each code point below the limit becomes; REMOVED for what is removed. Takes 0.05 s once a process."""
    table = np.arange(_LIMIT + 1, dtype=np.uint32)
    for point in range(0x80, _LIMIT):
        char = chr(point)
        if char in _DASHES:
            table[point] = ord("-")
        elif char in _SPACES:
            table[point] = ord(" ")
        elif unicodedata.category(char) == "Nd":
            table[point] = ord("0") + unicodedata.decimal(char)
        elif unicodedata.decomposition(char).startswith(_FOLDED_FORMS):
            plain = unicodedata.normalize("NFKC", char)
            if len(plain) == 1:
                table[point] = ord(plain)
        elif INVISIBLE.match(char):
            table[point] = REMOVED
    return table
