"""Calls at once: as many as an endpoint takes, in the order in which they came, and never more than it was told."""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llm_server import Fault, FaultyServer, echo

from curation.llm.client import connect
from curation.llm.many import complete_all
from curation.llm.model import CallFailed, ChatMessage, ChatReply, ChatRequest
from curation.llm.pace import Limit, Pace


def ask(number: int = 0) -> ChatRequest:
    return ChatRequest("", (ChatMessage("user", f"prompt {number}"),))


class Came(NamedTuple):
    """What a simulated endpoint saw. busy: calls at once, on average over time, of the second half."""

    done: int
    refused: int
    busy: float
    reached: float  # when `limit` first was what it ended with, counted from the change of the capacity


@dataclass
class Endpoint:
    """Takes `capacity(t)` calls at once, each for about a second, and refuses what is more at once."""

    capacity: Callable[[float], int]
    threads: int
    calls: int
    seed: int = 0

    def run(self, limit: Limit, watch: Callable[[int, int], None] = lambda under_way, now: None) -> Came:
        draw, order = random.Random(self.seed), itertools.count()
        events: list[tuple[float, int, str, int]] = []
        time_now = half = area = 0.0
        ready, left = min(self.threads, self.calls), self.calls - min(self.threads, self.calls)
        under_way = served = done = refused = 0
        while ready or events:
            while ready and under_way < limit.now:
                ready, under_way = ready - 1, under_way + 1
                takes = served < self.capacity(time_now)
                served += takes
                later = time_now + (draw.uniform(0.8, 1.2) if takes else 0.01)
                heapq.heappush(events, (later, next(order), "taken" if takes else "refused", limit.cuts))
            before = time_now
            time_now, _, what, cuts = heapq.heappop(events)
            if done >= self.calls // 2:
                half = half or before
                area += served * (time_now - before)
            if what == "again":
                ready += 1
                continue
            (limit.taken if what == "taken" else limit.refused)(under_way, cuts)
            watch(under_way, limit.now)
            under_way -= 1
            if what == "taken":
                served, done = served - 1, done + 1
                ready, left = ready + (left > 0), left - (left > 0)
            else:
                refused += 1
                heapq.heappush(events, (time_now + draw.uniform(0.25, 0.5), next(order), "again", 0))
        return Came(done, refused, area / (time_now - half), time_now)


@settings(max_examples=60, deadline=None)
@given(
    threads=st.integers(1, 80), most=st.integers(1, 80), seed=st.integers(0, 1000),
    steps=st.lists(st.integers(1, 80), min_size=1, max_size=4),
)  # fmt: skip
def test_whatever_an_endpoint_takes_the_limit_stays_between_one_and_the_most(
    threads: int, most: int, seed: int, steps: list[int]
) -> None:
    limit = Limit(most)
    seen: list[tuple[int, int]] = []

    def watch(under_way: int, now: int) -> None:
        seen.append((under_way, now))

    capacity = lambda t: steps[min(int(t / 5), len(steps) - 1)]  # noqa: E731
    came = Endpoint(capacity, threads, 400, seed).run(limit, watch)
    assert came.done == 400 and all(1 <= now <= most and under_way <= most for under_way, now in seen)


@pytest.mark.parametrize(
    ("capacity", "threads", "refused", "busy"),
    [(1, 64, 0.12, 0.95), (2, 64, 0.04, 0.85), (5, 16, 0.02, 0.85), (10, 64, 0.02, 0.85), (50, 64, 0.01, 0.8),
     (100, 256, 0.01, 0.8)],
)  # fmt: skip
def test_it_settles_near_what_the_endpoint_takes(capacity: int, threads: int, refused: float, busy: float) -> None:
    came = Endpoint(lambda t: capacity, threads, 3000).run(Limit(threads))
    assert came.refused / came.done < refused and busy * capacity < came.busy <= capacity


def test_an_endpoint_that_refuses_nothing_gets_all_within_a_few_rounds() -> None:
    limit = Limit(256)
    came = Endpoint(lambda t: 1000, 256, 1200).run(limit)
    assert came.refused == 0 and limit.now == 256 and came.reached < 13


