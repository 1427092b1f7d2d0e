"""A village of made-up people to ask about, and a model that answers about them: always the same to the same prompt.

`write_village(path, 200)` writes a line for each of 200 people; `answer(body)` is what the model writes about one of them, for
`llm_server.FaultyServer`. It is no perfect model: some quotes are made up, some items are missing, and every fourth answer asks
the same question as others do. `expected(200)` is what a run about all of them must come to.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llm_server import last_user_text

SHARED = "All books of the parish are kept in the vestry of Saint Oswin."
_SOUNDS = ("ba", "dro", "fi", "gul", "ha", "ki", "lem", "mor", "na", "pel", "qui", "ras", "su", "tov", "wen", "zar")
_THINGS = ("geese", "clocks", "beehives", "kettles", "violins", "maps", "goats", "lanterns", "barrels", "looms")
_ENTRY = re.compile(r"Entry (\d+): (.+?\.) (.+?\.) ")


def person(number: int) -> tuple[str, str, int, str, str]:
    """Name, thing, how many, where, and whose son or daughter."""
    draw = random.Random(number)

    def word(parts: int) -> str:
        return "".join(draw.choice(_SOUNDS) for _ in range(parts)).capitalize()

    return f"{word(3)} {word(2)}", draw.choice(_THINGS), 11 + number, f"{word(3)} {word(2)}", f"{word(2)} {word(3)}"


def line(number: int) -> str:
    """What the parish book says of one of them."""
    name, thing, many, place, parent = person(number)
    return (
        f"Entry {number}: {name} keeps {many} {thing} in the barn of {place}. {parent} taught {name} to write in {place}. "
        f"{SHARED}"
    )


def write_village(path: Path, people: int) -> Path:
    """A document a line."""
    path.write_text("".join(f"{line(number)}\n" for number in range(people)), encoding="utf-8")
    return path


def items_about(number: int) -> list[dict[str, str]]:
    """What the model writes, of the two items that it is asked for."""
    name, thing, many, place, parent = person(number)
    first = {
        "question": f"How many {thing} does {name} keep in the barn of {place}?",
        "answer": f"{name} keeps {many} {thing} in the barn of {place}.",
        "quote": f"{name} keeps {many} {thing} in the barn of {place}.",
    }
    second = {
        "question": f"Who taught {name} to write, and where was that?",
        "answer": f"{parent} taught {name} to write in {place}.",
        "quote": f"{parent} taught {name} to write in {place}.",
    }
    if number % 4 == 1:
        second = {"question": "Where are all books of the parish kept?", "answer": SHARED, "quote": SHARED}
    if number % 10 == 2:
        first["quote"] = f"{name} is said to keep a great many of them somewhere."
    return [first] if number % 10 == 7 else [first, second]


def answer(body: dict[str, Any]) -> str:
    """The answer to a prompt about one of them."""
    found = re.search(r"Entry (\d+): ", last_user_text(body))
    assert found is not None, "the prompt shows no entry of the book"
    return json.dumps({"items": items_about(int(found[1]))}, ensure_ascii=False)


def expected(people: int, left_out: Callable[[int], bool] = lambda number: False) -> Counter[str]:
    """Reasons (and `accepted`) by how often, for a run that asks for two items about each but those `left_out`."""
    found: Counter[str] = Counter()
    for number in range(people):
        if left_out(number):
            continue
        found["quote_not_found" if number % 10 == 2 else "accepted"] += 1
        if number % 10 == 7:
            found["missing"] += 1
        elif number % 4 == 1:
            found["accepted" if number == 1 else "near_duplicate"] += 1
        else:
            found["accepted"] += 1
    return found


def slow(seconds: float) -> Callable[[dict[str, Any]], str]:
    """A model that answers the later, the earlier it is asked: what comes back is in no order."""
    draw = random.Random(3)

    def late(body: dict[str, Any]) -> str:
        time.sleep(draw.random() * seconds)
        return answer(body)

    return late
