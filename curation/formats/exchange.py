"""The shape that all conversions go through: a list of messages, and every other column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from curation.formats.chat import CALL, keys_of, role_of
from curation.formats.errors import Inexpressible
from curation.formats.sides import listed
from curation.formats.slots import open_json
from curation.readers.payload import dumps_exact, loads_exact

Message = dict[str, Any]


@dataclass(frozen=True)
class Exchange:
    """A conversation between formats.

    messages: objects with `role` (system, developer, user, assistant, tool, or as written), `content` (string, null or
    a list of parts) and whatever else they held (tool_calls, name, weight …). fields: the other columns, in order.
    """

    messages: list[Message]
    fields: dict[str, Any] = field(default_factory=dict)


def export(kind: str, value: Any, messages: list[Message]) -> None:
    """Append to `messages` what a column of this kind says. Raises Inexpressible."""
    _EXPORTS[kind](value, messages)


def as_text(value: Any) -> str:
    """A value that stands for text: a string as it is, a number as JSON writes it."""
    return value if isinstance(value, str) else dumps_exact(value)


def _system(value: Any, messages: list[Message]) -> None:
    if value is not None and value != "":
        messages.append({"role": "system", "content": as_text(value)})


def _user(value: Any, messages: list[Message]) -> None:
    if value is not None:
        messages.append({"role": "user", "content": as_text(value)})


def _input(value: Any, messages: list[Message]) -> None:
    if value is None or value == "":
        return
    last = messages[-1] if messages and messages[-1]["role"] == "user" else None
    if last is None:
        messages.append({"role": "user", "content": as_text(value)})
    else:
        last["content"] = f"{last['content']}\n{as_text(value)}" if last["content"] else as_text(value)


def _answer(value: Any, messages: list[Message]) -> None:
    if value is not None:
        messages.append({"role": "assistant", "content": as_text(value)})


def _history(value: Any, messages: list[Message]) -> None:
    pairs = open_json(value) if isinstance(value, str) else None
    for question, answer in pairs[0] if pairs else value or ():
        _user(question, messages)
        _answer(answer, messages)


def _chat(value: Any, messages: list[Message]) -> None:
    opened = open_json(value) if isinstance(value, str) else None
    messages.extend(normalised(message) for message in (opened[0] if opened else value or ()))


def _side(role: str) -> Callable[[Any, list[Message]], None]:
    def export_side(value: Any, messages: list[Message]) -> None:
        found = listed(value)
        if found is not None:
            messages.extend(normalised(message) for message in found)
        elif value is not None:
            messages.append({"role": role, "content": as_text(value)})

    return export_side


def _instances(value: Any, messages: list[Message]) -> None:
    if len(value) != 1:
        raise Inexpressible("several_instances")
    _input(value[0].get("input"), messages)
    _answer(value[0].get("output"), messages)


def _label(value: Any, messages: list[Message]) -> None:  # noqa: ARG001 - the signature is that of all exports
    if not is_wanted(value):
        raise Inexpressible("unwanted_answer")


def _plain_text(value: Any, messages: list[Message]) -> None:  # noqa: ARG001
    raise Inexpressible("plain_text")


def _pair(value: Any, messages: list[Message]) -> None:  # noqa: ARG001
    raise Inexpressible("preference_pair")


_EXPORTS: Mapping[str, Callable[[Any, list[Message]], None]] = {
    "system": _system,
    "history": _history,
    "user": _user,
    "input": _input,
    "answer": _answer,
    "chat": _chat,
    "prompt": _side("user"),
    "completion": _side("assistant"),
    "instances": _instances,
    "label": _label,
    "text": _plain_text,
    "chosen": _pair,
    "rejected": _pair,
}


def is_wanted(label: Any) -> bool:
    """Whether a KTO label says that the answer is a good one."""
    return label.strip().lower() == "true" if isinstance(label, str) else bool(label)


def normalised(message: Mapping[str, Any]) -> Message:
    """A message of any spelling as role and content. A ShareGPT tool call becomes `tool_calls`."""
    role_key, content_key = keys_of(message)
    role = role_of(message[role_key])
    if role == CALL:
        return _tool_call(message, role_key, content_key)
    if role_key == "role" and message["role"].strip().lower() in ("developer", "function"):
        role = message["role"].strip().lower()  # a role of its own there; ours only when stages look
    if role_key == "role" and content_key in ("content", None):
        return {**message, "role": role}
    renamed = {"role": "role_", "content": "content_", role_key: "role", content_key: "content"}
    found = {renamed.get(key, key): value for key, value in message.items()}
    found["role"] = role
    return found


def _tool_call(message: Mapping[str, Any], role_key: str, content_key: str | None) -> Message:
    value = message[content_key] if content_key else None
    try:
        calls = loads_exact(value) if isinstance(value, str) else value
    except ValueError:
        raise Inexpressible("tool_calls", "a function_call is not JSON") from None
    calls = calls if isinstance(calls, list) else [calls]
    if not calls or not all(isinstance(call, dict) and isinstance(call.get("name"), str) for call in calls):
        raise Inexpressible("tool_calls", "a function_call has no name")
    extra = {key: item for key, item in message.items() if key not in (role_key, content_key, "tool_call_ids")}
    ids = message.get("tool_call_ids") or [None] * len(calls)
    if not isinstance(ids, list) or len(ids) != len(calls):
        raise Inexpressible("tool_calls", "tool_call_ids do not match the calls")
    found = [
        ({"id": known} if known is not None else {}) | {"type": "function", "function": _function(call)}
        for call, known in zip(calls, ids, strict=True)
    ]
    return {"role": "assistant", "content": None, "tool_calls": found, **extra}


def _function(call: Mapping[str, Any]) -> dict[str, Any]:
    arguments = call.get("arguments", {})
    written = arguments if isinstance(arguments, str) else dumps_exact(arguments)
    return {**call, "arguments": written}


@dataclass(frozen=True)
class Dialogue:
    """A conversation of nothing but text: an optional system prompt, then questions, each with its answer."""

    system: str | None
    pairs: list[tuple[str, str]]


def dialogue(exchange: Exchange) -> Dialogue:
    """The exchange as plain questions and answers. Raises Inexpressible where it is more than that."""
    messages = exchange.messages
    system = None
    if messages and messages[0]["role"] in ("system", "developer"):
        system = plain_content(messages[0])
        messages = messages[1:]
    texts: list[str] = []
    for index, message in enumerate(messages):
        role = message["role"]
        if role in ("system", "developer"):
            raise Inexpressible("system_midway")
        if role in ("tool", "function"):
            raise Inexpressible("tool_calls")
        if role not in ("user", "assistant"):
            raise Inexpressible("unknown_role")
        if role != ("user", "assistant")[index % 2]:
            raise Inexpressible("not_alternating")
        texts.append(plain_content(message))
    if not texts or len(texts) % 2:
        raise Inexpressible("no_answer")
    return Dialogue(system, list(zip(texts[::2], texts[1::2], strict=True)))


def plain_content(message: Message) -> str:
    """The text of a message that is only text; text parts are joined by a line break. Raises Inexpressible."""
    for key, value in message.items():
        if key not in ("role", "content") and value is not None and value != []:
            raise Inexpressible("tool_calls" if key in ("tool_calls", "function_call") else "message_keys")
    content = message.get("content")
    if isinstance(content, str):
        return content
    if content is None:
        raise Inexpressible("no_content")
    texts = [
        part if isinstance(part, str) else part.get("text") if set(part) <= {"type", "text"} else None
        for part in content
        if isinstance(part, str | dict)
    ]
    if not texts or len(texts) < len(content) or not all(isinstance(text, str) for text in texts):
        raise Inexpressible("multimodal")
    return "\n".join(text for text in texts if text is not None)


def single(exchange: Exchange) -> tuple[str | None, str, str]:
    """System prompt, question and answer of an exchange that has one of each. Raises Inexpressible."""
    found = dialogue(exchange)
    if len(found.pairs) > 1:
        raise Inexpressible("several_turns")
    return found.system, *found.pairs[0]
