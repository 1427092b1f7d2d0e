"""What is asked of a language model, what comes back, and how it fails."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple, Protocol

from curation.errors import StudioError

FailureKind = Literal[
    "connection", "timeout", "rate_limited", "server", "refused", "not_json", "no_choices", "empty", "truncated",
    "cut_stream", "budget", "no_key", "stopped",
]  # fmt: skip


def never() -> bool:
    """What is asked where nobody can stop a call."""
    return False


class ChatMessage(NamedTuple):
    """One message. Roles: system, user, assistant."""

    role: str
    content: str


@dataclass(frozen=True)
class ChatRequest:
    """One question, with all that decides its answer.

    model: the name the endpoint knows; empty: that of whoever is asked. schema: JSON Schema that the answer must follow,
    where the endpoint can hold to one; the caller checks the answer all the same.
    """

    model: str
    messages: tuple[ChatMessage, ...]
    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 512
    seed: int | None = 0
    stop: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """The request in plain values."""
        return {
            "model": self.model,
            "messages": [message._asdict() for message in self.messages],
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
            "stop": list(self.stop),
            "schema": None if self.schema is None else dict(self.schema),
        }

    def key(self) -> str:
        """SHA-256 (hex) of model, parameters and prompt: the name under which a finished call is found again."""
        canonical = json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class ChatReply:
    """One whole answer. model: as the endpoint calls itself. seconds: of waiting. from_ledger: it was paid for before."""

    text: str
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    model: str = ""
    from_ledger: bool = False


class ChatModel(Protocol):
    """Whoever answers: an endpoint, or a model in this process.

    name: how it is shown and recorded, without any secret. identity: what decides its answers besides the request (an
    endpoint's address, the digest of weights); part of a call's key in the ledger.
    """

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def identity(self) -> str:
        """For the ledger."""
        ...

    def complete(self, request: ChatRequest, should_stop: Callable[[], bool] = never) -> ChatReply:
        """The answer, whole. should_stop is asked while it is awaited: once true, the call ends as CallFailed 'stopped'.
        Raises CallFailed for whatever is no whole answer.
        """
        ...


class CallFailed(StudioError):
    """A call that has no usable answer. kind says why; attempts how often it was tried. status: of HTTP, where that is
    what failed it, else 0. sent: whether the endpoint can have seen anything of it."""

    def __init__(
        self, kind: FailureKind, message: str, hint: str = "", *, attempts: int = 1, status: int = 0, sent: bool = True
    ) -> None:
        super().__init__(message, hint)
        self.kind: FailureKind = kind
        self.attempts = attempts
        self.status = status
        self.sent = sent

    def saying(self, message: str) -> CallFailed:
        """The same failure in other words."""
        return CallFailed(self.kind, message, self.hint, attempts=self.attempts, status=self.status, sent=self.sent)

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive the trip between processes with everything said."""
        return partial(CallFailed, attempts=self.attempts, status=self.status, sent=self.sent), (
            self.kind,
            self.message,
            self.hint,
        )
