"""Why a judge marked as it did: the words of its reasons, by what was asked, for every run of this user.

A file beside the cache of scores, readable by its owner alone, since reasons may quote records. It may be deleted at any
time: marks stay, and what was lost are words.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import orjson

from curation.scoring.cache import ScoreCache
from curation.weights.cache import cache_folder

FORM: Final = 1
_TABLE = "CREATE TABLE IF NOT EXISTS reasons (key BLOB PRIMARY KEY, said TEXT NOT NULL) WITHOUT ROWID"


_DETAIL = re.compile("words ([0-9a-f]{32})")


def reasons_file() -> Path:
    """Where the reasons lie. `STUDIO_CACHE` moves the folder."""
    return cache_folder() / "scores" / f"reasons-{FORM}.sqlite"


class Reasons(ScoreCache):
    """Reasons by key: for each mark, by its name, what was said. As `ScoreCache`, and fails as it does: with less kept."""

    def __init__(self) -> None:
        path = reasons_file()
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        super().__init__(path)
        with self._without("opened"):
            if self._base is not None:
                self._base.execute(_TABLE)

    def keep(self, said: Mapping[bytes, Mapping[str, str]]) -> None:
        """Keep these; what is there under the same key is replaced."""
        rows = [(key, orjson.dumps(reasons).decode()) for key, reasons in said.items()]
        with self._without("written"), self._writing() as base:
            base.executemany("INSERT OR REPLACE INTO reasons VALUES (?, ?)", rows)

    def find(self, keys: Sequence[bytes]) -> dict[bytes, dict[str, str]]:
        """The reasons of those keys that are there."""
        found: dict[bytes, dict[str, str]] = {}
        with self._without("read"):
            for key in keys:
                row = (
                    None
                    if self._base is None
                    else self._base.execute("SELECT said FROM reasons WHERE key = ?", (key,)).fetchone()
                )
                if row is not None:
                    found[key] = orjson.loads(row[0])
        return found


def reasons_of(detail: str | None) -> dict[str, str]:
    """What a judge said of a record, by mark, from the detail of its decision; {} where it is not kept here."""
    named = _DETAIL.fullmatch(detail or "")
    if named is None or not reasons_file().is_file():
        return {}
    key = bytes.fromhex(named[1])
    with Reasons() as kept:
        return kept.find([key]).get(key, {})


def detail_of(key: bytes) -> str:
    """What a decision says of the words that are kept under `key`: where they are, and none of them."""
    return f"words {key.hex()}"
