"""Signals of a well-made answer, in English and Chinese: each fault lowers the score and says why; nothing is dropped."""

from __future__ import annotations

import json
from typing import Any

import pytest
from batches import batch_of, reasons

from curation.stage import StageContext
from curation.stages.signals import Signals

PROSE = "Bread rises because yeast makes gas. The gas is held by the gluten of the dough"
CASES = [
    ("Why does bread rise?", f"{PROSE}.", "well_made"),
    ("Why does bread rise?", PROSE, "cut_off"),
    ("Why does bread rise?", "Bread rises because the yeast in it makes gas, and the", "cut_off"),
    ("面包为什么会发起来？", "面包发起来是因为酵母产生气体。气体被面筋包住，所以面团会变大。", "well_made"),
    ("面包为什么会发起来？", "面包发起来是因为酵母产生气体。气体被面筋包住，所以", "cut_off"),
    ("What do I need for bread?", "You need:\n1. Flour.\n2. Water.\n3. Yeast that is still", "cut_off"),
    ("Is 7 a prime number?", "So the answer is yes. It has no divisors.\n\nAnswer: Yes", "well_made"),
    ("Who said it?", "I have seen the sea, and it was wide. - Ada Marsh", "well_made"),
    ("Write a tweet about puppies.", "Get a puppy and be happy. #PuppyLove", "well_made"),
    ("How do I print in Python?", "Like this:\n```python\nprint(1)\n", "cut_off"),
    ("What is in the box?", "The box (which is red has a ball in it, and (so they say a hat. It was opened twice.", "unclosed"),
    ("List five ways to save water at home.", "Take short showers.", "other_kind"),
    ("List three ways to save water at home.", "1. Short showers.\n2. Full dishwashers.\n3. Rain barrels.", "well_made"),
    ("Thank the client.", "Thank you for the order, it is on its way.\n\nBest wishes,\nThe service team", "well_made"),
    ("列出五种节约用水的方法。", "缩短淋浴的时间可以节约很多的水。", "other_kind"),
    ("Give the address as valid JSON.", "The town is Orrin and the street is Pier Road, number two.", "other_kind"),
    ("Give the address as valid JSON.", '{"town": "Orrin", "street": "Pier Road", "number": 2}', "well_made"),
    ("Write a function in Python that adds numbers.", "It takes the two numbers and gives their sum back to you.", "other_kind"),
    ("How many legs does a spider have?", "A spider has quite a lot of legs, more than an insect has.", "other_kind"),
    ("蜘蛛有多少条腿？", "蜘蛛有八条腿，比昆虫多两条，所以它不是昆虫。", "well_made"),
    ("介绍一下面包的做法。", "Mix flour and water, add yeast, and wait for an hour.", "other_kind"),
    ("Tell me about bread and how it is baked.", "Tell me about bread and how it is baked.", "echo"),
    ("Write an essay about bread.", "Bread is good, and it has been for ages.", "short"),
    ("How do I bake bread?", "1. Mix the flour.\n4. Add the water.\n9. Bake it for an hour.\n2.\n3. Eat it.", "unstructured"),
]  # fmt: skip


def decided(question: str, answer: str, **parameters: Any) -> dict[str, Any]:
    batch = batch_of([[("user", question), ("assistant", answer)]])
    rows = Signals(**parameters).decide(batch, StageContext()).rows
    assert rows["action"].to_list() == ["annotate"]
    row = rows.row(0, named=True)
    return {"reason": row["reason"], "score": row["score"], **json.loads(row["values"])}


@pytest.mark.parametrize(("question", "answer", "reason"), CASES)
def test_each_fault_has_its_reason(question: str, answer: str, reason: str) -> None:
    found = decided(question, answer)
    assert found["reason"] == reason
    assert (found["score"] >= 0.6) == (reason == "well_made")


def test_every_reason_is_given() -> None:
    assert {reason for _, _, reason in CASES} == set(Signals.reasons)


def test_the_score_is_the_product_of_the_signals() -> None:
    found = decided("Write an essay about bread.", f"{PROSE} and")
    product = 1.0
    for name in ("complete", "closed", "in_kind", "length", "structure", "echo"):
        product *= found[name]
    assert found["score"] == pytest.approx(product, abs=1e-4)


def test_the_bound_says_what_is_a_fault() -> None:
    half = ("What is bread made of, and who bakes it here?", "flour and water and yeast and salt and some time to rest")
    assert decided(*half)["complete"] == 0.5
    assert decided(*half, bound=0.6)["reason"] == "cut_off"
    assert decided(*half, bound=0.4)["reason"] == "well_made"


def test_what_is_omitted_is_not_measured() -> None:
    found = decided("Why does bread rise?", PROSE, omit=["complete"])
    assert found["reason"] == "well_made"
    assert "complete" not in found


def test_the_shortest_length_can_be_moved() -> None:
    essay = ("Write an essay about bread.", "Bread is good, and it has been for ages.")
    assert decided(*essay, shortest=30)["reason"] == "well_made"
    assert decided(*essay, shortest=500)["length"] < decided(*essay)["length"] < 1


def test_a_record_without_an_answer_is_left_alone_and_the_last_answer_counts() -> None:
    only = batch_of([[("user", "Hello?"), ("user", "Is anybody there?")]])
    assert Signals().decide(only, StageContext()).rows.is_empty()
    talk = [("user", "Hi."), ("assistant", "Hello, and"), ("user", "Why does bread rise?"), ("assistant", f"{PROSE}.")]
    assert reasons(Signals().decide(batch_of([talk]), StageContext())) == {"a:1": "well_made"}
