"""A JSON object with the keys that were asked for, and the values that were given."""

from __future__ import annotations

import json
import random
from typing import Any

from training.compare.suites.words import CITIES, KINDS, NAMES, unfenced


def make(draw: random.Random, language: str, number: int) -> tuple[str, str]:
    """A person, or a thing with a price: three keys, one of them a number."""
    if number % 2 == 0:
        facts: dict[str, Any] = {
            "name": draw.choice(NAMES[language]),
            "age": draw.randint(18, 90),
            "city": draw.choice(CITIES[language]),
        }
        en = f"{facts['name']} is {facts['age']} years old and lives in {facts['city']}."
        zh = f"{facts['name']}今年{facts['age']}岁，住在{facts['city']}。"
    else:
        kind = draw.choice(sorted(KINDS[language]))
        facts = {
            "item": draw.choice(KINDS[language][kind]),
            "count": draw.randint(2, 60),
            "buyer": draw.choice(NAMES[language]),
        }
        en = f"{facts['buyer']} orders this item: {facts['item']}, count {facts['count']}."
        zh = f"{facts['buyer']}订购了这种物品：{facts['item']}，数量{facts['count']}。"
    keys = list(facts)
    if language == "zh":
        question = (
            f'{zh}\n把它写成一个JSON对象，键为"{keys[0]}"、"{keys[1]}"和"{keys[2]}"，"{keys[1]}"是数字。只输出JSON。'
        )
    else:
        question = (
            f'{en}\nWrite this as a JSON object with the keys "{keys[0]}", "{keys[1]}" and "{keys[2]}"; '
            f'"{keys[1]}" is a number. Answer with the JSON only.'
        )
    return question, json.dumps(facts, ensure_ascii=False)


def is_right(answer: str, expected: str, question: str) -> bool:  # noqa: ARG001 - as every suite
    """All of it is one JSON object (in a code block or not) with just these keys and values, numbers as numbers."""
    return same_json(parse(unfenced(answer)), json.loads(expected))


def parse(text: str) -> Any:
    """The value, by the letter of RFC 8259 and no key twice; `...` (which equals nothing) where it is none."""
    try:
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return ...


def same_json(found: Any, expected: Any) -> bool:
    """Equal, and of the same JSON type: 1 is not true, "34" is not 34; 34.0 is 34."""
    if isinstance(expected, dict):
        return (
            isinstance(found, dict)
            and found.keys() == expected.keys()
            and all(same_json(found[key], value) for key, value in expected.items())
        )
    if isinstance(expected, int) and not isinstance(expected, bool):
        return isinstance(found, int | float) and not isinstance(found, bool) and found == expected
    return type(found) is type(expected) and bool(found == expected)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found
