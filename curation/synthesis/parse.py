"""From what a model wrote to the items it was asked for. Strict about what they hold, patient about what is around them.

JSON is read as it is, within a code fence or amid talk; only then it is repaired, which mends its form and never its words;
and where there is no JSON at all, lines that begin with `Question:` and `Answer:` are read, if they leave no doubt. What was
not read is told as a flaw, one for each item that is not there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from curation.synthesis.model import Exchange, Material, Unit, anchors_in
from curation.synthesis.prompts.schema import WORKED_ON, keys_of
from curation.synthesis.read_json import THOUGHT, Several, json_in, mended
from curation.synthesis.read_lines import lines_in

FlawReason = Literal["schema", "unreadable", "missing"]
Found = Mapping[str, Any]

_NAMES = {
    "question": "question", "q": "question", "instruction": "question", "prompt": "question", "answer": "answer",
    "a": "answer", "response": "answer", "output": "answer", "quote": "quote", "evidence": "quote", "reasoning": "reasoning",
    "问题": "question", "问": "question", "指令": "question", "答案": "answer", "回答": "answer", "答": "answer",
    "引文": "quote", "原文": "quote", "依据": "quote", "推理": "reasoning", "步骤": "reasoning",
}  # fmt: skip
"""Keys of an exchange, and the other names that models give them."""

_BESIDES = frozenset({"type", "difficulty", "language", "id", "number"})
"""Keys that models add out of the prompt's words. They are left out; any other is a flaw."""

_MARK = re.compile(r"[1-5](?:\.\d+)?")
_YES, _NO = frozenset({"yes", "是", "能", "可以"}), frozenset({"no", "否", "不能", "不可以"})


@dataclass(frozen=True)
class Flaw:
    """An item that was asked for and is not there. reason: a key of REASONS; detail: what is wrong, never what was said."""

    reason: FlawReason
    detail: str = ""


@dataclass(frozen=True)
class Reading:
    """What was read: exactly as many items as the unit asked for. repaired: its JSON had to be. surplus: items beyond."""

    items: tuple[tuple[Exchange, ...] | Flaw, ...]
    repaired: bool = False
    surplus: int = 0


def read_items(text: str, unit: Unit) -> Reading:
    """The items in an answer to `Prompts.request`.

    Of kinds that write only a part of an exchange the rest is empty, see `filled`. Raises nothing.
    """
    text = THOUGHT.sub("", text, count=1)
    if text.lstrip().startswith("<think>"):
        return _nothing(unit, Flaw("unreadable", "The thought does not end."))
    try:
        found, repaired = json_in(text), False
        if found is None:
            found = _lines(text, unit) or _begun(text, unit)
        if found is None:
            found, repaired = mended(text), True
    except Several:
        return _nothing(unit, Flaw("unreadable", "There is more than one answer in it."))
    if found is None:
        return _nothing(unit, Flaw("unreadable", "There is neither JSON nor a line that begins with Question."))
    return _reading(_list_of(found, unit), unit, repaired)


def _lines(text: str, unit: Unit) -> list[dict[str, str]] | None:
    return lines_in(text, _NAMES, WORKED_ON[unit.kind], paragraphs=unit.kind != "qa")


def _begun(text: str, unit: Unit) -> list[dict[str, str]] | None:
    """The item of a model that went on where the prompt ends, behind `Question:`. Its first line alone is what belongs there,
    and labels follow; anything else leaves a doubt."""
    first = WORKED_ON[unit.kind][0]
    head = text.strip().partition("\n")[0].strip()
    if not unit.wanted == 1 == unit.turns or head.endswith((":", "：")) or f"{first}:" in head.casefold():
        return None
    found = _lines(f"{first}: {text.strip()}", unit)
    return found if found and found[0].get(first) == head else None


def filled(exchanges: Sequence[Exchange], unit: Unit, material: Material, place: int = 0) -> tuple[Exchange, ...]:
    """The exchanges of the unit's item at `place` with what the model did not write: the sentence that was asked about, the
    text that an instruction is for, the question of an answer."""
    if unit.anchors:
        start, end = anchors_in(material, unit)[place]
        return tuple(replace(one, quote=material.text[start:end]) for one in exchanges)
    if unit.kind == "instruction":
        return tuple(replace(one, answer=material.text) for one in exchanges)
    if unit.kind == "complete":
        asked = [text for role, text in material.turns if role == "user"]
        return tuple(replace(one, question=asked[-1] if asked else "") for one in exchanges)
    return tuple(exchanges)


