"""The ledger of calls: what was asked is found again, what is under way is not asked twice, and every attempt is counted.

One SQLite file, shared by threads and processes of one machine (its write-ahead log does not work over a network). An
attempt is written down before it is sent and the answer before it is used, each flushed to the disk: after `kill -9` an
answer is there or the attempt counts as spent. Answers are kept, questions are not: of them only the digest.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import psutil

from curation.errors import InputError, OutputError
from curation.llm.budget import BILLIONTHS, FREE, UNBOUND, Budget, Cost
from curation.llm.commits import BUSY_SECONDS, LOOK_AGAIN_SECONDS, Commits, journal
from curation.llm.earlier import Earlier
from curation.llm.model import CallFailed, ChatReply, ChatRequest, FailureKind, never

VERSION: Final = 2

_TABLES = """
CREATE TABLE IF NOT EXISTS calls (key TEXT PRIMARY KEY, endpoint TEXT NOT NULL, owner TEXT, reply TEXT);
CREATE TABLE IF NOT EXISTS attempts (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, endpoint TEXT NOT NULL, began REAL NOT NULL, seconds REAL, outcome TEXT,
    prompt_tokens INTEGER NOT NULL DEFAULT 0, completion_tokens INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS attempts_by_endpoint ON attempts (endpoint);
"""

_SECOND = """
ALTER TABLE attempts ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN money INTEGER NOT NULL DEFAULT 0;
CREATE INDEX attempts_under_way ON attempts (account) WHERE outcome IS NULL;
CREATE TABLE accounts (account TEXT PRIMARY KEY, calls INTEGER NOT NULL, tokens INTEGER NOT NULL, money INTEGER NOT NULL);
UPDATE attempts SET account = endpoint, tokens = prompt_tokens + completion_tokens;
INSERT INTO accounts SELECT account, count(*), sum(tokens), 0 FROM attempts GROUP BY account;
"""
"""What version 2 added: what an attempt counts for against a budget, while it is under way and after, and the sums of it."""

_held: set[str] = set()  # claims of this process, whichever ledger object made them


@dataclass(frozen=True)
class LedgerSummary:
    """What calls came to. calls: different questions; answered: those that have a whole answer. attempts: requests sent.

    unended: attempts without an outcome, under way or lost to a kill. failures: attempts by the kind of their failure.
    Tokens are those that endpoints told, failed attempts included; seconds are of waiting, summed over all attempts. money:
    what counts against a budget, so with what attempts without a known end may have come to.
    """

    calls: int = 0
    answered: int = 0
    attempts: int = 0
    unended: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    money: float = 0.0


def call_key(identity: str, request: ChatRequest) -> str:
    """SHA-256 (hex) of who is asked and what: two calls with the same key are one."""
    return hashlib.sha256(f"{identity}\n{request.key()}".encode()).hexdigest()


class CallLedger:
    """The ledger at `path`, made where it is not there (mode 0600); None: one in memory, which ends with the object."""

    def __init__(self, path: Path | None, earlier: Sequence[Path] = ()) -> None:
        """earlier: ledgers whose answers are taken over when the same call is made.

        Raises OutputError where no file can be, InputError for a file that is no ledger.
        """
        self._name = "in memory" if path is None else str(path)
        self._earlier = Earlier([each for each in earlier if path is None or each.resolve() != path.resolve()])
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            where = ":memory:" if path is None else path
            self._db = sqlite3.connect(where, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise OutputError(f"The ledger of calls {self._name} cannot be opened: {error}.") from error
        self._commits = Commits(self._db, self._name)
        self._prepare()

    @property
    def unread(self) -> tuple[Path, ...]:
        """Those of the earlier ledgers that are none, or cannot be read."""
        return self._earlier.unread

    def close(self) -> None:
        """Close the file, once the calls that are under way have ended: what they cost is to be written down."""
        self._commits.close()

    @contextlib.contextmanager
    def call(self, key: str, endpoint: str, should_stop: Callable[[], bool] = never) -> Iterator[Call]:
        """The call named `key`, for this thread alone: another that makes the same call is waited for.

        Its `reply` is what was answered before, if it was. Raises CallFailed 'stopped' when should_stop says so.
        """
        owner = f"{os.getpid()} {_started(os.getpid())} {uuid.uuid4().hex}"
        before = self._earlier.reply(key)
        with self._commits.held(), _alive_here(owner):
            while not (found := self._claim(key, endpoint, owner, before)):
                if should_stop():
                    raise CallFailed("stopped", "The call was stopped while somebody else made the same.")
                time.sleep(LOOK_AGAIN_SECONDS)
            call = Call(self, key, endpoint, owner, found if isinstance(found, ChatReply) else None, should_stop)
            try:
                yield call
            finally:
                if call.reply is None and not call.is_kept:
                    self._release(key, owner)

    def summary(self, endpoint: str | None = None) -> LedgerSummary:
        """What was spent, at one endpoint or at all."""
        of, arguments = ("", ()) if endpoint is None else (" WHERE endpoint = ?", (endpoint,))

        def read(db: sqlite3.Connection) -> tuple[int, tuple[Any, ...], dict[str | None, int]]:
            (calls,) = db.execute(f"SELECT count(*) FROM calls{of}", arguments).fetchone()
            sums = db.execute(
                "SELECT count(*), sum(outcome IS NULL), sum(prompt_tokens), sum(completion_tokens), sum(seconds), sum(money)"
                f" FROM attempts{of}",
                arguments,
            ).fetchone()
            outcomes = db.execute(
                f"SELECT outcome, count(*) FROM attempts{of} GROUP BY outcome ORDER BY outcome", arguments
            )
            return calls, sums, dict(outcomes)

        calls, sums, outcomes = self._commits.run(read, lasting=False)
        attempts, unended, asked, said, seconds, money = (number or 0 for number in sums)
        answered = outcomes.pop("answered", 0)
        failures = {kind: count for kind, count in outcomes.items() if kind is not None}
        return LedgerSummary(
            calls, answered, attempts, unended, failures, asked, said, round(float(seconds), 3), money / BILLIONTHS
        )

    def begin(
        self,
        key: str,
        endpoint: str,
        owner: str = "",
        *,
        account: str = "",
        budget: Budget = UNBOUND,
        cost: Cost = FREE,
    ) -> int:
        """Write down that a request is about to be sent, which may come to `cost`; the attempt's number.

        account: what counts together, "" for the endpoint. 0: it may fit the budget once others have ended, so ask again.
        Raises CallFailed 'budget' where it does not, whatever they come to.
        """
        account = account or endpoint

        def write(db: sqlite3.Connection) -> int:
            if budget.is_bound and not _fits(db, account, budget, cost):
                return 0
            _count(db, account, 1, cost)
            row = (key, endpoint, time.time(), account, owner, cost.tokens, cost.money)
            return (
                db.execute(
                    "INSERT INTO attempts (key, endpoint, began, account, owner, tokens, money) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    row,
                ).lastrowid
                or 0
            )

        return int(self._commits.run(write))

    def end(
        self, attempt: int, outcome: FailureKind | None, reply: ChatReply, cost: Cost = FREE, *, keep: str = ""
    ) -> None:
        """Write down how an attempt ended: answered, or failed in the way `outcome`; and what it counts for. keep: the key
        to keep the reply under, "" where asking again may bring a better one.
        """
        said = json.dumps(asdict(reply), ensure_ascii=True) if keep else ""
        told = (outcome or "answered", reply.seconds, reply.prompt_tokens, reply.completion_tokens, *cost, attempt)

        def write(db: sqlite3.Connection) -> None:
            account, tokens, money = db.execute(
                "SELECT account, tokens, money FROM attempts WHERE id = ?", (attempt,)
            ).fetchone()
            _count(db, account, 0, Cost(cost.tokens - tokens, cost.money - money))
            db.execute(
                "UPDATE attempts SET outcome = ?, seconds = ?, prompt_tokens = ?, completion_tokens = ?, tokens = ?, money = ?"
                " WHERE id = ?",
                told,
            )
            if keep:
                db.execute("UPDATE calls SET reply = ?, owner = NULL WHERE key = ?", (said, keep))

        self._commits.run(write)

    def _claim(self, key: str, endpoint: str, owner: str, before: str | None) -> ChatReply | bool:
        """The reply, if there is one, here or (before) in an earlier ledger; else whether the call now is the owner's."""

        def write(db: sqlite3.Connection) -> str | bool:
            found = db.execute("SELECT reply, owner FROM calls WHERE key = ?", (key,)).fetchone()
            if found is None:
                row = (key, endpoint, None if before else owner, before)
                db.execute("INSERT INTO calls (key, endpoint, owner, reply) VALUES (?, ?, ?, ?)", row)
                return before or True
            reply, other = found
            if reply is not None:
                return str(reply)
            if other is not None and _is_alive(other):
                return False
            db.execute("UPDATE calls SET owner = ?, reply = ? WHERE key = ?", (None if before else owner, before, key))
            return before or True

        found = self._commits.run(write, lasting=False)
        return found if isinstance(found, bool) else replace(ChatReply(**json.loads(found)), from_ledger=True)

    def _release(self, key: str, owner: str) -> None:
        def write(db: sqlite3.Connection) -> None:
            db.execute("UPDATE calls SET owner = NULL WHERE key = ? AND owner = ?", (key, owner))

        self._commits.run(write, lasting=False)

    def _prepare(self) -> None:
        hint = "Move it away, or name another file."

        def make(db: sqlite3.Connection) -> None:
            (version,) = db.execute("PRAGMA user_version").fetchone()  # others may have made it since
            steps = {0: _TABLES + _SECOND, 1: _SECOND}.get(version, "")
            for statement in filter(str.strip, steps.split(";")):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {VERSION}")

        try:
            journal(self._db)
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version not in (0, 1, VERSION):
                raise InputError(f"{self._name} was written by another version of the studio.", hint)
            if version != VERSION:
                self._commits.run(make)
        except sqlite3.Error as error:
            raise InputError(f"{self._name} is no ledger of calls: {error}.", hint) from error


class Call:
    """A call that nobody else makes at the same time. reply: what was answered before, None where nothing was."""

    def __init__(
        self,
        ledger: CallLedger,
        key: str,
        endpoint: str,
        owner: str,
        reply: ChatReply | None,
        should_stop: Callable[[], bool],
    ) -> None:
        self.reply = reply
        self.is_kept = False  # its answer has been written down
        self._ledger, self._key, self._endpoint, self._owner = ledger, key, endpoint, owner
        self._should_stop = should_stop

    def begin(self, account: str = "", budget: Budget = UNBOUND, cost: Cost = FREE) -> int:
        """As `CallLedger.begin`, after the end of as many others as it takes. Raises CallFailed 'budget', 'stopped'."""
        while True:
            number = self._ledger.begin(
                self._key, self._endpoint, self._owner, account=account, budget=budget, cost=cost
            )
            if number:
                return number
            if self._should_stop():
                raise CallFailed("stopped", "The call was stopped while it waited for what others leave of the budget.")
            time.sleep(LOOK_AGAIN_SECONDS)

    def end(
        self, attempt: int, outcome: FailureKind | None, reply: ChatReply, cost: Cost = FREE, *, keep: bool
    ) -> None:
        """As `CallLedger.end`."""
        self._ledger.end(attempt, outcome, reply, cost, keep=self._key if keep else "")
        self.is_kept = self.is_kept or keep


def _count(db: sqlite3.Connection, account: str, calls: int, cost: Cost) -> None:
    """Add to what an account has come to."""
    db.execute(
        "INSERT INTO accounts VALUES (?, ?, ?, ?) ON CONFLICT (account) DO UPDATE"
        " SET calls = calls + excluded.calls, tokens = tokens + excluded.tokens, money = money + excluded.money",
        (account, calls, *cost),
    )


def _fits(db: sqlite3.Connection, account: str, budget: Budget, cost: Cost) -> bool:
    """Whether there is room in the budget for `cost`; False: not before others have ended. Raises CallFailed 'budget'."""
    row = db.execute("SELECT calls, tokens, money FROM accounts WHERE account = ?", (account,)).fetchone()
    calls, tokens, money = row or (0, 0, 0)
    if budget.lacks(calls, Cost(tokens, money), cost) is None:
        return True
    under_way = db.execute(
        "SELECT owner, tokens, money FROM attempts WHERE account = ? AND outcome IS NULL", (account,)
    ).fetchall()
    alive = [each for each in under_way if each[0] and _is_alive(each[0])]
    least = Cost(tokens - sum(each[1] for each in alive), money - sum(each[2] for each in alive))
    if (said := budget.lacks(calls, least, cost)) is not None:
        raise CallFailed("budget", said, attempts=0, sent=False)
    return False


@functools.cache
def _own_start(pid: int) -> str:
    """When this process began: `pid` is its own, and another after a fork."""
    return str(psutil.Process(pid).create_time())


def _started(pid: int) -> str:
    """When a process began: with its number, a name that no later process has."""
    try:
        return _own_start(pid) if pid == os.getpid() else str(psutil.Process(pid).create_time())
    except psutil.Error:
        return ""


@contextlib.contextmanager
def _alive_here(owner: str) -> Iterator[None]:
    """Its claims hold in the meantime."""
    _held.add(owner)
    try:
        yield
    finally:
        _held.discard(owner)


def _is_alive(owner: str) -> bool:
    """Whether the call that `owner` began can still end."""
    pid, started, _ = owner.split(" ")
    if int(pid) == os.getpid() and started == _started(os.getpid()):
        return owner in _held
    return _started(int(pid)) == started
