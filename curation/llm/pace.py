"""How many calls an endpoint takes at once: found out by asking, and found out anew when it changes.

Additive increase, multiplicative decrease, as TCP does it. A call that the endpoint turns away for being one too many (429
or 503) makes room smaller, calls that it takes make it larger: twice as large a round until the first refusal, then by
steps towards what was too much. That itself is tried again only now and then, so that an endpoint with a fixed bound is
kept busy and seldom has to refuse; one that takes it has changed, and all begins anew.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from curation.llm.model import CallFailed, never

FIRST: Final = 8  # calls at once to begin with
HALF: Final = 0.5  # what remains after a refusal while it doubles: the round before was taken
CUT: Final = 0.8  # what remains after a refusal later, when it grows by steps
PATIENCE: Final = 20  # rounds in which nothing is refused, before what was too much is tried again
POLL_SECONDS: Final = 0.05
TOO_MANY: Final = (429, 503)


class Limit:
    """The number itself, 1 to `most`. A round is as many calls as are under way at once."""

    def __init__(self, most: int) -> None:
        self.cuts = 0  # so often it was made smaller
        self._most = float(max(1, most))
        self._now = min(float(FIRST), self._most)
        self._too_many = 0.0  # what was refused last; 0: nothing was, or the endpoint takes it by now

    @property
    def now(self) -> int:
        """Calls that may be under way."""
        return int(self._now)

    def refused(self, under_way: int, cuts: int) -> None:
        """A call was refused, which began after so many cuts, when so many were under way.

        Of calls that were under way together one refusal counts: the others say the same.
        """
        if cuts != self.cuts:
            return
        self.cuts += 1
        rest = CUT if self._too_many else HALF
        self._too_many = float(max(1, min(self.now, under_way)))
        self._now = float(max(1, int(self._too_many * rest)))

    def taken(self, under_way: int, cuts: int) -> None:
        """A call was taken. It tells something only where all the room was used, and since it is what it is."""
        if cuts != self.cuts or under_way < self.now:
            return
        if not self._too_many:
            more = float(self.now)
        elif self.now + 1 < self._too_many:
            more = max(1.0, (self._too_many - self.now) / 4)
        else:
            more = 1.0 / min(PATIENCE, 10 * self.now)
        self._now = min(self._most, self._now + more / self.now)
        if self._now > self._too_many:  # it takes more than it did
            self._too_many = 0.0


class Pace:
    """Room for calls to one endpoint, `most` of them at once at the most; shared by all threads that ask it."""

    def __init__(self, most: int) -> None:
        self._bound = Limit(most)
        self._under_way = 0
        self._waiting: deque[_Waiter] = deque()
        self._lock = threading.Lock()

    @property
    def limit(self) -> int:
        """Calls that may be under way at this moment, 1 to `most`."""
        return self._bound.now

    @property
    def under_way(self) -> int:
        """Calls that are."""
        return self._under_way

    @contextlib.contextmanager
    def slot(self, should_stop: Callable[[], bool] = never) -> Iterator[None]:
        """Room for one call. Whoever came first begins first. What its CallFailed says of the endpoint is heeded.

        Raises CallFailed 'stopped' where should_stop says so before there is room.
        """
        cuts = self._enter(should_stop)
        tell: Callable[[int, int], None] | None = None
        try:
            yield
            tell = self._bound.taken
        except CallFailed as failed:
            if failed.status in TOO_MANY:
                tell = self._bound.refused
            raise
        finally:
            with self._lock:
                if tell is not None:
                    tell(self._under_way, cuts)
                self._under_way -= 1
                self._let_in()

    def _enter(self, should_stop: Callable[[], bool]) -> int:
        """Wait for room; how often it had been cut by then."""
        waiter = _Waiter()
        with self._lock:
            self._waiting.append(waiter)
            self._let_in()
        while not waiter.go.wait(POLL_SECONDS):
            if should_stop() and self._leaves(waiter):
                raise CallFailed(
                    "stopped", "The call was stopped while it waited for its turn.", attempts=0, sent=False
                )
        return waiter.cuts

    def _leaves(self, waiter: _Waiter) -> bool:
        """Take a waiter out of the line, unless it was let in this very moment."""
        with self._lock:
            if waiter.go.is_set():
                return False
            self._waiting.remove(waiter)
            return True

    def _let_in(self) -> None:
        """Let in as many as there is room for. Called with the lock held."""
        while self._waiting and self._under_way < self._bound.now:
            waiter = self._waiting.popleft()
            self._under_way += 1
            waiter.cuts = self._bound.cuts
            waiter.go.set()


@dataclass(eq=False)
class _Waiter:
    """A thread that waits for its turn."""

    go: threading.Event = field(default_factory=threading.Event)
    cuts: int = 0
