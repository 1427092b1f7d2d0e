"""The slow, exact way to parse one payload, and to say in one word what is wrong with it."""

from __future__ import annotations

import codecs
import json
import re
from math import isinf
from typing import Any, NoReturn

from curation.readers.model import Limits
from curation.readers.reasons import BadRecord

# The closing quote is optional, so that an open string is read once and not again from each quote inside it.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{\[}\]]', re.DOTALL)
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_MAX_DIGITS = 4300  # Python turns no longer text into an int, since that takes quadratic time


def parse_strictly(payload: bytes, limits: Limits) -> Any:
    """The JSON value, exact in every integer. Raises BadRecord naming what is wrong, and nothing else."""
    payload = payload.removeprefix(codecs.BOM_UTF8)  # files with a BOM that were concatenated
    text = _decode(payload)
    if b"\0" in payload:
        raise BadRecord("nul_byte", f"at byte {payload.index(0)} of the record")
    _check_depth(payload, limits.max_depth)
    try:
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_float,
            object_pairs_hook=lambda pairs: _object(pairs, limits),
        )
    except json.JSONDecodeError as error:
        _explain(error, text)
    except RecursionError:
        raise BadRecord("too_deep", f"the limit is {limits.max_depth} levels") from None
    if _ESCAPED_SURROGATE.search(payload):
        _check_surrogates(value)
    return value


def _decode(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        where = f"at byte {error.start} of the record"
    try:
        payload.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise BadRecord("invalid_encoding", where) from None
    raise BadRecord("lone_surrogate", where)


def _check_depth(payload: bytes, limit: int) -> None:
    """Before any recursive parser sees the text: 100,000 brackets would be 100,000 calls deep."""
    if payload.count(b"{") + payload.count(b"[") <= limit:
        return
    depth = 0
    for match in _TOKEN.finditer(payload):
        byte = payload[match.start()]
        if byte in b"{[":
            depth += 1
            if depth > limit:
                raise BadRecord("too_deep", f"the limit is {limit} levels")
        elif byte in b"}]":
            depth -= 1


def _refuse_constant(name: str) -> NoReturn:
    raise BadRecord("not_a_number", name)


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise BadRecord("number_out_of_range", f"an integer of {len(digits)} digits")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if isinf(value):
        raise BadRecord("number_out_of_range", digits[:40])
    return value


def _object(pairs: list[tuple[str, Any]], limits: Limits) -> dict[str, Any]:
    if len(pairs) > limits.max_keys:
        raise BadRecord("too_many_keys", f"{len(pairs)} keys, the limit is {limits.max_keys}")
    value = dict(pairs)
    if len(value) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise BadRecord("duplicate_key", f"the key {twice[:80]!a}")
    return value


def _explain(error: json.JSONDecodeError, text: str) -> NoReturn:
    where = f"{error.msg} (character {error.pos + 1} of the record)"
    if error.msg == "Extra data" and text[error.pos] in '{["':
        raise BadRecord("several_values", where) from None
    if error.msg.startswith("Invalid control character"):
        raise BadRecord("control_character", where) from None
    raise BadRecord("bad_json", where) from None


def _check_surrogates(value: Any) -> None:
    """The json module lets the escape of half a pair through; no encoder takes it later."""
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            stack.extend(node)
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, str):
            try:
                node.encode()
            except UnicodeEncodeError:
                raise BadRecord("lone_surrogate", "an escaped one") from None
