"""Vectors to places on a plane, so that what is alike lies together."""

from __future__ import annotations

from typing import Final

import numpy as np

from curation.topics.model import F32, I64

LANDMARKS: Final = 2_000  # records that are laid out by t-SNE, some ten seconds of one core; the others go beside them
_PERPLEXITY: Final = 30.0
_KEPT: Final = 50  # principal components that distances are taken in
_BESIDE: Final = 3  # landmarks that a record's place is taken from
_FEWEST: Final = 8  # records below which principal components are all there is


def lay_out(vectors: F32, topics: I64, seed: int = 0) -> F32:
    """Places (n, 2), from 0 to 1, of `vectors` (n, d). topics: of each record; landmarks are taken from all of them.

    t-SNE by scikit-learn over principal components, begun at the first two of them, in one thread: so the same vectors
    get the same places on the same machine. Distances mean something only nearby.
    """
    reduced = _components(vectors)
    if len(vectors) < _FEWEST:
        return _scaled(reduced[:, :2])
    order = np.argsort(topics, kind="stable")
    chosen = np.sort(order[np.linspace(0, len(order) - 1, min(len(order), LANDMARKS), dtype=np.int64)])
    chosen = np.unique(chosen)
    places = np.empty((len(vectors), 2), dtype=np.float32)
    places[chosen] = _tsne(reduced[chosen], seed)
    rest = np.setdiff1d(np.arange(len(vectors)), chosen)
    if len(rest):
        places[rest] = _beside(vectors, chosen, rest, places[chosen])
    return _scaled(places)


def _components(vectors: F32) -> F32:
    """The first principal components, at least two columns; each points to where its largest weight is positive."""
    centred = vectors - vectors.mean(axis=0)
    values, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    axes = axes[:, np.argsort(-values, kind="stable")[:_KEPT]]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    found = (centred @ axes).astype(np.float32)
    return np.pad(found, ((0, 0), (0, max(0, 2 - found.shape[1]))))


def _tsne(reduced: F32, seed: int) -> F32:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    first = reduced[:, :2] / max(float(np.std(reduced[:, 0])), 1e-6) * 1e-4
    with threadpool_limits(1):
        found: F32 = TSNE(
            perplexity=min(_PERPLEXITY, (len(reduced) - 1) / 3), init=first, max_iter=500, random_state=seed
        ).fit_transform(reduced)
    return found


def _beside(vectors: F32, chosen: I64, rest: I64, places: F32) -> F32:
    """Places of the `rest`: the mean of those of the likest landmarks, the likest counting most."""
    found = np.empty((len(rest), 2), dtype=np.float32)
    for start in range(0, len(rest), 4096):
        likeness = vectors[rest[start : start + 4096]] @ vectors[chosen].T
        near = np.argsort(-likeness, axis=1, kind="stable")[:, :_BESIDE]
        weights = np.take_along_axis(likeness, near, axis=1).clip(0.01) ** 8
        weights /= weights.sum(axis=1, keepdims=True)
        found[start : start + 4096] = np.einsum("ij,ijk->ik", weights, places[near])
    return found


def _scaled(places: F32) -> F32:
    low, high = places.min(axis=0), places.max(axis=0)
    found: F32 = ((places - low) / np.maximum(high - low, 1e-9)).astype(np.float32)
    return found
