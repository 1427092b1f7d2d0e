"""One question to a judge: asked, read, and asked once more where the first reply could not be read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

from curation.errors import InputError, Stopped
from curation.llm.model import CallFailed, ChatModel, ChatRequest
from training.compare.judge.model import Failure
from training.compare.judge.parse import Unreadable
from training.compare.judge.prompts import again

Value = TypeVar("Value")
_SHOWN = 400  # characters of an unreadable reply that are kept
_ASKED_AT_MOST = 2


@runtime_checkable
class Chooser(Protocol):
    """A chat model in this process that can tell how likely each of some replies is."""

    def choose(self, request: ChatRequest, options: Sequence[str]) -> Mapping[str, float]:
        """Probability of each option as the beginning of the reply, among the options: together 1."""
        ...


@dataclass(frozen=True)
class Asked(Generic[Value]):
    """What came of a question: a value or a failure, and the calls it took. shares: see `Chooser.choose`."""

    value: Value | None
    failure: Failure | None
    calls: int
    shares: Mapping[str, float] | None = None


def ask(
    model: ChatModel, request: ChatRequest, read: Callable[[str], Value], should_stop: Callable[[], bool]
) -> Asked[Value]:
    """The reply as `read` understands it; `read` raises Unreadable. Raises Stopped, also within a call."""
    for turn in range(1, _ASKED_AT_MOST + 1):
        if should_stop():
            raise Stopped("The judge was stopped.")
        try:
            reply = model.complete(request, should_stop)
        except CallFailed as failed:
            if failed.kind == "stopped":
                raise Stopped("The judge was stopped.") from None
            return Asked(None, Failure(failed.kind, failed.message), turn)
        except InputError as refused:
            return Asked(None, Failure("unaskable", refused.message), turn)
        try:
            return Asked(read(reply.text), None, turn)
        except Unreadable as problem:
            failure = Failure(problem.kind, str(problem), reply.text[:_SHOWN])
            request = again(request, reply.text, str(problem))
    return Asked(None, failure, _ASKED_AT_MOST)


def choose(model: Chooser, request: ChatRequest, options: Sequence[str], should_stop: Callable[[], bool]) -> Asked[str]:
    """The likeliest option. Raises Stopped before the call."""
    if should_stop():
        raise Stopped("The judge was stopped.")
    try:
        found = model.choose(request, options)
    except CallFailed as failed:
        return Asked(None, Failure(failed.kind, failed.message), 1)
    except InputError as refused:
        return Asked(None, Failure("unaskable", refused.message), 1)
    shares = [float(found.get(option, math.nan)) for option in options]
    if not all(math.isfinite(share) and share >= 0 for share in shares) or not sum(shares):
        return Asked(None, Failure("no_likelihood", f"Probabilities: {dict(found)}"[:_SHOWN]), 1)
    total = sum(shares)
    whole = {option: share / total for option, share in zip(options, shares, strict=True)}
    return Asked(max(options, key=lambda option: whole[option]), None, 1, whole)