def read_answerable(text: str) -> bool | None:
    """Yes or no, as JSON or as the one word; None for all else."""
    text = THOUGHT.sub("", text, count=1)
    found = _only_object(text)
    said = found.get("answerable") if found is not None else text
    if isinstance(said, bool):
        return said
    word = str(said).strip().strip(".。!！\"'").casefold() if isinstance(said, str) else ""
    return True if word in _YES else False if word in _NO else None


def read_mark(text: str) -> tuple[float, str] | None:
    """Mark and reason, as JSON or as the bare number; None for all else."""
    text = THOUGHT.sub("", text, count=1)
    found = _only_object(text)
    if found is None:
        bare = text.strip()
        return (float(bare), "") if _MARK.fullmatch(bare) and float(bare) <= 5 else None
    mark, reason = found.get("mark"), found.get("reason", "")
    if isinstance(mark, str) and _MARK.fullmatch(mark.strip()):
        mark = float(mark)
    if isinstance(mark, bool) or not isinstance(mark, int | float) or not 1 <= mark <= 5 or not isinstance(reason, str):
        return None
    return float(mark), reason.strip()


def _only_object(text: str) -> Found | None:
    try:
        found = json_in(text)
    except Several:
        return {}
    return found if isinstance(found, dict) else None


def _nothing(unit: Unit, flaw: Flaw) -> Reading:
    return Reading((flaw,) * unit.wanted)


def _list_of(found: Any, unit: Unit) -> list[Any]:
    """The items as they were written: under `items`, as a bare list, or one alone."""
    if isinstance(found, dict):
        inner = found.get("items")
        if isinstance(inner, list):
            return inner
        lists = [value for value in found.values() if isinstance(value, list)]
        if len(found) == 1 == len(lists) and not ("exchanges" in found and unit.turns > 1):
            return lists[0]
        return [found]
    if unit.turns > 1 and found and all(isinstance(each, dict) and "exchanges" not in each for each in found):
        return [{"exchanges": found}]  # one conversation, without what should be around it
    return list(found)


def _reading(items: Sequence[Any], unit: Unit, repaired: bool) -> Reading:
    read = [_item(each, unit) for each in items[: unit.wanted]]
    missing = unit.wanted - len(read)
    rest = [Flaw("missing", f"{len(read)} of {unit.wanted} were written.")] * missing
    return Reading((*read, *rest), repaired, max(0, len(items) - unit.wanted))


def _item(found: Any, unit: Unit) -> tuple[Exchange, ...] | Flaw:
    if not isinstance(found, dict):
        return Flaw("schema", "An item must be an object.")
    parts = [found]
    if set(found) - _BESIDES == {"exchanges"}:
        inner = found["exchanges"]
        parts = inner if isinstance(inner, list) else []
    if len(parts) != unit.turns:
        return Flaw("schema", f"{len(parts)} exchanges in place of {unit.turns}.")
    exchanges: list[Exchange] = []
    for part in parts:
        read = _exchange(part, unit)
        if isinstance(read, Flaw):
            return read
        exchanges.append(read)
    return tuple(exchanges)


def _exchange(found: Any, unit: Unit) -> Exchange | Flaw:
    if not isinstance(found, dict):
        return Flaw("schema", "An exchange must be an object.")
    values: dict[str, str] = {}
    for name, value in found.items():
        key = _NAMES.get(name.strip().casefold())
        if key is None and name.strip().casefold() in _BESIDES:
            continue
        if key is None or key in values:
            return Flaw("schema", "A key is there that was not asked for." if key is None else f"{key} is there twice.")
        if not isinstance(value, str):
            return Flaw("schema", f"{key} must be text.")
        values[key] = value.strip()
    lacking = [key for key in WORKED_ON[unit.kind] if not values.get(key)]
    if lacking:
        return Flaw("schema", f"{lacking[0]} is missing.")
    kept = {key: value for key, value in values.items() if key in keys_of(unit, quote=True)}
    return Exchange(**{"question": "", "answer": "", **kept})
