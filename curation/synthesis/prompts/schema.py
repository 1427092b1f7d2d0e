"""The form of an answer, as JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from curation.synthesis.model import Kind, Unit

WORKED_ON: Mapping[Kind, tuple[str, ...]] = {
    "qa": ("question", "answer"),
    "similar": ("question", "answer"),
    "instruction": ("question",),
    "rewrite": ("question", "answer"),
    "complete": ("answer",),
    "translate": ("question", "answer"),
    "deepen": ("question", "answer"),
}
"""What the model writes of an exchange, besides quote and reasoning; the rest is the source's."""


SENTENCE = "sentence"
"""The prompt file for questions about sentences that the plan has drawn."""


def file_of(unit: Unit) -> str:
    """The prompt file that a unit is asked with, without `.jinja`."""
    return SENTENCE if unit.anchors else unit.kind


def keys_of(unit: Unit, *, quote: bool) -> tuple[str, ...]:
    """The keys of an exchange, in the order in which they are asked for."""
    keys = WORKED_ON[unit.kind]
    if quote and unit.kind == "qa" and not unit.anchors:
        keys = ("quote", *keys)  # first: what is copied decides what is asked
    if unit.reasoning and "answer" in keys:
        at = keys.index("answer")
        keys = (*keys[:at], "reasoning", *keys[at:])
    return keys


def items_schema(unit: Unit, keys: Sequence[str]) -> Mapping[str, Any]:
    """`{"items": [{"question": …}, …]}`; an item of several exchanges is `{"exchanges": […]}`."""
    item = _object({key: {"type": "string"} for key in keys})
    if unit.turns > 1:
        item = _object({"exchanges": _list_of(item, unit.turns)})
    return _object({"items": _list_of(item, unit.wanted)})


ANSWERABLE: Mapping[str, Any] = {
    "type": "object",
    "properties": {"answerable": {"type": "string", "enum": ["yes", "no"]}},
    "required": ["answerable"],
    "additionalProperties": False,
}
MARK: Mapping[str, Any] = {
    "type": "object",
    "properties": {"reason": {"type": "string"}, "mark": {"type": "number", "minimum": 1, "maximum": 5}},
    "required": ["reason", "mark"],
    "additionalProperties": False,
}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _list_of(item: Mapping[str, Any], count: int) -> dict[str, Any]:
    return {"type": "array", "items": dict(item), "minItems": count, "maxItems": count}
