"""What can go wrong with one record: it fits no format, or another format cannot say what it says."""

from __future__ import annotations

from collections.abc import Mapping

from curation.readers.payload import BadRecord

FORMAT_REASONS: Mapping[str, str] = {
    "unknown_format": "the object has the columns of no known format",
    "wrong_format": "the object does not fit the format that was asked for",
    "no_text": "the object has the right columns, but no text in any of them",
}

INEXPRESSIBLE_REASONS: Mapping[str, str] = {
    "plain_text": "a plain text is no conversation",
    "conversation": "a conversation is no plain text",
    "preference_pair": "a chosen and a rejected answer are no single conversation",
    "no_rejected": "there is no rejected answer",
    "no_label": "there is no label that says whether the answer is wanted",
    "unwanted_answer": "the label says that this answer is not wanted",
    "several_instances": "one instruction with several instances is no single conversation",
    "several_turns": "the conversation has more than one question",
    "not_alternating": "question and answer do not alternate",
    "no_answer": "the last question has no answer",
    "system_midway": "there is a system message after the beginning",
    "unknown_role": "there is a role that the format has no name for",
    "no_content": "there is a message without content",
    "multimodal": "there are parts that are not text",
    "tool_calls": "there are tool calls or tool results",
    "tool_call_with_text": "one message has both text and tool calls",
    "message_keys": "a message has more to it than role and content",
    "markup_in_text": "the text holds the very marks that would part the turns",
}


class Inexpressible(Exception):
    """A record that another format cannot hold without losing something. `reason` is in INEXPRESSIBLE_REASONS."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def misfit(detail: str) -> BadRecord:
    """The BadRecord for an object that is not of the format at hand; `detail` names columns, never text."""
    return BadRecord("wrong_format", detail)
