"""How many more votes would decide, and what the votes that are there could have shown.

Sample size of a test of one share against one half, with the correction for counts: J. L. Fleiss, B. Levin, M. C. Paik,
"Statistical Methods for Rates and Proportions", 3rd ed. (2003), section 2.5. The sign test is discrete, so its power at
that size is near `POWER`, not equal to it.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from training.compare.statistics.interval import normal_quantile
from training.compare.statistics.rates import Counts
from training.compare.statistics.sign import sign_test

POWER = 0.8


def votes_needed(counts: Counts, confidence: float = 0.95, power: float = POWER) -> int | None:
    """About how many more prompts have to be voted on until the sign test would show a difference of the size seen so
    far, with probability `power`, if that size is the true one. 0: it shows one now.

    None where nothing can be foretold: the difference seen is smaller than its own standard error, so that there may be
    none, or one of either sign.
    """
    if sign_test(counts.b, counts.a) < 1 - confidence:
        return 0
    excess = abs(counts.b - counts.a)
    if excess * excess < counts.decisive or not excess:
        return None
    decisive = _decisive_needed(counts.decisive_rate, confidence, power)
    share_decisive = counts.decisive / counts.all
    return max(1, math.ceil(decisive / share_decisive) - counts.all)


def detectable_rate(decisive: int, confidence: float = 0.95, power: float = POWER) -> float | None:
    """The smallest win rate (without ties) above one half that a sign test of so many votes finds with probability
    `power`; None where they are too few to find any."""
    if sign_test(decisive, 0) >= 1 - confidence:
        return None
    low, high = 0.5, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _power(decisive, middle, confidence) < power else (low, middle)
    return high


def _decisive_needed(rate: float, confidence: float, power: float) -> int:
    distance = abs(rate - 0.5)
    spread = 0.5 * normal_quantile(confidence) + NormalDist().inv_cdf(power) * math.sqrt(rate * (1 - rate))
    plain = (spread / distance) ** 2
    corrected = plain / 4 * (1 + math.sqrt(1 + 2 / (plain * distance))) ** 2
    fewest = next(n for n in range(1, 200) if sign_test(n, 0) < 1 - confidence)
    return max(math.ceil(corrected), fewest)


def _power(decisive: int, rate: float, confidence: float) -> float:
    """Of the two-sided sign test, counting only rejections on the right side."""
    from scipy.special import bdtrc

    low, high = decisive // 2, decisive  # the fewest wins that the test rejects at
    while low < high:
        middle = (low + high) // 2
        if sign_test(middle, decisive - middle) < 1 - confidence and 2 * middle > decisive:
            high = middle
        else:
            low = middle + 1
    return float(bdtrc(low - 1, decisive, rate))
