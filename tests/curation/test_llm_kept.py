"""What was answered once is found again: by later runs, by ledgers of an older form, and of models in this process."""

from __future__ import annotations

import json
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from llm_server import FaultyServer

from curation.errors import OutputError, StudioError
from curation.llm.budget import Budget
from curation.llm.client import connect
from curation.llm.commits import Commits
from curation.llm.kept import Kept
from curation.llm.ledger import VERSION, CallLedger, call_key
from curation.llm.model import CallFailed, ChatMessage, ChatReply, ChatRequest, never

FIRST_VERSION = """
CREATE TABLE calls (key TEXT PRIMARY KEY, endpoint TEXT NOT NULL, owner TEXT, reply TEXT);
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, endpoint TEXT NOT NULL, began REAL NOT NULL, seconds REAL, outcome TEXT,
    prompt_tokens INTEGER NOT NULL DEFAULT 0, completion_tokens INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX attempts_by_endpoint ON attempts (endpoint);
PRAGMA user_version = 1;
"""
"""As the ledgers of the first version were made."""


def ask(text: str = "What is it?", **more: object) -> ChatRequest:
    return ChatRequest("", (ChatMessage("user", text),), **more)  # type: ignore[arg-type]


def first_version(path: Path, endpoint: str) -> Path:
    """A ledger of version 1 with one answer, one attempt that failed and one that a kill ended."""
    asked = ChatRequest("stub", ask().messages)
    reply = {"text": "It is old.", "finish_reason": "stop", "prompt_tokens": 9, "completion_tokens": 4, "seconds": 0.5,
             "model": "stub", "from_ledger": False}  # fmt: skip
    with sqlite3.connect(path) as db:
        db.executescript(FIRST_VERSION)
        key = call_key(endpoint, asked)
        db.execute("INSERT INTO calls VALUES (?, ?, NULL, ?)", (key, endpoint, json.dumps(reply)))
        db.execute("INSERT INTO calls VALUES ('other', ?, '999999999 12.5 abc', NULL)", (endpoint,))
        rows = [(key, 0.5, "server", 0, 0), (key, 0.5, "answered", 9, 4), ("other", None, None, 0, 0)]
        for each in rows:
            db.execute(
                "INSERT INTO attempts (key, endpoint, began, seconds, outcome, prompt_tokens, completion_tokens)"
                " VALUES (?, ?, 1.0, ?, ?, ?, ?)",
                (each[0], endpoint, *each[1:]),
            )
    db.close()
    return path


class Counting:
    """A model in this process that counts what it is asked, and fails in the ways it is told."""

    name = "counting"
    identity = "digest-of-weights"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def complete(self, request: ChatRequest, should_stop: Callable[[], bool] = never) -> ChatReply:
        text = request.messages[-1].content
        self.asked.append(text)
        if text in ("truncated", "empty", "stopped"):
            raise CallFailed(text, f"It was {text}.")  # type: ignore[arg-type]
        if text == "broken":
            raise ZeroDivisionError
        return ChatReply(text.upper(), prompt_tokens=3, completion_tokens=2, model=self.name)


def test_a_ledger_of_the_first_version_is_taken_over_whole(tmp_path: Path) -> None:
    with FaultyServer() as server:
        file = first_version(tmp_path / "calls.sqlite", server.address)
        with connect(server.address, ledger=file, budget=Budget(calls=4)) as model:
            before = model.ledger.summary()
            reply = model.complete(ask())
            assert (reply.text, reply.from_ledger) == ("It is old.", True) and server.requests == []
            assert model.complete(ask("new")).text == "You said: new"
            with pytest.raises(CallFailed, match="4 calls that were allowed"):  # those of the first version count
                model.complete(ask("one more"))
        assert (before.calls, before.answered, before.attempts, before.unended) == (2, 1, 3, 1)
        assert before.failures == {"server": 1} and (before.prompt_tokens, before.completion_tokens) == (9, 4)
    with sqlite3.connect(file) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert db.execute("SELECT account, calls, tokens FROM accounts").fetchall() == [
            (server.address, 4, 9 + 4 + 7 + 3)
        ]


def test_many_take_over_a_ledger_of_the_first_version_at_once(tmp_path: Path) -> None:
    file = first_version(tmp_path / "calls.sqlite", "endpoint")
    ready = threading.Barrier(12)

    def open_it(_: int) -> int:
        ready.wait()
        ledger = CallLedger(file)
        found = ledger.summary().attempts
        ledger.close()
        return found

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(open_it, range(12))) == [3] * 12
    with sqlite3.connect(file) as db:
        assert db.execute("SELECT calls, tokens FROM accounts").fetchall() == [(3, 13)]


