"""A model in this process as a `ChatModel`: a judge that costs nothing and sends nothing anywhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from curation.llm.model import CallFailed, ChatReply, ChatRequest, never
from training.examples import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from training.compare.generate import Writer
    from training.compare.model import Piece
    from training.compare.opening import Side


class SideChatModel:
    """Answers one request at a time, whoever asks. A request's schema is not enforced: its caller checks the answer."""

    def __init__(self, side: Side) -> None:
        self._side = side

    @property
    def name(self) -> str:
        """For people."""
        return self._side.facts.label

    @property
    def identity(self) -> str:
        """The digest of the weights."""
        return self._side.facts.digest

    def complete(self, request: ChatRequest, should_stop: Callable[[], bool] = never) -> ChatReply:
        """The answer, whole, up to the first of the request's stops. Raises CallFailed for what is none."""
        from training.compare.generate import write
        from training.compare.sections import SamplingSettings

        sampling = SamplingSettings(
            temperature=request.temperature, top_p=request.top_p, max_tokens=request.max_tokens, seed=0
        )
        messages = [Message(message.role, message.content) for message in request.messages]
        writer = self._side.writer(messages, sampling, _seed(request))
        stops = _Stops(request.stop)
        began = time.monotonic()
        pieces = write({"": writer}, lambda _name, more: stops.look(more), lambda: stops.found() or should_stop())[""]
        text = stops.cut("".join(piece.text for piece in pieces))
        if not stops.found():
            self._check_whole(writer)
        if not text.strip():
            raise CallFailed("empty", f"{self.name} answered nothing.", "A larger model may.")
        return ChatReply(
            text=text,
            prompt_tokens=writer.prompt_tokens,
            completion_tokens=writer.tokens,
            seconds=round(time.monotonic() - began, 3),
            model=self.name,
        )

    def choose(self, request: ChatRequest, options: Sequence[str]) -> dict[str, float]:
        """How likely each option is to begin the answer, among them: see `training.compare.judge.likely`."""
        from training.compare.judge.likely import likelihoods

        return likelihoods(self._side, request, options)

    def _check_whole(self, writer: Writer) -> None:
        if writer.ending == "stopped":
            raise CallFailed("stopped", f"{self.name} was stopped before its answer was whole.")
        if writer.ending == "length":
            said = f"{self.name} had not ended its answer after {writer.tokens:,} tokens."
            raise CallFailed("truncated", said, "Allow it more tokens.")


def _seed(request: ChatRequest) -> int:
    """Of what is asked and the seed, so that two questions do not share their draws."""
    asked = ChatRequest(request.model, request.messages, seed=request.seed)
    return int(asked.key()[:12], 16)


class _Stops:
    """Texts that end an answer, and are no part of it."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._text = ""

    def look(self, pieces: Sequence[Piece]) -> None:
        """More was written."""
        self._text += "".join(piece.text for piece in pieces)

    def found(self) -> bool:
        """Whether one of them was written."""
        return any(stop in self._text for stop in self._stops)

    def cut(self, text: str) -> str:
        """What stands before the first of them."""
        return text[: min((text.find(stop) for stop in self._stops if stop in text), default=len(text))]
