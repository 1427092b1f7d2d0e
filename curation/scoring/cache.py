"""What was measured once, by content and model, for every run of this user: a SQLite file in the cache folder.

It holds digests and numbers, never a text. It may be deleted at any time; one that cannot be read or written costs time
and nothing else.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from curation.weights.cache import cache_folder

FORM = 1  # raised when the tables change: another file, beside those of older versions
_WAIT = 60.0  # seconds for another process to finish its write
_AT_ONCE = 500  # keys in one question: SQLite takes 32,766
_TABLES = """
CREATE TABLE IF NOT EXISTS scores (key BLOB PRIMARY KEY, numbers BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rates (what TEXT PRIMARY KEY, seconds REAL NOT NULL, units REAL NOT NULL) WITHOUT ROWID;
"""
_log = logging.getLogger(__name__)


def score_key(scorer: str, *content: str) -> bytes:
    """Sixteen bytes that stand for a content looked at by a scorer.

    scorer: everything else the numbers depend on: what is measured, the version of its code, the digest of the model,
    every parameter.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in (scorer, *content):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.digest()


def scores_file() -> Path:
    """Where the numbers lie. `STUDIO_CACHE` moves the folder."""
    return cache_folder() / "scores" / f"scores-{FORM}.sqlite"


class ScoreCache:
    """Numbers by key. Any number of processes may have it open; not to be shared by threads. A context manager."""

    def __init__(self, path: Path | None = None) -> None:
        """path: another file than `scores_file()`."""
        self._path = path or scores_file()
        self._base: sqlite3.Connection | None = None
        with self._without("opened"):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._base = sqlite3.connect(self._path, timeout=_WAIT, isolation_level=None)
            # A crash of the machine may lose the last numbers, which are then measured again; it damages nothing.
            for line in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL"):
                self._base.execute(line)
            self._base.executescript(_TABLES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        base, self._base = self._base, None
        if base is not None:
            with suppress(sqlite3.Error):
                base.close()

    def get(self, keys: Sequence[bytes]) -> dict[bytes, tuple[float, ...]]:
        """The numbers of those keys that are there."""
        found: dict[bytes, tuple[float, ...]] = {}
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            with self._without("read"):
                if self._base is not None:
                    marks = ",".join("?" * len(some))
                    rows = self._base.execute(f"SELECT key, numbers FROM scores WHERE key IN ({marks})", some)
                    found.update((bytes(key), struct.unpack(f"<{len(kept) // 8}d", kept)) for key, kept in rows)
        return found

    def put(self, numbers: Mapping[bytes, Sequence[float]]) -> None:
        """Keep these, all or none of them; what is there under the same key is replaced."""
        rows = [(key, struct.pack(f"<{len(kept)}d", *kept)) for key, kept in numbers.items()]
        with self._without("written"), self._writing() as base:
            base.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?)", rows)

    def rate(self, what: str) -> float | None:
        """Seconds a unit, as measured here before; None where it never was."""
        with self._without("read"):
            if self._base is not None:
                row = self._base.execute("SELECT seconds, units FROM rates WHERE what = ?", (what,)).fetchone()
                return row[0] / row[1] if row and row[1] > 0 else None
        return None

    def note_rate(self, what: str, seconds: float, units: float) -> None:
        """Remember how long `units` took; older measurements count half as much each time."""
        with self._without("written"), self._writing() as base:
            base.execute(
                "INSERT INTO rates VALUES (?1, ?2, ?3) ON CONFLICT (what) DO UPDATE "
                "SET seconds = seconds / 2 + ?2, units = units / 2 + ?3",
                (what, seconds, units),
            )

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        if self._base is None:
            raise sqlite3.OperationalError("it is not open")
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield self._base
            self._base.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._base.execute("ROLLBACK")
            raise

    @contextmanager
    def _without(self, what: str) -> Iterator[None]:
        """Go on without the cache where it fails."""
        try:
            yield
        except (sqlite3.Error, OSError, struct.error) as error:
            if self._base is not None or what == "opened":
                _log.warning("the cache %s cannot be %s (%s); its numbers are measured again", self._path, what, error)
            self.close()
            if type(error) is sqlite3.DatabaseError:  # damaged, not merely busy: the next one begins anew
                for name in (self._path.name, f"{self._path.name}-wal", f"{self._path.name}-shm"):
                    with suppress(OSError):
                        self._path.with_name(name).unlink()
