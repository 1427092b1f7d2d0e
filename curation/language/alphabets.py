"""The letters that common languages write, besides a to z: what speaks against a language in a short text.

The classifier averages over n-grams and knows only the frequent ones, so that the one letter that settles a heading
("ł", "ş", "ї") is easily outvoted. After the exemplar characters of the Unicode CLDR.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from curation.language.scripts import PLANE

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How much less likely a language is for each foreign letter a word: a probability is divided by e to this. One "ł" in a
# heading of two words divides by 200, in a text of a hundred words by 1.2: a name is no proof.
WEIGHT = 16.0

_VIETNAMESE = "đ" + "".join(
    unicodedata.normalize("NFC", vowel + tone)
    for vowel in "aăâeêioôơuưy"
    for tone in ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
)

_ALPHABETS = {
    "en": "", "fr": "àâæçèéêëîïôœùûüÿ", "de": "äöüß", "es": "áéíñóúü", "pt": "áâãàçéêíóôõúü", "it": "àèéìíîòóùú",
    "ca": "àçèéíïòóúü", "gl": "áéíñóúü", "ro": "ăâîșțşţ", "eu": "ñç", "nl": "áäéèëíïóöúü", "af": "áéèêëíïîóôúû",
    "sv": "åäöéà", "da": "åæøéö", "no": "åæøéèêóòôà", "nn": "åæøéèêóòôà", "is": "áðéíóúýþæö", "fi": "åäöšž",
    "et": "äöõüšž", "hu": "áéíóöőúüű", "pl": "ąćęłńóśźż", "cs": "áčďéěíňóřšťúůýž", "sk": "áäčďéíĺľňóôŕšťúýž",
    "sl": "čšž", "hr": "čćđšž", "bs": "čćđšž", "sh": "čćđšž", "lt": "ąčęėįšųūž", "lv": "āčēģīķļņšūž", "sq": "ëç",
    "tr": "âçğıîöşûü", "az": "çəğıöşü", "id": "é", "ms": "", "tl": "ñ", "vi": _VIETNAMESE, "ga": "áéíóú",
    "cy": "âêîôûŵŷáéíóúäëïöü", "mt": "ċġħżàèìòù", "eo": "ĉĝĥĵŝŭ",
    "ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя", "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "be": "абвгдеёжзійклмнопрстуўфхцчшыьэюя", "bg": "абвгдежзийклмнопрстуфхцчшщъьюяѝ",
    "mk": "абвгдѓежзѕијклљмнњопрстќуфхцчџш", "sr": "абвгдђежзијклљмнњопрстћуфхцчџшčćđšž",
}  # fmt: skip
WRITTEN = tuple(_ALPHABETS)


@lru_cache(maxsize=1)
def letter_numbers() -> NDArray[np.uint8]:
    """For each code point of the basic plane: its row in `foreign_letters`, 0 for any that is no such letter."""
    numbers = np.zeros(PLANE, dtype=np.uint8)
    for number, letter in enumerate(_letters(), 1):
        numbers[ord(letter)] = number
    return numbers


@lru_cache(maxsize=1)
def foreign_letters() -> NDArray[np.float32]:
    """1 where a language does not write a letter, [letters + 1, languages of `WRITTEN`]."""
    letters = _letters()
    rows = [[letter not in alphabet for alphabet in _ALPHABETS.values()] for letter in letters]
    return np.array([[False] * len(WRITTEN), *rows], dtype=np.float32)


@lru_cache(maxsize=1)
def _letters() -> list[str]:
    """The letters that some of the languages of their script write, and some do not."""
    cyrillic = [set(letters) for letters in _ALPHABETS.values() if "\N{CYRILLIC SMALL LETTER A}" in letters]
    return sorted(
        set("".join(_ALPHABETS.values())) - set("abcdefghijklmnopqrstuvwxyz") - cyrillic[0].intersection(*cyrillic)
    )
