"""Metrics of DeepEval, asked of our own judge: the extra `deepeval`, with nothing sent anywhere but to that judge.

DeepEval reads `.env` files, keeps a folder in the working directory, counts its uses on a server and traces calls to
another one; all of that is switched off by its environment before it is imported for the first time. What its metrics
ask goes through our client, its ledger and our parser: a reply that does not follow the metric's schema is a recorded
failure, where DeepEval by itself would mend the JSON and go on.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib.util
import inspect
import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from enum import Enum
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from curation.errors import RecipeError, Stopped, nearest
from curation.llm.model import ChatMessage, ChatModel, ChatRequest
from training.compare.judge.ask import ask
from training.compare.judge.model import Failure, RubricScore
from training.compare.judge.parse import Unreadable, one_object
from training.compare.model import Answer, Prompt, answer_digest, canonical
from training.compare.sections import JudgeSettings

PREFIX = "deepeval:"
_QUIET = {
    "DEEPEVAL_TELEMETRY_OPT_OUT": "1",
    "DEEPEVAL_DISABLE_DOTENV": "1",
    "DEEPEVAL_DISABLE_LEGACY_KEYFILE": "1",
    "DEEPEVAL_UPDATE_WARNING_OPT_IN": "0",
    "CONFIDENT_TRACE_FLUSH": "0",
    "CONFIDENT_TRACE_VERBOSE": "0",
    "DO_NOT_TRACK": "1",
}
_NEVER = ("CONFIDENT_API_KEY", "DEEPEVAL_TELEMETRY_ENABLED")
_KNOWN_HERE = {"INPUT", "ACTUAL_OUTPUT", "EXPECTED_OUTPUT"}


class _NoScore(Exception):
    """The judge failed in the middle of a metric."""


def require(metrics: Sequence[str]) -> None:
    """Raise RecipeError where DeepEval is not installed, or a metric does not exist or needs what answers lack."""
    for name in metrics:
        found = _metric_class(name)
        needed = [
            parameter.name
            for parameter in inspect.signature(found).parameters.values()
            if parameter.default is inspect.Parameter.empty
            and parameter.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        ]
        needed += sorted(one.lower() for one in _fields(found) - _KNOWN_HERE)
        if needed or not _fields(found):
            lacks = ", ".join(needed) or "settings of its own"
            raise RecipeError(
                f"{name} of DeepEval needs {lacks}, which a comparison does not have",
                "Write a rubric of your own instead: a YAML file in judge.rubrics.",
            )


def how_metric(metric: str, prompt: Prompt, answer: Answer, settings: JudgeSettings) -> str:
    """SHA-256 of all that decides a metric's score but the judge: DeepEval's version is part of it."""
    conversation = [message._asdict() for message in prompt.messages]
    facts = [metric, version("deepeval"), conversation, prompt.reference, answer.text, settings.max_tokens]
    return hashlib.sha256(canonical(facts).encode("ascii")).hexdigest()


def metric_score(
    model: ChatModel,
    metric: str,
    prompt: Prompt,
    answer: Answer,
    settings: JudgeSettings,
    should_stop: Callable[[], bool],
) -> RubricScore:
    """The score that a metric of DeepEval gives an answer, 0 to 1 with 1 the best. Raises Stopped between two calls."""
    began = time.monotonic()
    asked = _judge_class()(model, settings.max_tokens, should_stop)
    score, reason, failure = _measured(metric, asked, prompt, answer, settings.threshold)
    return RubricScore(
        prompt_id=prompt.prompt_id,
        side=answer.side,
        rubric=PREFIX + metric,
        score=score,
        digest=answer_digest(answer),
        how=how_metric(metric, prompt, answer, settings),
        judge=model.name,
        identity=model.identity,
        reason=reason,
        failure=failure,
        calls=asked.calls,
        seconds=round(time.monotonic() - began, 3),
    )


def _measured(
    metric: str, asked: Any, prompt: Prompt, answer: Answer, threshold: float
) -> tuple[float | None, str, Failure | None]:
    """Score, reason, failure. Whatever DeepEval raises is a failure; what the judge failed at comes first."""
    from deepeval.test_case import LLMTestCase

    conversation = "\n\n".join(f"{message.role}: {message.content}" for message in prompt.messages)
    single = prompt.messages[0].content if len(prompt.messages) == 1 else conversation
    try:
        measure = _metric_class(metric)(**_arguments(metric, asked, threshold))
        case = LLMTestCase(input=single, actual_output=answer.text, expected_output=prompt.reference or None)
        measure.measure(case, _show_indicator=False)
        score = measure.score
    except Exception as error:  # a metric is foreign code: no error of it may end the comparison
        if asked.stopped:
            raise Stopped("The judge was stopped.") from None
        said = f"{type(error).__name__}: {error}"[:400]
        return None, "", asked.failure or Failure("metric", said)
    if asked.stopped:
        raise Stopped("The judge was stopped.")
    if asked.failure:
        return None, "", asked.failure
    if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
        return None, "", Failure("metric", f"The score is {score!r}.")
    if not 0 <= score <= 1:
        return None, "", Failure("out_of_range", f"The score is {score}.")
    return float(score), str(measure.reason or ""), None


def _arguments(metric: str, asked: Any, threshold: float) -> dict[str, Any]:
    """What this metric's constructor takes of: our judge, one call after the other, our threshold."""
    takes = inspect.signature(_metric_class(metric)).parameters
    offered = {"model": asked, "async_mode": False, "threshold": threshold, "include_reason": True}
    return {name: value for name, value in offered.items() if name in takes}


