"""The bootstrap over prompts or records: intervals of means and of ratios of sums, the same for the same seed.

B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7 (1979). The quantiles are widened for
small samples, by the step from normal to Student's t and by sqrt(n / (n - 1)), as in T. Hesterberg, "What teachers should
know about the bootstrap", The American Statistician 69 (2015), section 5.3: without that, 95 % intervals of 20 values
cover 92 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

from training.compare.statistics.interval import Interval, student_quantile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST_CELLS = 4_000_000  # numbers in memory at once: 32 MB


def bootstrap_mean(
    values: Sequence[float], confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Interval | None:
    """Interval of the mean of independent values. None for fewer than two."""
    return bootstrap_ratios([(values, [1.0] * len(values), 1.0)], confidence, resamples, seed)


def bootstrap_ratios(
    terms: Sequence[tuple[Sequence[float], Sequence[float], float]],
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval | None:
    """Interval of the sum of `sign * sum(above) / sum(below)` over `(above, below, sign)` terms, whose sequences have an
    entry for each record: records are drawn, with all their entries. None for fewer than two records."""
    import numpy as np

    count = len(terms[0][0])
    if count < 2:
        return None
    above = np.array([term[0] for term in terms], dtype=np.float64)
    below = np.array([term[1] for term in terms], dtype=np.float64)
    signs = np.array([term[2] for term in terms])
    found = np.concatenate(
        [((drawn @ above.T) / (drawn @ below.T)) @ signs for drawn in _draws(count, resamples, seed)]
    )
    tail = _tail(confidence, count)
    low, high = np.quantile(found, [tail, 1 - tail])
    return Interval(float(low), float(high))


def _tail(confidence: float, count: int) -> float:
    """The share of resamples beyond either end."""
    quantile = student_quantile(confidence, count - 1) * math.sqrt(count / (count - 1))
    return NormalDist().cdf(-quantile)


def _draws(count: int, resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """How often each of `count` records is drawn, a row a resample, in parts that fit into memory."""
    import numpy as np

    random = np.random.Generator(np.random.PCG64(seed))
    rows = max(1, _MOST_CELLS // count)
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        places = random.integers(0, count, size=(size, count))
        places += np.arange(size)[:, None] * count
        yield np.bincount(places.ravel(), minlength=size * count).reshape(size, count).astype(np.float64)
