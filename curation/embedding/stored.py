"""Vectors of a whole corpus on disk: read a few at a time, so that memory does not follow the number of records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curation.embedding.encoder import F32
from curation.scratch import no_room, scratch_file

I64 = NDArray[np.int64]
BATCH = 1 << 13  # vectors looked at at once


class Vectors(Protocol):
    """Numbered vectors (n, width), each of length 1, or zero."""

    @property
    def width(self) -> int:
        """Numbers in a vector."""

    def __len__(self) -> int:
        """How many there are."""

    def take(self, places: I64) -> F32:
        """Some of them, as an array of their own."""


class InMemory:
    """An array as `Vectors`."""

    def __init__(self, vectors: F32) -> None:
        self._vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self.width: int = self._vectors.shape[1]

    def __len__(self) -> int:
        return len(self._vectors)

    def take(self, places: I64) -> F32:
        """See `Vectors`."""
        found: F32 = self._vectors[places]
        return found


class OnDisk:
    """float16 numbers in a nameless file in `folder` (None: where the system keeps temporary files), gone when it is closed."""

    def __init__(self, width: int, folder: Path | None) -> None:
        self.width = width
        self._folder = folder
        self._file = scratch_file(folder)
        self._length = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failed: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the disk."""
        self._file.close()

    def __len__(self) -> int:
        return self._length

    def append(self, vectors: NDArray[np.float16]) -> None:
        """Write more of them behind the others. Raises OutputError when there is no room."""
        try:
            self._file.write(vectors.tobytes())
            self._file.flush()
        except OSError as error:
            raise no_room(self._folder, error) from error
        self._length += len(vectors)

    def raw(self, places: I64 | slice) -> NDArray[np.float16]:
        """Some of them as they were written."""
        if not self._length:  # nothing cannot be mapped
            return np.zeros((0, self.width), dtype=np.float16)
        mapped = np.memmap(self._file, dtype=np.float16, mode="r").reshape(-1, self.width)
        return np.array(mapped[places])

    def take(self, places: I64 | slice) -> F32:
        """See `Vectors`."""
        return unit(self.raw(places))


class Chosen:
    """Some vectors of others, by their places there."""

    def __init__(self, vectors: Vectors, places: I64) -> None:
        self._vectors, self._places, self.width = vectors, places, vectors.width

    def __len__(self) -> int:
        return len(self._places)

    def take(self, places: I64) -> F32:
        """See `Vectors`."""
        return self._vectors.take(self._places[places])


def lay_out(parts: Sequence[pl.LazyFrame], columns: Sequence[str], folder: Path | None) -> OnDisk:
    """The vectors of every record, in order: what `packed` made, in `columns`, side by side; a null is zeros."""
    widths = (
        len(packed) // 2  # two bytes a number
        for part in parts
        for name in columns
        for packed in part.select(pl.col(name).drop_nulls()).head(1).collect()[name]
    )
    each = next(widths, 1)  # with no vector at all, any width will do
    made = OnDisk(each * len(columns), folder)
    for part in parts:
        frame = part.select(columns).collect()
        whole = np.zeros((frame.height, len(columns), each), dtype=np.float16)
        for half, name in enumerate(columns):
            there = frame[name].is_not_null().to_numpy()
            packed = frame[name].drop_nulls()
            if len(packed):
                whole[there, half] = np.frombuffer(b"".join(packed), dtype=np.float16).reshape(-1, each)
        made.append(whole.reshape(frame.height, made.width))
    return made


def unit(vectors: NDArray[np.float16]) -> F32:
    """Each of length 1, in the precision of float32; zeros stay."""
    found: F32 = vectors.astype(np.float32)
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
    return found


def there(vectors: Vectors) -> I64:
    """The numbers of those that are not zero."""
    found = [np.zeros(0, dtype=np.int64)]
    for start in range(0, len(vectors), BATCH):
        places = np.arange(start, min(start + BATCH, len(vectors)))
        found.append(places[vectors.take(places).any(axis=1)])
    return np.concatenate(found)
