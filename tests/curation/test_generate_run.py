"""A generation from its documents to its dataset, on a real endpoint: whole, stopped, starved, resumed, changed."""

from __future__ import annotations

import json
import resource
import sqlite3
from collections import Counter
from pathlib import Path

import pytest
from generate_run import Village
from generate_village import answer, expected, slow
from llm_server import Fault, FaultyServer, last_user_text

from curation.errors import InputError, OutputError, Stopped
from curation.formats import recognise
from curation.synthesis.decisions import decide, decided
from curation.synthesis.events import GeneratePrepared, UnitFinished
from curation.synthesis.model import OUTCOMES, UNITS, Exchange, Unit, read_rows
from curation.synthesis.publish import is_current, publish
from curation.synthesis.recipe import GenerateRecipe
from curation.synthesis.run import dry_run
from curation.synthesis.work import open_units

PEOPLE = 12


def test_documents_become_a_dataset_whose_numbers_add_up(tmp_path: Path) -> None:
    village = Village(tmp_path, PEOPLE)
    with FaultyServer(slow(0.05)) as server:
        summary = village.run(server, "model.concurrency=8")
    counts = summary["counts"]
    assert counts["planned"] == counts["requested"] == counts["accepted"] + counts["rejected"] + counts["failed"] == 24
    assert {"accepted": counts["accepted"], **summary["reasons"]} == dict(expected(PEOPLE))
    assert [outcome.unit_id for outcome in village.outcomes] == [f"u{number + 1:05}" for number in range(PEOPLE)]
    finished = village.told(UnitFinished)
    assert [event.unit_id for event in finished] == [outcome.unit_id for outcome in village.outcomes]
    assert sum(event.accepted for event in finished) == counts["accepted"] and not any(e.from_ledger for e in finished)
    assert summary["spent"]["attempts"] == PEOPLE == len(server.requests)
    assert summary["completion_tokens"] == summary["spent"]["completion_tokens"] > 0
    (prepared,) = village.told(GeneratePrepared)
    assert (prepared.documents, prepared.units, prepared.requested, prepared.done) == (PEOPLE, PEOPLE, 24, 0)
    assert prepared.calls == PEOPLE and prepared.prompt_tokens > 0 and prepared.prompts == summary["prompts"]
    assert is_current(village.folder) and not open_units(village.folder)


def test_every_record_leads_back_to_its_sentence_and_its_call(tmp_path: Path) -> None:
    village = Village(tmp_path)
    with FaultyServer(answer) as server:
        village.run(server)
    keys = {key for (key,) in sqlite3.connect(village.folder / "calls.sqlite").execute("SELECT key FROM calls")}
    records = [json.loads(line) for line in village.dataset.splitlines()]
    assert len(records) > 10
    for record in records:
        document, chunk = record["parents"]
        text = (village.folder / "documents" / f"{document}.md").read_text()
        (span,) = record["spans"]
        assert text[span["start"] : span["end"]] == span["quote"] and chunk.startswith(document)
        assert (
            record["call"] in keys and record["run"] == "run" and record["type"] and len(record["prompt_digest"]) == 64
        )
        assert recognise(record) == "messages"
    card = (village.folder / "dataset" / "README.md").read_text()
    assert (
        "synthetic" in card and f"accepted {len(records)}" in card and "geese" not in card and str(tmp_path) not in card
    )


@pytest.mark.parametrize("name", ["messages", "alpaca", "question_answer", "sharegpt"])
def test_every_format_can_be_read_again(tmp_path: Path, name: str) -> None:
    village = Village(tmp_path, 2)
    with FaultyServer(answer) as server:
        village.run(server, f"output.format={name}", "output.system=You know the village.")
    record = json.loads(village.dataset.splitlines()[0])
    assert recognise(record) == {"question_answer": "qa"}.get(name, name)
    assert "You know the village." in json.dumps(record)


