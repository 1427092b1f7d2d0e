"""Losses and small tasks of two sides on the same records: differences with intervals, record by record."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from training.compare.model import CaseResult, RecordLoss, SideName
from training.compare.statistics.bootstrap import bootstrap_ratios
from training.compare.statistics.interval import Interval
from training.compare.statistics.rates import paired_difference
from training.compare.statistics.sign import holm, sign_test

Unit = Literal["nats a token", "bits a byte"]


@dataclass(frozen=True)
class LossDifference:
    """Losses of a and b on the same records. a, b: sum of losses by sum of tokens (or bytes); difference: b - a, below 0
    where b is better; its interval is a bootstrap over records, None for fewer than two.

    unit: bits a byte where the sides count tokens differently, since tokens of different tokenizers are different things.
    lower, higher: on how many records b's loss is lower, or higher; p: sign test of these. unpaired: records that only
    one side was measured on, or whose loss is no number. perplexity: e to the loss, None for bits a byte.
    """

    records: int
    unit: Unit
    a: float
    b: float
    difference: float
    interval: Interval | None
    lower: int
    higher: int
    p: float
    tokens: tuple[int, int]
    unpaired: int
    perplexity: tuple[float, float] | None
    perplexity_ratio: float | None
    perplexity_ratio_interval: Interval | None


def loss_difference(
    rows: Iterable[RecordLoss], *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> LossDifference | None:
    """What the rows of one dataset say; the last row of each record and side counts. None where no record was measured
    on both sides."""
    last = {(row.record_id, row.side): row for row in rows}
    names = sorted({record_id for record_id, _ in last})
    pairs = [
        (last[name, "a"], last[name, "b"])
        for name in names
        if _measured(last.get((name, "a"))) and _measured(last.get((name, "b")))
    ]
    if not pairs:
        return None
    by_token = all(a.tokens == b.tokens for a, b in pairs)
    scale = 1.0 if by_token else 1 / math.log(2)
    above: dict[SideName, list[float]] = {side: [row.loss_sum * scale for row in of] for side, of in _sides(pairs)}
    below: dict[SideName, list[float]] = {
        side: [float(row.tokens if by_token else row.bytes) for row in of] for side, of in _sides(pairs)
    }
    a, b = (sum(above[side]) / sum(below[side]) for side in ("a", "b"))
    terms = [(above["b"], below["b"], 1.0), (above["a"], below["a"], -1.0)]
    interval = bootstrap_ratios(terms, confidence, resamples, seed)
    mean = [(x / n, y / m) for x, n, y, m in zip(above["a"], below["a"], above["b"], below["b"], strict=True)]
    lower, higher = sum(y < x for x, y in mean), sum(y > x for x, y in mean)
    return LossDifference(
        records=len(pairs),
        unit="nats a token" if by_token else "bits a byte",
        a=a,
        b=b,
        difference=b - a,
        interval=interval,
        lower=lower,
        higher=higher,
        p=sign_test(lower, higher),
        tokens=(sum(one.tokens for one, _ in pairs), sum(other.tokens for _, other in pairs)),
        unpaired=len(names) - len(pairs),
        perplexity=(_exp(a), _exp(b)) if by_token else None,
        perplexity_ratio=_exp(b - a) if by_token else None,
        perplexity_ratio_interval=Interval(*map(_exp, interval)) if by_token and interval else None,
    )


@dataclass(frozen=True)
class SuiteDifference:
    """One suite in one language, by both sides on the same cases. a, b: shares that were right; gained: cases that only b
    had right, lost: only a. interval: of b - a (Tango). p: McNemar's exact test; p_holm: corrected for all suites that
    were looked at together. unpaired: cases that only one side answered."""

    suite: str
    language: str
    cases: int
    a: float
    b: float
    gained: int
    lost: int
    difference: float
    interval: Interval
    p: float
    p_holm: float
    unpaired: int


def suite_differences(rows: Iterable[CaseResult], *, confidence: float = 0.95) -> list[SuiteDifference]:
    """One for each suite and language of the rows, by name; the last row of each case and side counts."""
    groups: dict[tuple[str, str], dict[tuple[str, SideName], bool]] = {}
    for row in rows:
        groups.setdefault((row.suite, row.language), {})[row.case_id, row.side] = row.score >= 0.5
    tables = {key: _table(groups[key]) for key in sorted(groups)}
    corrected = holm({f"{suite}\0{language}": sign_test(t.gained, t.lost) for (suite, language), t in tables.items()})
    return [
        _suite(suite, language, table, corrected[f"{suite}\0{language}"], confidence)
        for (suite, language), table in tables.items()
    ]


def all_suites(found: Sequence[SuiteDifference], confidence: float = 0.95) -> SuiteDifference | None:
    """All cases of all suites and languages together; None where there is none."""
    table = _Table(
        cases=sum(one.cases for one in found),
        right_a=sum(round(one.a * one.cases) for one in found),
        right_b=sum(round(one.b * one.cases) for one in found),
        gained=sum(one.gained for one in found),
        lost=sum(one.lost for one in found),
        unpaired=sum(one.unpaired for one in found),
    )
    return _suite("all", "all", table, sign_test(table.gained, table.lost), confidence) if table.cases else None


@dataclass(frozen=True)
class _Table:
    cases: int
    right_a: int
    right_b: int
    gained: int
    lost: int
    unpaired: int


def _table(right: dict[tuple[str, SideName], bool]) -> _Table:
    cases = {case for case, _ in right}
    pairs = [(right[case, "a"], right[case, "b"]) for case in cases if (case, "a") in right and (case, "b") in right]
    return _Table(
        cases=len(pairs),
        right_a=sum(a for a, _ in pairs),
        right_b=sum(b for _, b in pairs),
        gained=sum(b and not a for a, b in pairs),
        lost=sum(a and not b for a, b in pairs),
        unpaired=len(cases) - len(pairs),
    )


def _suite(suite: str, language: str, table: _Table, p_holm: float, confidence: float) -> SuiteDifference:
    cases = max(table.cases, 1)
    return SuiteDifference(
        suite=suite,
        language=language,
        cases=table.cases,
        a=table.right_a / cases,
        b=table.right_b / cases,
        gained=table.gained,
        lost=table.lost,
        difference=(table.gained - table.lost) / cases,
        interval=paired_difference(table.gained, table.lost, table.cases, confidence),
        p=sign_test(table.gained, table.lost),
        p_holm=p_holm,
        unpaired=table.unpaired,
    )


def _sides(pairs: Sequence[tuple[RecordLoss, RecordLoss]]) -> list[tuple[SideName, list[RecordLoss]]]:
    return [("a", [one for one, _ in pairs]), ("b", [other for _, other in pairs])]


def _measured(row: RecordLoss | None) -> bool:
    return row is not None and math.isfinite(row.loss_sum) and row.tokens > 0 and row.bytes > 0


def _exp(value: float) -> float:
    """e to the value; the largest float where that is larger."""
    return math.exp(min(value, 709.0))
