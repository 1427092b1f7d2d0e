"""The exact sign test of pairs, and Holm's correction for looking at several of them.

S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979). On 0 and
1 the sign test is McNemar's in its exact form.
"""

from __future__ import annotations

from collections.abc import Mapping


def sign_test(wins: int, losses: int) -> float:
    """Two-sided p that wins and losses come from a fair coin; ties have no part in it. 1 where there are neither.

    Exact: whole numbers up to the last division.
    """
    trials = wins + losses
    term = total = 1
    for place in range(1, min(wins, losses) + 1):
        term = term * (trials - place + 1) // place
        total += term
    return min(1.0, (2 * total) / (1 << trials))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Each p corrected for all of them: at most alpha of families without any difference show one below alpha."""
    adjusted: dict[str, float] = {}
    largest = 0.0
    for place, (name, p_value) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_value))
        adjusted[name] = largest
    return {name: adjusted[name] for name in p_values}
