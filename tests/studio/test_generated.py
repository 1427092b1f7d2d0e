"""A generation as its files tell it: items whose counts add up, whatever comes later, and figures that fit the events."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from generate_drawn import DONE, LIVE, make_generations, prepared, started

from curation.json_lines import append_line
from curation.synthesis.decisions import decide
from curation.synthesis.model import OUTCOMES, UNITS, Exchange, Item, Outcome, Unit
from studio.runs.generated import GenerateSnapshot, fold
from studio.runs.generated_items import DECIDED, GeneratedItems, Queue


@pytest.fixture
def items(tmp_path: Path) -> GeneratedItems:
    found = GeneratedItems(make_generations(tmp_path / "runs") / DONE)
    assert found.read() and not found.read()
    return found


def outcome(name: str, *items: Item) -> dict[str, object]:
    return Outcome(name, tuple(items)).as_json()


def test_queues_hold_every_item_once(items: GeneratedItems) -> None:
    assert len(items) == 9 and sum(items.counts.values()) == 9
    by_status = [
        number for status in ("accepted", "rejected", "failed") for number in items.rows(Queue(status)).tolist()
    ]
    assert sorted(by_status) == items.rows(Queue()).tolist() == list(range(9))
    assert (
        items.rows(Queue("rejected", "leakage")).tolist() == [4]
        and items.rows(Queue("rejected", "human")).tolist() == []
    )
    assert [items.of(status) for status in ("accepted", "rejected", "failed")] == [5, 3, 1]


def test_an_item_is_found_with_its_unit_and_source(items: GeneratedItems) -> None:
    assert items.item_id(4) == "u00002.1" and items.number_of("u00002.1") == 4
    assert items.number_of("u00002.9") is None and items.number_of("u00009.0") is None and items.number_of("x") is None
    item, unit = items.item(3), items.unit(3)
    source = items.source(unit)
    assert source.document is not None and source.chunk is not None and source.document.document_id == "guide"
    (span,) = item.spans
    start = span.start - source.chunk.start
    assert source.chunk.text[start : span.end - source.chunk.start] == item.exchanges[0].quote


def test_a_unit_that_was_asked_again_counts_once(items: GeneratedItems) -> None:
    name = items.unit(8).unit_id  # type: ignore[union-attr]
    after = [Item(f"{name}.{place}", "accepted", exchanges=(Exchange("Why?", "So."),)) for place in range(3)]
    append_line(items.folder / OUTCOMES, outcome(name, *after))
    assert items.read() and len(items) == 9
    assert (items.of("accepted"), items.of("failed")) == (6, 0)
    assert items.item(8).exchanges[0].question == "Why?"


def test_torn_and_foreign_lines_are_passed_over(items: GeneratedItems) -> None:
    whole = json.dumps(outcome("u00004", Item("u00004.0", "rejected", "made_up_reason"), Item("u00004.1", "odd")))
    with (items.folder / OUTCOMES).open("a") as stream:
        stream.write('nonsense\n[1]\n{"unit_id": 7}\n{"unit_id": "u00009", "items": [1]}\n' + whole[:40])
    assert not items.read() and len(items) == 9
    with (items.folder / OUTCOMES).open("a") as stream:
        stream.write(whole[40:] + "\n")
    assert items.read() and len(items) == 11 and sum(items.counts.values()) == 11
    assert items.state(9) == ("rejected", "") and items.item(9).reason == "made_up_reason"


def test_a_run_that_looks_at_everything_anew_is_read_anew(items: GeneratedItems) -> None:
    (items.folder / OUTCOMES).unlink()
    append_line(
        items.folder / OUTCOMES, outcome("u00002", Item("u00002.0", "accepted", exchanges=(Exchange("A?", "B."),)))
    )
    assert items.read() and len(items) == 1 and items.item_id(0) == "u00002.0"
    (items.folder / UNITS).unlink()
    append_line(items.folder / UNITS, Unit("u00002", "similar", 1).as_json())
    assert items.unit(0) is not None and items.unit(0).kind == "similar"  # type: ignore[union-attr]


def test_decisions_stand_beside_what_the_run_said(items: GeneratedItems) -> None:
    assert items.kept() == 5
    decide(items.folder, "u00001.0", "reject", "ann")
    decide(items.folder, "u00002.1", "accept", "ann")
    decide(items.folder, "u00003.2", "accept", "ann")  # nothing was written there
    assert items.read() and items.kept() == 5
    assert items.rows(DECIDED).tolist() == [0, 4, 8] and items.of("accepted") == 5
    assert (items.made(0).status, items.item(0).status, items.item(4).status) == ("accepted", "rejected", "accepted")
    decide(items.folder, "u00003.0", "regenerate", "ann")
    assert items.read() and items.kept() == 4
    assert not items.is_asked_anew(items.decided["u00003.0"])
    append_line(items.folder / OUTCOMES, outcome("u00003-0r1", Item("u00003-0r1.0", "failed", "empty")))
    assert items.read() and items.is_asked_anew(items.decided["u00003.0"])
    assert items.number_of("u00003-0r1.0") == 9


def unit_finished(at: float, **more: object) -> dict[str, object]:
    facts = {"accepted": 1, "rejected": 1, "failed": 0, "reasons": {}, "prompt_tokens": 10, "completion_tokens": 4, "money": 0.5,
             "from_ledger": False, "under_way": 3, "limit": 8}  # fmt: skip
    return {"event": "unit_finished", "time": at, "unit_id": "u", **facts, **more}


def test_tokens_and_money_are_of_all_legs_and_the_rate_is_of_this_one() -> None:
    finished = [unit_finished(1772629814.0), unit_finished(1772629824.0)]
    first = fold(GenerateSnapshot(), [started(LIVE), prepared(40, units=20), *finished])
    assert (first.prompt_tokens, first.money, first.rate, first.left(4)) == (20, 1.0, 0.2, 180.0)
    assert (first.under_way, first.limit, first.requested) == (3, 8, 40)
    stopped = fold(first, [{"event": "run_stopped", "time": 1772629830.0, "run": LIVE}])
    assert stopped.under_way == 0 and stopped.run.outcome == "stopped"
    begun = [{**started(LIVE, resumed=True), "time": 1772630000.0}, {**prepared(40, units=20), "time": 1772630001.0}]
    second = fold(stopped, begun)
    assert second.rate is None and second.left(4) is None and second.money == 1.0
    again = fold(second, [unit_finished(1772630003.0, from_ledger=True), unit_finished(1772630005.0)])
    assert (again.reused, again.paid, again.prompt_tokens, again.rate) == (1, 3, 30, 1.0)
    assert fold(again, [started(LIVE)]).money == 0.0


def test_the_rate_is_that_of_the_last_minute() -> None:
    slow = [unit_finished(1772629804.0 + 10 * number) for number in range(30)]
    quick = [unit_finished(1772629804.0 + 300 + number / 10) for number in range(1200)]
    found = fold(GenerateSnapshot(), [started(LIVE), prepared(9000, units=4500), *slow, *quick])
    assert found.rate == pytest.approx(20.0, rel=0.05) and len(found.pace) < 1000
