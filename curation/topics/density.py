"""Where it is thin and where it is crowded: how like each record is to those around it, and which say nearly the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from curation.embedding.neighbours import cell_index, flat_index
from curation.topics.model import F32, I64, Region

AROUND: Final = 10  # nearest records
TWIN: Final = 0.95  # least cosine of two records that say nearly the same
THIN_TOPIC: Final = 0.4  # of the median topic's kept records
CROWDED_TOPIC: Final = 3.0  # times the median topic's records
CROWDED_COPIES: Final = 1 / 3  # share of records that are copies of earlier ones
THIN_REGION: Final = 1.5  # standard deviations below the mean likeness of regions
REGIONS: Final = 5  # of each mark that are told
_FLAT: Final = 20_000  # records up to which all are compared with all
_SMALLEST: Final = 3  # records of a region
_BLOCK: Final = 4096


def neighbourhood(vectors: F32) -> tuple[F32, I64]:
    """Of each of `vectors` (n, d): mean cosine to its AROUND nearest others (0 where there is none), and the row of the
    first record, before it, with a cosine of TWIN or more among those nearest, -1 for none."""
    first: dict[bytes, int] = {}  # equal vectors by the lot push each other out of their lists
    equal = np.array([first.setdefault(row.tobytes(), at) for at, row in enumerate(vectors)], dtype=np.int64)
    wanted = min(AROUND + 1, len(vectors))
    near, twin = np.zeros(len(vectors), dtype=np.float32), np.full(len(vectors), -1, dtype=np.int64)
    if wanted < 2:
        return near, twin
    index = flat_index(vectors) if len(vectors) <= _FLAT else cell_index(vectors)
    for start in range(0, len(vectors), _BLOCK):
        cosines, others = index.search(vectors[start : start + _BLOCK], wanted)
        mine = np.arange(start, start + len(others))[:, None]
        is_other = (others != mine) & (others >= 0)
        is_other &= np.cumsum(is_other, axis=1) < wanted  # equal texts may push a record out of its own list
        near[start : start + _BLOCK] = (cosines * is_other).sum(axis=1) / np.maximum(is_other.sum(axis=1), 1)
        earlier = np.where(is_other & (others < mine) & (cosines >= TWIN), others, len(vectors)).min(axis=1)
        twin[start : start + _BLOCK] = np.where(earlier < len(vectors), earlier, -1)
    is_equal = equal < np.arange(len(vectors))
    twin[is_equal] = equal[is_equal]
    return near, twin


def topic_marks(size: int, kept: int, copies: int, sizes: Sequence[int], kepts: Sequence[int]) -> tuple[str, ...]:
    """What to look at in a topic. sizes, kepts: of all topics; where nothing was decided, kepts are the sizes."""
    found: list[str] = []
    if not kept:
        found.append("emptied")
    elif kept < THIN_TOPIC * float(np.median(kepts)):
        found.append("thin")
    if size > CROWDED_TOPIC * float(np.median(sizes)) or (copies >= _SMALLEST and copies > CROWDED_COPIES * size):
        found.append("crowded")
    return tuple(found)


def regions(
    cells: I64, topics: I64, near: F32, is_copy: NDArray[np.bool_], places: F32, ids: Sequence[str]
) -> tuple[Region, ...]:
    """The thinnest and the most crowded cells, at most REGIONS of each.

    Crowded: more than a third of its records are copies of earlier ones. Thin: the mean likeness of its records to those
    around them is THIN_REGION standard deviations below that of the other cells.
    """
    rows = [np.flatnonzero(cells == cell) for cell in range(int(cells.max()) + 1)]
    rows = [mine for mine in rows if len(mine) >= _SMALLEST]
    if len(rows) < 2:
        return ()
    likeness = np.array([near[mine].mean() for mine in rows])
    copies = np.array([int(is_copy[mine].sum()) for mine in rows])
    sizes = np.array([len(mine) for mine in rows])
    crowded = [
        at for at in np.argsort(-copies / sizes, kind="stable").tolist() if copies[at] > CROWDED_COPIES * sizes[at]
    ]
    least = likeness.mean() - THIN_REGION * likeness.std()
    thin = [at for at in np.argsort(likeness, kind="stable").tolist() if likeness[at] < least and at not in crowded]

    def told(at: int, mark: Literal["thin", "crowded"]) -> Region:
        mine = rows[at]
        place = places[mine].mean(axis=0)
        middle = mine[int(np.argmin(((places[mine] - place) ** 2).sum(axis=1)))]
        topic = int(np.bincount(topics[mine]).argmax()) + 1
        x, y = (round(float(value), 4) for value in place)
        return Region(mark, topic, len(mine), int(copies[at]), round(float(likeness[at]), 4), x, y, ids[int(middle)])

    return (*(told(at, "thin") for at in thin[:REGIONS]), *(told(at, "crowded") for at in crowded[:REGIONS]))
