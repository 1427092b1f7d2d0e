"""A budget in calls, tokens and money is never passed: not by threads, processes, failures, kills or rounding."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llm_server import FaultyServer, last_user_text

from curation.errors import InputError
from curation.llm.budget import Budget, Cost, prompt_tokens_at_most
from curation.llm.client import connect
from curation.llm.ledger import CallLedger
from curation.llm.model import CallFailed, ChatMessage, ChatReply, ChatRequest

ASKER = Path(__file__).with_name("llm_asker.py")
PRICES = {"price_prompt": 0.5, "price_completion": 1.5}


def ask(text: str = "What is it?", max_tokens: int = 100) -> ChatRequest:
    return ChatRequest("", (ChatMessage("user", text),), max_tokens=max_tokens)


def start(folder: Path, **told: object) -> subprocess.Popen[str]:
    file = folder / f"asker-{random.getrandbits(40):x}.json"
    file.write_text(json.dumps({"ledger": str(folder / "calls.sqlite"), **told}))
    return subprocess.Popen([sys.executable, str(ASKER), str(file)], stdout=subprocess.PIPE, text=True)


def outcome(asker: subprocess.Popen[str]) -> dict:
    said, _ = asker.communicate(timeout=120)
    assert asker.returncode == 0
    return json.loads(said)


def some_words(body: dict) -> str:
    """An answer of 1 to 60 words, which are its tokens here."""
    return " ".join(["word"] * random.Random(last_user_text(body)).randint(1, 60))


def billed(server: FaultyServer) -> int:
    """Tokens of all answers that the server worked out, as it counts them."""
    return sum(
        times * (7 + len(some_words({"messages": [{"role": "user", "content": text}]}).split()))
        for text, times in server.answered.items()
    )


@pytest.mark.parametrize(
    ("budget", "worth"),
    [({"tokens": 6000}, 6000.0), ({"money": 0.009, "price_prompt": 1.5, "price_completion": 1.5}, 6000.0)],
)
def test_tokens_and_money_are_never_passed_and_are_spent_nearly_all(tmp_path: Path, budget: dict, worth: float) -> None:
    told = {"prompts": 400, "concurrency": 8, "attempts": 3, "max_tokens": 64, "budget": budget, "timeout": 5.0}
    with FaultyServer(some_words, rate=0.2, delay=0.02, kinds=("429", "500", "html")) as server:
        first = start(tmp_path, address=server.address, **told)
        while server.billed < 20:
            time.sleep(0.005)
        first.kill()
        first.wait()
        ends = [outcome(asker) for asker in [start(tmp_path, address=server.address, **told) for _ in range(2)]]
        assert all(end["failed"]["budget"] > 50 for end in ends)
        with CallLedger(tmp_path / "calls.sqlite")._db as db:
            counted, cost, lost = db.execute(
                "SELECT sum(tokens), sum(money), sum(outcome IS NULL) FROM attempts"
            ).fetchone()
            assert db.execute("SELECT sum(tokens), sum(money) FROM accounts").fetchone() == (counted, cost)
        most = prompt_tokens_at_most(ask("prompt 399", 64)) + 64
        assert billed(server) <= counted <= worth and 0 <= lost <= 8
        assert counted > worth - 2 * most  # what is under way does not end it early


def test_what_is_under_way_is_waited_for_and_the_wait_can_be_stopped() -> None:
    most = prompt_tokens_at_most(ask()) + 100
    budget = Budget(tokens=most + 50)  # one at a time
    with FaultyServer(delay=0.4) as server, connect(server.address, budget=budget) as model:
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(model.complete, ask())
            while not server.requests:
                time.sleep(0.005)
            began = time.monotonic()
            with pytest.raises(CallFailed) as failed:
                model.complete(ask("another?"), should_stop=lambda: time.monotonic() > began + 0.1)
            assert failed.value.kind == "stopped" and time.monotonic() - began < 0.4 and len(server.requests) == 1
            assert model.complete(ask("another?")).text and first.result().text
        assert server.most_at_once == 1 and len(server.requests) == 2


def test_a_call_that_can_never_fit_says_so_at_once() -> None:
    most = prompt_tokens_at_most(ask()) + 100
    with FaultyServer() as server:
        with connect(server.address, budget=Budget(tokens=most - 1)) as model, pytest.raises(CallFailed) as failed:
            model.complete(ask())
        assert failed.value.kind == "budget" and f"{most - 1} of {most - 1} tokens are left" in failed.value.message
        budget = Budget(money=0.0001, price_completion=5.0)
        with connect(server.address, budget=budget) as model, pytest.raises(CallFailed, match=r"0\.0001 of 0\.0001"):
            model.complete(ask())
        assert server.requests == []


def test_an_attempt_lost_to_a_kill_counts_as_what_it_may_have_come_to(tmp_path: Path) -> None:
    most = prompt_tokens_at_most(ask("prompt 0")) + 100
    told = {"prompts": 3, "concurrency": 3, "max_tokens": 100, "budget": {"tokens": 4 * most - 1}}
    with FaultyServer(faults=["hang"] * 3) as server:
        lost = start(tmp_path, address=server.address, **told)
        while len(server.requests) < 3:
            time.sleep(0.005)
        lost.kill()
        lost.wait()
        with connect(server.address, ledger=tmp_path / "calls.sqlite", budget=Budget(tokens=4 * most - 1)) as model:
            began = time.monotonic()
            with pytest.raises(CallFailed) as failed:
                model.complete(ask("prompt 0"))  # the dead are not waited for
            assert failed.value.kind == "budget" and time.monotonic() - began < 2
            assert f"{most - 1} of {4 * most - 1:,} tokens are left" in failed.value.message
        with connect(server.address, ledger=tmp_path / "calls.sqlite", budget=Budget(tokens=4 * most)) as model:
            assert model.complete(ask("prompt 0")).text
        with CallLedger(tmp_path / "calls.sqlite")._db as db:
            assert db.execute("SELECT calls, tokens FROM accounts").fetchone() == (4, 3 * most + 7 + 4)


UNBILLED = ("429", "500", "503_later", "redirect", "400", "401")
BILLED = ("drop", "hang", "cut", "html", "error_in_200", "no_choices", "half_json")


@pytest.mark.parametrize("fault", UNBILLED + BILLED)
def test_a_failure_counts_for_what_an_endpoint_may_bill(fault: str) -> None:
    budget = Budget(tokens=10_000, **PRICES)
    with (
        FaultyServer(faults=[fault]) as server,
        connect(server.address, attempts=1, timeout=0.4, budget=budget) as model,
    ):
        with pytest.raises(CallFailed):
            model.complete(ask())
        most = budget.reservation(ask()) if fault in BILLED else Cost()
        assert model.ledger._db.execute("SELECT * FROM accounts").fetchall() == [(model.identity, 1, *most)]


def test_an_endpoint_that_was_never_reached_bills_nothing() -> None:
    with FaultyServer() as server:
        address = server.address
    with connect(address, attempts=2, budget=Budget(tokens=1000)) as model:
        with pytest.raises(CallFailed):
            model.complete(ask())
        assert model.ledger._db.execute("SELECT calls, tokens FROM accounts").fetchone() == (2, 0)


def test_models_with_the_same_scope_share_a_budget(tmp_path: Path) -> None:
    file = tmp_path / "calls.sqlite"
    with FaultyServer() as server:
        for number, (name, scope) in enumerate([("one", "run"), ("two", "run"), ("one", "other"), ("one", "")]):
            with connect(f"{server.url}#{name}", budget=Budget(calls=2), ledger=file, scope=scope) as model:
                assert model.complete(ask(f"{number}")).text
        third = connect(f"{server.url}#three", budget=Budget(calls=2), ledger=file, scope="run")
        with third as model, pytest.raises(CallFailed, match="2 calls that were allowed"):
            model.complete(ask("more"))
        assert len(server.requests) == 4


def test_the_summary_tells_money() -> None:
    budget = Budget(**PRICES)
    with (
        FaultyServer(lambda body: "five words are in it", faults=[None, "hang"]) as server,
        connect(server.address, attempts=1, timeout=0.3, budget=budget) as model,
    ):
        model.complete(ask())
        assert model.ledger.summary().money == pytest.approx((7 * 0.5 + 5 * 1.5) / 1e6) == budget.price(7, 5)
        with pytest.raises(CallFailed):
            model.complete(ask("lost"))
        lost = budget.reservation(ask("lost")).money / 1e9
        assert model.ledger.summary().money == pytest.approx(budget.price(7, 5) + lost)


def test_an_answer_without_a_count_is_taken_for_the_most_it_can_be() -> None:
    from curation.llm.budget import cost_of_reply

    budget = Budget(**PRICES)
    assert cost_of_reply(budget, ask(), ChatReply("yes")) == budget.reservation(ask())
    assert cost_of_reply(budget, ask(), ChatReply("yes", prompt_tokens=7, completion_tokens=900)).tokens == 907


@pytest.mark.parametrize(
    "wrong", [{"calls": -1}, {"tokens": -5}, {"money": float("nan")}, {"money": float("inf")}, {"money": 1.0}]
)
def test_a_budget_that_bounds_nothing_is_refused(wrong: dict) -> None:
    with pytest.raises(InputError) as failed:
        Budget(**wrong)
    assert failed.value.hint


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_order_of_beginnings_and_ends_passes_a_budget(data: st.DataObject) -> None:
    """As many as fit are under way; ended ones count for what they were, at most what was reserved."""
    budget = Budget(
        calls=data.draw(st.integers(0, 12)), tokens=data.draw(st.integers(0, 300)), money=data.draw(st.floats(0, 1e-6)),
        price_prompt=0.001, price_completion=0.002,
    )  # fmt: skip
    ledger, running, spent = CallLedger(None), {}, Cost()
    calls = 0
    with closing(ledger):
        for number in range(25):
            if running and data.draw(st.booleans()):
                attempt = data.draw(st.sampled_from(sorted(running)))
                reserved = running.pop(attempt)
                was = Cost(data.draw(st.integers(0, reserved.tokens)), data.draw(st.integers(0, reserved.money)))
                ledger.end(attempt, None, ChatReply("x"), was)
                spent = Cost(spent.tokens + was.tokens, spent.money + was.money)
            else:
                cost = Cost(data.draw(st.integers(0, 90)), data.draw(st.integers(0, 500)))
                try:
                    attempt = ledger.begin(f"{number}", "endpoint", budget=budget, cost=cost)
                except CallFailed:
                    continue
                if attempt:
                    running[attempt], calls = cost, calls + 1
            most = Cost(
                spent.tokens + sum(each.tokens for each in running.values()),
                spent.money + sum(each.money for each in running.values()),
            )
            assert not budget.calls or calls <= budget.calls
            assert not budget.tokens or most.tokens <= budget.tokens
            assert not budget.money or most.money <= budget.money * 1e9 + 1e-3
            assert ledger._db.execute("SELECT total(calls), total(tokens), total(money) FROM accounts").fetchone() == (
                calls,
                *most,
            )


@pytest.fixture(scope="module")
def small_tokenizer() -> Callable[[Sequence[str]], list[int]]:
    """SmolLM2's: 49,152 tokens made of English, so that Chinese takes it more tokens than any model of today."""
    from curation.stages.tokens import load
    from curation.weights.find import find_model

    return load(find_model("smollm2").path).count


