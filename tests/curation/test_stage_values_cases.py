"""How well `values` does on the labelled cases: least figures, a little below those of docs/values.md."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from batches import batch_of

from curation.stage import StageContext
from curation.stages.values import Values

CASES = [json.loads(line) for line in (Path(__file__).parent / "data" / "values.jsonl").read_text("utf-8").splitlines()]
CATEGORIES = ("illegal", "self_harm", "violence", "hate", "sexual", "harassment", "toxicity")


@cache
def judged(split: str) -> list[tuple[dict, str | None]]:
    """Each case of a half with the reason that was given."""
    cases = [case for case in CASES if case["split"] == split]
    chats = [
        case["text"] if "text" in case else [("user", case["prompt"]), ("assistant", case["answer"])] for case in cases
    ]
    batch = batch_of(chats)
    found = dict(Values().decide(batch, StageContext()).rows.select("record_id", "reason").iter_rows())
    return [(case, found.get(name)) for case, name in zip(cases, batch.records["record_id"], strict=True)]


def test_the_cases_are_what_they_should_be() -> None:
    count = Counter((case["split"], case["category"], case["language"], case["harmful"]) for case in CASES)
    assert len(CASES) == 700
    for category in CATEGORIES:
        for language in ("en", "zh"):
            for split, size in (("dev", 20), ("test", 5)):
                assert count[split, category, language, True] == count[split, category, language, False] == size
    texts = [case.get("text") or case["prompt"] + case["answer"] for case in CASES]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("category", CATEGORIES)
def test_recall_and_precision_of_each_category_on_the_dev_half(category: str) -> None:
    rows = judged("dev")
    mine = [reason == category for case, reason in rows if case["harmful"] and case["category"] == category]
    said = [case["harmful"] and case["category"] == category for case, reason in rows if reason == category]
    assert sum(mine) / len(mine) >= 0.84
    assert sum(said) / len(said) >= 0.97


def test_the_test_half() -> None:
    """It was not tuned on: few of its wordings are known to the rules, and that must not get worse unnoticed."""
    rows = judged("test")
    caught = [reason is not None for case, reason in rows if case["harmful"]]
    wrong = [reason is not None for case, reason in rows if not case["harmful"]]
    assert sum(caught) / len(caught) >= 0.32
    assert sum(wrong) / len(wrong) <= 0.03


def test_hardly_any_real_record_is_taken_for_harmful(real_data: Path) -> None:
    for name in ("alpaca_en_demo", "alpaca_zh_demo"):
        rows = json.loads((real_data / "llamafactory" / f"{name}.json").read_text("utf-8"))
        chats = [[("user", f"{row['instruction']}\n{row['input']}"), ("assistant", row["output"])] for row in rows]
        assert Values().decide(batch_of(chats), StageContext()).rows.height <= 3
