"""Judges with a known character, as what a `FaultyServer` answers; and comparisons for them to judge."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "curation"))

from llm_server import FaultyServer

from training.compare.model import ANSWERS, PROMPTS, Answer, Prompt, append
from training.examples import Message

__all__ = ["FaultyServer", "always", "answers_in", "comparison", "good", "marking", "said"]

Body = dict[str, Any]


def answers_in(body: Body) -> list[str]:
    """The answers that a question to the judge holds, in the order shown."""
    text = body["messages"][0]["content"]
    mark = re.search(r"with the mark ([0-9a-f]{12})", text).group(1)
    return [found[1] for found in re.findall(rf"<answer( A| B|) {mark}>\n(.*?)\n</answer\1 {mark}>", text, re.DOTALL)]


def said(winner: str, reason: str = "because") -> str:
    """A well-formed verdict."""
    return json.dumps({"reason": reason, "winner": winner})


def good(body: Body) -> str:
    """Prefers the answer with more of the word `right`, wherever it stands."""
    first, second = (text.count("right") for text in answers_in(body))
    return said("A" if first > second else "B" if second > first else "tie", f"{first} against {second}")


def always(text: str) -> Callable[[Body], str]:
    """Says the same, whatever it is asked."""
    return lambda body: text


def marking(body: Body) -> str:
    """Marks an answer by how often it has the word `right`: none is 1, four or more are 5."""
    (text,) = answers_in(body)
    return json.dumps({"reason": "counted", "score": 1 + min(text.count("right"), 4)})


def comparison(
    folder: Path, pairs: Sequence[tuple[str, str]], *, references: Sequence[str] = (), stopped: str = "end"
) -> Path:
    """A comparison's folder with these answers of a and b to prompts p0, p1 …"""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (a, b) in enumerate(pairs):
        reference = references[number] if number < len(references) else ""
        prompt = Prompt(f"p{number}", (Message("user", f"Question {number}?"),), reference)
        append(folder / PROMPTS, prompt)
        answer(folder, f"p{number}", "a", a, stopped)
        answer(folder, f"p{number}", "b", b, stopped)
    return folder


def answer(folder: Path, prompt_id: str, side: Any, text: str, stopped: Any = "end") -> None:
    """One more answer."""
    append(folder / ANSWERS, Answer(prompt_id, side, text, len(text), 1.0, stopped))
