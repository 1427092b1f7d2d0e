"""The same value gets the same pseudonym: in a record, a conversation, a dataset, on any number of workers.

HMAC-SHA256 of the entity type and the value in one form, under a key derived from the user's. Nothing is remembered and
nothing is counted, so the order of records, shards, kills and resumed runs make no difference. Without the key a
pseudonym cannot be computed from a guessed value.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from functools import lru_cache

from curation.privacy.keys import Key

DIGITS = 8  # hexadecimal: among 10,000 different values two share a pseudonym with a probability of 1.2 %

_UNSEEN = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]")
_BLANKS = re.compile(r"\s+")
_CLOSE = re.compile(r"[\W_]+")
# Written with or without blanks, dashes and dots, these are the same; in the others a mark may make a difference.
_LOOSE = frozenset(
    "PHONE_NUMBER CN_ID_CARD HK_ID_CARD TW_ID_CARD PASSPORT CREDIT_CARD CN_USCC LICENSE_PLATE IBAN_CODE US_SSN "
    "MAC_ADDRESS".split()
)
_TRUNK = re.compile(r"^(?:00)?86(?=1[3-9]\d{9}$)")
_HAN_GAP = re.compile(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])")


def canonical(entity: str, value: str) -> str:
    """One form for the spellings of a value: width, letter case, unseen characters, blanks; in numbers also marks."""
    text = _UNSEEN.sub("", unicodedata.normalize("NFKC", value)).casefold()
    if entity in _LOOSE:
        text = _CLOSE.sub("", text)
        return _TRUNK.sub("", text) if entity == "PHONE_NUMBER" else text
    return _HAN_GAP.sub("", _BLANKS.sub(" ", text).strip())


class Pseudonyms:
    """Pseudonyms under one key."""

    def __init__(self, key: Key) -> None:
        self._secret = key.derived("pseudonym")
        self.salt = key.derived("hash")
        self._digest = lru_cache(maxsize=65536)(self._compute)

    def _compute(self, entity: str, value: str) -> bytes:
        return hmac.digest(self._secret, f"{entity}\0{canonical(entity, value)}".encode(), "sha256")

    def name(self, entity: str, value: str, digits: int = DIGITS) -> str:
        """`digits` hexadecimal digits, at most 64."""
        return self._digest(entity, value).hex()[:digits]

    def draw(self, entity: str, value: str) -> Draw:
        """Numbers drawn for this value, always the same ones."""
        return Draw(self._digest(entity, value))


class Draw:
    """A stream of numbers that a digest decides."""

    def __init__(self, seed: bytes) -> None:
        self._seed, self._count, self._left = seed, 0, b""

    def below(self, bound: int) -> int:
        """A number in 0 … bound - 1; 64 bits are drawn, so that no number is noticeably likelier."""
        if len(self._left) < 8:
            self._left += hmac.digest(self._seed, self._count.to_bytes(8, "big"), "sha256")
            self._count += 1
        number, self._left = int.from_bytes(self._left[:8], "big"), self._left[8:]
        return number % bound

    def digits(self, count: int) -> str:
        """`count` decimal digits."""
        return "".join([str(self.below(10)) for _ in range(count)])
