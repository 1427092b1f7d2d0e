"""What a record holds besides its turns and yet is part of what it says: pictures, sounds, tools and their calls.

Two questions about two different pictures may have the same text, and are no duplicates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from curation.formats.chat import CALL, ROLE_KEYS, keys_of, role_of
from curation.formats.meta import load_template
from curation.readers.payload import dumps_exact

COLUMNS = ("image", "images", "video", "videos", "audio", "audios", "file", "files", "tools", "functions")
MESSAGE_KEYS = ("tool_calls", "function_call", "tool_call", "images", "image", "audio", "video", "videos", "audios")

# A meta text without any of these holds nothing unseen; nearly all are told by this alone.
_SIGNS = re.compile(
    "|".join(
        [
            *(re.escape(f'"{name}"') for name in sorted({*COLUMNS, *MESSAGE_KEYS, CALL})),
            *(re.escape(f'"{name}":[') for name in ("content", "value", "text", "内容")),
        ]
    )
)


def with_unseen(metas: pl.Series) -> list[int]:
    """Where among many meta texts `unseen` may find something; elsewhere it is sure to find nothing."""
    return metas.str.contains(_SIGNS.pattern).arg_true().to_list()


def unseen(meta_json: str) -> str:
    """JSON of what no turn of the record shows but belongs to its meaning, "" if there is nothing; for fingerprints."""
    if not _SIGNS.search(meta_json):
        return ""
    template = load_template(meta_json)
    found: list[Any] = [[name, template[name]] for name in COLUMNS if template.get(name)]
    for value in template.values():
        found.extend(_in_messages(value))
    return dumps_exact(found) if found else ""


def _in_messages(value: Any) -> Iterator[Any]:
    if isinstance(value, dict) and isinstance(value.get("list"), list):
        value = value["list"]
    for message in value if isinstance(value, list) else [value]:
        if isinstance(message, dict) and any(isinstance(message.get(key), str) for key in ROLE_KEYS):
            yield from _in_message(message)


def _in_message(message: Mapping[str, Any]) -> Iterator[Any]:
    role_key, content_key = keys_of(message)
    content = None if content_key is None else message[content_key]
    for key in MESSAGE_KEYS:
        if message.get(key):
            yield [key, message[key]]
    if role_of(message[role_key]) == CALL:
        yield [CALL, content]
    elif isinstance(content, list):
        for part in content:
            if not isinstance(part, int) and not (isinstance(part, dict) and type(part.get("text")) is int):
                yield part
