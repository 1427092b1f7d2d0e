"""How often do the intervals of a comparison hold the truth? By simulation: 95 % ones should in 94 to 96 % of the cases.

    python benchmarks/intervals.py                # about two minutes on one core
    python benchmarks/intervals.py --rounds 400   # a quick look

Prints the tables of docs/statistics.md. Wilson's and Tango's intervals, which only depend on counts, are not simulated:
their coverage is summed up over all outcomes. It oscillates with n and p, because counts are whole numbers, so the mean
over p is what says whether an interval is honest, and the least what one may meet.
"""

from __future__ import annotations

import argparse
from functools import cache

import numpy as np
from scipy.special import expit
from scipy.stats import binom, multinomial

from training.compare.statistics import (
    Counts,
    agreement,
    bootstrap_mean,
    bootstrap_ratios,
    length_controlled,
    sign_test,
    votes_needed,
    wilson,
    win_rate,
)

SIZES = (10, 20, 40, 100)
RATES = tuple(np.linspace(0.05, 0.95, 37))


@cache
def _wilson(successes: int, trials: int):
    return wilson(successes, trials)


@cache
def _tango(a: int, b: int, ties: int):
    return win_rate(Counts(a, b, ties))


def wilson_coverage(trials: int, rate: float) -> float:
    """Exact."""
    inside = [low <= rate <= high for low, high in (_wilson(k, trials) for k in range(trials + 1))]
    return float(binom.pmf(np.arange(trials + 1), trials, rate) @ np.array(inside))


def tango_coverage(prompts: int, rate: float, ties: float) -> float:
    """Exact. rate: ties as halves; ties: their share, less where the rate leaves no room for so many."""
    ties = min(ties, 2 * min(rate, 1 - rate))
    shares = np.array([1 - rate - ties / 2, rate - ties / 2, ties])
    outcomes = np.array([[a, b, prompts - a - b] for a in range(prompts + 1) for b in range(prompts + 1 - a)])
    inside = np.array(
        [low - 1e-12 <= rate <= high + 1e-12 for low, high in (_tango(*map(int, one)) for one in outcomes)]
    )
    return float(multinomial.pmf(outcomes, prompts, shares / shares.sum()) @ inside)


def bootstrap_coverage(prompts: int, rate: float, ties: float, rounds: int, random: np.random.Generator) -> float:
    ties = min(ties, 2 * min(rate, 1 - rate))
    shares = [1 - rate - ties / 2, ties, rate - ties / 2]
    held = 0
    for at in range(rounds):
        values = random.choice([0.0, 0.5, 1.0], size=prompts, p=shares)
        low, high = bootstrap_mean(list(values), resamples=1000, seed=at)
        held += low <= rate <= high
    return held / rounds


def loss_coverage(records: int, rounds: int, random: np.random.Generator) -> float:
    """Losses of records whose lengths are log-normal, and whose losses on both sides go together."""
    sizes = random.lognormal(4.5, 0.7, 200_000).round() + 1
    truth = None
    held = 0
    for at in range(-1, rounds):
        tokens = sizes if at < 0 else random.choice(sizes, records)
        level = random.gamma(6, 0.4, len(tokens))
        a = tokens * (level + random.normal(0, 0.1, len(tokens)))
        b = tokens * (level * 0.95 + random.normal(0, 0.1, len(tokens)))
        if at < 0:
            truth = (b.sum() - a.sum()) / tokens.sum()
            continue
        low, high = bootstrap_ratios([(b, tokens, 1.0), (a, tokens, -1.0)], resamples=1000, seed=at)
        held += low <= truth <= high
    return held / rounds


