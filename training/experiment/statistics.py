"""What an experiment shows: differences paired by seed and by record, with two intervals that must agree.

Two things could have come out otherwise: the trainings (order, new weights, the random draw), and the records that were
measured. The t interval over the seeds answers for the first, the bootstrap over the records for the second. A difference
is only called shown where both leave out zero on the same side.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from training.experiment.model import LegFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Verdict = Literal["better", "worse", "not shown"]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Difference:
    """Mean loss of one arm minus that of another, nats a token; below 0 the first is better.

    by_seed: seed -> difference. over_seeds: t interval, None for a single seed. over_records: percentile bootstrap.
    p: the larger of the two p-values that belong to them, 1 for a single seed. records: that both have for every seed.
    """

    arm: str
    other: str
    mean: float
    by_seed: dict[int, float]
    over_seeds: Interval | None
    over_records: Interval
    verdict: Verdict
    p: float = 1.0
    records: int = 0

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def difference(
    legs: Sequence[LegFacts],
    others: Sequence[LegFacts],
    *,
    confidence: float,
    resamples: int,
    seed: int = 0,
    more_is_better: bool = False,
) -> Difference:
    """Arm against arm, a leg of each with the same seed, on the same held-out records.

    Records that one leg has no loss of are left out everywhere. Raises ValueError where seeds do not match.
    """
    mine = {leg.seed: leg.losses for leg in legs}
    theirs = {leg.seed: leg.losses for leg in others}
    if not mine or mine.keys() != theirs.keys():
        raise ValueError(f"seeds {sorted(mine)} cannot be paired with {sorted(theirs)}")
    common = sorted(set.intersection(*(set(losses) for losses in (*mine.values(), *theirs.values()))))
    gaps = {s: _gaps(mine[s], theirs[s], common) for s in sorted(mine)}
    tokens = [mine[min(mine)][record][1] for record in common]
    by_seed = {s: math.fsum(gap) / sum(tokens) for s, gap in gaps.items()}
    mean_gaps = [math.fsum(gap[at] for gap in gaps.values()) / len(gaps) for at in range(len(common))]
    over_seeds = t_interval(list(by_seed.values()), confidence)
    drawn = resampled(mean_gaps, tokens, resamples, seed)
    over_records = _middle(drawn, confidence)
    found = math.fsum(by_seed.values()) / len(by_seed)
    verdict = _verdict(over_seeds, over_records, more_is_better=more_is_better)
    p = max(t_test(list(by_seed.values())), _beyond_zero(drawn))
    return Difference(legs[0].arm, others[0].arm, found, by_seed, over_seeds, over_records, verdict, p, len(common))


def t_interval(values: Sequence[float], confidence: float) -> Interval | None:
    """Student's t interval of the mean; None for fewer than two values."""
    if len(values) < 2:
        return None
    from scipy import stats

    half = (
        float(stats.t.ppf((1 + confidence) / 2, len(values) - 1)) * standard_deviation(values) / math.sqrt(len(values))
    )
    mean = math.fsum(values) / len(values)
    return mean - half, mean + half


def t_test(values: Sequence[float]) -> float:
    """Two-sided p of Student's t that the mean is 0; 1 for fewer than two values, 0 where all are alike and not 0."""
    if len(values) < 2:
        return 1.0
    from scipy import stats

    mean, spread = math.fsum(values) / len(values), standard_deviation(values)
    if not spread:
        return 0.0 if mean else 1.0
    return float(2 * stats.t.sf(abs(mean) / spread * math.sqrt(len(values)), len(values) - 1))


def standard_deviation(values: Sequence[float]) -> float:
    """Of a sample (n - 1)."""
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def bootstrap_ratio(
    sums: Sequence[float], tokens: Sequence[int], confidence: float, resamples: int, seed: int
) -> Interval:
    """Percentile interval of sum(sums)/sum(tokens) when records are drawn with replacement."""
    return _middle(resampled(sums, tokens, resamples, seed), confidence)


def resampled(sums: Sequence[float], tokens: Sequence[int], resamples: int, seed: int) -> NDArray[np.float64]:
    """sum(sums)/sum(tokens) of so many draws of the records with replacement, (resamples,)."""
    import numpy as np

    draw = np.random.default_rng(seed)
    gaps, weights = np.asarray(sums, dtype=np.float64), np.asarray(tokens, dtype=np.float64)
    ratios = np.empty(resamples)
    for at in range(resamples):
        picked = draw.integers(0, len(gaps), len(gaps))
        ratios[at] = gaps[picked].sum() / weights[picked].sum()
    return ratios


def _middle(drawn: NDArray[np.float64], confidence: float) -> Interval:
    import numpy as np

    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _beyond_zero(drawn: NDArray[np.float64]) -> float:
    """Two-sided p out of a bootstrap: twice the smaller share of draws on either side of 0, the observed one counted."""
    return min(1.0, 2 * (1 + min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))) / (1 + len(drawn)))


def seed_noise(arms: Sequence[Sequence[float]], confidence: float) -> float | None:
    """How far two trainings that differ only in their seed lie apart, in so many of the cases: t · √2 · s, with s pooled
    over the arms (a mean loss a seed each). None where no arm has two seeds."""
    freedom = sum(len(arm) - 1 for arm in arms)
    if freedom < 1:
        return None
    from scipy import stats

    squares = math.fsum(standard_deviation(arm) ** 2 * (len(arm) - 1) for arm in arms if len(arm) > 1)
    return float(stats.t.ppf((1 + confidence) / 2, freedom)) * math.sqrt(2 * squares / freedom)


def headline(raw: Difference, random: Difference, general: Difference) -> tuple[Verdict, str]:
    """A sentence or two about curation, that claim no more than the differences of the curated arm carry.

    raw, random: held-out loss against these arms; general: loss on the general questions against raw.
    """
    forgot = ""
    if general.verdict != "not shown":
        forgot = f" On general questions it is {general.verdict} than raw ({_told(general)})."
    if raw.verdict == "not shown":
        reason = "one seed cannot show it" if raw.over_seeds is None else "the intervals hold zero, or disagree"
        said = f"That curation changed the held-out loss is not shown: {_told(raw)}; {reason}."
        return "not shown", said + forgot
    helped = "helped" if raw.verdict == "better" else "did harm"
    said = f"Curation {helped} at the same budget: {_told(raw)} on held-out records against raw"
    if random.verdict == raw.verdict:
        said += f", and {_told(random)} against as many random records: it is not only their number."
    elif random.verdict == "not shown":
        said += f"; against as many random records no difference is shown ({_told(random)})."
    else:
        said += f"; against as many random records it is {random.verdict} ({_told(random)})."
    return raw.verdict, said + forgot


def _told(found: Difference) -> str:
    return f"{found.mean:+.4f} nats a token"


def _gaps(
    mine: Mapping[str, tuple[float, int]], theirs: Mapping[str, tuple[float, int]], common: Sequence[str]
) -> list[float]:
    return [mine[record][0] - theirs[record][0] for record in common]


def _verdict(over_seeds: Interval | None, over_records: Interval, *, more_is_better: bool) -> Verdict:
    if over_seeds is None:
        return "not shown"
    below, above = max(over_seeds[1], over_records[1]) < 0, min(over_seeds[0], over_records[0]) > 0
    better, worse = (above, below) if more_is_better else (below, above)
    return "better" if better else "worse" if worse else "not shown"
