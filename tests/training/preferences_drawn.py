"""Preferences and losses to test statistics with, drawn from models whose truth is known."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from training.compare.model import CaseResult, RecordLoss


def by_length(prompts: int, seed: int, theta: float, phi: float) -> tuple[list[float], list[int], list[int]]:
    """Preferences by the model that is fitted; answers of b are a quarter longer."""
    draws = np.random.default_rng(seed)
    a, b = (draws.lognormal(level, 0.5, prompts).round().astype(int) for level in (5, 5.5))
    rates = expit(theta + phi * np.tanh((b - a) / (b - a).std()))
    return list((draws.random(prompts) < rates).astype(float)), [int(x) for x in a], [int(x) for x in b]


def losses(pairs: list[tuple[float, float]], tokens: tuple[int, int] = (10, 10)) -> list[RecordLoss]:
    """Sums of losses of a and b on a record each, of so many tokens."""
    return [
        RecordLoss("heldout", f"r{place}", side, loss, tokens[side == "b"], 40)  # type: ignore[arg-type]
        for place, pair in enumerate(pairs)
        for side, loss in zip("ab", pair, strict=True)
    ]


def cases(suite: str, right: list[tuple[int, int]], language: str = "en") -> list[CaseResult]:
    """Cases of a suite, right or wrong by a and b."""
    return [
        CaseResult(suite, language, f"{suite}{language}{place}", side, float(score), "q", "x", "y")  # type: ignore[arg-type]
        for place, pair in enumerate(right)
        for side, score in zip("ab", pair, strict=True)
    ]
