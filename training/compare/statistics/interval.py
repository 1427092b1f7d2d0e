"""An interval of confidence, and the quantiles that all of them are made with."""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple


class Interval(NamedTuple):
    """From low to high, both included."""

    low: float
    high: float

    def above(self, value: float) -> bool:
        """Whether all of it lies above `value`."""
        return self.low > value

    def below(self, value: float) -> bool:
        """Whether all of it lies below `value`."""
        return self.high < value


def normal_quantile(confidence: float) -> float:
    """z such that a standard normal variable lies within -z and z with probability `confidence`: 1.96 for 0.95."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def student_quantile(confidence: float, freedom: int) -> float:
    """The same of Student's t with `freedom` degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + confidence) / 2))
