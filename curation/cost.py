"""What a recipe will cost, told before it runs: stages say it of a sample, and the sources say how many records there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from curation.engine.sample import first_records
from curation.readers import Source
from curation.recipe import Recipe
from curation.stage import Cost, Stage

SAMPLE = 100
"""Records of each source that the stages are asked about."""


@dataclass(frozen=True)
class StageCost:
    """cost: of a stage for about `records` records, as if no stage before it dropped any."""

    stage: str
    records: int
    cost: Cost


def recipe_costs(
    sources: Sequence[Source],
    recipe: Recipe,
    format: str | None = None,  # noqa: A002
    limit: int | None = None,
) -> list[StageCost]:
    """Of every stage of the recipe that says what it costs. Loads no model; reads a sample of each source if there is one.

    A source whose size tells nothing (compressed, a table, standard input) is taken for its sample alone.
    """
    dear = [step for step in recipe.steps() if type(step.stage).cost is not Stage.cost]
    if not dear:
        return []
    found: list[StageCost] = []
    firsts = [first_records(source, SAMPLE, format) for source in sources]
    samples = [(first.batch, first.count) for first in firsts if len(first.batch)]
    total = sum(count for _, count in samples)
    share = min(1.0, limit / total) if limit is not None and total else 1.0
    for step in dear:
        told = [(step.stage.cost(batch), share * count / len(batch)) for batch, count in samples]
        parts = [_scaled(cost, times) for cost, times in told if cost is not None]
        if parts:
            found.append(StageCost(step.name, round(share * total), _sum(parts)))
    return found


def _scaled(cost: Cost, times: float) -> Cost:
    return replace(
        cost,
        seconds=cost.seconds * times,
        calls=round(cost.calls * times),
        prompt_tokens=round(cost.prompt_tokens * times),
        answer_tokens=round(cost.answer_tokens * times),
        money=None if cost.money is None else cost.money * times,
    )


def _sum(parts: Sequence[Cost]) -> Cost:
    money = [part.money for part in parts]
    return Cost(
        sum(part.seconds for part in parts),
        sum(part.calls for part in parts),
        sum(part.prompt_tokens for part in parts),
        sum(part.answer_tokens for part in parts),
        None if None in money else sum(each or 0.0 for each in money),
        "; ".join(dict.fromkeys(part.note for part in parts if part.note)),
    )
