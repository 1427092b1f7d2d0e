"""What a JSON file holds: records one after the other, in an array, or inside an object around an array."""

from __future__ import annotations

import re

import orjson

from curation.readers.json_scan import Scanner

_KEY = re.compile(rb'[\s,]*+("[^"\\]*+(?:\\.[^"\\]*+)*+")\s*+:\s*+', re.DOTALL)
OBJECTS = re.compile(rb"\[\s*+\{")
_SCALAR = re.compile(rb"[^\s,{}\[\]]++")

# An object with one of these columns is a record itself, even if it also holds an array of objects, as
# {"messages": [{"role": …}]} does.
_RECORD_COLUMNS = frozenset(
    "messages conversations conversation dialogue dialog turns instruction prompt completion response output query "
    "question answer text content chosen rejected 指令 问题 答案 回答 输出 文本 内容".split()
)


def holds_records(head: bytes) -> bool:
    """Whether the top-level object that `head` begins with is no record, but holds an array of them.

    Looks at as many keys as `head` has. An object that is itself an element of a top-level array is none of this.
    """
    at = len(head) - len(head.lstrip())
    if head[at : at + 1] != b"{":
        return False
    at += 1
    found = False
    while match := _KEY.match(head, at):
        try:
            key = orjson.loads(match[1])
        except orjson.JSONDecodeError:
            return found
        if key.lower() in _RECORD_COLUMNS:
            return False
        at = match.end()
        found = found or bool(OBJECTS.match(head, at))
        scalar = _SCALAR.match(head, at)
        at = scalar.end() if scalar and head[at : at + 1] != b'"' else Scanner().feed(head, at)
        if at < 0:
            break
    return found
