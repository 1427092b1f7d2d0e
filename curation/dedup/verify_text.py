"""What the verifier knows of one text, gathered once however many pairs it is in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from unicodedata import normalize

from curation.dedup.verify_numbers import numbers_of
from curation.dedup.verify_words import asks_for, is_passive, is_stop, negations_of, poles_of
from curation.embedding.pieces import BLANK

MOST = 48  # content words of a text that are aligned; the beginning says what it is about
_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_LATIN = re.compile(r"[a-z][a-z0-9+#.\-]*")
_NAME = re.compile(r"(?<![.!?:\"“‘'(]\s)(?<!^)(?<![\"“‘'(])\b[A-Z][\w+#-]*", re.MULTILINE)
_LETTERS = re.compile(r"[^\W_]")


@dataclass(frozen=True)
class Side:
    """One text of a pair, folded, and its pieces (from `Pieces.words` over the unfolded text)."""

    text: str
    original: str
    pieces: tuple[str, ...]

    @staticmethod
    def of(text: str, pieces: Sequence[str]) -> Side:
        """The side that a text makes."""
        return Side(normalize("NFKC", text).lower(), text, tuple(pieces))

    @cached_property
    def letters(self) -> int:
        """How many letters and digits, a Han character or kana counting as three."""
        return len(_LETTERS.findall(self.text)) + 2 * len(_HAN.findall(self.text))

    @cached_property
    def is_han(self) -> bool:
        """Whether it is mostly written in Han characters or kana."""
        return 3 * len(_HAN.findall(self.text)) > 0.5 * self.letters

    @cached_property
    def numbers(self) -> frozenset[float]:
        """The values it names."""
        return numbers_of(self.text)

    @cached_property
    def negations(self) -> int:
        """How often it denies."""
        return negations_of(self.text)

    @cached_property
    def poles(self) -> dict[int, int]:
        """The sides it takes."""
        return poles_of(self.text)

    @cached_property
    def asks(self) -> frozenset[str]:
        """What it asks for."""
        return asks_for(self.text)

    @cached_property
    def passive(self) -> bool:
        """Whether what is done comes before who does it."""
        return is_passive(self.text)

    @cached_property
    def names(self) -> frozenset[str]:
        """Words that name something: capitals inside a sentence; in a text in Han characters, any Latin word."""
        found = _LATIN.findall(self.text) if self.is_han else [name.lower() for name in _NAME.findall(self.original)]
        return frozenset(name for name in found if not is_stop(name))

    @cached_property
    def bigrams(self) -> frozenset[str]:
        """Pairs of neighbouring letters, blanks and punctuation left out."""
        letters = "".join(_LETTERS.findall(self.text))
        return frozenset(letters[place : place + 2] for place in range(len(letters) - 1))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The content words in order: words of Latin script whole, in others the model's pieces."""
        joined: list[str] = []
        for piece in self.pieces:
            bare = piece.lstrip(BLANK)
            latin = bool(bare) and not _HAN.search(bare)
            if joined and latin and not piece.startswith(BLANK) and joined[-1] and not _HAN.search(joined[-1]):
                joined[-1] += bare
            else:
                joined.append(bare)
        stripped = (word.strip(".,;:!?\"'()[]{}。，、！？；：“”‘’《》（）…-—·").lower() for word in joined)
        words = [word.removesuffix("'s").removesuffix("’s") for word in stripped]
        return tuple(word for word in words if _LETTERS.search(word) and not is_stop(word))[:MOST]
