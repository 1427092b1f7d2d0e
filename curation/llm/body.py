"""The JSON that goes to an endpoint, and what is taken for an answer of what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from curation.llm.model import CallFailed, ChatReply, ChatRequest, FailureKind

_WHOLE = {"stop": "stop", "eos": "stop", "eos_token": "stop", "end_turn": "stop", "stop_sequence": "stop"}
_SHORT = {"length": "length", "max_tokens": "length", "model_length": "length"}
DONE = b"[DONE]"
REFUSED = (400, 422)  # another form of the same request may be taken
Form = Literal["json_schema", "json_object", "none"]
_WEAKER: Mapping[Form, Form] = {"json_schema": "json_object", "json_object": "none"}


@dataclass(frozen=True)
class Dialect:
    """How one endpoint wants to be asked; learned from what it refuses.

    form: the type of `response_format` that it takes; `json_schema` is OpenAI's, `json_object` with the schema beside it
    that of llama.cpp, some take none. stream_options: it tells tokens at the end of a stream when asked. tokens: the field
    that bounds an answer.
    """

    form: Form = "json_schema"
    stream_options: bool = True
    tokens: str = "max_tokens"

    def body(self, request: ChatRequest, *, stream: bool) -> bytes:
        """The request as JSON. Raises CallFailed 'refused' for text that no JSON can carry."""
        asked: dict[str, Any] = {
            "model": request.model,
            "messages": [message._asdict() for message in request.messages],
            "temperature": request.temperature,
            "top_p": request.top_p,
            self.tokens: request.max_tokens,
        }
        if request.seed is not None:
            asked["seed"] = request.seed
        if request.stop:
            asked["stop"] = list(request.stop)
        if request.schema is not None and self.form != "none":
            asked["response_format"] = self._response_format(request.schema)
        if stream:
            asked["stream"] = True
            if self.stream_options:
                asked["stream_options"] = {"include_usage": True}
        try:
            return orjson.dumps(asked)
        except TypeError as error:  # half a surrogate pair
            raise CallFailed("refused", f"The prompt cannot be sent: {error}.") from None

    def _response_format(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        if self.form == "json_object":
            return {"type": "json_object", "schema": dict(schema)}
        return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": dict(schema)}}

    def after_refusal(self, request: ChatRequest, *, stream: bool, said: str, status: int) -> Dialect | None:
        """How to ask once more after a refusal of this status that said `said`; None where there is no other way.

        A status of 500 is one of the form if it speaks of that: so the server of llama-cpp-python puts it.
        """
        speaks_of_form = "response_format" in said
        if status not in REFUSED and not (status == 500 and speaks_of_form):
            return None
        if "max_completion_tokens" in said and self.tokens == "max_tokens":
            return replace(self, tokens="max_completion_tokens")
        if stream and self.stream_options and "stream_options" in said:
            return replace(self, stream_options=False)
        if request.schema is not None and self.form != "none":
            return replace(self, form=_WEAKER[self.form] if speaks_of_form else "none")
        return None


def whole_reply(data: bytes) -> ChatReply:
    """The reply in the body of a response. Raises CallFailed 'not_json', 'server', 'no_choices', 'cut_stream'."""
    said = _object(data)
    choice = _first_choice(said)
    if choice is None:
        raise CallFailed("no_choices", "The endpoint's answer holds no message.")
    message = choice.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    return _reply(content if isinstance(content, str) else "", choice.get("finish_reason"), said)


class StreamedReply:
    """A reply that comes in events."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._finish: object = None
        self._told: dict[str, Any] = {}
        self._done = False

    def feed(self, event: bytes) -> str:
        """Take one event; the piece of text in it. Raises CallFailed 'not_json', 'server'."""
        if self._done or not event:
            return ""
        if event == DONE:
            self._done = True
            return ""
        said = _object(event)
        self._told.update({name: said[name] for name in ("model", "usage") if said.get(name)})
        choice = _first_choice(said) or {}
        self._finish = choice.get("finish_reason") or self._finish
        delta = choice.get("delta")
        piece = delta.get("content") if isinstance(delta, dict) else None
        if not isinstance(piece, str):
            return ""
        self._pieces.append(piece)
        return piece

    def reply(self) -> ChatReply:
        """All of it, after the last event. Raises CallFailed 'cut_stream' where the end did not come."""
        if not self._done:
            raise CallFailed("cut_stream", "The stream ended before the answer did.")
        return self.so_far(self._finish)

    def so_far(self, finish: object) -> ChatReply:
        """What has come, as an answer that ended for the reason `finish`."""
        return _reply("".join(self._pieces), finish, self._told)


def flaw(reply: ChatReply) -> tuple[FailureKind, str] | None:
    """Why a reply is no usable answer, if so: a kind and a sentence."""
    if reply.finish_reason == "length":
        return "truncated", f"The answer was cut off after {reply.completion_tokens or 'max_tokens'} tokens."
    if reply.finish_reason != "stop":
        return "refused", f"The endpoint ended the answer before its end: {reply.finish_reason}."
    if not reply.text.strip():
        return "empty", "The endpoint's message is empty."
    return None


def model_names(data: bytes) -> list[str]:
    """The names in a list of models. Raises CallFailed 'not_json', 'server'."""
    listed = _object(data).get("data")
    models = listed if isinstance(listed, list) else []
    return [model["id"] for model in models if isinstance(model, dict) and isinstance(model.get("id"), str)]


def error_text(data: bytes) -> str:
    """What a response says went wrong, on one line; "" where it says nothing to people."""
    try:
        said = orjson.loads(data)
    except orjson.JSONDecodeError:
        said = data.decode("utf-8", "replace")
        said = "" if "<" in said else said
    while isinstance(said, Mapping):
        said = next((said[name] for name in ("error", "message", "detail") if said.get(name)), "")
    return " ".join(str(said).split())


def _object(data: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(data)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        raise CallFailed("not_json", "The endpoint's answer is not the JSON of a chat completion.")
    if said.get("error"):
        raise CallFailed("server", f"The endpoint reports an error: {error_text(data)}")
    return said


def _first_choice(said: Mapping[str, Any]) -> dict[str, Any] | None:
    choices = said.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else None


def _reply(text: str, finish: object, told: Mapping[str, Any]) -> ChatReply:
    if not isinstance(finish, str) or not finish:
        raise CallFailed("cut_stream", "The endpoint does not say that its answer is whole.")
    usage = told.get("usage")
    return ChatReply(
        text=text,
        finish_reason=_WHOLE.get(finish) or _SHORT.get(finish) or finish,
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        model=told["model"] if isinstance(told.get("model"), str) else "",
    )


def _count(usage: object, name: str) -> int:
    """A number of tokens; 0 where none, or nonsense, is told."""
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 1 << 40 else 0
