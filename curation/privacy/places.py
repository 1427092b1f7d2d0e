"""Where a mask may stand: it cuts no character that is made of several code points and no marker of a chat template."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

# What templates and their tokenizers know as one token. A model trained on half of one learns something else.
MARKER = re.compile(
    r"<\|[^|<>\s]{1,40}\|>"  # <|im_start|>, <|eot_id|>
    r"|<｜[^｜<>]{1,40}｜>"  # <｜User｜>
    r"|\[/?(?:INST|SYS|TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS|SYSTEM_PROMPT|THINK|IMG|gMASK)\]|<</?SYS>>|</?s>"
    r"|<(?:bos|eos|pad|unk|mask|sop|eop|start_of_turn|end_of_turn|start_of_image|reserved_\d+|image|video|audio)>"
    r"|</?(?:think|tool|tools|tool_call|tool_calls|tool_response|function_call|answer)>"
    r"|(?m:^#{2,4} ?(?:Human|User|Assistant|System|Instruction|Input|Response|指令|输入|回答|用户|助手)[:：])"
)
_SIGNS = ("<", "[", "#")
_JOINER = "\u200d"
_ASKED = re.compile(r"[^\W_]")


def markers(text: str) -> list[tuple[int, int]]:
    """Where markers stand."""
    if not any(sign in text for sign in _SIGNS):
        return []
    return [found.span() for found in MARKER.finditer(text)]


def whole_characters(text: str, start: int, end: int) -> tuple[int, int]:
    """The stretch, made larger so that accents, variation selectors and joined emoji are not cut off their letter."""
    while 0 < start < len(text) and (_extends(text[start]) or text[start - 1] == _JOINER):
        start -= 1
    while end < len(text) and (_extends(text[end]) or (end and text[end - 1] == _JOINER)):
        end += 1
    return start, end


def _extends(character: str) -> bool:
    """Whether a code point belongs to the one before it."""
    if character < "\u0300":
        return False
    return (
        character == _JOINER
        or unicodedata.category(character)[0] == "M"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
    )


def without(start: int, end: int, taken: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """What is left of a stretch when others, in order and apart, are taken out of it."""
    for first, last in taken:
        if last <= start:
            continue
        if first >= end:
            break
        if start < first:
            yield start, first
        start = last
    if start < end:
        yield start, end


def trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    """A remainder without blanks and punctuation at its ends; None where it holds no letter and no digit."""
    first = _ASKED.search(text, start, end)
    if first is None:
        return None
    while not _ASKED.match(text, end - 1):
        end -= 1
    return first.start(), end
