"""Which model stands behind a name, loaded once a process."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

DEFAULT = "multilingual"


class Encoder(Protocol):
    """A sentence encoder."""

    def encode(self, texts: Sequence[str]) -> F32:
        """Vectors of `texts`, shape (n, d), each of length 1, in the order given."""
        ...

    def digest(self) -> str:
        """Identifies the weights and the way they are used."""
        ...


def encoder(name: str = DEFAULT) -> Encoder:
    """The encoder of that name: "multilingual", or a sentence-transformers model by local folder or Hub name.

    Nothing heavy is loaded before the first `encode`. StageError when a model is missing or is no such model.
    """
    return _encoder(name)


@lru_cache(maxsize=2)
def _encoder(name: str) -> Encoder:  # apart, since the cache would keep a call without a name for another one
    if name == DEFAULT:
        from curation.embedding.multilingual import Multilingual

        return Multilingual()
    from curation.embedding.transformer import Transformer

    return Transformer(name)


def encode_each_once(model: Encoder, texts: Sequence[str], dimension_of_none: int = 0) -> F32:
    """Vectors of `texts` with every different text embedded once; an empty text gets zeros.

    dimension_of_none: width of the result when no text is left to embed.
    """
    places: dict[str, int] = {}
    for text in texts:
        if text and text not in places:
            places[text] = len(places)
    if not places:
        return np.zeros((len(texts), dimension_of_none), dtype=np.float32)
    vectors = model.encode(list(places))
    padded = np.concatenate([vectors, np.zeros((1, vectors.shape[1]), dtype=np.float32)])
    return padded[[places.get(text, -1) for text in texts]]
