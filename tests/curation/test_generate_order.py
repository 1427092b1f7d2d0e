"""Units come back in any order and are finalised in that of the plan; an endpoint that only fails is given up on."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from curation.errors import OutputError, Stopped
from curation.llm.model import CallFailed
from curation.synthesis.model import Item, Outcome, Unit
from curation.synthesis.order import HOPELESS_AFTER, Crew
from curation.synthesis.work import Done, kind_of

UNITS = [Unit(f"u{number:05}", "qa", 1) for number in range(300)]


def done(unit: Unit, reason: str = "", *, from_ledger: bool = False) -> Done:
    item = Item(f"{unit.unit_id}.0", "failed" if reason else "accepted", reason)
    return Done(Outcome(unit.unit_id, (item,)), 0.0, from_ledger, f"It says {reason}." if reason else "")


class Finalised(list[str]):
    """Takes units as they are finalised; sizes: how many at once."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, ready: Sequence[tuple[Unit, Done]]) -> None:
        assert all(unit.unit_id == each.outcome.unit_id for unit, each in ready)
        self.sizes.append(len(ready))
        self.extend(unit.unit_id for unit, _ in ready)


def crew(work: Callable[[Unit], Done], finalised: Finalised, threads: int = 16) -> Crew:
    return Crew(lambda unit, _: work(unit), finalised, threads=threads, row=HOPELESS_AFTER)


def test_the_order_is_that_of_the_plan() -> None:
    draw, finalised = random.Random(1), Finalised()

    def work(unit: Unit) -> Done:
        time.sleep(draw.random() * 0.01)
        return done(unit)

    ended = crew(work, finalised).run(UNITS, lambda: False)
    assert finalised == [unit.unit_id for unit in UNITS] and (ended.finished, ended.left, ended.given_up) == (
        300,
        0,
        {},
    )
    assert max(finalised.sizes) > 1  # one flush for several


def test_a_slow_finalising_keeps_nobody_waiting() -> None:
    begun: list[str] = []
    begun_by: list[int] = []

    class Slow(Finalised):
        def __call__(self, ready: Sequence[tuple[Unit, Done]]) -> None:
            time.sleep(0.3)
            begun_by.append(len(begun))
            super().__call__(ready)

    def work(unit: Unit) -> Done:
        begun.append(unit.unit_id)
        time.sleep(0.001)
        return done(unit)

    slow = Slow()
    crew(work, slow, threads=4).run(UNITS, lambda: False)
    assert len(slow) == 300 and len(begun_by) > 4
    assert begun_by[1] == 300  # while two batches were finalised


def test_a_stop_ends_it_within_a_moment_and_what_is_finalised_is_whole() -> None:
    finalised, began = Finalised(), time.monotonic()

    def work(unit: Unit) -> Done:
        time.sleep(0.01)
        return done(unit)

    with pytest.raises(Stopped):
        crew(work, finalised, threads=2).run(UNITS, lambda: time.monotonic() - began > 0.3)
    assert 0 < len(finalised) < 300 and finalised == [unit.unit_id for unit in UNITS[: len(finalised)]]
    assert time.monotonic() - began < 2


def test_a_unit_that_was_stopped_ends_what_can_be_finalised() -> None:
    finalised, stop = Finalised(), threading.Event()

    def work(unit: Unit) -> Done:
        if unit.unit_id == "u00003":
            stop.wait(5)
            raise Stopped("")
        stop.set() if unit.unit_id == "u00020" else None
        return done(unit)

    with pytest.raises(Stopped):
        crew(work, finalised, threads=4).run(UNITS[:40], stop.is_set)
    assert finalised == ["u00000", "u00001", "u00002"]  # the others are in the ledger


def test_whatever_else_goes_wrong_is_raised() -> None:
    def work(unit: Unit) -> Done:
        if unit.unit_id == "u00005":
            raise OutputError("The disk is full.")
        return done(unit)

    with pytest.raises(OutputError, match="full"):
        crew(work, Finalised()).run(UNITS, lambda: False)

    class Full(Finalised):
        def __call__(self, ready: Sequence[tuple[Unit, Done]]) -> None:
            raise OutputError("The disk is full.")

    with pytest.raises(OutputError, match="full"):
        crew(done, Full()).run(UNITS, lambda: False)


@pytest.mark.parametrize(
    ("reason", "asked"),
    [("connection", HOPELESS_AFTER), ("refused", HOPELESS_AFTER), ("budget", 1), ("no_key", 1), ("truncated", 300)],
)
def test_an_endpoint_that_only_fails_is_given_up_on(reason: str, asked: int) -> None:
    finalised = Finalised()
    ended = crew(lambda unit: done(unit, reason), finalised, threads=1).run(UNITS, lambda: False)
    assert len(finalised) == asked == ended.finished and ended.left == 300 - asked
    assert ended.given_up == ({reason: asked} if asked < 300 else {})
    assert ended.said == (f"It says {reason}." if asked < 300 else "")


def test_answers_in_between_are_hope_and_those_of_the_ledger_are_not() -> None:
    def every(number: int, *, from_ledger: bool) -> Callable[[Unit], Done]:
        return lambda unit: (
            done(unit, from_ledger=from_ledger) if int(unit.unit_id[1:]) % number == 0 else done(unit, "server")
        )

    assert crew(every(4, from_ledger=False), Finalised(), threads=1).run(UNITS, lambda: False).left == 0
    ended = crew(every(4, from_ledger=True), Finalised(), threads=1).run(UNITS, lambda: False)
    assert ended.left > 280 and ended.given_up == {"server": HOPELESS_AFTER}


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("The endpoint refused the call (400): This model's maximum context length is 4096 tokens.", "too_large"),
        ("The endpoint refused the call (400): the request exceeds the available context size", "too_large"),
        ("The endpoint refused the call (400): Unsupported value: 'temperature'", "refused"),
        ("The endpoint refused the call (404): The model `x` does not exist", "refused"),
    ],
)
def test_a_request_that_is_too_long_has_a_reason_of_its_own(message: str, kind: str) -> None:
    assert kind_of(CallFailed("refused", message, status=400)) == kind
    assert kind_of(CallFailed("server", message)) == "server"
