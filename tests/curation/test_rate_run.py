"""The stage `rate` through the engine, against a real server that fails in many ways: every mark is the judge's own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from llm_server import PASSING, Fault, FaultyServer
from rated_numbers import (
    answers_kept,
    complexity,
    expected,
    judge,
    marks_of,
    number_in,
    quality,
    rated,
    recipe_of,
    run,
    told,
    wait_for,
    write_numbers,
)

from curation.engine import local
from curation.errors import StageError, Stopped
from curation.ledger import why
from curation.llm.model import CallFailed

SLOW = ("429", "429_later", "503_later", "hang", "drip")  # they take time, and are tried with the client itself


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_marks_lead_select_and_nothing_else_is_dropped(tmp_path: Path) -> None:
    numbers = write_numbers(tmp_path / "n.jsonl", 40)
    with FaultyServer(judge) as server:
        run(tmp_path / "only", recipe_of(server), numbers)
        run(tmp_path / "best", recipe_of(server, select=True), numbers)
        assert server.billed == 40  # the second run was told by the cache
    assert told(tmp_path / "only") == [expected(n) for n in range(40)]
    assert len((tmp_path / "only/dataset/train.jsonl").read_text().splitlines()) == 40
    kept = [json.loads(line) for line in (tmp_path / "best/dataset/train.jsonl").read_text().splitlines()]
    best = sorted(range(40), key=lambda n: quality(n) * complexity(n))[-5:]
    assert sorted(quality(n) * complexity(n) for n in best) == sorted(
        quality(n) * complexity(n) for n in (int(one["question"].split()[2][:-1]) for one in kept)
    )


def test_faults_never_become_marks(tmp_path: Path) -> None:
    """Passing ones are asked again; what the judge does wrong about a record leaves that record unrated."""
    wrong: dict[int, Any] = {
        3: Fault("length"),
        5: Fault("filter"),
        7: '{"quality": {"reason": "r", "mark": 9}, "complexity": {"reason": "r", "mark": 3}}',
        9: "I would give it a 4 for quality and a 3 for complexity.",
        11: '{"quality": {"reason": "r", "mark": 4}}',
        13: "null",
    }

    def fails(body: dict[str, Any]) -> str:
        said = wrong.get(number_in(body), judge(body))
        if isinstance(said, Fault):
            raise said
        return str(said)

    numbers = write_numbers(tmp_path / "n.jsonl", 60)
    kinds = [kind for kind in PASSING if kind not in SLOW]
    with FaultyServer(fails, rate=0.3, kinds=kinds, seed=4) as server:
        run(tmp_path / "run", recipe_of(server, attempts=12, at_once=16), numbers)
    found = told(tmp_path / "run")
    reasons = {3: "truncated", 5: "refused", 7: "out_of_range", 9: "unreadable", 11: "unreadable", 13: "unreadable"}
    for number, (reason, score, values) in enumerate(found):
        if number in reasons:
            assert (reason, score, values) == (reasons[number], None, {})
        else:
            assert (reason, score, values) == expected(number)
    assert any(seen.fault for seen in server.requests)


def test_an_endpoint_that_dies_ends_the_run_and_nothing_paid_is_asked_again(tmp_path: Path) -> None:
    numbers, dead = write_numbers(tmp_path / "n.jsonl", 60), threading.Event()

    def dies(body: dict[str, Any]) -> str:
        if dead.is_set():
            raise Fault("500")
        if server.billed >= 20:
            dead.set()
        return judge(body)

    with FaultyServer(dies, delay=0.02) as server:
        recipe = recipe_of(server)
        with pytest.raises(StageError, match=r"the judge was given up on: .* are without a mark") as caught:
            run(tmp_path / "run", recipe, numbers)
        assert "resume" in caught.value.hint
        assert len(server.requests) < 60  # it was not asked about each of the rest
        answered = dict(server.answered)
        server.answer = judge
        run(tmp_path / "run", recipe, numbers)
        assert set(server.answered.values()) == {1} and len(server.answered) == 60 > len(answered) >= 20
    assert told(tmp_path / "run") == [expected(n) for n in range(60)]


def test_nobody_at_the_address_is_said(tmp_path: Path) -> None:
    numbers = write_numbers(tmp_path / "n.jsonl", 12)
    with FaultyServer(judge) as server:
        recipe = recipe_of(server)
    with pytest.raises(StageError, match=r"12 records are without a mark \(connection: \d+\).*cannot be reached"):
        run(tmp_path / "run", recipe, numbers)


def test_a_model_that_is_not_there_refuses_all_and_ends_the_run(tmp_path: Path) -> None:
    numbers = write_numbers(tmp_path / "n.jsonl", 3)  # fewer than it takes to give an endpoint up

    def refuses(body: dict[str, Any]) -> str:
        raise Fault("400")

    with FaultyServer(refuses) as server:
        with pytest.raises(StageError, match="refused: 3"):
            run(tmp_path / "run", recipe_of(server), numbers)
        server.answer = judge
        run(tmp_path / "run", recipe_of(server), numbers)
    assert [reason for reason, *_ in told(tmp_path / "run")] == ["rated"] * 3


def test_one_record_that_is_refused_is_that_record_alone(tmp_path: Path) -> None:
    def refuses(body: dict[str, Any]) -> str:
        if number_in(body) == 2:
            raise Fault("400")
        return judge(body)

    with FaultyServer(refuses) as server:
        run(tmp_path / "run", recipe_of(server), write_numbers(tmp_path / "n.jsonl", 6))
    assert [reason for reason, *_ in told(tmp_path / "run")] == ["rated"] * 2 + ["refused"] + ["rated"] * 3


def test_unanswered(tmp_path: Path) -> None:
    def stubborn(body: dict[str, Any]) -> str:
        if number_in(body) == 4:
            raise Fault("500")
        return judge(body)

    numbers = write_numbers(tmp_path / "n.jsonl", 9)
    with FaultyServer(stubborn) as server:
        with pytest.raises(StageError, match="did not answer all: 1 records"):
            run(tmp_path / "stops", recipe_of(server), numbers)
        run(tmp_path / "leaves", recipe_of(server, unanswered="leave"), numbers)
    assert [n for n, one in enumerate(told(tmp_path / "leaves")) if one[0] == "unanswered"] == [4]
    assert told(tmp_path / "leaves")[3] == expected(3)


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ({"calls": 6}, "The 6 calls that were allowed have been made"),
        ({"tokens": 2200}, "of 2,200 tokens are left"),
        ({"money": 0.0022, "price_prompt": 1.0, "price_completion": 1.0}, "of 0.0022 are left to spend"),
        ({"money": 0.35, "price_completion": 500.0}, "of 0.35 are left to spend"),
        ({"money": 1.55, "price_prompt": 1000.0}, "of 1.55 are left to spend"),
    ],
)
def test_budgets_end_the_run_and_what_was_marked_is_kept(tmp_path: Path, budget: dict[str, Any], said: str) -> None:
    numbers = write_numbers(tmp_path / "n.jsonl", 30)
    with FaultyServer(judge) as server:
        with pytest.raises(StageError, match=f"the budget is spent: .*{said}") as caught:
            run(tmp_path / "run", recipe_of(server, at_once=2, **budget), numbers)
        first = server.billed
        assert 0 < first < 30
        with pytest.raises(StageError, match="the budget is spent"):  # it is the run's, over all of its legs
            run(tmp_path / "run", recipe_of(server, at_once=2, **budget), numbers)
        run(tmp_path / "leaves", recipe_of(server, at_once=2, unanswered="leave", **{**budget}), numbers)
        run(tmp_path / "other", recipe_of(server), numbers)
        assert server.billed == 30  # of four runs together
    assert "leave" in caught.value.hint
    reasons = [reason for reason, *_ in told(tmp_path / "leaves")]
    assert reasons.count("rated") >= first and set(reasons) <= {"rated", "unanswered"}
    assert told(tmp_path / "other") == [expected(n) for n in range(30)]


def test_a_stop_is_heard_at_once_and_the_rest_is_asked_later(tmp_path: Path) -> None:
    numbers = write_numbers(tmp_path / "n.jsonl", 200)
    with FaultyServer(judge, delay=0.3) as server:
        recipe = recipe_of(server, at_once=4)
        stopped: list[float] = []

        def stop() -> bool:
            if server.billed >= 4 and not stopped:
                stopped.append(time.monotonic())
            return bool(stopped)

        with pytest.raises(Stopped):
            run(tmp_path / "run", recipe, numbers, should_stop=stop)
        assert time.monotonic() - stopped[0] < 3
        assert server.billed <= 12
        server.delay = 0
        run(tmp_path / "run", recipe, numbers)
        assert set(server.answered.values()) == {1}  # what was under way had time to come
    assert told(tmp_path / "run") == [expected(n) for n in range(200)]


def test_after_a_kill_no_answer_that_stood_in_the_ledger_is_asked_for_again(tmp_path: Path) -> None:
    numbers = write_numbers(tmp_path / "n.jsonl", 120)
    with FaultyServer(judge, delay=0.05) as server:
        recipe = recipe_of(server, at_once=8)
        file = tmp_path / "recipe.yaml"
        file.write_text(recipe.to_yaml())
        code = (
            "import sys; from pathlib import Path; from curation.engine import local; from curation.recipe import Recipe\n"
            "local.curate([sys.argv[1]], Recipe.load(sys.argv[2]), Path(sys.argv[3]), listener=lambda _: None, workers=1)"
        )
        command = [sys.executable, "-c", code, str(numbers), str(file), str(tmp_path / "run")]
        for kills in (1, 2):
            leg = subprocess.Popen(command)
            wait_for(lambda: server.billed >= 30 * kills or leg.poll() is not None)  # noqa: B023
            assert leg.poll() is None
            os.kill(leg.pid, signal.SIGKILL)
            leg.wait()
        time.sleep(0.2)
        before, kept = server.billed, answers_kept(tmp_path / "run")
        assert 40 <= kept <= before <= kept + 16
        run(tmp_path / "run", recipe, numbers)
        assert server.billed - before == 120 - kept
    assert told(tmp_path / "run") == [expected(n) for n in range(120)]


def test_workers_share_the_calls_at_once_and_shards_decide_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [write_numbers(tmp_path / f"{name}.jsonl", 30, first) for first, name in ((0, "a"), (30, "b"), (60, "c"))]
    with FaultyServer(judge, delay=0.02) as server:
        run(tmp_path / "two", recipe_of(server, at_once=4), *files, workers=2)
        assert server.billed == 90 and server.most_at_once <= 4
        monkeypatch.setattr(local, "SHARD_RECORDS", 7)
        monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "other cache"))
        run(tmp_path / "cut", recipe_of(server, at_once=16), *files)
        assert server.billed == 180
    assert rated(tmp_path / "two").equals(rated(tmp_path / "cut"))


def test_at_once(tmp_path: Path) -> None:
    few, numbers = write_numbers(tmp_path / "few.jsonl", 8), write_numbers(tmp_path / "n.jsonl", 40, 8)
    with FaultyServer(judge, delay=0.05) as server:
        run(tmp_path / "one", recipe_of(server, at_once=1), few)
        assert server.most_at_once == 1
    with FaultyServer(judge, delay=0.05) as server:
        run(tmp_path / "many", recipe_of(server, at_once=12), numbers)
        assert 8 < server.most_at_once <= 12


def test_attempts_and_timeout(tmp_path: Path) -> None:
    numbers = write_numbers(tmp_path / "n.jsonl", 1)
    with FaultyServer(judge, faults=["500", "hang"]) as server:
        with pytest.raises(StageError, match="server: 1"):
            run(tmp_path / "run", recipe_of(server), numbers)
        run(tmp_path / "run", recipe_of(server, attempts=2, timeout=0.5), numbers)
        assert [seen.fault for seen in server.requests] == ["500", "hang", None]
        assert server.requests[2].at - server.requests[1].at < 3


def test_equal_texts_are_asked_about_once_and_other_texts_apart(tmp_path: Path) -> None:
    one, two = write_numbers(tmp_path / "a.jsonl", 5), write_numbers(tmp_path / "b.jsonl", 7)
    with FaultyServer(judge) as server:
        run(tmp_path / "run", recipe_of(server), one, two)
        assert server.billed == 7
    assert told(tmp_path / "run") == [expected(n) for n in (*range(5), *range(7))]


def test_another_model_rubric_or_prompt_is_asked_anew(tmp_path: Path) -> None:
    numbers = write_numbers(tmp_path / "n.jsonl", 4)
    mine = tmp_path / "mine.yaml"
    mine.write_text("marks:\n  - name: charm\n    lowest: 0\n    highest: 9\n    criterion: How charming it is.\n")
    with FaultyServer(judge, models=("stub", "other")) as server:
        run(tmp_path / "first", recipe_of(server), numbers)
        other = recipe_of(server).with_settings([f"rate.model={server.url}#other"])
        run(tmp_path / "second", other, numbers)
        assert server.billed == 8 and server.requests[-1].body["model"] == "other"
        server.answer = lambda body: json.dumps({"charm": {"reason": "r", "mark": 7}})
        run(tmp_path / "third", recipe_of(server, rubric=str(mine)), numbers)
        assert server.billed == 12
        assert told(tmp_path / "third") == [("rated", 7.0, {"charm": 7.0})] * 4
        mine.write_text(mine.read_text().replace("How charming", "Say how charming"))  # an edit is another rubric
        run(tmp_path / "third", recipe_of(server, rubric=str(mine)), numbers)
        assert server.billed == 16


def test_the_key_goes_to_the_endpoint_and_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk-0123456789abcdefghij"
    monkeypatch.setenv("RATE_TEST_KEY", key)
    numbers = write_numbers(tmp_path / "n.jsonl", 3)
    with FaultyServer(judge, key=key) as server:
        with pytest.raises(StageError, match="no_key"):
            run(tmp_path / "run", recipe_of(server), numbers)
        server.faults = ["400"]  # quotes the key in what it says
        run(tmp_path / "run", recipe_of(server, key_env="RATE_TEST_KEY", unanswered="leave"), numbers)
        with pytest.raises(CallFailed, match="no environment variable is called so"):
            run(tmp_path / "none", recipe_of(server, key_env="RATE_TEST_NONE", answer_tokens=100), numbers)
    assert [reason for reason, *_ in told(tmp_path / "run")].count("rated") >= 2
    for file in (each for each in tmp_path.rglob("*") if each.is_file()):
        assert key.encode() not in file.read_bytes(), file


def test_the_judges_words_are_for_why_and_never_in_the_ledger(tmp_path: Path, cache: Path) -> None:
    numbers = write_numbers(tmp_path / "n.jsonl", 3)
    with FaultyServer(judge) as server:
        run(tmp_path / "run", recipe_of(server), numbers)
        run(tmp_path / "again", recipe_of(server), numbers)
        run(tmp_path / "none", recipe_of(server, keep_reasons=False, answer_tokens=100), numbers)
    for folder in ("run", "again"):
        (event,) = why(tmp_path / folder, "n.jsonl:2").events
        assert event.said == {"quality": "because of 1", "complexity": "it is a number"}
    (event,) = why(tmp_path / "none", "n.jsonl:2").events
    assert event.said == {} and event.values == {"quality": 1, "complexity": 2}
    ledger = b"".join(part.read_bytes() for part in (tmp_path / "run/ledger").iterdir())
    assert b"because of" not in ledger and "because of" not in str(rated(tmp_path / "run").to_dicts())
    (words,) = (cache / "scores").glob("reasons-*.sqlite")
    assert words.stat().st_mode & 0o777 == 0o600
    words.unlink()  # marks stay
    (event,) = why(tmp_path / "run", "n.jsonl:2").events
    assert event.said == {} and event.values["quality"] == 1


def test_a_cache_that_is_damaged_costs_calls_of_a_new_run_and_none_of_this_one(tmp_path: Path, cache: Path) -> None:
    numbers = write_numbers(tmp_path / "n.jsonl", 5)
    with FaultyServer(judge) as server:
        run(tmp_path / "run", recipe_of(server), numbers)
        for file in (cache / "scores").iterdir():
            file.write_bytes(b"no database at all" * 100)
        for file in (tmp_path / "run/shards").iterdir():
            file.unlink()
        run(tmp_path / "run", recipe_of(server), numbers)
        assert server.billed == 5
    assert told(tmp_path / "run") == [expected(n) for n in range(5)]


def test_marks_of_is_what_the_server_says() -> None:
    assert json.loads(marks_of(7))["quality"]["mark"] == quality(7)
