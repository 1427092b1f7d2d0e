"""Would it still win if its answers were as long as the other's? The length-controlled win rate.

Y. Dubois, B. Galambosi, P. Liang, T. B. Hashimoto, "Length-Controlled AlpacaEval: A Simple Way to Debias Automatic
Evaluators", arXiv:2404.04475: a logistic regression of the preference on the difference of lengths, whose term is then set
to zero. Theirs has a term for the difficulty of each instruction besides, which needs many models; with one pair of models
what is left is `P(b is preferred) = sigmoid(theta + phi * tanh(d / sd(d)))`, and the figure is `sigmoid(theta)`.

Ties are halves (quasi-likelihood: L. E. Papke, J. M. Wooldridge, Journal of Applied Econometrics 11 (1996)); the interval
comes from the robust covariance HC3 (J. G. MacKinnon, H. White, Journal of Econometrics 29 (1985)). phi has a weak normal
prior, so that a fit exists where the longer answer always wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.compare.statistics.interval import Interval, student_quantile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PRIOR = 1 / 2.5**2  # precision of phi; its input has a standard deviation of about 0.6
_STEPS = 100
FEWEST = 10


@dataclass(frozen=True)
class LengthControlled:
    """rate: of b where both answers are as long; None, with the reason in `why`, where it cannot be told. slope: phi;
    above 0 the longer answer is preferred. longer: mean of length of b less that of a, in characters."""

    prompts: int
    longer: float
    rate: float | None = None
    interval: Interval | None = None
    slope: float | None = None
    why: str = ""


def length_controlled(
    outcomes: Sequence[float], lengths_a: Sequence[int], lengths_b: Sequence[int], confidence: float = 0.95
) -> LengthControlled:
    """outcomes: 1 where b was preferred, 0 where a was, 0.5 for a tie; lengths of the two answers, in characters."""
    import numpy as np

    count = len(outcomes)
    differences = np.array(lengths_b, dtype=np.float64) - np.array(lengths_a, dtype=np.float64)
    longer = float(differences.mean()) if count else 0.0
    if count < FEWEST:
        return LengthControlled(count, longer, why=f"It needs at least {FEWEST} prompts.")
    results = np.array(outcomes, dtype=np.float64)
    if results.min() == results.max() and results[0] != 0.5:
        return LengthControlled(count, longer, why="Every preference went the same way: lengths explain nothing.")
    spread = float(differences.std())
    if spread == 0 and longer != 0:
        return LengthControlled(count, longer, why="All answers differ in length by the same: it cannot be told apart.")
    inputs = np.tanh(differences / spread) if spread else differences
    theta, slope, error = _fit(inputs, results)
    half = student_quantile(confidence, count - 2) * error
    return LengthControlled(
        count, longer, _sigmoid(theta), Interval(_sigmoid(theta - half), _sigmoid(theta + half)), slope
    )


def _fit(inputs: NDArray[np.float64], results: NDArray[np.float64]) -> tuple[float, float, float]:
    """theta, phi, and the robust standard error of theta, by Newton's method with halved steps."""
    import numpy as np

    design = np.column_stack([np.ones_like(inputs), inputs])
    prior = np.diag([0.0, _PRIOR])
    found = np.zeros(2)
    loss = _loss(design, results, found)
    for _ in range(_STEPS):
        shares = _shares(design, found)
        slope = design.T @ (results - shares) - prior @ found
        step = np.linalg.solve(_curvature(design, shares), slope)
        while (after := _loss(design, results, found + step)) > loss and np.abs(step).max() > 1e-12:
            step = step / 2
        found, loss = found + step, min(after, loss)
        if np.abs(step).max() < 1e-10:
            break
    shares = _shares(design, found)
    inverse = np.linalg.inv(_curvature(design, shares))
    leverage = shares * (1 - shares) * np.einsum("ij,jk,ik->i", design, inverse, design)
    scores = design * ((results - shares) / (1 - np.minimum(leverage, 0.99)))[:, None]
    covariance = inverse @ (scores.T @ scores) @ inverse
    return float(found[0]), float(found[1]), float(np.sqrt(covariance[0, 0]))


def _shares(design: NDArray[np.float64], found: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import expit

    found_shares: NDArray[np.float64] = expit(design @ found)
    return found_shares


def _curvature(design: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    weights = np.maximum(shares * (1 - shares), 1e-12)
    curvature: NDArray[np.float64] = (design * weights[:, None]).T @ design + np.diag([0.0, _PRIOR])
    return curvature


def _loss(design: NDArray[np.float64], results: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    import numpy as np

    line = design @ found
    return float(np.sum(np.logaddexp(0, line) - results * line) + _PRIOR * found[1] ** 2 / 2)


def _sigmoid(value: float) -> float:
    from scipy.special import expit

    return float(expit(value))
