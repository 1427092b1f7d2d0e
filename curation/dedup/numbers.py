"""Columns of numbers about every record of the corpus: on disk, in record order, in memory one at a time or less."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from io import BufferedRandom
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curation.dedup.shingles import I64, U64
from curation.scratch import no_room, scratch_file

BATCH = 1 << 17  # numbers read at once where some of them are looked for
AT_ONCE = 1 << 24  # numbers of a column compared at once: 128 MB, and twice as much to sort them
WIDTH = 8  # bytes of a number


class Numbers:
    """The columns of frames after each other, all of them UInt64 or Float64 without nulls, each in a nameless file in `folder`
    (None: where the system keeps temporary files), which is gone when this is closed, whatever happens.

    Raises OutputError when there is no room for them: 8 bytes a record and column.
    """

    def __init__(self, parts: Sequence[pl.LazyFrame], folder: Path | None = None) -> None:
        self._stack = ExitStack()
        self._files: dict[str, BufferedRandom] = {}
        self._kinds = {
            name: np.dtype(np.float64 if kind == pl.Float64 else np.uint64)
            for name, kind in parts[0].collect_schema().items()
        }
        self._length = 0
        try:
            for name in self._kinds:
                self._files[name] = self._stack.enter_context(scratch_file(folder))
            for part in parts:
                frame = part.collect()
                self._length += frame.height
                for name, file in self._files.items():
                    file.write(frame[name].to_numpy().tobytes())
            for file in self._files.values():
                file.flush()
        except OSError as error:
            self.close()
            raise no_room(folder, error) from error

    def __len__(self) -> int:
        return self._length

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failed: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the disk."""
        self._stack.close()

    def at(self, name: str, rows: I64) -> NDArray[Any]:
        """The numbers of some rows."""
        kind = self._kinds[name]
        if not self._length:  # nothing cannot be mapped
            return np.zeros(0, dtype=kind)
        return np.asarray(np.memmap(self._files[name], dtype=kind, mode="r")[rows])

    def by_value(self, name: str, at_once: int = AT_ONCE) -> Iterator[tuple[I64, U64]]:
        """`(rows, numbers)` of a column of evenly spread hashes, rows ascending, in as many parts as keep memory bounded.
        All rows with the same number are in the same part.
        """
        parts = -(-self._length // at_once)
        if parts < 2:
            yield np.arange(self._length), self._read(name, 0, self._length)
            return
        for part in range(parts):
            rows, numbers = [], []
            for start in range(0, self._length, BATCH):
                some = self._read(name, start, BATCH)
                mine = np.flatnonzero((some >> np.uint64(32)) * np.uint64(parts) >> np.uint64(32) == part)
                rows.append(mine + start)
                numbers.append(some[mine])
            yield np.concatenate(rows), np.concatenate(numbers)

    def _read(self, name: str, start: int, count: int) -> U64:
        file = self._files[name]
        file.seek(start * WIDTH)
        return np.frombuffer(file.read(count * WIDTH), dtype=np.uint64)
