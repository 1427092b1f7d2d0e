"""Which vectors lie close to each other, by faiss: compared one by one as far as that is cheap, in cells beyond."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.embedding.encoder import F32

I64 = NDArray[np.int64]

FLAT_UP_TO = 100_000  # vectors; comparing all with all takes some minutes there and four times as long at twice as many
SAMPLE = 1_000  # queries on which the recall of the cells is measured
RECALL = 0.99  # of the ten closest, against comparing with all
CLOSEST = 10
BLOCK = 4_096  # queries at once: bounds the scratch memory


def close_pairs(vectors: F32, least: float, neighbours: int, flat_up_to: int = FLAT_UP_TO) -> tuple[I64, I64, F32]:
    """Pairs `(left, right, cosine)`, left < right, in ascending order, of `vectors` (n, d), each of length 1.

    Each vector is paired with those of its `neighbours` closest that have a cosine of `least` or more. Deterministic.
    """
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    keys: list[I64] = [np.zeros(0, dtype=np.int64)]
    close: list[F32] = [np.zeros(0, dtype=np.float32)]
    wanted = min(neighbours + 1, len(vectors))  # a vector is its own neighbour
    if wanted > 1:
        index = flat_index(vectors) if len(vectors) <= flat_up_to else cell_index(vectors)
        for start in range(0, len(vectors), BLOCK):
            cosines, others = index.search(vectors[start : start + BLOCK], wanted)
            mine = np.broadcast_to(np.arange(start, start + len(others))[:, None], others.shape)
            keep = (cosines >= least) & (others != mine) & (others >= 0)
            low, high = np.minimum(mine[keep], others[keep]), np.maximum(mine[keep], others[keep])
            keys.append(low * np.int64(len(vectors)) + high)
            close.append(cosines[keep])
    pairs, first = np.unique(np.concatenate(keys), return_index=True)
    return pairs // max(len(vectors), 1), pairs % max(len(vectors), 1), np.concatenate(close)[first]


def flat_index(vectors: F32) -> Any:
    """Every query is compared with every vector: exact."""
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return index


def cell_index(vectors: F32) -> Any:
    """Vectors in about 4 * sqrt(n) cells. As many cells are searched as RECALL takes, measured on a fixed sample."""
    import faiss

    cells = int(4 * np.sqrt(len(vectors)))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(vectors.shape[1]), vectors.shape[1], cells, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed = 1  # k-means starts from the same vectors each time
    index.cp.min_points_per_centroid = 1
    index.train(vectors)
    index.add(vectors)
    sample = vectors[np.linspace(0, len(vectors) - 1, min(SAMPLE, len(vectors)), dtype=np.int64)]
    _, exact = flat_index(vectors).search(sample, min(CLOSEST, len(vectors)))
    index.nprobe = 4
    while index.nprobe < cells and recall(index, sample, exact) < RECALL:
        index.nprobe = min(2 * index.nprobe, cells)
    return index


def recall(index: Any, queries: F32, exact: I64) -> float:
    """The share of the `exact` neighbours (queries, k) that the index finds."""
    _, found = index.search(queries, exact.shape[1])
    return float(np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, exact, strict=True)]))
