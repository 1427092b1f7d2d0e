"""What earlier ledgers hold: read, never written."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path


class Earlier:
    """Answers in the ledgers of earlier runs, as they were when this was made. unread: files that are no ledgers.

    Digests are held in memory, about 150 bytes a call; answers are read when they are asked for. Files that are not there
    are passed over.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths: list[Path] = []
        self._places: dict[str, tuple[int, ...]] = {}
        self._lock = threading.Lock()
        self.unread: tuple[Path, ...] = tuple(
            path for path in dict.fromkeys(paths) if path.is_file() and not self._list(path)
        )

    def reply(self, key: str) -> str | None:
        """The answer to the call named `key` as a ledger keeps it, from the first ledger that has it."""
        for place in self._places.get(key, ()):
            with self._lock, contextlib.suppress(sqlite3.Error), _reading(self._paths[place]) as db:
                found = db.execute("SELECT reply FROM calls WHERE key = ?", (key,)).fetchone()
                if found is not None and found[0] is not None:
                    return str(found[0])
        return None

    def _list(self, path: Path) -> bool:
        """Take in what a ledger holds; whether it is one."""
        try:
            with _reading(path) as db:
                keys = [key for (key,) in db.execute("SELECT key FROM calls")]
        except sqlite3.Error:
            return False
        self._paths.append(path)
        for key in keys:
            self._places[key] = (*self._places.get(key, ()), len(self._paths) - 1)
        return True


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, to be read; also where nothing may be written beside it, as its write-ahead log would want."""
    where = path.resolve().as_uri()
    with contextlib.closing(sqlite3.connect(f"{where}?mode=ro", uri=True, timeout=10.0)) as db:
        try:
            db.execute("SELECT 1 FROM calls LIMIT 1")
        except sqlite3.OperationalError:
            log = path.with_name(f"{path.name}-wal")
            if log.is_file() and log.stat().st_size:
                raise
        else:
            yield db
            return
    with contextlib.closing(sqlite3.connect(f"{where}?immutable=1", uri=True)) as db:
        yield db
