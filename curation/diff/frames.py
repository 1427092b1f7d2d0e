"""The files of an index: two frames of fixed-width columns that are read as they lie, and its facts.

hunks: one row a hunk, ascending by `at`, which is where its record stands: the number of its source times 2^40, plus its
position. causes: one row a cause, ascending by hunk. Names (sources, stages, reasons) are numbers into lists of the facts.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from curation.writers.atomic import discard, open_temp, output_error, write_atomic

VERSION = 1
NOWHERE = (1 << 64) - 1  # `at` and `b_at` of a side that has no such record
SOURCE_BITS = 40

HUNKS = pl.Schema(
    {
        "at": pl.UInt64(),  # on the side before; NOWHERE for an added record
        "b_at": pl.UInt64(),  # on the side after; NOWHERE for a removed one; equal to `at` in a run
        "hash": pl.UInt64(),  # the first 64 bits of the content hash that verdicts are keyed by
        "status": pl.UInt8(),  # into STATUSES
        "stage": pl.UInt16(),
        "reason": pl.UInt16(),
        "score": pl.Float32(),
    }
)
CAUSES = pl.Schema(
    {
        "hunk": pl.UInt32(),
        "stage": pl.UInt16(),
        "reason": pl.UInt16(),
        "action": pl.UInt8(),  # into ACTIONS
        "score": pl.Float32(),
    }
)


def write(folder: Path, hunks: pl.DataFrame, causes: pl.DataFrame, facts: Mapping[str, Any]) -> None:
    """Put an index in place, its facts last: they say that it is whole. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "facts.json").unlink(missing_ok=True)
        for name, frame, schema in (("hunks", hunks, HUNKS), ("causes", causes, CAUSES)):
            _place(folder / f"{name}.arrow", frame.select(list(schema)))
    except OSError as error:
        raise output_error(folder, error) from error
    write_atomic(folder / "facts.json", orjson.dumps({**facts, "version": VERSION}), mode=0o600)


def _place(path: Path, frame: pl.DataFrame) -> None:
    """Uncompressed and in one piece, so that opening it is a matter of reading it."""
    temp, stream = open_temp(path, 0o600)
    try:
        with stream:
            frame.rechunk().write_ipc(stream, compression="uncompressed")
        temp.replace(path)
    except BaseException:
        discard(temp)
        raise


def read_facts(folder: Path, key: str) -> dict[str, Any] | None:
    """The facts of an index that was built for `key` by this version; None when there is no such index."""
    try:
        facts: dict[str, Any] = orjson.loads((folder / "facts.json").read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    return facts if facts.get("key") == key and facts.get("version") == VERSION else None


def open_frame(folder: Path, name: str) -> pl.DataFrame:
    """A frame of an index: 26 bytes a hunk and 10 a cause, in memory as on disk."""
    return pl.read_ipc(folder / f"{name}.arrow")


def remove(folder: Path) -> None:
    """Delete an index."""
    shutil.rmtree(folder, ignore_errors=True)


class Names:
    """Names as numbers, in the order in which they are met."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.numbers = {name: number for number, name in enumerate(names)}

    def number(self, name: str) -> int:
        """The number of a name, a new one if need be."""
        return self.numbers.setdefault(name, len(self.numbers))

    def coded(self, column: pl.Series) -> pl.Series:
        """A column of names as a column of numbers (UInt16)."""
        for name in column.unique(maintain_order=True).to_list():
            self.number(name)
        return column.replace_strict(self.numbers, return_dtype=pl.UInt16)

    def names(self) -> list[str]:
        """All names by their numbers."""
        return list(self.numbers)
