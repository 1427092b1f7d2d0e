"""Win rates: of wins and losses alone (Wilson), and with ties as halves (Tango), each with its interval.

Wilson: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
Tango: T. Tango, "Equivalence test and confidence interval for the difference in proportions for the paired-sample
design", Statistics in Medicine 17 (1998). A pair that one side wins is a discordant pair of his, a tie a concordant one.
Without ties his interval is Wilson's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from training.compare.statistics.interval import Interval, normal_quantile

_STEPS = 200  # of a bisection: far more than a float has bits


@dataclass(frozen=True)
class Counts:
    """How often each side was preferred, and how often neither; of prompts, so that each counts once."""

    a: int
    b: int
    ties: int = 0

    @property
    def decisive(self) -> int:
        """Where a side was preferred."""
        return self.a + self.b

    @property
    def all(self) -> int:
        """All of them."""
        return self.a + self.b + self.ties

    @property
    def rate(self) -> float:
        """Of b, ties as halves; 0.5 where there is nothing."""
        return (self.b + self.ties / 2) / self.all if self.all else 0.5

    @property
    def decisive_rate(self) -> float:
        """Of b, without ties; 0.5 where there is nothing."""
        return self.b / self.decisive if self.decisive else 0.5


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a share. (0, 1) for no trials."""
    if trials <= 0:
        return Interval(0.0, 1.0)
    z2 = normal_quantile(confidence) ** 2
    share = successes / trials
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = math.sqrt(z2 * (share * (1 - share) + z2 / (4 * trials)) / trials) / (1 + z2 / trials)
    return Interval(
        0.0 if successes == 0 else max(middle - half, 0.0), 1.0 if successes == trials else min(middle + half, 1.0)
    )


def win_rate(counts: Counts, confidence: float = 0.95) -> Interval:
    """Score interval of b's win rate with ties as halves: Tango's of the difference between the shares of b and a,
    moved from -1…1 to 0…1. (0, 1) for no prompts."""
    difference = paired_difference(counts.b, counts.a, counts.all, confidence)
    return Interval((1 + difference.low) / 2, (1 + difference.high) / 2)


def paired_difference(gained: int, lost: int, pairs: int, confidence: float = 0.95) -> Interval:
    """Tango's score interval of (gained - lost) / pairs, of 0-or-1 outcomes measured twice on the same `pairs`.

    gained: pairs whose outcome went from 0 to 1; lost: from 1 to 0. (-1, 1) for no pairs.
    """
    if pairs <= 0:
        return Interval(-1.0, 1.0)
    z = normal_quantile(confidence)
    seen = (gained - lost) / pairs
    return Interval(-_edge(lost, gained, pairs, -seen, z), _edge(gained, lost, pairs, seen, z))


def _edge(gained: int, lost: int, pairs: int, seen: float, z: float) -> float:
    """The largest difference that what was seen does not refute: where the score falls to -z."""
    if seen >= 1:
        return 1.0
    low, high = seen, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if _score(gained, lost, pairs, middle) > -z:
            low = middle
        else:
            high = middle
    return low


def _score(gained: int, lost: int, pairs: int, difference: float) -> float:
    """Tango's statistic: what was seen less what `difference` foretells, over its standard error under it."""
    # The likeliest share of losses under the difference: the root of 2n q² + B q + C = 0.
    linear = (2 * pairs - gained + lost) * difference - gained - lost
    constant = -lost * difference * (1 - difference)
    root = max(linear * linear - 8 * pairs * constant, 0.0)
    share_lost = (math.sqrt(root) - linear) / (4 * pairs)
    variance = pairs * (2 * share_lost + difference * (1 - difference))
    excess = gained - lost - pairs * difference
    if variance <= 0:
        return 0.0 if excess == 0 else math.copysign(math.inf, excess)
    return excess / math.sqrt(variance)
