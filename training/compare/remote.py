"""An answer from a model at an endpoint, as a writer: it comes in a thread of its own, so that nobody waits for it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from training.compare.model import Ending, Piece

if TYPE_CHECKING:
    from curation.llm.client import Endpoint
    from curation.llm.model import ChatReply, ChatRequest

_WAIT = 0.02  # seconds that a step waits for more: short, since the other side is waiting for its turn
_UNKNOWN = float("nan")


class EndpointWriter:
    """Streams one answer. Log-probabilities are not known."""

    def __init__(self, endpoint: Endpoint, request: ChatRequest) -> None:
        self._endpoint, self._request = endpoint, request
        self._texts: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._done = threading.Event()
        self._reply: ChatReply | None = None
        self._error: BaseException | None = None
        self._began = 0.0
        self.prompt_tokens, self.tokens, self.seconds = 0, 0, 0.0
        self.ending: Ending | None = None

    def locks(self) -> Sequence[threading.RLock]:
        """None: an endpoint serves many."""
        return ()

    def step(self) -> list[Piece]:
        """What came in the last moments. Raises CallFailed."""
        if not self._began:
            self._began = time.monotonic()
            threading.Thread(target=self._ask, name="endpoint", daemon=True).start()
        done = self._done.is_set() or self._done.wait(_WAIT)
        texts = self._taken()
        if not done:
            return [Piece(text, _UNKNOWN) for text in texts]
        self.seconds = time.monotonic() - self._began
        if self._error is not None:
            raise self._error
        if self._reply is None:
            raise AssertionError("an endpoint answers or fails")
        self.prompt_tokens, self.tokens = self._reply.prompt_tokens, self._reply.completion_tokens
        self.ending = "length" if self._reply.finish_reason == "length" else "end"
        return [Piece(text, _UNKNOWN) for text in texts]

    def close(self, ending: Ending) -> list[Piece]:
        """Leave the rest unread; the connection is closed by the thread."""
        self._stop.set()
        self.seconds = time.monotonic() - self._began if self._began else 0.0
        self.ending = ending
        return [Piece(text, _UNKNOWN) for text in self._taken()]

    def _taken(self) -> list[str]:
        found: list[str] = []
        while not self._texts.empty():
            found.append(self._texts.get_nowait())
        return found

    def _ask(self) -> None:
        try:
            self._reply = self._endpoint.stream(self._request, self._texts.put, self._stop.is_set)
        except BaseException as error:
            self._error = error
        finally:
            self._done.set()
