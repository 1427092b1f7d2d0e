"""An item is in the language that was asked for, or in that of its source."""

from __future__ import annotations

import re
from collections.abc import Sequence

from curation.dedup.verify_words import is_stop
from curation.language.codes import UNKNOWN, language_code
from curation.machine.answer import Answer, is_chinese
from curation.privacy.names.words import common_words
from curation.stages.heuristics.scripts import HAN, KANA
from curation.synthesis.gates.looked import Looked, Turned, at

SURE = 0.7
"""So sure must the classifier be of another language; short texts of names are often taken for a small one."""

LEAST = 20  # letters below which only the script is looked at
LEFT = 10  # letters that must be left without names
ENGLISH = 0.7  # share of common words
FEW = 4  # Han characters, or words, that are no longer a name or a term
_LETTERS = re.compile(r"[^\W\d_]")
_HAN = re.compile(f"[{HAN}]")
_KANA = re.compile(f"[{KANA}]")
_STRANGE = re.compile(r"[\u0370-\u1fff\uac00-\ud7af]")  # from Greek on: neither Latin nor Chinese or Japanese
_LOWER = re.compile(r"\b[a-z]{2,}\b")
_CAPITAL = re.compile(r"(?<=[\w,;] )[A-ZÀ-Þ][\w'’-]*")  # names are in the language of nobody
_MASK = re.compile(r"<[A-Z][A-Z_]+>")
_ALIKE = (
    {"no", "nn", "da", "sv"}, {"id", "ms"}, {"hr", "sr", "bs", "sh"}, {"cs", "sk"}, {"pt", "gl", "es"}, {"ca", "es"},
)  # fmt: skip
"""Languages that a sentence may well be in at once, for a classifier."""


def language(looked: Looked) -> Turned | None:
    """Questions and answers are in the expected language, as far as that can be told: names, numbers, code and what is
    quoted tell nothing."""
    expected = _expected(looked) if looked.settings.language else ""
    if not expected:
        return None
    count = len(looked.exchanges)
    # The answer of an instruction is the text itself.
    fields = ("question",) if looked.unit.kind == "instruction" else ("question", "answer")
    texts = [(place, name, getattr(each, name)) for place, each in enumerate(looked.exchanges) for name in fields]
    found = other_languages([text for _, _, text in texts], expected)
    for (place, name, _), other in zip(texts, found, strict=True):
        if other:
            return Turned("language", at(place, f"{name}: {other}, not {expected}", count))
    return None


def other_languages(texts: Sequence[str], expected: str) -> list[str]:
    """The language of each text that is surely another than `expected` (ISO 639-1); "" for the others."""
    bare = [Answer(_MASK.sub(" ", text)).said for text in texts]
    found = [_by_script(text, expected) for text in bare]
    doubted = [place for place, other in enumerate(found) if other == UNKNOWN]
    plain = [_CAPITAL.sub(" ", bare[place]) for place in doubted]
    for place, text, detected in zip(doubted, plain, _detected(plain), strict=True):
        surely = detected not in ("", UNKNOWN, expected) and not any({detected, expected} <= group for group in _ALIKE)
        found[place] = detected if surely and len(_LETTERS.findall(text)) >= LEFT else ""
    return found


def _by_script(text: str, expected: str) -> str:
    """Another language, as the script says; "" if it says that there is none; UNKNOWN if it says nothing."""
    letters, han, kana = (len(pattern.findall(text)) for pattern in (_LETTERS, _HAN, _KANA))
    if expected == "zh":
        if kana > 0.1 * letters:
            return "ja"
        if han:
            return ""
        strange = len(_STRANGE.findall(text))
        # A Chinese answer may be a name or a term; so many small words are a sentence of something else.
        return (_detected([text])[0] or "en") if strange >= FEW or len(_LOWER.findall(text)) >= FEW else ""
    if expected == "ja":
        if kana or letters < LEAST / 2:
            return ""
        return "zh" if han > letters / 2 else UNKNOWN
    if han >= FEW and is_chinese(text):
        return "ja" if kana > 0.1 * letters else "zh"
    if letters < LEAST or (expected == "en" and _is_english(text)):
        return ""
    return UNKNOWN


def _is_english(text: str) -> bool:
    """Whether a text is plainly English: most of its small words are common ones. Saves the classifier's millisecond."""
    words = _LOWER.findall(text)
    return len(words) >= FEW and sum(word in common_words() or is_stop(word) for word in words) >= ENGLISH * len(words)


def _detected(texts: Sequence[str]) -> list[str]:
    """The language of each text; "" where that is not sure."""
    if not texts:
        return []
    import polars as pl

    from curation.language.detect import detect_languages

    rows = detect_languages(pl.Series(texts)).iter_rows()
    return [str(name) if score >= SURE else "" for name, score in rows]


def _expected(looked: Looked) -> str:
    named = looked.unit.language or looked.material.language
    if named and named != UNKNOWN:
        try:
            return language_code(named)
        except ValueError:
            return ""
    told = looked.source or looked.seeds
    if is_chinese(told):
        return "zh"
    return _detected([told])[0] if len(_LETTERS.findall(told)) >= LEAST else ""
