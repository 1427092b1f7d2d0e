"""Writes of many threads to one SQLite file, several to a transaction.

Flushing to the disk takes as long for one write as for fifty. So whoever comes while a transaction is being flushed is
written with the next one, all together, by the first of them; each returns when its own write is on the disk.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from curation.errors import OutputError

BUSY_SECONDS: Final = 60.0  # that a write waits for the writes of other processes
LOOK_AGAIN_SECONDS: Final = 0.05

Work = Callable[[sqlite3.Connection], Any]


@dataclass(eq=False)
class _Write:
    """What one thread wants written. turn: it is done, or its thread is to write for those that wait."""

    work: Work
    lasting: bool
    turn: threading.Event = field(default_factory=threading.Event)
    done: bool = False
    result: Any = None
    error: BaseException | None = None


class Commits:
    """Transactions on `db`, which belongs to this object from now on."""

    def __init__(self, db: sqlite3.Connection, name: str) -> None:
        """name: of the file, for people."""
        self.db = db
        self._name = name
        self._lock = threading.Lock()
        self._waiting: list[_Write] = []
        self._leader: _Write | None = None
        self._flushes: bool | None = None
        self._users, self._closing = 0, False

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """The file stays open in the meantime, whoever closes it."""
        with self._lock:
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                self._close_unused()

    def close(self) -> None:
        """Close the file, now or as soon as nobody holds it: SQLite crashes where it is closed under a write."""
        with self._lock:
            self._closing = True
            self._close_unused()

    def _close_unused(self) -> None:
        if self._closing and not self._users:
            self.db.close()

    def run(self, work: Work, *, lasting: bool = True) -> Any:
        """What `work` returns, with what it wrote committed; lasting: and flushed to the disk.

        work may run in another thread, in one transaction with the work of others. It may raise, but not after it wrote.
        Raises OutputError where the file cannot be written: then nothing of it is.
        """
        with self.held():
            return self._run(_Write(work, lasting))

    def _run(self, write: _Write) -> Any:
        with self._lock:
            self._waiting.append(write)
            if self._leader is None:
                self._leader = write
                write.turn.set()
        try:
            write.turn.wait()
            if not write.done:
                self._lead()
        except BaseException:  # an interruption: whoever waits is not to wait for this thread
            with self._lock:
                if write in self._waiting:
                    self._waiting.remove(write)
                if self._leader is write:
                    self._pass_on()
            raise
        if write.error is not None:
            raise write.error
        return write.result

    def _lead(self) -> None:
        """Write for all who wait, this thread among them, and leave those who came meanwhile to the first of them."""
        with self._lock:
            batch, self._waiting = self._waiting, []
        try:
            self._commit(batch)
        finally:
            with self._lock:
                self._pass_on()
            for write in batch:
                if not write.done:  # interrupted
                    write.error = OutputError(f"Writing the ledger of calls {self._name} was interrupted.")
                    write.done = True
                write.turn.set()

    def _pass_on(self) -> None:
        """Make the first of those who wait the one who writes. Called with the lock held."""
        self._leader = self._waiting[0] if self._waiting else None
        if self._leader is not None:
            self._leader.turn.set()

    def _commit(self, batch: list[_Write]) -> None:
        try:
            self._flush(any(write.lasting for write in batch))
            self.db.execute("BEGIN IMMEDIATE")
            with self.db:
                for write in batch:
                    try:
                        write.result = write.work(self.db)
                    except sqlite3.Error:
                        raise
                    except Exception as error:
                        write.error = error
        except sqlite3.Error as error:
            for write in batch:
                write.error = OutputError(
                    f"The ledger of calls {self._name} cannot be written: {error}.",
                    "Is there room on the disk? Calls that were not written down would be paid for again.",
                )
        for write in batch:
            write.done = True

    def _flush(self, wanted: bool) -> None:
        """Whether the next commit is flushed. One that is takes all before it to the disk, too."""
        if wanted != self._flushes:
            self.db.execute(f"PRAGMA synchronous = {'FULL' if wanted else 'NORMAL'}")
            self._flushes = wanted


def journal(db: sqlite3.Connection) -> None:
    """Turn on the write-ahead log. SQLite does not wait for others here, though it is told to."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(LOOK_AGAIN_SECONDS)