def test_it_recovers_from_an_outage_and_from_a_smaller_endpoint() -> None:
    after = Limit(64)
    came = Endpoint(lambda t: 0 if 20 < t < 30 else 64, 64, 3000).run(after)
    assert came.done == 3000 and after.now > 48 and came.reached < 30 + 45
    grown = Limit(64)
    Endpoint(lambda t: 8 if t < 60 else 64, 64, 3000).run(grown)
    assert grown.now > 48


def test_those_who_came_first_begin_first() -> None:
    pace, order = Pace(1), []
    inside, release = threading.Event(), threading.Event()

    def hold() -> None:
        with pace.slot():
            inside.set()
            release.wait(10)

    def enter(number: int) -> None:
        with pace.slot():
            order.append(number)

    threads = [threading.Thread(target=hold)]
    threads[0].start()
    inside.wait(10)
    for number in range(12):
        threads.append(threading.Thread(target=enter, args=(number,)))
        threads[-1].start()
        while len(pace._waiting) <= number:
            time.sleep(0.001)
    assert (pace.under_way, pace.limit) == (1, 1)
    release.set()
    for thread in threads:
        thread.join(10)
    assert order == list(range(12)) and pace.under_way == 0


def test_who_waits_for_room_is_stopped_at_once_and_leaves_the_line() -> None:
    pace, stop = Pace(1), threading.Event()
    with pace.slot():
        ends: list[tuple[str, float]] = []

        def wait() -> None:
            try:
                with pace.slot(stop.is_set):
                    pass
            except CallFailed as failed:
                ends.append((failed.kind, time.monotonic()))

        waiting = [threading.Thread(target=wait) for _ in range(5)]
        for thread in waiting:
            thread.start()
        while len(pace._waiting) < 5:
            time.sleep(0.001)
        began = time.monotonic()
        stop.set()
        for thread in waiting:
            thread.join(5)
        assert {kind for kind, _ in ends} == {"stopped"} and max(at for _, at in ends) - began < 0.5
    assert pace.under_way == 0 and not pace._waiting
    with pace.slot(lambda: True):  # there is room: nobody needs to wait
        pass


def test_a_call_that_waits_for_its_turn_is_stopped_unsent() -> None:
    pace = Pace(1)
    with FaultyServer() as server, connect(server.address, pace=pace) as model, pace.slot():
        began = time.monotonic()
        with pytest.raises(CallFailed) as failed:
            model.complete(ask(), should_stop=lambda: time.monotonic() > began + 0.2)
        assert failed.value.kind == "stopped" and time.monotonic() - began < 0.6 and server.requests == []
        assert model.ledger.summary().attempts == 0


@pytest.mark.parametrize("fault", ["429", "503_later"])
def test_a_refusal_makes_room_smaller_and_other_failures_do_not(fault: str) -> None:
    pace = Pace(8)
    faults = ["500", "null_content", fault]
    with FaultyServer(faults=faults) as server, connect(server.address, pace=pace, attempts=1) as model:
        for _ in range(2):
            with pytest.raises(CallFailed):
                model.complete(ask())
        assert pace.limit == 8
        with pytest.raises(CallFailed):
            model.complete(ask())
        assert pace.limit == 1 and pace.under_way == 0


@pytest.mark.parametrize(("bound", "threads"), [(3, 12), (10, 24)])
def test_a_server_with_a_bound_is_kept_busy_and_seldom_refuses(bound: int, threads: int) -> None:
    calls = 40 * bound
    load: list[int] = []

    def answer(body: dict) -> str:
        load.append(server.under_way)
        if server.under_way > bound:
            raise Fault("429")
        time.sleep(0.05)
        return echo(body)

    pace = Pace(threads)
    with FaultyServer(answer) as server, connect(server.address, pace=pace, attempts=6) as model:
        outcomes = complete_all(model, [ask(number) for number in range(calls)], threads)
        refused = model.ledger.summary().failures.get("rate_limited", 0)
    assert all(isinstance(outcome, ChatReply) for outcome in outcomes) and server.billed == calls
    assert refused < 0.15 * calls and server.most_at_once <= threads
    later = load[len(load) // 2 :]
    assert 0.5 * bound <= sum(later) / len(later) <= bound + 1
    assert 0.5 * bound <= pace.limit <= bound + 1
