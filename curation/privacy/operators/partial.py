"""Partial masks: enough is left to see what kind of thing it was, too little to say which.

They are the weakest operator: the end of a card or the first letter of a name is a hint, and a hint in each of many
records adds up. Masking a partial mask changes nothing.
"""

from __future__ import annotations

import re

from curation.privacy.entities import ENTITIES
from curation.privacy.operators.presidio import presidio

_HAN = re.compile("[\u3400-\u9fff]")
_WORD = re.compile(r"[^\s*.,·•'’-]+\**|\*+")

# How many characters stay at the start and at the end, for types whose numbers are usually shown so.
_STAY = {"PHONE_NUMBER": (3, 4), "CREDIT_CARD": (0, 4), "IBAN_CODE": (4, 2), "US_SSN": (0, 4)}


def partial(entity: str, value: str) -> str:
    """`138****5678`, `张**`, `J*** S****`, `j***@example.com`; secrets leave nothing, not even their length."""
    if ENTITIES[entity].tier == "secret":
        return "********"
    if entity == "EMAIL_ADDRESS" and "@" in value:
        name, _, domain = value.rpartition("@")
        return f"{_starred(name, 1, 0)}@{domain}"
    if entity == "PERSON" and not _HAN.search(value):
        return _WORD.sub(lambda word: _starred(word[0], 1, 0), value)
    if entity in ("PERSON", "ORGANIZATION", "LOCATION"):
        return _starred(value, 1, 0)
    if entity == "ADDRESS":
        return _starred(value, min(3, len(value) // 3), 0)
    first, last = _STAY.get(entity, (1, 1))
    return _starred(value, first, last) if len(value) >= 2 * (first + last) - 3 else _starred(value, 0, 0)


def _starred(value: str, first: int, last: int) -> str:
    """The value with stars between its first and last characters, by presidio's operator `mask`."""
    covered = len(value) - first - last
    if covered <= 0:
        first, last, covered = 0, 0, len(value)
    masked: str = (
        presidio().Mask().operate(value[first:], {"chars_to_mask": covered, "from_end": False, "masking_char": "*"})
    )
    return value[:first] + masked
