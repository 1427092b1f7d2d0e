"""What a judge's verdicts come to: differences of marks, and of wins, with the same two intervals as of losses.

A prompt without a verdict for every seed of both arms is left out of their difference; none is made up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.compare.judge.model import Judgement, last_pairs, last_scores, position_facts
from training.experiment.arms import pairs
from training.experiment.judging import judged_pairs
from training.experiment.model import ExperimentRecipe, LegFacts
from training.experiment.statistics import Difference, difference
from training.experiment.story import family, story

Marks = dict[str, tuple[float, int]]


@dataclass(frozen=True)
class Asking:
    """What a prompt in the judge's folder stands for: an arm's answer, or two arms' (`other` is side a)."""

    arm: str
    other: str
    seed: int
    prompt: str


def judged_facts(
    recipe: ExperimentRecipe,
    marks: Sequence[Judgement],
    couples: Sequence[Judgement],
    askings: Mapping[str, Asking],
) -> dict[str, Any]:
    """The `marks` and `pairs` parts of report.json. askings: by the id of a prompt in the judge's folders."""
    found: dict[str, Any] = {"marks": {}, "pairs": None}
    scores = last_scores(marks)
    for rubric in sorted({name for _, _, name in scores}):
        by_leg: dict[tuple[str, int], Marks] = {}
        for (prompt_id, _, name), row in scores.items():
            if name == rubric and row.score is not None:
                asking = askings[prompt_id]
                by_leg.setdefault((asking.arm, asking.seed), {})[asking.prompt] = (row.score, 1)
        found["marks"][rubric] = _marked(recipe, by_leg, rubric)
    if couples:
        found["pairs"] = _compared(recipe, couples, askings)
    return found


def _marked(recipe: ExperimentRecipe, by_leg: Mapping[tuple[str, int], Marks], rubric: str) -> dict[str, Any]:
    arms, seeds = recipe.all_arms(), recipe.all_seeds()
    legs = {arm.name: [_leg(arm.name, seed, by_leg.get((arm.name, seed), {})) for seed in seeds] for arm in arms}
    wanted = [pair for pair in pairs(arms) if _common(legs[pair.arm] + legs[pair.other])]
    differences = [_difference(legs[pair.arm], legs[pair.other], recipe) for pair in wanted]
    means = {name: sum(leg.loss for leg in ones) / len(ones) for name, ones in legs.items() if _common(ones)}
    rows = family(differences, recipe.confidence)
    sentence = story(rows, [pair.plain for pair in wanted], f"mark for {rubric}, 0 to 1")[1]
    return {"means": means, "differences": rows, "sentence": sentence}


def _compared(recipe: ExperimentRecipe, couples: Sequence[Judgement], askings: Mapping[str, Asking]) -> dict[str, Any]:
    """Shares of prompts that an arm wins minus those that it loses."""
    rows = {key: row for key, row in last_pairs(couples).items() if row.winner != "failed"}
    differences, wins = [], []
    for pair in judged_pairs(recipe.all_arms()):
        mine: dict[int, Marks] = {seed: {} for seed in recipe.all_seeds()}
        theirs: dict[int, Marks] = {seed: {} for seed in recipe.all_seeds()}
        counts = {"b": 0, "a": 0, "tie": 0}
        for prompt_id, row in rows.items():
            asking = askings[prompt_id]
            if (asking.arm, asking.other) == (pair.arm, pair.other):
                mine[asking.seed][asking.prompt] = (float(row.winner == "b"), 1)
                theirs[asking.seed][asking.prompt] = (float(row.winner == "a"), 1)
                counts[row.winner] += 1
        legs = [_leg(pair.arm, seed, found) for seed, found in mine.items()]
        if _common(legs):
            differences.append(_difference(legs, [_leg(pair.other, seed, it) for seed, it in theirs.items()], recipe))
            wins.append({"won": counts["b"], "lost": counts["a"], "ties": counts["tie"]})
    found = [{**one, **counted} for one, counted in zip(family(differences, recipe.confidence), wins, strict=True)]
    sentence = story(found, [True] * len(found), "share of prompts won minus lost")[1]
    return {"differences": found, "sentence": sentence, "places": position_facts(couples)}


def _difference(legs: Sequence[LegFacts], others: Sequence[LegFacts], recipe: ExperimentRecipe) -> Difference:
    return difference(
        legs, others, confidence=recipe.confidence, resamples=recipe.resamples, more_is_better=True
    )  # fmt: skip


def _leg(arm: str, seed: int, marks: Marks) -> LegFacts:
    return LegFacts(arm, seed, "", 0, 0.0, 0, marks, {})


def _common(legs: Sequence[LegFacts]) -> bool:
    """Whether there is a prompt that all of them have a mark for."""
    return bool(set.intersection(*(set(leg.losses) for leg in legs)))
