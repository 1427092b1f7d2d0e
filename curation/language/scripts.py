"""Writing systems: which letters belong to which, which languages write them, how much of a word one letter is.

Ranges after the Unicode Character Database (Scripts.txt), in the Basic Multilingual Plane.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPACE = 0x20
PLANE = 0x10000


@dataclass(frozen=True)
class Script:
    """A writing system. ranges: inclusive. languages: those of the model that write it, the first the most usual.

    letters_a_word: how many of its letters are about one English word, by which a mixed text is judged: 5 for
    alphabets, 1.6 for Han (the mean length of a segmented Chinese word), the others in between.
    """

    name: str
    ranges: tuple[tuple[int, int], ...]
    languages: tuple[str, ...]
    letters_a_word: float = 5.0


# fmt: off
CYRILLIC = ("ru uk bg sr mk be kk tt ky ba mn ce cv tg sah mhr os lez myv mrj bxr kv krc av rue xal tyv uz az").split()
ARABIC = "ar fa ur ckb ug arz azb pnb ps sd mzn lrc".split()
DEVANAGARI = "hi mr ne sa new bh mai gom dty".split()
SCRIPTS: tuple[Script, ...] = (
    Script("none", (), ()),
    Script("Latin", ((0x41, 0x5A), (0x61, 0x7A), (0xAA, 0xAA), (0xBA, 0xBA), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x2AF),
                     (0x1E00, 0x1EFF), (0xFF21, 0xFF3A), (0xFF41, 0xFF5A)), ()),  # every language of no other script
    Script("Cyrillic", ((0x400, 0x52F), (0x1C80, 0x1C8F)), tuple(CYRILLIC)),
    Script("Arabic", ((0x600, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFC)),
           tuple(ARABIC), 4.0),
    Script("Devanagari", ((0x900, 0x97F), (0xA8E0, 0xA8FF)), tuple(DEVANAGARI), 4.0),
    Script("Han", ((0x2E80, 0x2FD5), (0x3005, 0x3007), (0x3021, 0x3029), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
                   (0xF900, 0xFAFF)), ("zh", "ja"), 1.6),
    Script("Kana", ((0x3041, 0x3096), (0x309D, 0x309F), (0x30A1, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF),
                    (0xFF66, 0xFF9F)), ("ja",), 2.2),
    Script("Hangul", ((0x1100, 0x11FF), (0x3131, 0x318E), (0xAC00, 0xD7A3)), ("ko",), 2.5),
    Script("Hebrew", ((0x591, 0x5F4), (0xFB1D, 0xFB4F)), ("he", "yi"), 4.0),
    Script("Bengali", ((0x980, 0x9FF),), ("bn", "as", "bpy"), 4.0),
    Script("Georgian", ((0x10A0, 0x10FF), (0x1C90, 0x1CBF), (0x2D00, 0x2D2F)), ("ka", "xmf")),
    Script("Greek", ((0x370, 0x3FF), (0x1F00, 0x1FFF)), ("el",)),
    Script("Thai", ((0xE01, 0xE4E),), ("th",), 4.0),
    Script("Lao", ((0xE81, 0xEDF),), ("lo",), 4.0),
    Script("Khmer", ((0x1780, 0x17D3),), ("km",), 4.0),
    Script("Myanmar", ((0x1000, 0x109F),), ("my",), 4.0),
    Script("Tibetan", ((0xF00, 0xFFF),), ("bo",), 4.0),
    Script("Sinhala", ((0xD80, 0xDFF),), ("si",), 4.0),
    Script("Tamil", ((0xB80, 0xBFF),), ("ta",), 4.0),
    Script("Telugu", ((0xC00, 0xC7F),), ("te",), 4.0),
    Script("Kannada", ((0xC80, 0xCFF),), ("kn",), 4.0),
    Script("Malayalam", ((0xD00, 0xD7F),), ("ml",), 4.0),
    Script("Gujarati", ((0xA80, 0xAFF),), ("gu",), 4.0),
    Script("Gurmukhi", ((0xA00, 0xA7F),), ("pa",), 4.0),
    Script("Oriya", ((0xB00, 0xB7F),), ("or",), 4.0),
    Script("Armenian", ((0x531, 0x556), (0x560, 0x588)), ("hy",)),
    Script("Ethiopic", ((0x1200, 0x139F),), ("am",), 3.0),
    Script("Thaana", ((0x780, 0x7BF),), ("dv",), 4.0),
)
# fmt: on
NUMBER = {script.name: i for i, script in enumerate(SCRIPTS)}
WORDS_A_LETTER = np.array([1 / s.letters_a_word for s in SCRIPTS])
# Languages that are mostly written in another script, but also in Latin letters.
ALSO_LATIN = frozenset({"sr", "uz", "az", "kk", "tt", "tk", "ku", "hif"})


@lru_cache(maxsize=1)
def tables() -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
    """For each code point of the basic plane: its script's number (0: no letter), and its folded form.

    Folding makes letters small and full-width ones narrow, and everything that is no letter a space.
    """
    script = np.zeros(PLANE, dtype=np.uint8)
    folded = np.full(PLANE, SPACE, dtype=np.uint32)
    for number, entry in enumerate(SCRIPTS):
        for first, last in entry.ranges:
            script[first : last + 1] = number
            folded[first : last + 1] = np.arange(first, last + 1)
    for code in np.flatnonzero((script != 0) & ~np.isin(script, (NUMBER["Han"], NUMBER["Hangul"]))).tolist():
        letter = chr(code)
        if unicodedata.category(letter)[0] not in "LM":
            script[code], folded[code] = 0, SPACE
        elif not letter.islower():
            small = unicodedata.normalize("NFKC", letter) if code >= 0xFF00 else letter
            folded[code] = ord(small.lower()[0])
    return script, folded


@lru_cache(maxsize=1)
def kanji_kinds() -> NDArray[np.uint8]:
    """For each code point of the basic plane: 1 for an ideograph only Japanese writes, 2 for one only Chinese does.

    Read off the national character sets: in JIS X 0208 but neither in GB 2312 nor in Big5, or the other way about.
    """
    japanese = _encodable("shift_jis")
    chinese = _encodable("gb2312") | _encodable("big5")
    return (japanese & ~chinese).astype(np.uint8) + 2 * (chinese & ~japanese).astype(np.uint8)


def _encodable(charset: str) -> NDArray[np.bool_]:
    """Which ideographs of the basic plane a national character set holds."""
    known = "".join(map(chr, range(0x4E00, 0xA000))).encode(charset, "ignore").decode(charset)
    out = np.zeros(PLANE, dtype=np.bool_)
    out[[ord(letter) for letter in known]] = True
    return out
