"""The judge of an experiment: what it is asked about each arm's answers, what that costs, and what its verdicts come to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field

from curation.sectioned import Broken, Section, SectionedRecipe
from training.compare.model import Prompt
from training.compare.sections import RUBRICS, JudgeSettings, SamplingSettings
from training.experiment.arms import Arm, Pair, pairs

_BYTES_A_TOKEN = 4  # of English, in the vocabularies of today; what is said of costs is rough


class AskSettings(Section):
    """Which of the held-out questions every trained model answers."""

    limit: int = Field(default=12, ge=1, le=100_000, description="How many; drawn by the seed where there are more.")
    seed: int = Field(default=0, ge=0, lt=1 << 32, description="Seed of the draw.")


class WriteSettings(SamplingSettings):
    """How every trained model writes: the same numbers, and the same seed for each prompt."""

    max_tokens: int = Field(default=128, ge=1, le=131_072, description="An answer ends here at the latest.")


class MarkSettings(JudgeSettings):
    """Who judges and how. Marks are the default: their number grows with the arms, that of pairs with the pairs of arms."""

    pairwise: bool = Field(
        default=False,
        description="Which answer is better, of an arm that chooses and one that does not, asked in both orders.",
    )
    rubrics: tuple[str, ...] = Field(
        default=("helpfulness",),
        description="Each answer marked 0 to 1 by each: names or YAML files, as for a comparison.",
    )


class JudgingRecipe(SectionedRecipe):
    """All that decides what a judge says in an experiment."""

    noun: ClassVar[str] = "judge of an experiment"
    example: ClassVar[str] = "judge.max_calls=500"

    prompts: AskSettings = AskSettings()
    sampling: WriteSettings = WriteSettings()
    judge: MarkSettings = MarkSettings()

    def broken(self) -> Iterator[Broken]:
        """Combinations that cannot work."""
        judge = self.judge
        if not judge.model:
            yield ("judge", "model"), "nobody judges", "Name a judge with --judge."
        if not (judge.pairwise or judge.rubrics or judge.deepeval):
            yield ("judge", "pairwise"), "the judge is asked nothing", "Set judge.pairwise=true, or name judge.rubrics."
        for rubric in judge.rubrics:
            if rubric not in RUBRICS and not rubric.endswith((".yaml", ".yml")):
                said = f"{rubric} is no rubric"
                yield ("judge", "rubrics"), said, f"Known: {', '.join(RUBRICS)}; or a YAML file of your own."


@dataclass(frozen=True)
class JudgeCost:
    """What a judge will be asked. answers: written by the trained models; marks, pairs: judgements; calls: at most, if
    each reply can be read; prompt_tokens: about; answer_tokens: at most."""

    answers: int
    marks: int
    pairs: int
    calls: int
    prompt_tokens: int
    answer_tokens: int


def judged_pairs(arms: Sequence[Arm]) -> list[Pair]:
    """The pairs of arms whose answers a judge sees side by side: what chooses against what does not."""
    return [pair for pair in pairs(arms) if pair.plain]


def judge_cost(recipe: JudgingRecipe, arms: Sequence[Arm], seeds: int, prompts: Sequence[Prompt]) -> JudgeCost:
    """Told before anybody is asked. prompts: that will be asked; equal answers, and an earlier call, cost nothing."""
    from training.compare.judge.prompts import Words, pair_request, score_request
    from training.compare.judge.rubrics import load_rubric
    from training.compare.opening import ENDPOINT

    judge, answer = recipe.judge, "x" * (recipe.sampling.max_tokens * _BYTES_A_TOKEN)
    writes = judge.verdicts == "written" or (judge.verdicts == "auto" and bool(ENDPOINT.match(judge.model)))
    words = Words(written=writes, max_tokens=judge.max_tokens)
    legs, couples = len(arms) * seeds, len(judged_pairs(arms)) * seeds if judge.pairwise else 0
    asked: list[tuple[int, int]] = []  # how often, and bytes of the question
    for prompt in prompts:
        if couples:
            request = pair_request(prompt, answer, answer, words, reference=judge.reference)
            asked.append((2 * couples, _size(request.messages[0].content)))
        for name in judge.rubrics:
            rubric = load_rubric(name)
            if rubric.reference != "required" or prompt.reference:
                request = score_request(rubric, prompt, answer, words)
                asked.append((legs, _size(request.messages[0].content)))
        asked += [(legs, _size(answer))] * len(judge.deepeval)
    calls = sum(times for times, _ in asked)
    marks = calls - 2 * couples * len(prompts)
    calls = min(calls, judge.max_calls) if judge.max_calls else calls
    tokens = sum(times * size for times, size in asked) // _BYTES_A_TOKEN
    return JudgeCost(
        answers=legs * len(prompts),
        marks=marks,
        pairs=couples * len(prompts),
        calls=calls,
        prompt_tokens=tokens,
        answer_tokens=calls * judge.max_tokens if writes else 0,
    )


def told(cost: Mapping[str, int], judge: str) -> str:
    """One line for people."""
    writes = f"at most {cost['answer_tokens']:,} to write" if cost["answer_tokens"] else "none to write"
    kinds = [f"{cost[key]:,} {key}" for key in ("marks", "pairs") if cost[key]]
    return (
        f"judge {judge}: {' and '.join(kinds)} of {cost['answers']:,} answers: up to {cost['calls']:,} calls, with about "
        f"{cost['prompt_tokens']:,} tokens to read and {writes}"
    )


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