MORE = [
    ("seeds", "question,answer\nWhere do geese sleep?,Geese sleep in the barn.\nWho mends clocks?,The smith mends clocks.\n", {
        "question": "When do goats eat?", "answer": "Goats eat in the early morning."}, "When do goats eat?"),
    ("instructions", "text\nThe smith mends all clocks of the parish before the first snow falls.\n", {
        "question": "Describe what the smith does before winter."}, "The smith mends all clocks of the parish"),
    ("records", "question,answer\nWhere do geese sleep?,Geese sleep in the barn.\n", {
        "question": "In which building do the geese spend the night?", "answer": "The geese spend the night in the barn."},
     "In which building do the geese spend the night?"),
]  # fmt: skip


@pytest.mark.parametrize(("preset", "rows", "item", "found"), MORE, ids=[name for name, *_ in MORE])
def test_seeds_texts_and_records(tmp_path: Path, preset: str, rows: str, item: dict[str, str], found: str) -> None:
    village = Village(tmp_path, 1, preset=preset)
    source = tmp_path / "rows.csv"
    source.write_text(rows)
    village.inputs = [str(source)]
    with FaultyServer(lambda body: json.dumps({"items": [item]})) as server:
        summary = village.run(server, "ask.items=1", "ask.per_call=1", "source.lines=false")
    assert summary["counts"]["accepted"] == 1, village.items
    (record,) = map(json.loads, village.dataset.splitlines())
    assert found in json.dumps(record["messages"]) and all(
        parent.startswith("rows.csv:") for parent in record["parents"]
    )
    assert record["spans"] == [] and record["messages"][-1]["content"]


def test_a_stopped_run_keeps_what_was_finished_and_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    village, whole = Village(tmp_path, 30), Village(tmp_path, 30, "whole")
    with FaultyServer(slow(0.2)) as server:
        with pytest.raises(Stopped):
            village.run(server, "model.concurrency=1", should_stop=lambda: len(village.told(UnitFinished)) > 3)
        finished = len(village.outcomes)
        assert 3 < finished < 30 and len(open_units(village.folder)) == 30 - finished
        assert 3 < len(village.dataset.splitlines()) < 2 * finished  # of what was finished there is a dataset
        summary = village.run(server, "model.concurrency=16")
        assert summary["counts"]["requested"] == 60 and set(server.answered.values()) == {1}
        assert village.told(GeneratePrepared)[-1].done == finished
        before = len(server.requests)
        whole.run(server, "model.concurrency=1", earlier=[village.folder / "calls.sqlite"])
        assert len(server.requests) == before
    assert (whole.folder / OUTCOMES).read_bytes() == (village.folder / OUTCOMES).read_bytes()
    assert whole.dataset.replace(b'"run":"whole"', b'"run":"run"') == village.dataset
    assert all(event.from_ledger and not event.money for event in whole.told(UnitFinished))


def test_a_dead_endpoint_is_given_up_on_and_the_rest_is_left(tmp_path: Path) -> None:
    village = Village(tmp_path, 60)
    with FaultyServer(answer, rate=1.0, kinds=("500",)) as server:
        summary = village.run(server)
        assert 8 <= len(server.requests) <= 8 + 6  # as many as were under way besides
        assert summary["given_up"]["server"] >= 8 and summary["counts"]["left"] > 80
        assert summary["counts"]["failed"] == summary["counts"]["requested"] == 120 - summary["counts"]["left"]
        assert "was given up on" in village.warnings and "nothing" not in summary["reasons"]
        server.rate = 0.0
        whole = village.run(server)
    assert whole["counts"]["left"] == 0 and whole["given_up"] == {}
    assert {"accepted": whole["counts"]["accepted"], **whole["reasons"]} == dict(expected(60))


def test_failures_that_may_pass_are_asked_again_and_others_are_not(tmp_path: Path) -> None:
    village = Village(tmp_path, PEOPLE)

    def difficult(body: dict[str, object]) -> str:
        if "Entry 3:" in last_user_text(body):
            raise Fault("length")
        return answer(body)

    with FaultyServer(difficult, faults=["500", None, "400", "400", None, "null_content"]) as server:
        first = village.run(server, "model.concurrency=1")
        assert first["reasons"]["server"] == first["reasons"]["refused"] == first["reasons"]["empty"] == 2
        assert [unit.unit_id for unit in open_units(village.folder)] == ["u00001", "u00003", "u00005"]
        paid = len(server.requests)
        second = village.run(server)  # a refusal may have been one of a JSON Schema, so that call was made twice
        assert len(server.requests) == paid + 3 and not open_units(village.folder)
        village.run(server)
        assert len(server.requests) == paid + 3
    assert [outcome.unit_id for outcome in village.outcomes][-3:] == ["u00001", "u00003", "u00005"]
    wanted = expected(PEOPLE, left_out=lambda number: number == 3) + Counter(truncated=2)
    assert {"accepted": second["counts"]["accepted"], **second["reasons"]} == dict(wanted)