def test_earlier_ledgers_are_asked_before_anything_is_paid(tmp_path: Path) -> None:
    with FaultyServer() as server:
        old = first_version(tmp_path / "old.sqlite", server.address)
        with connect(server.address, ledger=tmp_path / "second.sqlite") as model:
            model.complete(ask("second"))
        paths = [old, tmp_path / "second.sqlite", tmp_path / "none.sqlite"]
        with connect(server.address, ledger=tmp_path / "third.sqlite", earlier=paths) as model:
            for text, said in (("What is it?", "It is old."), ("second", "You said: second")):
                reply = model.complete(ask(text))
                assert (reply.text, reply.from_ledger) == (said, True)
            assert model.complete(ask("third")).from_ledger is False and server.billed == 2
            assert model.ledger.unread == () and model.ledger.summary().attempts == 1
        old.unlink()  # they are copied, so that a run is whole when earlier ones are gone
        with connect(server.address, ledger=tmp_path / "third.sqlite") as model:
            assert model.complete(ask()).text == "It is old." and server.billed == 2
        with connect(server.address, earlier=paths) as model:  # without a ledger of its own
            assert model.complete(ask("third")).from_ledger is False and model.complete(ask("second")).from_ledger


def test_earlier_ledgers_are_not_written(tmp_path: Path) -> None:
    old = first_version(tmp_path / "calls.sqlite", "e")
    key = call_key("e", ChatRequest("stub", ask().messages))
    before = old.read_bytes()
    ledger = CallLedger(tmp_path / "new.sqlite", [old, tmp_path / "new.sqlite"])
    with ledger.call(key, "e") as call:
        assert call.reply is not None and call.reply.text == "It is old."
    ledger.close()
    assert old.read_bytes() == before


def test_an_earlier_answer_is_found_while_its_run_still_writes(tmp_path: Path) -> None:
    with FaultyServer() as server, connect(server.address, ledger=tmp_path / "one.sqlite") as running:
        running.complete(ask("in the write-ahead log"))
        with connect(server.address, ledger=tmp_path / "two.sqlite", earlier=[tmp_path / "one.sqlite"]) as model:
            assert model.complete(ask("in the write-ahead log")).from_ledger
        assert server.billed == 1


READ_ONLY = """
import os, sys
from pathlib import Path
from curation.llm.earlier import Earlier
if os.geteuid() == 0:
    os.seteuid(65534)  # who may write anywhere cannot show it
earlier = Earlier([Path(sys.argv[1])])
print(earlier.unread, (earlier.reply(sys.argv[2]) or "")[:60])
"""


def test_earlier_ledgers_where_nothing_can_be_written_are_read() -> None:
    with tempfile.TemporaryDirectory() as name, FaultyServer() as server:
        folder = Path(name)
        with connect(server.address, ledger=folder / "calls.sqlite") as model:
            model.complete(ask())
        assert [file.name for file in folder.iterdir()] == ["calls.sqlite"]
        folder.chmod(0o555)
        (folder / "calls.sqlite").chmod(0o444)
        key = call_key(server.address, ChatRequest("stub", ask().messages))
        program = [sys.executable, "-c", READ_ONLY, str(folder / "calls.sqlite"), key]
        ran = subprocess.run(program, capture_output=True, text=True, timeout=60)
        assert ran.stdout.startswith('() {"text": "You said: What is it?"'), ran.stderr
        folder.chmod(0o755)


def test_what_is_no_earlier_ledger_is_named_and_passed_over(tmp_path: Path) -> None:
    letter, empty = tmp_path / "letter.sqlite", tmp_path / "empty.sqlite"
    letter.write_text("this is a letter, and a long one at that\n" * 50)
    empty.write_bytes(b"")
    ledger = CallLedger(None, [letter, empty, tmp_path / "none.sqlite"])
    assert ledger.unread == (letter, empty)
    with ledger.call("key", "endpoint") as call:
        assert call.reply is None


def test_a_model_in_this_process_is_asked_once(tmp_path: Path) -> None:
    model = Counting()
    for _ in range(2):
        with Kept(model, tmp_path / "calls.sqlite") as kept:
            assert (kept.name, kept.identity) == (model.name, model.identity)
            replies = [kept.complete(ask("one")) for _ in range(2)]
            assert {reply.text for reply in replies} == {"ONE"} and replies[1].from_ledger
    assert model.asked == ["one"]
    with Kept(model, tmp_path / "other.sqlite", earlier=[tmp_path / "calls.sqlite"]) as kept:
        assert kept.complete(ask("one")).from_ledger and kept.complete(ask("two")).text == "TWO"
    assert model.asked == ["one", "two"]
    assert stat.S_IMODE((tmp_path / "calls.sqlite").stat().st_mode) == 0o600


def test_what_a_model_in_this_process_would_fail_at_again_is_kept_and_the_rest_is_not(tmp_path: Path) -> None:
    model = Counting()
    with Kept(model, tmp_path / "calls.sqlite") as kept:
        for _ in range(2):
            for kind in ("truncated", "empty", "stopped"):
                with pytest.raises(CallFailed) as failed:
                    kept.complete(ask(kind))
                assert failed.value.kind == kind
            with pytest.raises(ZeroDivisionError):
                kept.complete(ask("broken"))
        summary = kept.ledger.summary()
    assert model.asked == ["truncated", "empty", "stopped", "broken", "stopped", "broken"]
    assert summary.failures == {"empty": 1, "server": 2, "stopped": 2, "truncated": 1} and summary.unended == 0


