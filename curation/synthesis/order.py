"""Units go out to many threads and come back in any order; they are finalised in the order of the plan.

So `outcomes.jsonl` is a function of the replies alone: which of two repetitions is the first depends neither on threads
nor on kills. A kill, or a stop, loses what came back before its turn; the ledger of calls gives it again for nothing.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from curation.errors import Stopped
from curation.synthesis.model import Unit
from curation.synthesis.work import ASKED_AGAIN, Done

POLL_SECONDS: Final = 0.1
HOPELESS_AFTER: Final = 8
"""So many failures of the endpoint in a row, and at least as many as calls at once; the rest is left for the next leg."""

AT_ONCE_HOPELESS: Final = ("budget", "no_key")
BATCH: Final = 64  # units finalised with one flush to the disk
WINDOW: Final = 4096
"""Units that may be out, or back before their turn: one that waits for a slow endpoint does not fill the memory."""


@dataclass(frozen=True)
class Ended:
    """How it went. finished: units that were finalised; left: that nobody asked about. given_up: the failures, by kind,
    after which no more was asked; {} where all was. said: what the last of them says to people."""

    finished: int
    left: int
    given_up: dict[str, int] = field(default_factory=dict)
    said: str = ""


class Crew:
    """Threads that work on units. work: called in them; finalise: in the thread that calls `run`, with units in their order,
    as many at once as are there."""

    def __init__(
        self,
        work: Callable[[Unit, Callable[[], bool]], Done],
        finalise: Callable[[Sequence[tuple[Unit, Done]]], None],
        *,
        threads: int,
        row: int,
    ) -> None:
        """row: failures in a row after which the endpoint is given up on."""
        self._work, self._finalise, self._threads = work, finalise, threads
        self._stopping = threading.Event()
        self._row = _Row(row)
        self._back: queue.SimpleQueue[tuple[int, Future[Done]]] = queue.SimpleQueue()
        self._under_way: dict[int, Future[Done]] = {}
        self._done: dict[int, Done] = {}
        self._sent = self._next = 0

    def run(self, units: Sequence[Unit], should_stop: Callable[[], bool]) -> Ended:
        """Work on all of them, or until the endpoint is hopeless. Raises Stopped, with everything that is finalised on the
        disk, and whatever `work` or `finalise` raise besides."""
        pool = ThreadPoolExecutor(max_workers=self._threads, thread_name_prefix="generate")
        stopped = False
        try:
            while True:
                if should_stop():
                    stopped = True
                    self._stopping.set()
                if self._stopping.is_set() or self._row.hopeless:
                    for future in list(self._under_way.values()):
                        future.cancel()
                else:
                    self._send(pool, units)
                if not self._under_way and not self._done_next():
                    break
                self._take()
                self._settle(units)
        finally:
            self._stopping.set()
            pool.shutdown(cancel_futures=True)
        left = len(units) - self._next
        if left and stopped:
            raise Stopped("The generation was stopped; what was finished is kept.")
        return Ended(self._next, left, self._row.failures() if left else {}, self._row.said)

    def _send(self, pool: ThreadPoolExecutor, units: Sequence[Unit]) -> None:
        """Give units out, far ahead: threads find work while this one looks at what came back."""
        while self._sent < len(units) and self._sent - self._next < WINDOW:
            at = self._sent
            self._sent += 1
            future = self._under_way[at] = pool.submit(self._one, units[at])
            future.add_done_callback(partial(self._came_back, at))

    def _one(self, unit: Unit) -> Done:
        """In a thread: one unit."""
        if self._stopping.is_set() or self._row.hopeless:
            raise Stopped("It is left for the next leg.")
        done = self._work(unit, self._stopping.is_set)
        self._row.count(done)
        return done

    def _came_back(self, at: int, future: Future[Done]) -> None:
        self._back.put((at, future))

    def _take(self) -> None:
        """What has come back, at least one if one comes soon."""
        wait = POLL_SECONDS if not self._done_next() else 0.0
        while True:
            try:
                at, future = self._back.get(timeout=wait) if wait else self._back.get_nowait()
            except queue.Empty:
                return
            wait = 0.0
            del self._under_way[at]
            with suppress(Stopped, CancelledError):
                self._done[at] = future.result()

    def _done_next(self) -> bool:
        return self._next in self._done

    def _settle(self, units: Sequence[Unit]) -> None:
        """Finalise those whose turn it is, some of them: should_stop is asked in between."""
        ready: list[tuple[Unit, Done]] = []
        while self._next + len(ready) in self._done and len(ready) < BATCH:
            at = self._next + len(ready)
            ready.append((units[at], self._done.pop(at)))
        if ready:
            self._finalise(ready)
            self._next += len(ready)


class _Row:
    """Failures of the endpoint in a row, in the order in which they came back. What came out of the ledger says nothing of
    today."""

    def __init__(self, most: int) -> None:
        self.hopeless = False
        self.said = ""
        self._most, self._in_vain = most, 0
        self._failures: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count(self, done: Done) -> None:
        """One more unit has come back."""
        kinds = {item.reason for item in done.outcome.items if item.status == "failed"} & set(ASKED_AGAIN)
        with self._lock:
            if done.said and kinds:
                self._in_vain += 1
                self._failures.update(kinds)
                self.said = done.said
                self.hopeless = self.hopeless or self._in_vain >= self._most or bool(kinds & set(AT_ONCE_HOPELESS))
            elif not done.from_ledger and not self.hopeless:
                self._in_vain = 0
                self._failures.clear()

    def failures(self) -> dict[str, int]:
        """How many failed in which way, since the last answer."""
        return dict(sorted(self._failures.items()))