def test_a_refusal_does_not_quote_what_was_asked(tmp_path: Path) -> None:
    village = Village(tmp_path, 1)
    with FaultyServer(answer, faults=["400", "400"]) as server:
        village.run(server)
    assert {item.detail for item in village.items} == {"The endpoint refused the call (400)"}


def test_a_spent_budget_leaves_the_rest_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    village = Village(tmp_path, PEOPLE)
    with FaultyServer(answer) as server:
        first = village.run(server, "budget.calls=5")
        assert len(server.requests) == 5 and "budget" in first["given_up"] and first["counts"]["left"] > 0
        assert first["counts"]["planned"] == 24
        second = village.run(server, "budget.calls=100")
        assert len(server.requests) == PEOPLE
    assert {"accepted": second["counts"]["accepted"], **second["reasons"]} == dict(expected(PEOPLE))


def test_money_is_told_once(tmp_path: Path) -> None:
    village = Village(tmp_path, 2)
    with FaultyServer(answer) as server:
        for _ in range(2):
            village.run(server, "budget.price_prompt=1000", "budget.price_completion=2000")
    told = sum(event.money for event in village.told(UnitFinished))
    tokens = (
        sum(outcome.prompt_tokens for outcome in village.outcomes),
        sum(o.completion_tokens for o in village.outcomes),
    )
    assert told == pytest.approx(tokens[0] / 1000 + tokens[1] / 500)


def test_more_items_are_asked_for_and_calls_that_stay_the_same_cost_nothing(tmp_path: Path) -> None:
    village = Village(tmp_path, 4)
    with FaultyServer(answer) as server:
        village.run(server, "ask.per_chunk=2")
        paid = len(server.requests)
        summary = village.run(server, "ask.per_chunk=4")  # u00001 asks about the same, the later ones about others
        assert "is another than in the earlier leg" in village.warnings
        assert summary["counts"]["planned"] == summary["counts"]["requested"] == 16
        assert paid < len(server.requests) < paid + 8
        again = len(server.requests)
        looser = village.run(
            server, "ask.per_chunk=4", "gates.near=0"
        )  # what is accepted changes, what is asked does not
        assert len(server.requests) == again
        assert looser["counts"]["accepted"] > summary["counts"]["accepted"]
        assert len(village.outcomes) == 8


def test_decisions_stay_with_what_they_are_about(tmp_path: Path) -> None:
    village = Village(tmp_path, 4)
    with FaultyServer(answer) as server:
        village.run(server)
        decide(village.folder, "u00001.0", "reject", "me")
        decide(village.folder, "u00003.0", "accept", "me")
        village.run(server, "gates.near=0")
        assert set(decided(village.folder)) == {"u00001.0", "u00003.0"}  # the same calls, the same texts
        village.run(server, "model.temperature=0.1")
        assert decided(village.folder) == {}


def test_what_people_decide_is_in_the_dataset(tmp_path: Path) -> None:
    village = Village(tmp_path, 4)
    with FaultyServer(answer) as server:
        before = village.run(server)
        decide(village.folder, "u00001.0", "reject", "me")
        decide(village.folder, "u00003.0", "accept", "me")  # its quote was made up
        decide(village.folder, "u00004.0", "edit", "me", [Exchange("Who keeps goats?", "A neighbour does.")])
        assert not is_current(village.folder)
        after = publish(village.folder)
        assert publish(village.folder) == after and is_current(village.folder)
        paid = len(server.requests)
        assert village.run(server)["counts"] == after["counts"] and len(server.requests) == paid
    assert after["counts"]["accepted"] == before["counts"]["accepted"] and after["reasons"]["human"] == 1
    assert after["spent"] == before["spent"] and after["decided"] == {"accept": 1, "edit": 1, "reject": 1}
    records = {record["id"]: record for record in map(json.loads, village.dataset.splitlines())}
    assert "u00001.0" not in records and records["u00003.0"]["decided"] == "accept"
    assert records["u00004.0"]["messages"][0]["content"] == "Who keeps goats?"


