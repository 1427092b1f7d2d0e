"""Records of Parquet files with row groups of moderate size: the count is known at once, a group is read when needed."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

from curation.browsing.model import RAW_SHOWN, Raw
from curation.readers import LIMITS, Limits, Source
from curation.readers.arrow import _rows as rows_of_batch
from curation.readers.chunker import Chunker

MOST_BYTES = 32 << 20  # of a row group, uncompressed: it is decoded as a whole, in about half a second
MOST_ROWS = 100_000
_HELD = 3  # groups kept decoded


def has_moderate_groups(path: Path) -> bool:
    """Whether the file can be shown group by group. False as well for what is no Parquet file."""
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    try:
        found = pq.read_metadata(path)
    except (pa.ArrowException, OSError):
        return False
    groups = [found.row_group(number) for number in range(found.num_row_groups)]
    return all(group.total_byte_size <= MOST_BYTES and group.num_rows <= MOST_ROWS for group in groups)


class ParquetSegment:
    """The rows of a Parquet file."""

    def __init__(self, source: Source, limits: Limits = LIMITS) -> None:
        self.name, self.kind = source.name, source.kind
        self._limits = limits
        self._path = Path(source.file or source.path)
        self._ends: list[int] = []
        self._groups: OrderedDict[int, list[Raw]] = OrderedDict()
        self._lock = threading.RLock()

    @property
    def count(self) -> int:
        """Every row, as the file says, once it was asked."""
        return self._ends[-1] if self._ends else 0

    @property
    def notes(self) -> Sequence[str]:
        """Nothing to say."""
        return ()

    def grow(self) -> Iterator[None]:
        """Ask the file how many rows each group has."""
        import pyarrow.parquet as pq

        meta = pq.read_metadata(self._path)
        self._ends = list(accumulate(meta.row_group(number).num_rows for number in range(meta.num_row_groups)))
        yield

    def at_hand(self, row: int) -> bool:
        """Whether the row's group is decoded."""
        return bisect_right(self._ends, row) in self._groups

    def raw(self, row: int) -> Raw:
        """One row."""
        number = bisect_right(self._ends, row)
        group = self._group(number)
        return group[row - (self._ends[number - 1] if number else 0)]

    def raws(self, first: int, last: int) -> Iterator[Raw]:
        """Consecutive rows."""
        return (self.raw(row) for row in range(first, last))

    def close(self) -> None:
        """Nothing is held open."""

    def _group(self, number: int) -> list[Raw]:
        with self._lock:
            if number in self._groups:
                self._groups.move_to_end(number)
                return self._groups[number]
            found = self._decode(number)
            self._groups[number] = found
            while len(self._groups) > _HELD:
                self._groups.popitem(last=False)
            return found

    def _decode(self, number: int) -> list[Raw]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        begin = self._ends[number - 1] if number else 0
        rows = self._ends[number] - begin
        chunks = Chunker(self.name, rows + 1, 1 << 62, self._limits)
        detail = ""
        done = begin
        try:
            with pq.ParquetFile(self._path) as opened:
                for batch in opened.iter_batches(512, row_groups=[number], use_threads=False):
                    for _ in rows_of_batch(batch, done, chunks):
                        pass
                    done += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            detail = str(error)
        chunk = chunks.take()
        found: dict[int, Raw] = {
            position: Raw(self.name, position, payload)
            for position, payload in zip(chunk.positions, chunk.payloads, strict=True)
        }
        for bad in chunk.bad:
            found[bad.line or 0] = Raw(self.name, bad.line or 0, bad.raw[:RAW_SHOWN], bad.reason, bad.detail)
        return [
            found.get(place) or Raw(self.name, place, b"", "corrupt_stream", detail)
            for place in range(begin + 1, begin + rows + 1)
        ]
