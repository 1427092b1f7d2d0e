"""Which questions mean nearly the same as one before: by the embedded multilingual model, without PyTorch.

A cosine puts "the front tyre" beside "the rear tyre"; so what lies close is looked at again, as in the stage `semantic`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from curation.embedding.encoder import F32
from curation.embedding.multilingual import DIMENSION

if TYPE_CHECKING:
    from curation.dedup.verify import Verifier

MOST = 8  # of the closest, those that are looked at again
CERTAINTY = 0.2
"""Least probability, by the verifier, of being the same. Lower than the stage's: here a record that is lost can be asked for
again, and the question must be as close as `gates.semantic` says besides."""

FORGET = 20_000  # texts that the verifier knows before it begins anew: some 100 MB


class Meanings:
    """Vectors of texts by number, from 0. What was added is embedded when somebody asks, many at once."""

    def __init__(self, least: float) -> None:
        self._least = least
        self._waiting: list[str] = []
        self._rows: F32 = np.zeros((0, DIMENSION), dtype=np.float32)
        self._count = 0
        self._last: tuple[str, F32] | None = None
        self._compared = 0

    def closest(self, text: str) -> list[tuple[int, float]]:
        """Numbers of the texts with a cosine of at least `least`, and the cosine; the closest first."""
        self._embed()
        if not self._count or not text.strip():
            return []
        vector = _encode([text])[0]
        self._last = (text, vector)
        cosines = np.round(self._rows[: self._count] @ vector, 4)
        near = np.flatnonzero(cosines >= self._least)
        order = near[np.argsort(-cosines[near], kind="stable")][:MOST]
        return [(int(number), round(float(cosines[number]), 4)) for number in order]

    def add(self, texts: Sequence[str]) -> None:
        """Take in more texts."""
        self._waiting += texts

    def same(self, one: tuple[str, str], other: tuple[str, str]) -> bool:
        """Whether two questions with their answers say the same, by the verifier of the stage `semantic`: with the same
        numbers, names and roles, neither denied."""
        from curation.dedup.verify import Text

        if self._compared > FORGET:
            self.__dict__.pop("_verifier", None)
            self._compared = 0
        self._compared += 1
        return self._verifier.compare(Text(*one), Text(*other), CERTAINTY).same

    @cached_property
    def _verifier(self) -> Verifier:
        from curation.dedup.verify import Verifier
        from curation.embedding.plain import plain_encoder

        return Verifier(plain_encoder())

    def _embed(self) -> None:
        if not self._waiting:
            return
        if self._last is not None and self._waiting == [self._last[0]]:
            vectors = self._last[1][None, :]
        else:
            vectors = _encode(self._waiting)
        begin, end = self._count, self._count + len(vectors)
        if end > len(self._rows):
            grown = np.zeros((max(1024, end, 2 * len(self._rows)), DIMENSION), dtype=np.float32)
            grown[:begin] = self._rows[:begin]
            self._rows = grown
        self._rows[begin:end] = vectors
        self._count, self._waiting = end, []


def _encode(texts: Sequence[str]) -> F32:
    from curation.embedding.plain import plain_encoder

    return plain_encoder().encode(texts)