def test_an_item_that_is_to_be_regenerated_is_asked_for_anew(tmp_path: Path) -> None:
    village = Village(tmp_path, 4)
    with FaultyServer(answer) as server:
        village.run(server)
        decide(village.folder, "u00001.0", "regenerate", "me")
        assert [unit.again for unit in open_units(village.folder)] == ["u00001.0"]
        paid = len(server.requests)
        summary = village.run(server)
        assert len(server.requests) == paid + 1 and summary["counts"]["requested"] == 9
        assert village.run(server)["counts"] == summary["counts"] and len(server.requests) == paid + 1
    last: Unit = read_rows(village.folder / UNITS, Unit)[-1]
    seeds = [seen.body["seed"] for seen in server.requests]
    assert last.again == "u00001.0" and last.wanted == 1 and seeds[-1] == last.seed and seeds.count(last.seed) == 1
    records = {record["id"] for record in map(json.loads, village.dataset.splitlines())}
    assert "u00001.0" not in records and f"{last.unit_id}.0" in records


def test_what_was_asked_for_anew_is_forgotten_with_what_it_was_about(tmp_path: Path) -> None:
    village = Village(tmp_path, 4)
    with FaultyServer(answer) as server:
        village.run(server)
        decide(village.folder, "u00001.0", "regenerate", "me")
        village.run(server)
        assert len(read_rows(village.folder / UNITS, Unit)) == 5
        village.run(server, "gates.near=0")  # the same was asked: it stays
        assert len(read_rows(village.folder / UNITS, Unit)) == 5
        summary = village.run(server, "chunks.tokens=32", "chunks.overlap=0")  # other chunks
    assert decided(village.folder) == {} and summary["counts"]["left"] == 0
    assert not any(unit.again for unit in read_rows(village.folder / UNITS, Unit))


def test_a_judge_that_fails_is_asked_again_and_its_calls_are_named(tmp_path: Path) -> None:
    village = Village(tmp_path, 2)

    def both(body: dict[str, object]) -> str:
        return (
            answer(body)
            if "Entry" in last_user_text(body) and '"items"' in last_user_text(body)
            else '{"reason":"ok","mark":4}'
        )

    with FaultyServer(both, faults=[None, "500"]) as server:
        first = village.run(server, "gates.judge=same", "model.concurrency=1", judge=True)
        assert first["reasons"]["server"] == 1
        paid = len(server.requests)
        second = village.run(server, "gates.judge=same", judge=True)
        assert second["counts"]["failed"] == 0 and len(server.requests) == paid + 1
        strict = Village(tmp_path, 2, "strict").run(server, "gates.judge=same", "gates.judge_min=4.5", judge=True)
    item = village.outcomes[-1].items[0]
    assert item.scores["judge"] == 4 and item.judged == "ok" and len(village.outcomes[-1].calls) == 3
    assert strict["counts"]["accepted"] == 0 and strict["reasons"] == {"judged": 4}


def test_a_judge_that_is_dead_is_given_up_on_before_all_is_written(tmp_path: Path) -> None:
    village = Village(tmp_path, 60)

    def only_writes(body: dict[str, object]) -> str:
        if '"items"' not in last_user_text(body):
            raise Fault("500")
        return answer(body)

    with FaultyServer(only_writes) as server:
        summary = village.run(server, "gates.judge=same", judge=True)
        assert summary["given_up"].keys() == {"server"} and summary["counts"]["left"] > 60
        assert server.billed < 25  # what was written is in the ledger
        server.answer = lambda body: answer(body) if '"items"' in last_user_text(body) else '{"reason": "", "mark": 5}'
        whole = village.run(server, "gates.judge=same", judge=True)
    assert {"accepted": whole["counts"]["accepted"], **whole["reasons"]} == dict(expected(60))


