"""A pair of answers judged in both orders, and one answer marked by a rubric."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any

from curation.errors import RecipeError
from curation.llm.model import ChatModel, ChatRequest, never
from training.compare.judge.ask import Asked, Chooser, ask, choose
from training.compare.judge.model import PairJudgement, RubricScore, Verdict, Winner
from training.compare.judge.parse import read_pair, read_scale, read_share
from training.compare.judge.prompts import (
    FIRST,
    HIGHEST,
    LETTERS,
    LOWEST,
    MARKS,
    NEITHER,
    SECOND,
    YES_NO,
    Words,
    pair_request,
    score_request,
)
from training.compare.judge.rubrics import Rubric
from training.compare.model import SIDES, Answer, Prompt, SideName, answer_digest, canonical
from training.compare.sections import JudgeSettings

Stop = Callable[[], bool]
_LETTER = dict(zip(LETTERS, (FIRST, SECOND, NEITHER), strict=True))


def words_of(model: ChatModel, settings: JudgeSettings) -> Words:
    """How questions are put to this model. Raises RecipeError where it cannot give what the settings want."""
    can_choose = isinstance(model, Chooser)
    if settings.verdicts == "likeliest" and not can_choose:
        raise RecipeError(
            f"{model.name} does not tell how likely a verdict is", "Use judge.verdicts=written with an endpoint."
        )
    written = settings.verdicts == "written" or not can_choose
    return Words(written, settings.max_tokens)


def how_pair(model: ChatModel, prompt: Prompt, a: Answer, b: Answer, settings: JudgeSettings) -> str:
    """SHA-256 of all that decides a pair's judgement but the judge itself."""
    return _digest(*_pair_requests(model, prompt, a, b, settings).values())


def how_score(model: ChatModel, rubric: Rubric, prompt: Prompt, answer: Answer, settings: JudgeSettings) -> str:
    """SHA-256 of all that decides a score but the judge itself."""
    return _digest(score_request(rubric, prompt, answer.text, words_of(model, settings)))


def judge_pair(
    model: ChatModel, prompt: Prompt, a: Answer, b: Answer, settings: JudgeSettings, should_stop: Stop = never
) -> PairJudgement:
    """Which of two answers is better, asked with either one first. Disagreement is a tie; a failed order, a failure.

    Equal answers are a tie without a question. After a failed order the other one is not asked. Raises Stopped; nothing
    else that a judge may do raises.
    """
    began = time.monotonic()
    verdicts: list[Verdict] = []
    requests = _pair_requests(model, prompt, a, b, settings)
    written = words_of(model, settings).written
    for first in SIDES if a.text != b.text else ():
        verdicts.append(_verdict(model, requests[first], first, written, should_stop))
        if verdicts[-1].failure:
            break
    return PairJudgement(
        prompt_id=prompt.prompt_id,
        winner=_together(verdicts),
        verdicts=tuple(verdicts),
        digests=(answer_digest(a), answer_digest(b)),
        how=_digest(*requests.values()),
        judge=model.name,
        identity=model.identity,
        seconds=round(time.monotonic() - began, 3),
    )


def score_answer(
    model: ChatModel,
    rubric: Rubric,
    prompt: Prompt,
    answer: Answer,
    settings: JudgeSettings,
    should_stop: Stop = never,
) -> RubricScore:
    """How good an answer is by a rubric, 0 to 1. Raises as `judge_pair`."""
    began = time.monotonic()
    words = words_of(model, settings)
    request = score_request(rubric, prompt, answer.text, words)
    found = _written_score if words.written else _likeliest_score
    return RubricScore(
        prompt_id=prompt.prompt_id,
        side=answer.side,
        rubric=rubric.name,
        digest=answer_digest(answer),
        how=_digest(request),
        judge=model.name,
        identity=model.identity,
        **found(model, rubric, request, answer.text, should_stop),
        seconds=round(time.monotonic() - began, 3),
    )


def _pair_requests(
    model: ChatModel, prompt: Prompt, a: Answer, b: Answer, settings: JudgeSettings
) -> dict[SideName, ChatRequest]:
    """The question, by the side that stands first."""
    words = words_of(model, settings)
    return {
        "a": pair_request(prompt, a.text, b.text, words, reference=settings.reference),
        "b": pair_request(prompt, b.text, a.text, words, reference=settings.reference),
    }


def _digest(*requests: ChatRequest) -> str:
    text = canonical([request.as_json() for request in requests])
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _verdict(model: ChatModel, request: ChatRequest, first: SideName, written: bool, should_stop: Stop) -> Verdict:
    sides: dict[str, Winner] = {FIRST: first, SECOND: "b" if first == "a" else "a", NEITHER: "tie"}
    if written:
        asked = ask(model, request, read_pair, should_stop)
        if asked.value is None:
            return Verdict(first, "failed", failure=asked.failure, calls=asked.calls)
        winner, reason = asked.value
        return Verdict(first, sides[winner], reason, calls=asked.calls)
    chosen = _chosen(model, request, LETTERS, should_stop)
    if chosen.value is None:
        return Verdict(first, "failed", failure=chosen.failure)
    shares: dict[str, float] = {sides[_LETTER[letter]]: share for letter, share in (chosen.shares or {}).items()}
    return Verdict(first, sides[_LETTER[chosen.value]], shares=shares)


def _chosen(model: ChatModel, request: ChatRequest, options: tuple[str, ...], should_stop: Stop) -> Asked[str]:
    if not isinstance(model, Chooser):
        raise TypeError("words_of lets only a Chooser through")
    return choose(model, request, options, should_stop)


def _together(verdicts: list[Verdict]) -> Winner:
    winners: list[Winner] = [verdict.winner for verdict in verdicts]
    if "failed" in winners:
        return "failed"
    return winners[0] if len(set(winners)) == 1 else "tie"


def _written_score(model: ChatModel, rubric: Rubric, request: ChatRequest, answer: str, stop: Stop) -> dict[str, Any]:
    if rubric.kind == "scale":
        asked = ask(model, request, read_scale, stop)
        score, reason = asked.value or (None, "")
        return {"score": score, "reason": reason, "failure": asked.failure, "calls": asked.calls}
    listed = ask(model, request, lambda text: read_share(text, answer), stop)
    share, opinions = listed.value or (None, ())
    flagged = [opinion for opinion in opinions if opinion.flagged]
    return {
        "score": share,
        "reason": " ".join(opinion.reason for opinion in flagged),
        "flagged": tuple(opinion.quote for opinion in flagged),
        "failure": listed.failure,
        "calls": listed.calls,
    }


def _likeliest_score(model: ChatModel, rubric: Rubric, request: ChatRequest, answer: str, stop: Stop) -> dict[str, Any]:  # noqa: ARG001 - as `_written_score`
    """scale: the mean of the marks, weighted by their probabilities (G-Eval). share: the probability of "no"."""
    chosen = _chosen(model, request, MARKS if rubric.kind == "scale" else YES_NO, stop)
    if chosen.shares is None:
        return {"score": None, "failure": chosen.failure}
    if rubric.kind == "share":
        return {"score": chosen.shares[YES_NO[1]], "shares": chosen.shares}
    mean = sum(int(mark) * share for mark, share in chosen.shares.items())
    return {"score": min(max((mean - LOWEST) / (HIGHEST - LOWEST), 0.0), 1.0), "shares": chosen.shares}
