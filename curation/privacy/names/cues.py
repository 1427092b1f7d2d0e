"""Words without which a pattern for English names matches nothing: looking for them is cheaper than the pattern is."""

from __future__ import annotations

import re
from functools import lru_cache

GREETING = frozenset("dear hi hello hey hiya good".split())
INTRODUCTION = frozenset(
    "name surname am m this it call calls named called identified speaking spoke behalf signed written married addressed parcel "
    "appointment payable desk".split()
)
KIN = frozenset(
    "husband wife son daughter brother sister mother father uncle aunt cousin nephew niece friend neighbour neighbor colleague "
    "coworker boss manager teacher doctor therapist dentist landlord tenant nanny babysitter roommate flatmate partner boyfriend "
    "man woman boy girl guy girlfriend fiance fiancee fiancé fiancée grandson granddaughter assistant student patient client "
    "defendant pharmacist plumber lawyer nurse pal mate classmate grandmother grandfather stepson stepdaughter godson intern "
    "nominee".split()
)
_LETTERS = re.compile(r"[^\W\d_]+")
_FOLDED = re.compile("[\u0130\u0131\u017f\u212a]")  # letters that (?i) takes for an i, an s or a k


def stand_in(text: str, cues: str | frozenset[str]) -> bool:
    """Whether one of the characters, or one of the words in whatever letter case, is in the text; true in doubt."""
    if isinstance(cues, str):
        return any(cue in text for cue in cues)
    return not cues.isdisjoint(_lower_words(text)) or _FOLDED.search(text) is not None


@lru_cache(maxsize=4)
def _lower_words(text: str) -> frozenset[str]:
    return frozenset(_LETTERS.findall(text.lower()))
