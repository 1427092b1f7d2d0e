"""English words without their endings, as far as telling whether two texts speak of the same thing takes it."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files

_DOUBLED = frozenset("bdfgmnprt")
# Capital words that name nothing.
_COMMON = frozenset(
    "i yes no ok okay mr mrs ms dr the a an q faq pdf html url usa uk us eu note step tip warning caution question answer".split()
)


@lru_cache(maxsize=1 << 15)
def stem(word: str) -> str:
    """A lower-case word without inflection: "stories" and "story", "stopped" and "stop", "wrote" and "write" are one."""
    found = _irregular().get(word)
    if found:
        return found
    base = _ending(word)
    return _irregular().get(base, base)


def is_common(word: str) -> bool:
    """Whether a word that is written with a capital still names nothing."""
    return word in _COMMON


# Endings from the longest on: what is put in their place, and how many letters must be left.
_ENDINGS = (
    ("sses", "ss", 1), ("shes", "sh", 1), ("ches", "ch", 1), ("xes", "x", 2), ("zes", "z", 2), ("oes", "o", 2),
    ("iest", "y", 3), ("ingly", "", 3), ("edly", "", 3), ("ings", "", 3), ("ies", "y", 2), ("ied", "y", 2), ("ier", "y", 3),
    ("ily", "y", 3), ("ers", "", 4), ("ing", "", 3), ("est", "", 4), ("ed", "", 3), ("er", "", 4), ("ly", "", 4), ("s", "", 3),
)  # fmt: skip


def _ending(word: str) -> str:
    if len(word) <= 3 or not word.isascii():
        return word
    for ending, instead, least in _ENDINGS:
        rest = word.removesuffix(ending)
        if rest == word or len(rest) < least or (ending == "s" and word.endswith(("ss", "us", "is"))):
            continue
        if ending in ("ing", "ed", "ings") and not any(letter in "aeiouy" for letter in rest):
            continue
        return _without_e(rest + instead if instead or ending == "s" else _single(rest))
    return _without_e(word)


def _single(rest: str) -> str:
    return rest[:-1] if len(rest) > 3 and rest[-1] == rest[-2] and rest[-1] in _DOUBLED else rest


def _without_e(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


@cache
def _irregular() -> dict[str, str]:
    found: dict[str, str] = {}
    lines = (files("curation.synthesis.gates") / "irregular.txt").read_text("utf-8").splitlines()
    for line in lines[1:]:
        base, *forms = line.split()
        for form in (base, *forms):
            found.setdefault(form, _without_e(base))
    return found
