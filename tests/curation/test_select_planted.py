"""A small corpus with wrong answers in it: most are found, and few others are noted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from batches import batch_of, decide
from planted_answers import KINDS, Planted, planted, shipped, written

from curation.schema import Batch
from curation.stage import StageContext
from curation.stages.conflicts import Conflicts
from curation.stages.signals import Signals

SIGNS = {"truncated": "cut_off", "swapped": "placed", "off_topic": "placed", "contradicting": "contradicted"}
FOUND = {
    "swapped": "placed",
    "off_topic": "placed",
    "other_number": "contradicted",
    "negated": "contradicted",
    "other_answer": "contradicted",
}


Told = tuple[list[Planted], list[set[str]], list[float]]


@pytest.fixture(scope="module")
def told() -> Told:
    """The records, what was found about each, and its standing; by the defaults, which were not chosen on them."""
    tests = Path(__file__).parent
    sources = [*shipped(tests.parents[1] / "datasets"), *written(tests / "data")]
    made = planted(sources, 250, 32, 3)
    batch: Batch = batch_of([[("user", one.prompt), ("assistant", one.answer)] for one in made])
    found: list[set[str]] = [set() for _ in made]
    conflicts = decide(Conflicts(), batch).rows
    for rows in (Signals().decide(batch, StageContext()).rows, conflicts):
        for record, reason in rows.select("record_id", "reason").iter_rows():
            found[int(record.split(":")[1]) - 1].add(FOUND.get(reason, reason))
    assert conflicts.height == len(made)
    return made, found, [json.loads(values)["standing"] for values in conflicts["values"]]


def test_the_corpus_is_what_it_says(told: Told) -> None:
    made, _, _ = told
    assert len(made) == 250
    assert {kind: sum(one.kind == kind for one in made) for kind in KINDS} == dict.fromkeys(KINDS, 8)
    assert all((one.twin >= 0) for one in made if one.kind == "contradicting")
    assert {one.language for one in made if one.kind} == {"en", "zh"}


@pytest.mark.parametrize(("kind", "least"), [("swapped", 0.3), ("truncated", 0.7), ("contradicting", 0.7)])
def test_most_of_what_was_planted_is_found(told: Told, kind: str, least: float) -> None:
    mine = [SIGNS[kind] in found for one, found, _ in zip(*told, strict=True) if one.kind == kind]
    assert sum(mine) / len(mine) >= least


def test_answers_at_the_wrong_question_stand_lowest(told: Told) -> None:
    made, _, standings = told
    wrong = [standing for one, standing in zip(made, standings, strict=True) if one.kind in ("swapped", "off_topic")]
    lowest = sorted(standings)[: round(0.15 * len(standings))]
    assert sum(standing <= lowest[-1] for standing in wrong) / len(wrong) >= 0.75


def test_little_else_is_noted(told: Told) -> None:
    made, found, _ = told
    against = {one.twin for one in made if one.kind == "contradicting"}
    clean = [signs for n, (one, signs) in enumerate(zip(made, found, strict=True)) if not one.kind and n not in against]
    shares = {
        sign: sum(sign in signs for signs in clean) / len(clean) for sign in ("cut_off", "contradicted", "placed")
    }
    assert max(shares.values()) <= 0.05
