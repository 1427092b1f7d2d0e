"""The ledger of calls: what was asked is found again, what is under way is not asked twice, and every attempt is counted.

One SQLite file, shared by threads and processes of one machine (its write-ahead log does not work over a network). An
attempt is written down before it is sent and the answer before it is used, each flushed to the disk: after `kill -9` an
answer is there or the attempt counts as spent. Answers are kept, questions are not: of them only the digest.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

import psutil

from curation.errors import InputError, OutputError
from curation.llm.model import CallFailed, ChatReply, ChatRequest, FailureKind, never

VERSION: Final = 1
BUSY_SECONDS: Final = 60.0  # that a write waits for the writes of other processes
LOOK_AGAIN_SECONDS: Final = 0.05

_TABLES = """
CREATE TABLE IF NOT EXISTS calls (key TEXT PRIMARY KEY, endpoint TEXT NOT NULL, owner TEXT, reply TEXT);
CREATE TABLE IF NOT EXISTS attempts (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, endpoint TEXT NOT NULL, began REAL NOT NULL, seconds REAL, outcome TEXT,
    prompt_tokens INTEGER NOT NULL DEFAULT 0, completion_tokens INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS attempts_by_endpoint ON attempts (endpoint);
"""

_held: set[str] = set()  # claims of this process, whichever ledger object made them


@dataclass(frozen=True)
class LedgerSummary:
    """What calls came to. calls: different questions; answered: those that have a whole answer. attempts: requests sent.

    unended: attempts without an outcome, under way or lost to a kill. failures: attempts by the kind of their failure.
    Tokens are those that endpoints told, failed attempts included; seconds are of waiting, summed over all attempts.
    """

    calls: int = 0
    answered: int = 0
    attempts: int = 0
    unended: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0


def call_key(identity: str, request: ChatRequest) -> str:
    """SHA-256 (hex) of who is asked and what: two calls with the same key are one."""
    return hashlib.sha256(f"{identity}\n{request.key()}".encode()).hexdigest()


class CallLedger:
    """The ledger at `path`, made where it is not there (mode 0600); None: one in memory, which ends with the object."""

    def __init__(self, path: Path | None) -> None:
        """Raises OutputError where no file can be, InputError for a file that is no ledger."""
        self._name = "in memory" if path is None else str(path)
        self._lock = threading.RLock()
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            where = ":memory:" if path is None else path
            self._db = sqlite3.connect(where, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise OutputError(f"The ledger of calls {self._name} cannot be opened: {error}.") from error
        self._prepare()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextlib.contextmanager
    def call(self, key: str, endpoint: str, should_stop: Callable[[], bool] = never) -> Iterator[Call]:
        """The call named `key`, for this thread alone: another that makes the same call is waited for.

        Its `reply` is what was answered before, if it was. Raises CallFailed 'stopped' when should_stop says so.
        """
        owner = f"{os.getpid()} {_started(os.getpid())} {uuid.uuid4().hex}"
        _held.add(owner)
        try:
            while not (found := self._claim(key, endpoint, owner)):
                if should_stop():
                    raise CallFailed("stopped", "The call was stopped while somebody else made the same.")
                time.sleep(LOOK_AGAIN_SECONDS)
            try:
                yield Call(self, key, endpoint, found if isinstance(found, ChatReply) else None)
            finally:
                if found is True:
                    self._release(key, owner)
        finally:
            _held.discard(owner)

    def summary(self, endpoint: str | None = None) -> LedgerSummary:
        """What was spent, at one endpoint or at all."""
        of, arguments = ("", ()) if endpoint is None else (" WHERE endpoint = ?", (endpoint,))
        with self._writing() as db:  # a transaction, so that the figures belong together
            (calls,) = db.execute(f"SELECT count(*) FROM calls{of}", arguments).fetchone()
            attempts, unended, asked, said, seconds = db.execute(
                "SELECT count(*), sum(outcome IS NULL), sum(prompt_tokens), sum(completion_tokens), sum(seconds)"
                f" FROM attempts{of}",
                arguments,
            ).fetchone()
            outcomes = dict(
                db.execute(f"SELECT outcome, count(*) FROM attempts{of} GROUP BY outcome ORDER BY outcome", arguments)
            )
        answered = outcomes.pop("answered", 0)
        failures = {kind: count for kind, count in outcomes.items() if kind is not None}
        return LedgerSummary(
            calls, answered, attempts, unended or 0, failures, asked or 0, said or 0, round(seconds or 0.0, 3)
        )

    def begin(self, key: str, endpoint: str, max_calls: int) -> int:
        """Write down that a request is about to be sent; the attempt's number.

        Raises CallFailed 'budget' where `max_calls` (0: no bound) were sent to this endpoint, by whatever process.
        """
        with self._writing() as db:
            if max_calls:
                (sent,) = db.execute("SELECT count(*) FROM attempts WHERE endpoint = ?", (endpoint,)).fetchone()
                if sent >= max_calls:
                    raise CallFailed("budget", f"The {max_calls} calls that were allowed have been made.")
            row = (key, endpoint, time.time())
            return db.execute("INSERT INTO attempts (key, endpoint, began) VALUES (?, ?, ?)", row).lastrowid or 0

    def end(self, attempt: int, outcome: FailureKind | None, reply: ChatReply, *, keep: str = "") -> None:
        """Write down how an attempt ended: answered, or failed in the way `outcome`. keep: the key to keep the reply
        under, "" where asking again may bring a better one.
        """
        row = (outcome or "answered", reply.seconds, reply.prompt_tokens, reply.completion_tokens, attempt)
        with self._writing() as db:
            db.execute(
                "UPDATE attempts SET outcome = ?, seconds = ?, prompt_tokens = ?, completion_tokens = ? WHERE id = ?",
                row,
            )
            if keep:
                said = json.dumps(asdict(reply), ensure_ascii=True)
                db.execute("UPDATE calls SET reply = ?, owner = NULL WHERE key = ?", (said, keep))

    def _claim(self, key: str, endpoint: str, owner: str) -> ChatReply | bool:
        """The reply, if there is one; else whether the call now is the owner's."""
        with self._writing() as db:
            found = db.execute("SELECT reply, owner FROM calls WHERE key = ?", (key,)).fetchone()
            if found is None:
                db.execute("INSERT INTO calls (key, endpoint, owner) VALUES (?, ?, ?)", (key, endpoint, owner))
                return True
            reply, other = found
            if reply is not None:
                return replace(ChatReply(**json.loads(reply)), from_ledger=True)
            if other is not None and _is_alive(other):
                return False
            db.execute("UPDATE calls SET owner = ? WHERE key = ?", (owner, key))
            return True

    def _release(self, key: str, owner: str) -> None:
        with self._writing() as db:
            db.execute("UPDATE calls SET owner = NULL WHERE key = ? AND owner = ?", (key, owner))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, flushed to the disk at its end."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                with self._db:
                    yield self._db
            except sqlite3.Error as error:
                raise OutputError(
                    f"The ledger of calls {self._name} cannot be written: {error}.",
                    "Is there room on the disk? Calls that were not written down would be paid for again.",
                ) from error

    def _prepare(self) -> None:
        hint = "Move it away, or name another file."
        try:
            _journal(self._db)
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                with self._writing() as db:
                    for statement in filter(str.strip, _TABLES.split(";")):
                        db.execute(statement)
                    db.execute(f"PRAGMA user_version = {VERSION}")
            elif version != VERSION:
                raise InputError(f"{self._name} was written by another version of the studio.", hint)
        except sqlite3.Error as error:
            raise InputError(f"{self._name} is no ledger of calls: {error}.", hint) from error


@dataclass(frozen=True)
class Call:
    """A call that nobody else makes at the same time. reply: what was answered before, None where nothing was."""

    ledger: CallLedger
    key: str
    endpoint: str
    reply: ChatReply | None

    def begin(self, max_calls: int) -> int:
        """As `CallLedger.begin`."""
        return self.ledger.begin(self.key, self.endpoint, max_calls)

    def end(self, attempt: int, outcome: FailureKind | None, reply: ChatReply, *, keep: bool) -> None:
        """As `CallLedger.end`."""
        self.ledger.end(attempt, outcome, reply, keep=self.key if keep else "")


def _started(pid: int) -> str:
    """When a process began: with its number, a name that no later process has."""
    try:
        return str(psutil.Process(pid).create_time())
    except psutil.Error:
        return ""


def _is_alive(owner: str) -> bool:
    """Whether the call that `owner` began can still end."""
    pid, started, _ = owner.split(" ")
    if int(pid) == os.getpid() and started == _started(os.getpid()):
        return owner in _held
    return _started(int(pid)) == started


def _journal(db: sqlite3.Connection) -> None:
    """Turn on the write-ahead log. SQLite does not wait for others here, though it is told to."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(LOOK_AGAIN_SECONDS)
