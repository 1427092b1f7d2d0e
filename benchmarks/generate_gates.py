"""How often the gates of a generation are right, and what they cost: the tables of docs/generate_gates.md.

python benchmarks/generate_gates.py                  # precision and recall by gate, on both halves of the cases
python benchmarks/generate_gates.py --wrong dev      # the cases of one half that are wrong
python benchmarks/generate_gates.py --semantic       # precision and recall of gates.semantic at several values
python benchmarks/generate_gates.py --speed 10000    # look and admit, with so many items accepted
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/curation"))

from gate_cases import GATES, cases, sources, turns_away

from curation.llm.model import ChatReply, ChatRequest
from curation.synthesis.gates.chain import Gates
from curation.synthesis.gates.duplicates import Duplicates
from curation.synthesis.model import Exchange, Item, Material, Unit
from curation.synthesis.prompts import Prompts
from curation.synthesis.recipe import GenerateRecipe
from curation.synthesis.sections import GateSettings

Told = tuple[dict[str, Any], bool]


def row(name: str, found: Iterable[Told]) -> str:
    """One line of a table: how many must be turned away, how many were, precision, recall."""
    told = list(found)
    right = sum(case["turned"] and got for case, got in told)
    hits, wanted = sum(got for _, got in told), sum(case["turned"] for case, _ in told)
    precision = f"{right / hits:.2f}" if hits else "–"
    recall = f"{right / wanted:.2f}" if wanted else "–"
    return f"| {name} | {len(told)} | {wanted} | {hits} | {precision} | {recall} |"


def table(split: str) -> None:
    told = [(case, turns_away(case)) for case in cases() if case["split"] == split]
    print(f"\n{split}\n\n| gate | language | cases | to turn away | turned away | precision | recall |")
    print("|:--|:--|--:|--:|--:|--:|--:|")
    for gate in GATES:
        mine = [each for each in told if each[0]["gate"] == gate]
        for language in ("en", "zh"):
            print(row(f"{gate} | {language}", (each for each in mine if each[0]["language"] == language)))
        if others := [each for each in mine if each[0]["language"] not in ("en", "zh")]:
            print(row(f"{gate} | others", others))
        print(row(f"{gate} | all", mine))


def wrong(split: str) -> None:
    for case in cases():
        if case["split"] == split and turns_away(case) != case["turned"]:
            print(json.dumps(case, ensure_ascii=False))


def semantic(groups: Path) -> None:
    """The labelled pairs of docs/semantic.md, the half that its verifier was not fitted on; and the cases' own pairs."""
    pairs = []
    for group in map(json.loads, groups.read_text("utf-8").splitlines()):
        if group["half"] == "test":
            for tongue in ("en", "zh"):
                a, b, other = (group[f"{tongue}_{name}"] for name in ("a", "b", "other"))
                pairs += [(a, b, True), (a, other, False), (b, other, False)]
    mine = [
        (case["old"], [case["question"], case["answer"]], case["turned"])
        for case in cases()
        if case["gate"] == "semantic" and case["split"] == "test"
    ]
    for name, chosen in (("pairs", pairs), ("cases", mine)):
        print(f"\n{name}\n\n| gates.semantic | precision | recall |\n|--:|--:|--:|")
        for least in (0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9):
            told = [({"turned": same}, _repeats(one, other, least)) for one, other, same in chosen]
            print(f"| {least:.2f} |" + "|".join(row("", told).split("|")[-3:]))


def _repeats(one: list[str], other: list[str], least: float) -> bool:
    others = Duplicates(GateSettings(near=0, semantic=least))
    others.admit(_item(0, *one), "qa")
    return others.admit(_item(1, *other), "qa")[0] is not None


def _item(number: int, question: str, answer: str, quote: str = "") -> Item:
    return Item(f"u{number:06}.0", "accepted", exchanges=(Exchange(question, answer, quote),))


def speed(accepted: int) -> None:
    """Milliseconds an item, one thread."""
    recipe = GenerateRecipe(name="speed", description="Timed.")
    gates = Gates(recipe, Prompts.load(), secret="s")
    asked = [case for case in cases() if case["gate"] in ("support", "answerable") and not case["turned"]]
    for language in ("en", "zh"):
        chosen = [case for case in asked if case["language"] == language]
        for case in chosen[:3]:
            _look(gates, case)
        began = time.process_time()
        for case in chosen:
            _look(gates, case)
        print(f"look, {language}: {(time.process_time() - began) / len(chosen) * 1e3:.2f} ms an item")
    for least in (0.0, recipe.gates.semantic):
        others = Duplicates(GateSettings(semantic=least))
        invented = Invented()
        for number in range(accepted):
            others.remember(_item(number, *invented.pair()))
        others.admit(_item(accepted, *invented.pair()), "qa")  # embeds what was remembered
        times = []
        for number in range(accepted + 1, accepted + 301):
            item = _item(number, *invented.pair())
            began = time.process_time()
            others.admit(item, "qa")
            times.append((time.process_time() - began) * 1e3)
        times.sort()
        print(
            f"admit, {accepted} accepted, semantic={least}: median {times[150]:.2f} ms, mean {sum(times) / 300:.2f} ms,"
            f" 99 of 100 below {times[296]:.2f} ms"
        )


def _look(gates: Gates, case: dict[str, Any]) -> None:
    found = sources()[case["source"]]
    unit = Unit(case["id"], "qa", 1)
    material = Material(found["text"], found["title"], language=found["language"])
    exchange = Exchange(case["question"], case["answer"], found["text"][200:260])
    gates.look(unit, f"{case['id']}.0", [exchange], material, ask=_nobody)


def _nobody(request: ChatRequest) -> ChatReply:
    raise AssertionError(request)


class Invented:
    """Questions and answers about things with made-up names, a third of them in Chinese."""

    def __init__(self) -> None:
        self._draw = random.Random(7)
        words = [
            word for found in sources().values() for word in found["text"].split() if word.isascii() and len(word) > 3
        ]
        self._words = sorted({word.strip(".,:;()*`|\"'").lower() for word in words})
        self._han = [letter for found in sources().values() for letter in found["text"] if letter > "\u4e00"]

    def pair(self) -> tuple[str, str]:
        """One question and its answer."""
        if self._draw.random() < 1 / 3:
            return f"{self._said(6)}的{self._said(4)}是什么？", f"{self._said(24)}，{self._said(12)}。"
        name = self._draw.choice(self._words).title() + str(self._draw.randrange(1000))
        return f"What does the {self._some(3)} of {name} {self._some(2)}?", f"It {self._some(14)}, and {self._some(8)}."

    def _some(self, count: int) -> str:
        return " ".join(self._draw.choice(self._words) for _ in range(count))

    def _said(self, count: int) -> str:
        return "".join(self._draw.choice(self._han) for _ in range(count))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wrong", choices=("dev", "test"))
    parser.add_argument("--semantic", action="store_true")
    parser.add_argument("--speed", type=int, default=0)
    chosen = parser.parse_args()
    if chosen.wrong:
        wrong(chosen.wrong)
    elif chosen.semantic:
        semantic(Path(__file__).parents[1] / "tests/curation/data/pairs_groups.jsonl")
    elif chosen.speed:
        speed(chosen.speed)
    else:
        table("dev")
        table("test")


if __name__ == "__main__":
    main()
