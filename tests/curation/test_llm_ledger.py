"""No finished call is paid for twice: not after a kill, nor by several threads and processes; and no budget is passed."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from llm_server import FaultyServer

from curation.errors import InputError, OutputError
from curation.llm.budget import Budget
from curation.llm.client import connect
from curation.llm.ledger import CallLedger, LedgerSummary, call_key
from curation.llm.model import CallFailed, ChatMessage, ChatReply, ChatRequest

ASKER = Path(__file__).with_name("llm_asker.py")


def ask(text: str = "What is it?", **more: object) -> ChatRequest:
    return ChatRequest("", (ChatMessage("user", text),), **more)  # type: ignore[arg-type]


def start(folder: Path, **settings: object) -> subprocess.Popen[str]:
    """A process that asks; its settings in a file of its own."""
    file = folder / f"asker-{random.getrandbits(40):x}.json"
    file.write_text(json.dumps({"ledger": str(folder / "calls.sqlite"), **settings}))
    return subprocess.Popen([sys.executable, str(ASKER), str(file)], stdout=subprocess.PIPE, text=True)


def outcome(process: subprocess.Popen[str]) -> dict:
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return json.loads(said)


def test_thirty_percent_faults_and_kills_pay_for_nothing_twice(tmp_path: Path) -> None:
    prompts, concurrency, kills = 200, 8, 0
    draw = random.Random(5)
    with FaultyServer(rate=0.3, delay=0.05, seed=11) as server:
        settings = {
            "address": server.address,
            "prompts": prompts,
            "concurrency": concurrency,
            "attempts": 8,
            "timeout": 1.0,
        }
        for goal in (10, 45, 80, 120, 160, 190):
            asker = start(tmp_path, **settings)
            while server.billed < goal:
                time.sleep(0.005)
            time.sleep(draw.uniform(0, 0.1))
            asker.send_signal(signal.SIGKILL)
            kills += asker.wait() == -signal.SIGKILL
        said = outcome(start(tmp_path, **settings))
        spent = CallLedger(tmp_path / "calls.sqlite").summary()
        assert kills == 6
        assert said["said"] == {f"{number}": f"You said: prompt {number}" for number in range(prompts)}
        assert (spent.calls, spent.answered) == (prompts, prompts)
        assert set(server.answered) == {f"prompt {number}" for number in range(prompts)}
        twice = server.billed - prompts
        assert twice <= spent.unended <= kills * concurrency
        assert (
            0 <= spent.attempts - len(server.requests) <= kills * concurrency
        )  # written down, killed before it was sent
        assert sum(spent.failures.values()) > 40 and len(spent.failures) >= 6

        before = len(server.requests)
        again = outcome(start(tmp_path, **settings))
        assert again["said"] == said["said"] and again["reused"] == prompts and len(server.requests) == before


def test_processes_and_threads_that_ask_the_same_pay_once(tmp_path: Path) -> None:
    with FaultyServer(delay=0.1) as server:
        askers = [start(tmp_path, address=server.address, prompts=40, concurrency=8) for _ in range(3)]
        said = [outcome(asker)["said"] for asker in askers]
        assert said[0] == said[1] == said[2] and len(said[0]) == 40
        assert set(server.answered.values()) == {1} and len(server.requests) == 40


def test_threads_with_ledgers_of_their_own_pay_once(tmp_path: Path) -> None:
    with FaultyServer(delay=0.2) as server:

        def one(_: int) -> ChatReply:
            with connect(server.address, ledger=tmp_path / "calls.sqlite") as model:
                return model.complete(ask())

        with ThreadPoolExecutor(12) as pool:
            replies = list(pool.map(one, range(12)))
        assert len({reply.text for reply in replies}) == 1 and server.billed == 1
        assert sum(not reply.from_ledger for reply in replies) == 1


def test_who_waits_for_another_takes_over_when_it_fails(tmp_path: Path) -> None:
    with (
        FaultyServer(delay=0.3, faults=["500"]) as server,
        connect(server.address, attempts=1, ledger=tmp_path / "calls.sqlite") as model,
    ):
        with ThreadPoolExecutor(2) as pool:
            ends = [pool.submit(model.complete, ask()) for _ in range(2)]
        failed = [end.exception() for end in ends]
        assert sorted(type(error).__name__ for error in failed) == ["CallFailed", "NoneType"]
        assert len(server.requests) == 2


def test_who_waits_for_another_can_be_stopped(tmp_path: Path) -> None:
    ledger = CallLedger(tmp_path / "calls.sqlite")
    with ledger.call("key", "endpoint"):
        with pytest.raises(CallFailed) as failed, ledger.call("key", "endpoint", should_stop=lambda: True):
            pass
        assert failed.value.kind == "stopped"
    with ledger.call("key", "endpoint", should_stop=lambda: True) as call:
        assert call.reply is None


def test_the_budget_is_never_passed(tmp_path: Path) -> None:
    with FaultyServer(rate=0.3, delay=0.02, kinds=("429", "500", "drop", "null_content", "cut")) as server:
        settings = {"address": server.address, "prompts": 200, "concurrency": 8, "attempts": 4, "budget": {"calls": 60}}
        first = start(tmp_path, **settings)
        while len(server.requests) < 20:
            time.sleep(0.005)
        first.kill()
        first.wait()
        others = [outcome(asker) for asker in [start(tmp_path, **settings) for _ in range(2)]]
        assert 60 - 8 <= len(server.requests) <= 60  # what was written down when it was killed may not have been sent
        assert all(end["failed"]["budget"] > 100 for end in others)
        spent = CallLedger(tmp_path / "calls.sqlite").summary()
        assert spent.attempts == 60 and 0 <= len(server.answered) - spent.answered <= spent.unended <= 8

        more = outcome(start(tmp_path, **{**settings, "budget": {"calls": 90}}))
        assert more["failed"]["budget"] > 0 and 82 <= len(server.requests) <= 90


def test_a_budget_is_of_one_model_and_holds_without_a_ledger(tmp_path: Path) -> None:
    with FaultyServer(faults=["500", "500"]) as server:
        with connect(server.address, budget=Budget(calls=3), attempts=5) as model:
            assert model.complete(ask()).text
            with pytest.raises(CallFailed, match="3 calls that were allowed") as failed:
                model.complete(ask())
            assert failed.value.kind == "budget" and len(server.requests) == 3
        for name in ("one", "two"):
            with connect(f"{server.url}#{name}", budget=Budget(calls=1), ledger=tmp_path / "calls.sqlite") as model:
                model.complete(ask("first"))
                model.complete(ask("first"))  # costs nothing
                with pytest.raises(CallFailed):
                    model.complete(ask("second"))


def test_without_a_ledger_nothing_is_found_again() -> None:
    with FaultyServer() as server, connect(server.address) as model:
        assert not model.complete(ask()).from_ledger and not model.complete(ask()).from_ledger
        assert server.billed == 2


def test_all_that_decides_an_answer_decides_its_key(tmp_path: Path) -> None:
    other = {"max_tokens": 7, "temperature": 0.5, "top_p": 0.5, "seed": 1, "stop": ("x",), "schema": {"type": "object"}}
    asked = [ask(), ask("Another?"), *(ask(**{name: value}) for name, value in other.items())]
    asked.append(ChatRequest("another model", asked[0].messages))
    keys = {call_key(who, request) for who in ("one", "two") for request in asked}
    assert len(keys) == 2 * len(asked)
    with FaultyServer() as server, connect(server.address, ledger=tmp_path / "calls.sqlite") as model:
        for request in asked * 2:
            model.complete(request)
        assert server.billed == len(asked)


def test_a_reply_comes_back_as_it_was(tmp_path: Path) -> None:
    text = "引用\u2028 “so” \x00 😀\n" * 50
    with FaultyServer(lambda body: text) as server:
        with connect(server.address, ledger=tmp_path / "calls.sqlite") as model:
            first = model.complete(ask())
        with connect(server.address, ledger=tmp_path / "calls.sqlite") as model:
            pieces: list[str] = []
            second, streamed = model.complete(ask()), model.stream(ask(), pieces.append)
        assert (first.text, first.from_ledger) == (text, False)
        assert second == streamed == ChatReply(**{**first.__dict__, "from_ledger": True}) and pieces == [text]
        assert server.billed == 1


def test_an_answer_cut_off_is_paid_once_and_never_whole(tmp_path: Path) -> None:
    with FaultyServer(faults=["length"]) as server, connect(server.address, ledger=tmp_path / "calls.sqlite") as model:
        for _ in range(3):
            with pytest.raises(CallFailed) as failed:
                model.complete(ask())
            assert failed.value.kind == "truncated"
        assert model.stream(ask(), lambda piece: None).finish_reason == "length"
        assert len(server.requests) == 1
        spent = model.ledger.summary()
        assert (spent.failures, spent.answered, spent.attempts) == ({"truncated": 1}, 0, 1)


def test_a_stream_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    with (
        FaultyServer(faults=["drip", "cut", None]) as server,
        connect(server.address, ledger=tmp_path / "calls.sqlite", attempts=1) as model,
    ):
        pieces: list[str] = []
        assert model.stream(ask(), pieces.append, should_stop=lambda: bool(pieces)).finish_reason == "stopped"
        with pytest.raises(CallFailed):
            model.stream(ask(), pieces.append)
        reply = model.stream(ask(), pieces.append)
        assert not reply.from_ledger and model.complete(ask()).text == reply.text == "You said: What is it?"
        assert len(server.requests) == 3


def test_the_summary_says_what_it_came_to(tmp_path: Path) -> None:
    with (
        FaultyServer(faults=["500", "no_choices", None, "null_content"]) as server,
        connect(server.address, ledger=tmp_path / "calls.sqlite", attempts=3) as model,
    ):
        model.complete(ask())
        model.complete(ask("one two three"))
        spent = model.ledger.summary()
        assert model.ledger.summary("http://elsewhere/v1#m") == LedgerSummary()
        assert model.ledger.summary(model.identity) == spent
    assert (spent.calls, spent.answered, spent.attempts, spent.unended) == (2, 2, 5, 0)
    assert spent.failures == {"empty": 1, "no_choices": 1, "server": 1}
    assert (spent.prompt_tokens, spent.completion_tokens) == (21, 5 + 5 + 5) and 0 < spent.seconds < 5


def test_the_file_is_private_and_keeps_no_question(tmp_path: Path) -> None:
    with (
        FaultyServer(lambda body: "the answer") as server,
        connect(server.address, ledger=tmp_path / "deep" / "calls.sqlite") as model,
    ):
        model.complete(ask("a private question"))
        files = list((tmp_path / "deep").iterdir())
        assert len(files) == 3 and {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        assert not any(b"private question" in file.read_bytes() for file in files)


def test_a_dead_owner_of_the_same_number_is_dead(tmp_path: Path) -> None:
    ledger = CallLedger(tmp_path / "calls.sqlite")
    with ledger.call("key", "endpoint"):
        pass
    own = f"{os.getpid()} {psutil.Process().create_time()} abc"  # a call of this process that ended without a word
    for dead in (own, f"{os.getpid()} 12.5 abc", "999999999 12.5 abc", f"{os.getppid()} 12.5 abc"):
        with sqlite3.connect(tmp_path / "calls.sqlite") as db:
            db.execute("UPDATE calls SET owner = ?", (dead,))
        began = time.monotonic()
        with ledger.call("key", "endpoint") as call:
            assert call.reply is None
        assert time.monotonic() - began < 0.5


def test_what_is_no_ledger_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "calls.sqlite"
    file.write_text("this is a letter, and a long one at that\n" * 50)
    with pytest.raises(InputError, match="no ledger"):
        CallLedger(file)
    assert file.read_text().startswith("this is a letter")
    later = tmp_path / "later.sqlite"
    with sqlite3.connect(later) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(InputError, match="another version"):
        CallLedger(later)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be opened"):
        CallLedger(tmp_path / "file" / "calls.sqlite")


def test_an_answer_that_cannot_be_written_down_is_an_error(tmp_path: Path) -> None:
    with (
        FaultyServer(lambda body: "x" * 200_000) as server,
        connect(server.address, ledger=tmp_path / "calls.sqlite") as model,
    ):
        model.ledger._db.execute("PRAGMA max_page_count = 20")  # as on a full disk
        with pytest.raises(OutputError, match="full"):
            model.complete(ask())
        model.ledger._db.execute("PRAGMA max_page_count = 10000")
        assert model.complete(ask()).text and server.billed == 2


def test_many_open_a_new_ledger_at_the_same_moment(tmp_path: Path) -> None:
    ready = threading.Barrier(16)

    def open_it(_: int) -> LedgerSummary:
        ready.wait()
        return CallLedger(tmp_path / "calls.sqlite").summary()

    with ThreadPoolExecutor(16) as pool:
        assert set(map(repr, pool.map(open_it, range(16)))) == {repr(LedgerSummary())}


def test_closing_under_a_call_loses_nothing(tmp_path: Path) -> None:
    """Whoever leaves does not wait; what the call cost is written down when it ends, and the file closed then."""
    ledger = CallLedger(tmp_path / "calls.sqlite")
    begun, go = threading.Event(), threading.Event()

    def one(number: int) -> None:
        with ledger.call(f"key {number}", "e") as call:
            attempt = call.begin()
            begun.set()
            go.wait()
            call.end(attempt, None, ChatReply("yes", "stop", 1, 2), keep=True)

    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(one, number) for number in range(8)]
        begun.wait()
        while ledger.summary().attempts < 8:
            time.sleep(0.01)
        ledger.close()
        go.set()
    assert [each.result() for each in done] == [None] * 8
    with pytest.raises(OutputError, match="closed"):
        ledger.summary()
    assert CallLedger(tmp_path / "calls.sqlite").summary().answered == 8
