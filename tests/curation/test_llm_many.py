"""Many calls at once: outcomes in order, failures as data, an end when it is asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from llm_server import Fault, FaultyServer, last_user_text

from curation.errors import OutputError
from curation.llm.client import connect
from curation.llm.many import complete_all
from curation.llm.model import CallFailed, ChatMessage, ChatReply, ChatRequest, never

REQUESTS = [ChatRequest("", (ChatMessage("user", f"prompt {number}"),)) for number in range(40)]


def every_seventh_fails(body: dict) -> str:
    text = last_user_text(body)
    if int(text.split()[1]) % 7 == 0:
        raise Fault("no_choices")
    return text.upper()


def test_outcomes_stand_in_the_order_of_the_requests_with_failures_among_them() -> None:
    heard: dict[int, ChatReply | CallFailed] = {}
    threads = set()

    def hear(index: int, outcome: ChatReply | CallFailed) -> None:
        heard[index] = outcome
        threads.add(threading.current_thread())

    with FaultyServer(every_seventh_fails, delay=0.01) as server, connect(server.address, attempts=1) as model:
        outcomes = complete_all(model, REQUESTS, 8, on_reply=hear)
    assert [heard[index] for index in range(40)] == outcomes and threads == {threading.current_thread()}
    for index, outcome in enumerate(outcomes):
        if index % 7 == 0:
            assert isinstance(outcome, CallFailed) and outcome.kind == "no_choices"
        else:
            assert isinstance(outcome, ChatReply) and outcome.text == f"PROMPT {index}"
    assert complete_all(model, []) == []


@pytest.mark.parametrize("concurrency", [1, 6])
def test_concurrency_is_how_many_are_under_way(concurrency: int) -> None:
    with FaultyServer(delay=0.05) as server, connect(server.address) as model:
        complete_all(model, REQUESTS[:18], concurrency)
        assert server.most_at_once == concurrency


def test_stopping_ends_it_and_tells_what_was_not_made() -> None:
    heard: list[int] = []
    with FaultyServer(delay=0.1) as server, connect(server.address) as model:
        outcomes = complete_all(model, REQUESTS, 4, lambda: len(heard) >= 8, lambda index, _: heard.append(index))
        assert len(server.requests) <= 16
    made = [index for index, outcome in enumerate(outcomes) if isinstance(outcome, ChatReply)]
    assert sorted(heard) == made and 8 <= len(made) <= 16
    others = [outcome for outcome in outcomes if isinstance(outcome, CallFailed)]
    assert {outcome.kind for outcome in others} == {"stopped"} and len(outcomes) == 40


def test_a_model_in_this_process_is_asked_in_the_same_way() -> None:
    class Slow:
        name = identity = "slow"

        def complete(self, request: ChatRequest, should_stop: Callable[[], bool] = never) -> ChatReply:
            while not should_stop():
                time.sleep(0.01)
            raise CallFailed("stopped", "It was stopped.")

    began = time.monotonic()
    heard: list[int] = []
    outcomes = complete_all(
        Slow(), REQUESTS, 2, lambda: time.monotonic() > began + 0.2, lambda index, _: heard.append(index)
    )
    assert time.monotonic() - began < 1.5 and heard == []
    assert {outcome.kind for outcome in outcomes if isinstance(outcome, CallFailed)} == {"stopped"}


def test_what_is_no_failure_of_a_call_ends_all(tmp_path: Path) -> None:
    with FaultyServer(lambda body: "x" * 100_000) as server:
        with connect(server.address, ledger=tmp_path / "calls.sqlite") as model:
            model.ledger._db.execute("PRAGMA max_page_count = 60")  # as on a full disk
            with pytest.raises(OutputError):
                complete_all(model, REQUESTS, 2)
        assert server.billed < 10
        with connect(server.address) as model, pytest.raises(ZeroDivisionError):
            complete_all(model, REQUESTS, 2, on_reply=lambda index, _: 1 / 0)
        assert server.billed < 16
