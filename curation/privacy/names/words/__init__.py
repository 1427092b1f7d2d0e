"""The word lists of the search for names: read once a process, and their digest."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent
_TWO = re.compile(r"^([^ \n]{2}) (?:[^ \n]* )?(?!nr)[^ \n]*$", re.M)  # word, count, what kind of word it is


def _lines(name: str) -> list[str]:
    lines = (FOLDER / f"{name}.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def digest() -> str:
    """Of every word list; 16 hexadecimal digits."""
    whole = hashlib.blake2b(digest_size=8)
    for path in sorted(FOLDER.glob("*.txt")):
        whole.update(path.read_bytes())
    return whole.hexdigest()


@lru_cache(maxsize=1)
def given_names() -> tuple[frozenset[str], frozenset[str]]:
    """Given names that are nothing else, and those that are also words, places or products."""
    names = _lines("en_given")
    return (
        frozenset(name for name in names if not name.endswith("?")),
        frozenset(name[:-1] for name in names if name.endswith("?")),
    )


@lru_cache(maxsize=1)
def lower_given_names() -> frozenset[str]:
    """Given names of four letters or more that are nothing else, in small letters."""
    return frozenset(name.lower() for name in given_names()[0] if len(name) > 3)


@lru_cache(maxsize=1)
def family_names() -> frozenset[str]:
    """Family names that are no common words."""
    return frozenset(_lines("en_family"))


@lru_cache(maxsize=1)
def common_words() -> frozenset[str]:
    """Common English words in small letters; no given name that is nothing else is among them."""
    return frozenset(_lines("en_common"))


@lru_cache(maxsize=1)
def chinese_words() -> frozenset[str]:
    """Words of two characters in jieba's dictionary (MIT) that are no names of people."""
    spec = importlib.util.find_spec("jieba")
    path = Path((spec and spec.origin) or "").parent / "dict.txt"
    if not path.is_file():
        return frozenset()
    return frozenset(_TWO.findall(path.read_text("utf-8")))


@lru_cache(maxsize=1)
def english_places() -> frozenset[str]:
    """Countries, cities and regions."""
    return frozenset(_lines("en_places"))


@lru_cache(maxsize=1)
def english_things() -> frozenset[str]:
    """Brands, works and places that look like people, in small letters without apostrophes of possession."""
    return frozenset(entry.strip() for entry in ",".join(_lines("things_en")).split(","))


@lru_cache(maxsize=1)
def surnames() -> tuple[str, str, tuple[str, ...]]:
    """Chinese surnames: those of one character; those among them that are also common words; those of several."""
    single, common, several = _lines("zh_surnames")
    return single, common[1:], tuple(several.split())


@lru_cache(maxsize=1)
def places() -> frozenset[str]:
    """Chinese provinces and prefectures, without what they are."""
    return frozenset(" ".join(_lines("zh_places")).split())


@lru_cache(maxsize=1)
def public_chinese() -> frozenset[str]:
    """Public figures and characters of fiction in Chinese."""
    return frozenset(" ".join(_lines("public_zh")).split())


@lru_cache(maxsize=1)
def public_english() -> tuple[frozenset[str], frozenset[str]]:
    """Full names in small letters; and the single words that stand for one of them, as written."""
    full, alone = set(), set()
    for entry in ",".join(_lines("public_en")).split(","):
        words = entry.split()
        full.add(" ".join(words).replace("*", "").lower().rstrip("."))
        for at, word in enumerate(words):
            if word.startswith("*"):
                alone.add(word[1:])
                full.add(" ".join(words[at:]).replace("*", "").lower())
    return frozenset(full - {""}), frozenset(alone)
