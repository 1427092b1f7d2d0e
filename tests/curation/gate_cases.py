"""The labelled cases of a generation's gates, and what each gate says about them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from curation.synthesis.gates.answerable import answerable
from curation.synthesis.gates.chain import Gates
from curation.synthesis.gates.copied import copied
from curation.synthesis.gates.duplicates import Duplicates
from curation.synthesis.gates.injection import injection
from curation.synthesis.gates.language import language
from curation.synthesis.gates.leakage import leakage
from curation.synthesis.gates.looked import Gate, Looked, Turned
from curation.synthesis.gates.numerals import values
from curation.synthesis.gates.placeholder import placeholder
from curation.synthesis.gates.quote import locate
from curation.synthesis.gates.refusal import refusal
from curation.synthesis.gates.support import support
from curation.synthesis.gates.words import content_words, known
from curation.synthesis.model import Exchange, Item, Material, Unit
from curation.synthesis.prompts import Prompts
from curation.synthesis.recipe import GenerateRecipe
from curation.synthesis.sections import GateSettings, ModelSettings

DATA = Path(__file__).parent / "data"
Case = dict[str, Any]
ALONE: dict[str, Gate] = {
    "support": support, "answerable": answerable, "leakage": leakage, "placeholder": placeholder, "refusal": refusal,
    "language": language, "injection": injection, "copied": copied,
}  # fmt: skip
GATES = ("quote", *ALONE, "near", "semantic")
MASKED = "<PERSON> left a note. Write to <EMAIL_ADDRESS>."  # a source in which personal data is masked


def cases() -> list[Case]:
    """All of them. turned: whether the gate has to turn the item away. split: dev or test."""
    return [json.loads(line) for line in (DATA / "gates_cases.jsonl").read_text("utf-8").splitlines()]


@cache
def sources() -> dict[str, Case]:
    """The documents that cases are about, by name."""
    lines = (DATA / "gates_sources.jsonl").read_text("utf-8").splitlines()
    return {found["name"]: found for found in map(json.loads, lines)}


def turns_away(case: Case) -> bool:
    """What the case's gate says."""
    gate = case["gate"]
    if gate == "quote":
        return locate(case["quote"], sources()[case["source"]]["text"]) is None
    if gate in ("near", "semantic"):
        return _repeats(case, gate)
    return ALONE[gate](looked(case)) is not None


def looked(case: Case) -> Looked:
    """The item of a case that has a source, a record or neither."""
    return LOOKS.get(case["gate"], _plain)(case)


def _plain(case: Case) -> Looked:
    found = sources().get(case.get("source", ""), {"text": case.get("text", ""), "title": "", "language": ""})
    return _of(case, Material(found["text"], found["title"], language=found["language"]))


def _of(case: Case, material: Material, kind: Any = "qa", language: str = "") -> Looked:
    exchange = Exchange(case["question"], case["answer"], case.get("quote", ""))
    return Looked(Unit("u1", kind, 1, language=language), (exchange,), material, GateSettings())


@cache
def prompts() -> Prompts:
    """The built-in prompts."""
    return Prompts.load()


def _injected(case: Case) -> Looked:
    # At an endpoint: models in this process get a shorter prompt, with other words.
    at = ModelSettings(name="http://localhost:1/v1#m")
    recipe = GenerateRecipe(name="cases", description="Labelled cases.", model=at)
    plain = _plain({**case, "language": case["language"]})
    material = Material(plain.material.text, language=case["language"])
    own = Gates(recipe, prompts(), secret="s")._own(plain.unit, material)
    return Looked(plain.unit, plain.exchanges, material, GateSettings(), own)


def _copied(case: Case) -> Looked:
    old = tuple(zip(("user", "assistant"), case["old"], strict=True))
    kind = case["kind"]
    if kind == "similar":
        return _of(case, Material(seeds=(old,)), kind)
    return _of(case, Material(text=case["old"][1]) if kind == "instruction" else Material(turns=old), kind)


LOOKS: dict[str, Callable[[Case], Looked]] = {
    "injection": _injected,
    "copied": _copied,
    "language": lambda case: _of(case, Material(), language=case["language"]),
    "placeholder": lambda case: _of(case, Material(MASKED)),
}


def _repeats(case: Case, gate: str) -> bool:
    """Whether the case repeats the old item, with only this way of looking for repetitions."""
    off: Any = {"near": {"semantic": 0.0}, "semantic": {"near": 0.0}}[gate]
    others = Duplicates(GateSettings(**off))
    turned: Turned | None = None
    for place, pair in enumerate((case["old"], (case["question"], case["answer"]))):
        item = Item(f"u1.{place}", "accepted", exchanges=(Exchange(*pair),))
        turned, _, _ = others.admit(item, "qa")
    return turned is not None


def honest() -> list[tuple[Case, Looked]]:
    """Right answers to questions about the sources, each with the sentence most like it as its quote."""
    found = []
    for case in cases():
        if case["gate"] in ("support", "answerable") and not case["turned"]:
            quote = _closest_sentence(sources()[case["source"]]["text"], f"{case['question']} {case['answer']}")
            found.append((case, _plain({**case, "quote": quote})))
    return found


def _closest_sentence(text: str, said: str) -> str:
    words, numbers = content_words(said), values(said) - {1.0}

    def shared(sentence: str) -> int:
        there = known(sentence)
        return sum(map(there.has, words)) + 2 * len(numbers & there.numbers)

    cut = re.split(r"(?<=[.!?])\s+|(?<=[。！？；])|\n\n|\n(?=[-*|\d#])", text)
    return max((sentence.strip() for sentence in cut if len(sentence.strip()) > 12), key=shared)
