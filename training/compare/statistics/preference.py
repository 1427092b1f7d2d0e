"""Everything that preferences on a set of prompts say: counts, win rates, intervals, the test, and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from training.compare.statistics.bootstrap import bootstrap_mean
from training.compare.statistics.interval import Interval
from training.compare.statistics.length import LengthControlled, length_controlled
from training.compare.statistics.power import detectable_rate, votes_needed
from training.compare.statistics.rates import Counts, wilson, win_rate
from training.compare.statistics.sign import sign_test

Winner = Literal["a", "b", "tie"]
OUTCOME: Mapping[str, float] = {"a": 0.0, "tie": 0.5, "b": 1.0}


@dataclass(frozen=True)
class Preference:
    """Preferences on `prompts` prompts, one each; rates are those of b.

    rate: ties as halves, with a score interval (Tango) and a bootstrap over prompts. decisive_rate: without ties, with
    Wilson's. p: exact sign test. needed: about how many more prompts until a difference as large as this one would show;
    detectable: the win rate without ties that as many votes would probably have shown. length: with lengths made equal.
    """

    prompts: int
    a: int
    b: int
    ties: int
    rate: float
    interval: Interval
    bootstrap: Interval | None
    decisive_rate: float
    decisive_interval: Interval
    p: float
    needed: int | None
    detectable: float | None
    length: LengthControlled


def preference(
    winners: Mapping[str, Winner],
    lengths: Mapping[str, tuple[int, int]],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Preference:
    """winners: by prompt; lengths: of the answers of a and b to each of these prompts, in characters. The order of
    either changes nothing."""
    names = sorted(winners)
    outcomes = [OUTCOME[winners[name]] for name in names]
    found = Counter(winners.values())
    counts = Counts(found["a"], found["b"], found["tie"])
    return Preference(
        prompts=counts.all,
        a=counts.a,
        b=counts.b,
        ties=counts.ties,
        rate=counts.rate,
        interval=win_rate(counts, confidence),
        bootstrap=bootstrap_mean(outcomes, confidence, resamples, seed),
        decisive_rate=counts.decisive_rate,
        decisive_interval=wilson(counts.b, counts.decisive, confidence),
        p=sign_test(counts.b, counts.a),
        needed=votes_needed(counts, confidence),
        detectable=detectable_rate(counts.decisive, confidence),
        length=length_controlled(
            outcomes, [lengths[name][0] for name in names], [lengths[name][1] for name in names], confidence
        ),
    )
