"""Lists of messages: taken apart, and put back.

A message is an object with a role (`role` or `from`) and, as a rule, content (`content` or `value`): a string, null, or
a list of parts of which some are text. Tool calls, pictures, names, weights and whatever else a message holds stay
where they are. The value of a ShareGPT `function_call` is a tool call too: it is carried, not shown as a turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from curation.formats.errors import misfit
from curation.formats.slots import Take, Turns

ROLES: Mapping[str, str] = {
    "user": "user",
    "human": "user",
    "prompter": "user",
    "用户": "user",
    "人类": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "chatbot": "assistant",
    "model": "assistant",
    "ai": "assistant",
    "助手": "assistant",
    "system": "system",
    "developer": "system",
    "系统": "system",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "function_response": "tool",
    "tool_response": "tool",
    "ipython": "tool",
    "工具": "tool",
    "function_call": "function_call",
    "tool_call": "function_call",
}
CALL = "function_call"  # the role of a ShareGPT message whose value is a tool call
ROLE_KEYS = ("role", "from", "角色")
CONTENT_KEYS = {
    "role": ("content", "value", "text"),
    "from": ("value", "content", "text"),
    "角色": ("内容",),
}

Shared = Sequence[tuple[str, str, int]]  # role, content, slot of messages already taken


def role_of(raw: str) -> str:
    """The role that stages know for a role as written; one they do not know stays as it is."""
    return ROLES.get(raw) or ROLES.get(raw.strip().lower(), raw)


def keys_of(message: Mapping[str, Any]) -> tuple[str, str | None]:
    """The names of a message's role key and content key; the latter is None where there is no content."""
    for role_key in ROLE_KEYS:
        if type(message.get(role_key)) is str:
            for content_key in CONTENT_KEYS[role_key]:
                if content_key in message:
                    return role_key, content_key
            return role_key, None
    raise misfit("a message has no role")


def chat_taker(role_key: str, allowed: Sequence[str] = ROLE_KEYS) -> Take:
    """A taker for a list of messages that usually have `role_key`; none but the `allowed` role keys will do."""
    content_key = CONTENT_KEYS[role_key][0]

    def take(value: Any, turns: Turns) -> Any:
        messages = a_list(value)
        template = []
        for message in messages:
            try:  # the way of nearly all messages; everything else goes through take_message
                role, content = ROLES[message[role_key]], message[content_key]
            except (KeyError, TypeError, IndexError):
                role, content = CALL, None
            if type(content) is str and role != CALL:
                taken = message.copy()
                taken[content_key] = len(turns)
                turns.append((role, content))
            else:
                taken = take_message(message, turns, allowed=allowed)
            template.append(taken)
        return template

    return take


def take_message(
    message: Any, turns: Turns, answer: str = "assistant", allowed: Sequence[str] = ROLE_KEYS
) -> dict[str, Any]:
    """Template of one message. `answer` is the role for what the assistant says."""
    if type(message) is not dict:
        raise misfit(f"a message is of type {type(message).__name__}")
    role_key, content_key = keys_of(message)
    if role_key not in allowed:
        raise misfit("a message has no role")
    if content_key is None:
        return message
    role, content = role_of(message[role_key]), message[content_key]
    kind = type(content)
    if content is None or (role == CALL and kind in (str, dict)):
        return message
    if role == "assistant":
        role = answer
    if kind is str:
        turns.append((role, content))
        return {**message, content_key: len(turns) - 1}
    if kind is list and role != CALL:
        return {**message, content_key: take_parts(content, role, turns)}
    raise misfit(f"the content of a message is of type {kind.__name__}")


def take_answers(value: Any, turns: Turns, answer: str, shared: Shared = (), plain: int = 0) -> list[dict[str, Any]]:
    """Template of a list of messages that ends with an answer of its own role.

    answer: the role for what the assistant says from message `plain` on (chosen and rejected answers have their own).
    shared: messages taken before; as long as this list begins with the same ones, their turns are used again.
    """
    template = []
    same = min(len(shared), len(a_list(value)) - 1)  # the last message is never shared: it is the answer
    for index, message in enumerate(value):
        said = said_in(message) if index < same else None
        if said is not None and said == shared[index][:2]:
            template.append({**message, str(keys_of(message)[1]): shared[index][2]})
        else:
            same = min(same, index)
            template.append(take_message(message, turns, answer if index >= plain else "assistant"))
    return template


def a_list(value: Any) -> list[Any]:
    """The value, if it is a list. Raises BadRecord for anything else."""
    if type(value) is not list:
        raise misfit(f"a list of messages is of type {type(value).__name__}")
    return value


def said_in(message: Any) -> tuple[str, str] | None:
    """Role and content of a message whose content is one plain string; None for any other."""
    if type(message) is not dict:
        return None
    role_key, content_key = keys_of(message)
    content = None if content_key is None else message[content_key]
    return (role_of(message[role_key]), content) if type(content) is str else None


def put_messages(mark: Any, turns: Sequence[tuple[str, str]]) -> Any:
    """The inverse of the takers above."""
    return [put_message(message, turns) for message in mark]


def put_message(message: dict[str, Any], turns: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """One message with its text put back."""
    content_key: str | None = "content"
    if "content" not in message or type(message.get("role")) is not str:
        content_key = keys_of(message)[1]
    if content_key is None:
        return message
    content = message[content_key]
    if type(content) is int:
        put = message.copy()
        put[content_key] = turns[content][1]
        return put
    if type(content) is list:
        return {**message, content_key: put_parts(content, turns)}
    return message


def take_parts(parts: list[Any], role: str, turns: Turns) -> list[Any]:
    """Template of the parts of one message: each text part is a turn of its own, the others are left alone."""
    template: list[Any] = []
    for part in parts:
        if type(part) is str:
            turns.append((role, part))
            template.append(len(turns) - 1)
        elif type(part) is int or (type(part) is dict and type(part.get("text")) is int):
            raise misfit("a part of a message is a number")
        elif type(part) is dict and type(part.get("text")) is str:
            turns.append((role, part["text"]))
            template.append({**part, "text": len(turns) - 1})
        else:
            template.append(part)
    return template


def put_parts(parts: list[Any], turns: Sequence[tuple[str, str]]) -> list[Any]:
    """The inverse of `take_parts`."""
    return [
        turns[part][1]
        if type(part) is int
        else {**part, "text": turns[part["text"]][1]}
        if type(part) is dict and type(part.get("text")) is int
        else part
        for part in parts
    ]


def leading(template: Any, turns: Turns) -> list[tuple[str, str, int]]:
    """Role, content and slot of the first messages of a template, as far as their content is one plain string."""
    found = []
    for message in template:
        role_key, content_key = keys_of(message)
        slot = message[content_key] if content_key else None
        if type(slot) is not int:
            break
        found.append((role_of(message[role_key]), turns[slot][1], slot))
    return found