def kappa_coverage(items: int, share: float, rounds: int, random: np.random.Generator) -> tuple[float, float]:
    """Of the interval, and of the usual one of 1.96 standard errors. share: on which two judges of three verdicts agree."""
    table = np.full((3, 3), (1 - share) / 6)
    np.fill_diagonal(table, [share * 0.45, share * 0.4, share * 0.15])
    chance = float(table.sum(1) @ table.sum(0))
    truth = (share - chance) / (1 - chance)
    held = usual = counted = 0
    for _ in range(rounds):
        drawn = random.choice(9, size=items, p=table.ravel())
        found = agreement([(one // 3, one % 3) for one in drawn])
        if found.kappa is None:
            continue
        counted += 1
        held += found.kappa_interval.low <= truth <= found.kappa_interval.high
        usual += abs(found.kappa - truth) <= 1.959964 * found.error
    return held / counted, usual / counted


def length_coverage(prompts: int, theta: float, phi: float, rounds: int, random: np.random.Generator) -> float:
    """Preferences of which a fifth are ties, drawn by the model that is fitted."""
    held = counted = 0
    for _ in range(rounds):
        a, b = random.lognormal(5, 0.5, prompts).round(), random.lognormal(5.2, 0.5, prompts).round()
        rates = expit(theta + phi * np.tanh((b - a) / (b - a).std()))
        ties = 0.4 * np.minimum(rates, 1 - rates)
        drawn = random.random(prompts)
        values = np.where(drawn < ties, 0.5, np.where(drawn < ties + rates - ties / 2, 1.0, 0.0))
        found = length_controlled(list(values), list(a.astype(int)), list(b.astype(int)))
        if found.interval is None:
            continue
        counted += 1
        held += found.interval.low <= expit(theta) <= found.interval.high
    return held / counted


def needed_power(counts: Counts) -> tuple[int, float]:
    """Votes that are said to be needed in all, and the chance that the sign test then shows the difference, if it is as
    large as it was seen to be."""
    total = counts.all + votes_needed(counts)
    decisive = round(total * counts.decisive / counts.all)
    shown = np.array([sign_test(k, decisive - k) < 0.05 for k in range(decisive + 1)])
    return total, float(binom.pmf(np.arange(decisive + 1), decisive, counts.decisive_rate) @ shown)


def percent(values) -> str:
    return f"{100 * np.mean(values):.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4000)
    rounds = parser.parse_args().rounds
    random = np.random.default_rng(7)

    print("| interval | n | mean | least | most |\n|:--|--:|--:|--:|--:|")
    for name, ties in (("Wilson, no ties", None), ("Tango, a fifth ties", 0.2), ("Tango, half ties", 0.5)):
        for size in SIZES if ties is None else SIZES[:3]:
            found = [wilson_coverage(size, p) if ties is None else tango_coverage(size, p, ties) for p in RATES]
            print(f"| {name} | {size} | {percent(found)} | {percent(min(found))} | {percent(max(found))} |", flush=True)

    print("\n| Wilson, by p | " + " | ".join(f"n = {n}" for n in SIZES) + " |\n|:--" + "|--:" * len(SIZES) + "|")
    for p in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95):
        print(f"| {p} | " + " | ".join(percent(wilson_coverage(n, p)) for n in SIZES) + " |")

    print("\n| simulated | " + " | ".join(f"n = {n}" for n in SIZES) + " |\n|:--" + "|--:" * len(SIZES) + "|")
    for p, ties in ((0.5, 0.3), (0.65, 0.3), (0.8, 0.2)):
        found = [percent(bootstrap_coverage(n, p, ties, rounds // 2, random)) for n in SIZES]
        print(f"| bootstrap of the win rate {p}, ties {ties} | {' | '.join(found)} |", flush=True)
    print(
        "| bootstrap of the loss difference | "
        + " | ".join(percent(loss_coverage(n, rounds // 2, random)) for n in SIZES)
        + " |"
    )
    for share in (0.5, 0.7, 0.9):
        both = [kappa_coverage(n, share, rounds, random) for n in SIZES]
        print(f"| kappa, agreement on {share} | " + " | ".join(percent(one) for one, _ in both) + " |")
        print("| the same, 1.96 standard errors | " + " | ".join(percent(one) for _, one in both) + " |", flush=True)
    for theta, phi in ((0.0, 0.0), (0.0, 1.5), (0.8, 0.0), (0.8, 1.5)):
        found = [percent(length_coverage(n, theta, phi, rounds // 2, random)) for n in SIZES]
        print(f"| length-controlled, theta {theta}, phi {phi} | {' | '.join(found)} |", flush=True)

    print("\n| seen | said to be needed in all | power of the sign test then |\n|:--|--:|--:|")
    for counts in (Counts(7, 13, 10), Counts(14, 22), Counts(40, 55, 25), Counts(180, 220, 100)):
        total, power = needed_power(counts)
        print(f"| {counts.b} to {counts.a}, {counts.ties} ties | {total:,} | {100 * power:.0f} % |")


if __name__ == "__main__":
    main()
