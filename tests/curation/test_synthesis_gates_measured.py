"""The labelled cases of the gates: their make-up, and the least precision and recall of each gate."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache

import pytest
from gate_cases import GATES, Case, cases, honest, prompts, sources, turns_away

from curation.llm.model import ChatReply, ChatRequest
from curation.synthesis.gates import Gates
from curation.synthesis.recipe import GenerateRecipe

# Least precision and recall, on either half.
FLOORS = {
    "quote": (1.0, 1.0), "support": (0.9, 0.9), "answerable": (0.95, 0.95), "leakage": (0.95, 0.95),
    "placeholder": (0.9, 0.95), "refusal": (0.95, 0.85), "language": (0.9, 0.95), "injection": (0.95, 0.8),
    "copied": (0.95, 0.95), "near": (0.95, 0.8), "semantic": (0.85, 0.65),
}  # fmt: skip


@cache
def told(split: str) -> list[tuple[Case, bool]]:
    """The cases of one half, and whether their gate turns each away."""
    return [(case, turns_away(case)) for case in cases() if case["split"] == split]


def test_the_cases_are_many_balanced_and_different() -> None:
    found = cases()
    assert len({case["id"] for case in found}) == len(found)
    said = [str({key: case[key] for key in sorted(case) if key not in ("id", "split", "turned")}) for case in found]
    assert len(set(said)) == len(said)
    for gate in GATES:
        mine = [case for case in found if case["gate"] == gate]
        assert len(mine) >= 60
        languages = Counter(case["language"] for case in mine)
        assert min(languages["en"], languages["zh"]) >= 20
        halves = Counter((case["split"], case["turned"]) for case in mine)
        assert min(halves.values()) >= 10 and len(halves) == 4
    assert {case["source"] for case in found if "source" in case} == set(sources())


@pytest.mark.parametrize("split", ["dev", "test"])
@pytest.mark.parametrize("gate", GATES)
def test_each_gate_is_right_often_enough(split: str, gate: str) -> None:
    mine = [(case["turned"], got) for case, got in told(split) if case["gate"] == gate]
    right = sum(wanted and got for wanted, got in mine)
    precision, recall = FLOORS[gate]
    assert right / sum(got for _, got in mine) >= precision
    assert right / sum(wanted for wanted, _ in mine) >= recall


def test_right_answers_pass_all_gates_together() -> None:
    gates = Gates(GenerateRecipe(name="honest", description="Right answers."), prompts(), secret="s")
    became = []
    for case, looked in honest():
        unit = replace(looked.unit, unit_id=case["id"])
        item = gates.look(unit, f"{case['id']}.0", looked.exchanges, looked.material, ask=nobody)
        became.append((gates.admit(unit, item).reason, case["id"]))
    assert len(became) >= 100
    # Among them are two whose closest sentence is not the one that they rest on.
    assert sum(not reason for reason, _ in became) >= 0.93 * len(became), [each for each in became if each[0]]


def nobody(request: ChatRequest) -> ChatReply:
    raise AssertionError(request)
