"""Formats that are a list of messages: OpenAI messages and ShareGPT."""

from __future__ import annotations

from typing import Any

from curation.formats.base import Format, Layout, with_fields
from curation.formats.chat import chat_taker
from curation.formats.columns import CONVERSATIONS, MESSAGES, Columns, missing
from curation.formats.errors import Inexpressible
from curation.formats.exchange import Exchange, Message
from curation.formats.layouts import chat_fields, put_chat, take_chat
from curation.formats.slots import Take, take_listed
from curation.readers.payload import dumps_exact, loads_exact


class Messages(Format):
    """OpenAI messages: `messages` of `role` and `content`, with tools, names and parts that are not text carried along.

    Each text part of a message is a turn of its own. A message without content (null, or a tool call only) is no turn.
    """

    name = "messages"
    title = "OpenAI messages (role, content)"

    def find(self, columns: Columns) -> Layout | str:
        """See `Format.find`."""
        return _chat_layout(columns, MESSAGES, _take_openai)

    def from_messages(self, exchange: Exchange) -> dict[str, Any]:
        """See `Format.from_messages`."""
        return with_fields({"messages": exchange.messages}, exchange.fields)


class ShareGPT(Format):
    """ShareGPT: `conversations` of `from` and `value` (or `role` and `content`), with human, gpt, system, observation
    and function_call. The value of a function_call is carried untouched and makes no turn.
    """

    name = "sharegpt"
    title = "ShareGPT conversations (from, value)"

    def find(self, columns: Columns) -> Layout | str:
        """See `Format.find`."""
        return _chat_layout(columns, (*CONVERSATIONS, *MESSAGES), take_chat)

    def from_messages(self, exchange: Exchange) -> dict[str, Any]:
        """See `Format.from_messages`."""
        conversation = [_sharegpt_message(message) for message in exchange.messages]
        return with_fields({"conversations": conversation}, exchange.fields)


def _chat_layout(columns: Columns, names: tuple[str, ...], take: Take) -> Layout | str:
    layout = chat_fields(columns, names)
    if isinstance(layout, str):
        return missing("the messages", names)
    *system, chat = layout
    return (*system, chat._replace(take=take, put=put_chat))


_take_openai = take_listed(chat_taker("role", ("role", "角色")))


_FROM = {
    "user": "human",
    "assistant": "gpt",
    "system": "system",
    "developer": "system",
    "tool": "observation",
    "function": "observation",
}


def _sharegpt_message(message: Message) -> dict[str, Any]:
    role, content = message["role"], message.get("content")
    if isinstance(content, list):
        raise Inexpressible("multimodal")
    if message.get("tool_calls"):
        return _function_call(message)
    extra = {key: value for key, value in message.items() if key not in ("role", "content")}
    return with_fields({"from": _FROM.get(role, role), "value": content}, extra)


def _function_call(message: Message) -> dict[str, Any]:
    if message.get("content"):
        raise Inexpressible("tool_call_with_text")
    calls, ids = [], []
    for call in message["tool_calls"]:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise Inexpressible("tool_calls", "a call has no function name")
        if not set(call) <= {"id", "type", "function"}:
            raise Inexpressible("tool_calls", "a call has more to it than a function")
        calls.append({**function, "arguments": _arguments(function.get("arguments", {}))})
        ids.append(call.get("id"))
    found: dict[str, Any] = {
        "from": "function_call",
        "value": dumps_exact(calls[0] if len(calls) == 1 else calls),
    }
    if any(known is not None for known in ids):
        found["tool_call_ids"] = ids
    extra = {key: value for key, value in message.items() if key not in ("role", "content", "tool_calls")}
    return with_fields(found, extra)


def _arguments(written: Any) -> Any:
    """Arguments as an object, as ShareGPT has them; what is no JSON object stays the string it is."""
    if not isinstance(written, str):
        return written
    try:
        value = loads_exact(written)
    except ValueError:
        return written
    return value if isinstance(value, dict) else written
