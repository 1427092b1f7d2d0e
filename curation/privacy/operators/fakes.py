"""Fakes: a name for a name, a number for a number, so that a model still learns what such things look like.

Every fake is drawn from the digest of the value under the user's key: the same value has the same fake everywhere.
"""

from __future__ import annotations

import re

from curation.privacy.entities import ENTITIES
from curation.privacy.operators import fake_words as words
from curation.privacy.operators.fake_numbers import NUMBERS, shape
from curation.privacy.operators.labels import labelled
from curation.privacy.pseudonyms import Draw, Pseudonyms

_HAN = re.compile("[\u3400-\u9fff]")


class Fakes:
    """Fakes under one key. `digits`: of the pseudonyms that stand where a fake would be of no use."""

    def __init__(self, pseudonyms: Pseudonyms, digits: int) -> None:
        self._pseudonyms, self._digits = pseudonyms, digits

    def fake(self, entity: str, value: str) -> str:
        """A fake of the same kind; for secrets and wallets a pseudonym, since nothing is learnt from a false key."""
        name = self._pseudonyms.name(entity, value, self._digits)
        if ENTITIES[entity].tier == "secret" or entity == "CRYPTO":
            return labelled(entity, name)
        draw = self._pseudonyms.draw(entity, value)
        if entity in NUMBERS:
            return _other(NUMBERS[entity](value, draw), value, entity, name)
        if entity == "URL_TOKEN":
            return f"https://example.com/{name}"
        if entity == "EMAIL_ADDRESS":
            domain = ("com", "net", "org")[draw.below(3)]
            return f"{words.given(draw)}.{words.surname(draw)}{draw.digits(4)}@example.{domain}".lower()
        if ENTITIES[entity].tier == "name":
            return _named(entity, value, draw)
        return _other(shape(value, draw), value, entity, name)


def _other(fake: str, value: str, entity: str, name: str) -> str:
    """The fake, or a pseudonym where by chance, or because nothing could be changed, it is the value itself."""
    return labelled(entity, name) if fake == value else fake


def _named(entity: str, value: str, draw: Draw) -> str:
    chinese = _HAN.search(value) is not None
    if entity == "PERSON":
        if chinese:
            return words.family(draw) + words.pair(draw)
        single = len(value.split()) == 1
        return words.surname(draw) if single else f"{words.given(draw)} {words.surname(draw)}"
    if entity == "ADDRESS":
        number = 1 + draw.below(9999)
        return f"虚云市{words.pair(draw)}路{number}号" if chinese else f"{number} {words.surname(draw)} Road, Nowhere"
    if entity == "ORGANIZATION":
        return f"{words.pair(draw)}虚公司" if chinese else f"{words.surname(draw)} Ltd"
    return f"{words.pair(draw)}虚市" if chinese else words.surname(draw)