def test_a_budget_bounds_a_model_in_this_process_too(tmp_path: Path) -> None:
    model = Counting()
    with Kept(model, tmp_path / "calls.sqlite", budget=Budget(calls=2), scope="run") as kept:
        for text in ("one", "one", "two"):
            kept.complete(ask(text))
        with pytest.raises(CallFailed) as failed:
            kept.complete(ask("three"))
    assert failed.value.kind == "budget" and model.asked == ["one", "two"]
    with sqlite3.connect(tmp_path / "calls.sqlite") as db:
        assert db.execute("SELECT * FROM accounts").fetchall() == [("run", 2, 10, 0)]


def on_disk(path: Path) -> Commits:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE written (number INTEGER PRIMARY KEY, batch INTEGER)")
    return Commits(db, str(path))


def test_writes_of_many_threads_are_flushed_together_and_each_sees_its_own(tmp_path: Path) -> None:
    commits, began = on_disk(tmp_path / "file.sqlite"), []
    commits.db.set_trace_callback(lambda said: began.append(said) if said.startswith("BEGIN") else None)
    ready = threading.Barrier(16)

    def write(thread: int) -> None:
        ready.wait()
        for turn in range(20):
            number = thread * 100 + turn

            def insert(db: sqlite3.Connection, number: int = number) -> int:
                assert db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL: the disk has it when it returns
                return db.execute("INSERT INTO written VALUES (?, 0)", (number,)).lastrowid or 0

            assert commits.run(insert) == number
            with sqlite3.connect(tmp_path / "file.sqlite") as other:  # committed when it returned
                assert other.execute("SELECT count(*) FROM written WHERE number = ?", (number,)).fetchone() == (1,)
            other.close()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, range(16)))
    assert commits.db.execute("SELECT count(*) FROM written").fetchone() == (320,)
    assert len(began) < 320


def test_one_that_refuses_spoils_nothing_for_the_others(tmp_path: Path) -> None:
    commits = on_disk(tmp_path / "file.sqlite")
    inside, go = threading.Event(), threading.Event()

    def first(db: sqlite3.Connection) -> None:
        inside.set()
        go.wait(10)

    def refuse(db: sqlite3.Connection) -> None:
        raise CallFailed("budget", "It is spent.")

    def insert(db: sqlite3.Connection) -> int:
        return db.execute("INSERT INTO written VALUES (7, 0)").lastrowid or 0

    with ThreadPoolExecutor(3) as pool:
        ends = [pool.submit(commits.run, first)]
        inside.wait(10)
        ends += [pool.submit(commits.run, work) for work in (refuse, insert)]
        while len(commits._waiting) < 2:
            pass
        go.set()
        assert ends[2].result(10) == 7
        with pytest.raises(CallFailed):
            ends[1].result(10)
    assert commits.db.execute("SELECT number FROM written").fetchall() == [(7,)]


def test_a_transaction_that_cannot_be_written_fails_for_all_of_it(tmp_path: Path) -> None:
    commits = on_disk(tmp_path / "file.sqlite")
    inside, go = threading.Event(), threading.Event()

    def first(db: sqlite3.Connection) -> None:
        inside.set()
        go.wait(10)

    def insert(number: int) -> Callable[[sqlite3.Connection], object]:
        return lambda db: db.execute("INSERT INTO written VALUES (?, 0)", (number,))

    with ThreadPoolExecutor(4) as pool:
        begun = pool.submit(commits.run, first)
        inside.wait(10)
        ends = [pool.submit(commits.run, insert(number)) for number in (1, 1)]  # the second breaks the first
        while len(commits._waiting) < 2:
            pass
        go.set()
        begun.result(10)
        errors = [end.exception(10) for end in ends]
    assert all(isinstance(error, OutputError) for error in errors) and errors[0] is not errors[1]
    assert commits.db.execute("SELECT count(*) FROM written").fetchone() == (0,)
    assert commits.run(lambda db: db.execute("SELECT 5").fetchone()) == (5,)


def test_what_need_not_last_is_not_flushed_and_interruptions_leave_nobody_waiting(tmp_path: Path) -> None:
    commits = on_disk(tmp_path / "file.sqlite")
    assert commits.run(lambda db: db.execute("PRAGMA synchronous").fetchone(), lasting=False) == (1,)
    assert commits.run(lambda db: db.execute("PRAGMA synchronous").fetchone()) == (2,)
    inside, go = threading.Event(), threading.Event()

    def interrupted(db: sqlite3.Connection) -> None:
        inside.set()
        go.wait(10)
        raise KeyboardInterrupt

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(commits.run, interrupted)
        inside.wait(10)
        second = pool.submit(commits.run, lambda db: db.execute("INSERT INTO written VALUES (3, 0)").lastrowid)
        while not commits._waiting:
            pass
        go.set()
        with pytest.raises((KeyboardInterrupt, StudioError)):
            first.result(10)
        assert second.result(10) == 3