def test_a_judge_that_is_not_there_is_asked_again(tmp_path: Path) -> None:
    village = Village(tmp_path, 1)
    with FaultyServer(answer, faults=[None, *["400"] * 4]) as server:
        first = village.run(server, "gates.judge=same", judge=True)
        assert first["reasons"] == {"refused": 2} and len(open_units(village.folder)) == 1
        server.answer = lambda body: '{"reason": "", "mark": 5}'
        assert village.run(server, "gates.judge=same", judge=True)["counts"]["accepted"] == 2


def test_a_full_disk_is_an_error_and_what_was_paid_is_kept(tmp_path: Path) -> None:
    village = Village(tmp_path, 4)
    filler = json.dumps({"unit_id": "u99999", "items": [], "calls": ["x" * 1_000_000]}).encode() + b"\n"
    (village.folder / OUTCOMES).write_bytes(filler)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with FaultyServer(answer) as server:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(filler) + 500, hard))  # half an outcome
        try:
            with pytest.raises(OutputError, match="no room"):
                village.run(server)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert (village.folder / OUTCOMES).read_bytes() == filler and not village.told(UnitFinished)
        assert 0 < len(server.requests) <= 4
        assert village.run(server)["counts"]["requested"] == 8 and set(server.answered.values()) == {1}


def test_a_ledger_that_cannot_be_written_ends_the_run_and_it_goes_on_later(tmp_path: Path) -> None:
    village = Village(tmp_path, 30)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with FaultyServer(answer) as server:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        try:
            with pytest.raises(OutputError, match="ledger of calls"):
                village.run(server)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert 0 < len(server.requests) < 30
        assert village.run(server)["counts"]["requested"] == 60
        assert sum(server.answered.values()) <= 30 + 6  # as many as there are threads


def test_a_line_that_a_kill_tore_is_written_anew(tmp_path: Path) -> None:
    village = Village(tmp_path, 4)
    with FaultyServer(answer) as server:
        village.run(server)
        whole = (village.folder / OUTCOMES).read_bytes()
        for cut in (len(whole) - 1, len(whole) - 200, whole.index(b"\n") + 1, whole.index(b"\n"), 3):
            (village.folder / OUTCOMES).write_bytes(whole[:cut])
            village.run(server)
            assert (village.folder / OUTCOMES).read_bytes() == whole
        assert len(server.requests) == 4


def test_the_prompts_are_shown_without_asking_anybody(tmp_path: Path) -> None:
    village = Village(tmp_path, 3)
    with FaultyServer(answer) as server:
        recipe = GenerateRecipe.load("documents").with_settings(["source.lines=true", f"model.name={server.address}"])
        shown = list(dry_run(recipe, village.inputs, None, leaves=False))
        assert not server.requests
    assert len(shown) == 3 and all(f"Entry {at}:" in request.messages[-1].content for at, request in enumerate(shown))
    assert not list(village.folder.iterdir())


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    village = Village(tmp_path, 1)
    village.inputs = [str(tmp_path / "nothing.md")]
    with FaultyServer(answer) as server, pytest.raises(InputError):
        village.run(server)
    with pytest.raises(InputError, match="nothing was generated"):
        publish(tmp_path)
    (tmp_path / "made.json").write_text("{}")
    with pytest.raises(InputError, match="damaged"):
        publish(tmp_path)


def test_half_characters_and_nulls_reach_neither_disk_nor_dataset_as_errors(tmp_path: Path) -> None:
    village = Village(tmp_path, 1)
    text = '{"items": [{"question": "Who is \\ud800 here\\u0000?", "answer": "x \\udfff y", "quote": "Entry 0"}, 5]}'
    with FaultyServer(lambda body: text) as server:
        summary = village.run(
            server, "gates.quote=false", "gates.support=0", "gates.answerable=off", "gates.language=false"
        )
    assert summary["counts"]["requested"] == 2 and summary["reasons"].get("schema") == 1
    assert village.dataset == b"" or json.loads(village.dataset)


def test_the_sources_are_read_once(tmp_path: Path) -> None:
    village = Village(tmp_path, PEOPLE)
    with FaultyServer(slow(0.2)) as server:
        with pytest.raises(Stopped):
            village.run(server, "model.concurrency=1", should_stop=lambda: bool(village.told(UnitFinished)))
        Path(village.inputs[0]).unlink()
        assert village.run(server)["counts"]["requested"] == 2 * PEOPLE
