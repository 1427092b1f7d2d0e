"""A ledger for any model: what it answered once is found again, after a kill too."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

from curation.llm.body import flaw
from curation.llm.budget import FREE, UNBOUND, Budget, cost_of_failure, cost_of_reply
from curation.llm.ledger import CallLedger, call_key
from curation.llm.model import CallFailed, ChatModel, ChatReply, ChatRequest, FailureKind, never

_FINISH: Final[dict[FailureKind, str]] = {"truncated": "length", "empty": "stop"}
"""Failures that the same question would bring again, with the finish reason by which they are kept."""


class Kept:
    """A `ChatModel` with a ledger, as an endpoint has one; for a model in this process. Close it when done."""

    def __init__(
        self,
        model: ChatModel,
        ledger: Path | None,
        *,
        earlier: Sequence[Path] = (),
        budget: Budget = UNBOUND,
        scope: str = "",
    ) -> None:
        """ledger, earlier, budget, scope: as for `curation.llm.client.connect`."""
        self.ledger = CallLedger(ledger, earlier)
        self._model = model
        self._budget = budget
        self._account = scope or model.identity

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    @property
    def identity(self) -> str:
        """The model's."""
        return self._model.identity

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the ledger. The model is whose it was."""
        self.ledger.close()

    def complete(self, request: ChatRequest, should_stop: Callable[[], bool] = never) -> ChatReply:
        """The answer, whole, from the ledger where it was given before. Raises CallFailed for all else."""
        with self.ledger.call(call_key(self.identity, request), self.identity, should_stop) as call:
            if call.reply is not None:
                if found := flaw(call.reply):
                    raise CallFailed(*found)
                return call.reply
            number = call.begin(self._account, self._budget, self._budget.reservation(request))
            began = time.monotonic()
            try:
                reply = self._model.complete(request, should_stop)
            except CallFailed as failed:
                finish = _FINISH.get(failed.kind, "")
                kept = ChatReply("", finish, seconds=round(time.monotonic() - began, 3), model=self.name)
                call.end(number, failed.kind, kept, cost_of_failure(self._budget, request, failed), keep=bool(finish))
                raise
            except BaseException:  # a model that cannot go on; nothing was answered
                call.end(number, "server", ChatReply("", seconds=time.monotonic() - began), FREE, keep=False)
                raise
            call.end(
                number, None, replace(reply, from_ledger=False), cost_of_reply(self._budget, request, reply), keep=True
            )
            return reply