@pytest.mark.parametrize(
    "text",
    [
        "The library is open from nine to five, except on Sundays. " * 20,
        "图书馆每天上午九点到下午五点开放，星期日除外。" * 20,
        "Die Straßenbahnhaltestelle liegt gegenüber der Universitätsbibliothek. " * 20,
        "def area(r):\n    return 3.14159265358979 * r ** 2  # of a circle\n" * 20,
        json.dumps({"a": [1, 2, {"b": None, "c": "d"}]}, indent=4) * 20,
        "1234567890 " * 50,
        "😀👩‍👩‍👧 שלום مرحبا नमस्ते " * 20,
        " " * 400 + "\n" * 100,
        "aGVsbG8gd29ybGQsIHRoaXMgaXMgYmFzZTY0IG9mIG5vdGhpbmc" * 10,
        "",
    ],
    ids=["english", "chinese", "german", "code", "json", "digits", "emoji", "blank", "base64", "nothing"],
)
def test_no_prompt_has_more_tokens_than_are_reserved(small_tokenizer, text: str) -> None:
    request = ChatRequest("", (ChatMessage("system", "Be brief."), ChatMessage("user", text)))
    written = "".join(f"<|im_start|>{role}\n{said}<|im_end|>\n" for role, said in request.messages)
    (tokens,) = small_tokenizer([written + "<|im_start|>assistant\n"])
    assert tokens <= prompt_tokens_at_most(request) <= len(text.encode()) + 200


def test_a_schema_counts_as_a_part_of_the_prompt() -> None:
    schema = {"type": "object", "properties": {"winner": {"enum": ["A", "B"]}}}
    bare, with_schema = ask(), ChatRequest("", ask().messages, max_tokens=100, schema=schema)
    assert prompt_tokens_at_most(with_schema) > prompt_tokens_at_most(bare) + 20


def test_many_threads_with_one_ledger_in_memory_share_a_budget() -> None:
    with FaultyServer(delay=0.01) as server, connect(server.address, budget=Budget(calls=25)) as model:
        ready = threading.Barrier(16)

        def one(number: int) -> int:
            ready.wait()
            made = 0
            for turn in range(5):
                try:
                    model.complete(ask(f"{number} {turn}"))
                    made += 1
                except CallFailed as failed:
                    assert failed.kind == "budget"
            return made

        with ThreadPoolExecutor(16) as pool:
            assert sum(pool.map(one, range(16))) == 25 == len(server.requests)
