"""Masks that are labels: `<PERSON>`, `<PERSON_3f2a91c0>`, `<PERSON:…64 digits…>`; and how to tell that one stands there."""

from __future__ import annotations

import re

from curation.privacy.entities import ENTITIES
from curation.privacy.operators.presidio import presidio
from curation.privacy.pseudonyms import canonical

# A label is never searched again: masking what is masked changes nothing. Longest names first, so that none hides another.
LABEL = "<(?:" + "|".join(sorted(ENTITIES, key=len, reverse=True)) + ")(?:[_:][0-9a-f]{4,64})?>"
_LABEL = re.compile(LABEL)


def label(entity: str) -> str:
    """`<PERSON>`: what presidio's operator `replace` gives, without the call."""
    return f"<{entity}>"


def labelled(entity: str, name: str) -> str:
    """`<PERSON_3f2a91c0>`."""
    return f"<{entity}_{name}>"


def salted(entity: str, value: str, salt: bytes) -> str:
    """`<PERSON:…>` with SHA-256 of the value in one form and the salt, by presidio's operator `hash`.

    The salt is kept with the key: an unsalted hash of a phone number is found by hashing all phone numbers.
    """
    digest = presidio().Hash().operate(canonical(entity, value), {"hash_type": "sha256", "salt": salt})
    return f"<{entity}:{digest}>"


def is_label(text: str) -> bool:
    """Whether the whole text is such a mask."""
    return _LABEL.fullmatch(text) is not None
