"""Did b lose what a could do? Losses on general questions and small tasks, against what means nothing.

`forgot` where some measure is worse by more than the noise floor, with its whole interval; there are several measures, so
each interval is as wide as Bonferroni asks for all of them to hold at once. `kept` where every measure is shown to be no
worse than the floor allows. Else it is `not shown`, which is what few questions come to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from training.compare.model import CaseResult, RecordLoss
from training.compare.noise_floor import NoiseFloor
from training.compare.statistics.paired import (
    LossDifference,
    SuiteDifference,
    all_suites,
    loss_difference,
    suite_differences,
)

ForgettingVerdict = Literal["forgot", "kept", "not shown", "not measured"]


@dataclass(frozen=True)
class Forgetting:
    """verdict: of b against a. reasons: a sentence for each measure that showed something. loss: on general questions;
    suites: one by one, and all together; floor: what a difference must exceed."""

    verdict: ForgettingVerdict
    reasons: tuple[str, ...]
    loss: LossDifference | None
    suites: tuple[SuiteDifference, ...]
    together: SuiteDifference | None
    floor: NoiseFloor


def forgetting(
    losses: Iterable[RecordLoss],
    cases: Iterable[CaseResult],
    floor: NoiseFloor,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Forgetting:
    """losses: of the general questions; cases: of all suites."""
    losses, cases = list(losses), list(cases)
    loss = loss_difference(losses, confidence=confidence, resamples=resamples, seed=seed)
    suites = suite_differences(cases, confidence=confidence)
    together = all_suites(suites, confidence)
    measures = (loss is not None) + len(suites)
    if not measures:
        return Forgetting("not measured", (), None, (), None, floor)
    strict = 1 - (1 - confidence) / measures
    at_once = loss_difference(losses, confidence=strict, resamples=resamples, seed=seed)
    reasons = [*_worse_loss(at_once, floor), *_worse_suites(suite_differences(cases, confidence=strict), floor)]
    verdict: ForgettingVerdict = "forgot" if reasons else "kept" if _kept(loss, together, floor) else "not shown"
    return Forgetting(verdict, tuple(reasons), loss, tuple(suites), together, floor)


def _worse_loss(loss: LossDifference | None, floor: NoiseFloor) -> list[str]:
    if loss is None or loss.interval is None or not loss.interval.above(_loss_floor(loss, floor)):
        return []
    return [f"The loss on general questions rose from {loss.a:.3f} to {loss.b:.3f} {loss.unit}."]


def _worse_suites(suites: Sequence[SuiteDifference], floor: NoiseFloor) -> list[str]:
    return [
        f"The suite {one.suite} ({one.language}) fell from {one.a:.0%} to {one.b:.0%} of {one.cases} cases."
        for one in suites
        if one.interval.below(-(floor.score or 0.0))
    ]


def _kept(loss: LossDifference | None, together: SuiteDifference | None, floor: NoiseFloor) -> bool:
    """Whether all that was measured is shown to be no worse than the floor allows. Each has to be: no correction."""
    loss_kept = loss is None or (loss.interval is not None and loss.interval.high <= _loss_floor(loss, floor))
    return loss_kept and (together is None or together.interval.low >= -(floor.score or 0.0))


def _loss_floor(loss: LossDifference, floor: NoiseFloor) -> float:
    """The floor is in nats a token; of other units none was measured."""
    return floor.loss or 0.0 if loss.unit == "nats a token" else 0.0
