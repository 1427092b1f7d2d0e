"""One payload to one object, strictly, and JSON without loss.

The way of an ordinary record is orjson and one count over its bytes. What orjson cannot do without loss (integers
beyond 64 bit become floats, of two equal keys the last wins) is noticed cheaply and goes the slow way of `strict`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from math import isfinite
from typing import Any

import orjson

from curation.readers.model import LIMITS, Limits
from curation.readers.reasons import BadRecord
from curation.readers.strict import parse_strictly

__all__ = ["BadRecord", "dumps_bytes", "dumps_exact", "loads_exact", "parse_payload"]

_LARGEST_EXACT = float(1 << 63)  # orjson is exact from -2^63 to 2^64-1; from here on a float may have been an integer
_WIDE = Limits(max_bytes=sys.maxsize, max_depth=900, max_keys=sys.maxsize)


def parse_payload(payload: bytes, limits: Limits = LIMITS) -> dict[str, Any]:
    """The object that `payload` (UTF-8 JSON text) holds, key order kept, integers of any size exact.

    Raises BadRecord with a reason in QUARANTINE_REASONS, and nothing else, whatever the bytes.
    """
    if len(payload) > limits.max_bytes:
        raise BadRecord("too_long", f"{len(payload)} bytes, the limit is {limits.max_bytes}")
    try:
        value = orjson.loads(payload)
    except orjson.JSONDecodeError:
        value = parse_strictly(payload, limits)
    else:
        if type(value) is not dict:
            raise BadRecord("not_object", f"a JSON {_kind(value)}")
        if not _surely_exact(payload, value, limits):
            value = parse_strictly(payload, limits)
    if type(value) is not dict:
        raise BadRecord("not_object", f"a JSON {_kind(value)}")
    return value


def _surely_exact(payload: bytes, value: dict[str, Any], limits: Limits) -> bool:
    """Whether orjson lost nothing and the limits are kept. False may be a false alarm; True never is wrong.

    No two keys were equal if the text has exactly the quotes that the keys and strings of the value need, since a value
    that was lost had at least the two quotes of its key more. Quotes inside strings are counted in the parsed strings,
    unless one is written as \\u0022.
    """
    if len(value) > limits.max_keys:
        return False
    escapes = 0x5C in payload
    quotes = 2 * len(value)
    inside = "".join(value).count('"') if escapes else 0
    for child in value.values():
        kind = type(child)
        if kind is str:
            quotes += 2
            if escapes:
                inside += child.count('"')
        elif kind is dict or kind is list:
            needed = _quotes_needed(value, escapes, limits)
            return payload.count(b'"') == needed and not (escapes and b"\\u0022" in payload)
        elif kind is float and not -_LARGEST_EXACT < child < _LARGEST_EXACT:
            return False
    # Only quotes inside of what was kept could make up for those of what was lost.
    return payload.count(b'"') == quotes + inside and not (inside and b"\\u0022" in payload)


def _quotes_needed(value: dict[str, Any], escapes: bool, limits: Limits) -> int:
    """Quotes in the text of `value`, if none is written as \\u0022; -1 beyond the limits or for an inexact number."""
    strings: list[str] = []
    level: list[Any] = [value]
    for _ in range(limits.max_depth):
        below: list[Any] = []
        for node in level:
            if type(node) is dict:
                if len(node) > limits.max_keys:
                    return -1
                strings.extend(node)
                node = node.values()
            for child in node:
                kind = type(child)
                if kind is str:
                    strings.append(child)
                elif kind is dict or kind is list:
                    below.append(child)
                elif kind is float and not -_LARGEST_EXACT < child < _LARGEST_EXACT:
                    return -1
        if not below:
            return 2 * len(strings) + ("".join(strings).count('"') if escapes else 0)
        level = below
    return -1


def _any_float(value: Any, test: Callable[[float], bool]) -> bool:
    """Whether any float in `value`, at any depth, passes `test`."""
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            stack.extend(node.values())
        elif isinstance(node, list | tuple):
            stack.extend(node)
        elif isinstance(node, float) and test(node):
            return True
    return False


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {list: "array", dict: "object", str: "string", bool: "boolean"}
    return names.get(type(value), "number")


def loads_exact(text: str) -> Any:
    """Any JSON value, integers of up to 4300 digits included; the value of a key given twice is the last one.

    Raises ValueError for anything else: invalid JSON, NaN, Infinity, lone surrogates, nesting beyond 900 levels.
    """
    try:
        value = orjson.loads(text)
        if not _any_float(value, lambda number: abs(number) >= _LARGEST_EXACT):
            return value
    except orjson.JSONDecodeError:
        pass  # an integer beyond the range of floats, or no JSON
    try:
        return parse_strictly(text.encode(), _WIDE)
    except BadRecord as error:
        raise ValueError(f"{error.reason}: {error.detail}") from None


def dumps_exact(value: Any) -> str:
    """Compact JSON text, key order kept, characters beyond ASCII as they are, integers of any size.

    Raises ValueError for NaN, Infinity and lone surrogates, TypeError for what JSON has no word for.
    """
    return dumps_bytes(value).decode()


def dumps_bytes(value: Any, default: Callable[[Any], Any] | None = None) -> bytes:
    """`dumps_exact` as UTF-8 bytes; `default` turns what JSON has no word for into what it has."""
    try:
        text = orjson.dumps(value, default)
    except TypeError:
        return _dumps_slowly(value, default)
    # orjson writes NaN and Infinity as null, so only a text with a null in it can hide one
    if b"null" in text and _any_float(value, lambda number: not isfinite(number)):
        raise ValueError("NaN and Infinity cannot be written as JSON")
    return text


def _dumps_slowly(value: Any, default: Callable[[Any], Any] | None) -> bytes:
    """For integers beyond 64 bit, which orjson refuses."""
    _check_keys(value)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=default)
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError("a lone surrogate cannot be written as UTF-8") from None


def _check_keys(value: Any) -> None:
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            for key in node:
                if not isinstance(key, str):  # the json module would quietly turn 1 into "1"
                    raise TypeError(f"a key must be a string, not {type(key).__name__}")
            stack.extend(node.values())
        elif isinstance(node, list | tuple):
            stack.extend(node)
