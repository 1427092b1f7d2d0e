"""The labelled cases: their make-up, and the least precision and recall of each reason."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from batches import batch_of

from curation.machine.finding import RULES
from curation.stage import StageContext
from curation.stages.machine_text import MachineText

CASES = [
    json.loads(line) for line in (Path(__file__).parent / "data/machine_text.jsonl").read_text("utf-8").splitlines()
]
MEASURED = [reason for reason, rules in RULES.items() if rules]


def told(split: str) -> list[tuple[str | None, str | None, str]]:
    """`label, reason that was found, language` of the cases of one half."""
    chosen = [case for case in CASES if case["split"] == split]
    batch = batch_of([[("user", case["prompt"]), ("assistant", case["answer"])] for case in chosen])
    rows = MachineText().decide(batch, StageContext()).rows
    found = dict(rows.select("record_id", "reason").iter_rows())
    return [(case["reason"], found.get(f"a:{n}"), case["language"]) for n, case in enumerate(chosen, start=1)]


def test_the_cases_are_many_balanced_and_different() -> None:
    assert len(CASES) >= 300
    assert len({(case["prompt"], case["answer"]) for case in CASES}) == len(CASES)
    assert sum(case["reason"] is None for case in CASES) * 2 == len(CASES)
    assert Counter(case["language"] for case in CASES) == {"en": len(CASES) / 2, "zh": len(CASES) / 2}
    assert Counter(case["split"] for case in CASES) == {"dev": len(CASES) / 2, "test": len(CASES) / 2}
    assert {case["reason"] for case in CASES} == {*MEASURED, None}
    assert Counter(case["near"] for case in CASES if case["reason"] is None) == dict.fromkeys(MEASURED, 20)


@pytest.mark.parametrize("split", ["dev", "test"])
@pytest.mark.parametrize("reason", MEASURED)
def test_each_reason_is_right_often_enough(split: str, reason: str) -> None:
    pairs = [(label, found) for label, found, _ in told(split)]
    right = sum(label == found == reason for label, found in pairs)
    assert right / sum(label == reason for label, _ in pairs) >= 0.8
    assert right / sum(found == reason for _, found in pairs) >= 0.8


@pytest.mark.parametrize("language", ["en", "zh"])
def test_hard_negatives_survive(language: str) -> None:
    kept = [found is None for label, found, tongue in told("test") if label is None and tongue == language]
    assert sum(kept) / len(kept) >= 0.95