def _fields(metric: type[Any]) -> set[str]:
    """What a case must have for this metric; empty where that depends on how it is made."""
    found = getattr(metric, "_required_params", None)
    return {one.name for one in found if isinstance(one, Enum)} if isinstance(found, list) else set()


def _metric_class(name: str) -> type[Any]:
    metrics = _library()
    bases = (metrics.BaseMetric,)
    known = {
        key: value
        for key, value in vars(metrics).items()
        if inspect.isclass(value) and issubclass(value, bases) and value not in bases
    }
    if name not in known:
        raise RecipeError(f"DeepEval has no metric '{name}'", nearest(name, known))
    return known[name]


@lru_cache(maxsize=1)
def _library() -> Any:
    """The module deepeval.metrics, imported with everything switched off that is not wanted."""
    if importlib.util.find_spec("deepeval") is None:
        raise RecipeError("DeepEval is not installed", "pip install 'curation-studio[deepeval]', or use judge.rubrics.")
    os.environ.update(_QUIET)
    for name in _NEVER:
        os.environ.pop(name, None)
    scratch = os.environ["DEEPEVAL_CACHE_FOLDER"] = tempfile.mkdtemp(prefix="deepeval-")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    import deepeval.metrics
    from deepeval.tracing.tracing import trace_manager

    trace_manager.tracing_enabled = False
    return deepeval.metrics


@lru_cache(maxsize=1)
def _judge_class() -> type[Any]:
    """Our chat model as one of DeepEval's."""
    _library()
    from deepeval.models import DeepEvalBaseLLM

    class Judge(DeepEvalBaseLLM):  # type: ignore[misc,unused-ignore]
        """Answers DeepEval's prompts with a checked object. failure: the first that happened."""

        def __init__(self, model: ChatModel, max_tokens: int, should_stop: Callable[[], bool]) -> None:
            self.chat, self.max_tokens, self.should_stop = model, max_tokens, should_stop
            self.failure: Failure | None = None
            self.stopped = False
            self.calls = 0
            super().__init__(model.name)

        def load_model(self, *_: Any, **__: Any) -> Any:
            return self.chat

        def get_model_name(self, *_: Any, **__: Any) -> str:
            return self.chat.name

        def generate(self, prompt: str, schema: Any = None) -> Any:
            request = ChatRequest(
                "",
                (ChatMessage("user", prompt),),
                max_tokens=self.max_tokens,
                schema=schema.model_json_schema() if schema is not None else None,
            )
            try:
                asked = ask(self.chat, request, lambda text: _follows(text, schema), self.should_stop)
            except Stopped:
                self.stopped = True
                raise
            self.calls += asked.calls
            if asked.failure:
                self.failure = self.failure or asked.failure
                raise _NoScore(asked.failure.message)
            return asked.value

        async def a_generate(self, prompt: str, schema: Any = None) -> Any:
            return self.generate(prompt, schema)

    return Judge


def _follows(text: str, schema: Any) -> Any:
    """The reply as an object of the metric's schema; as it is where the metric has none."""
    if schema is None:
        return text
    from pydantic import ValidationError

    try:
        return schema.model_validate(one_object(text))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Unreadable("wrong_value", f"{place}: {first['msg']}") from None
