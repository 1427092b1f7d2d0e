"""Records that only a reader can find (JSON arrays, CSV, compressed files, other encodings): found once, then at hand.

Where the bytes of a record stand in the file as they are, their places are kept. Otherwise its JSON text is put aside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from curation.browsing.files import Kept, RandomFile
from curation.browsing.growing import Growing
from curation.browsing.model import RAW_SHOWN, Raw
from curation.readers import LIMITS, Limits, RawChunk, Source, read_chunks

_NEAR = 256 * 1024
_CHUNK_RECORDS = 1024
_CHUNK_BYTES = 4 << 20


class FramedSegment:
    """The records of one source, in its order, what is no record among them.

    kept: where records are put aside; what it has no room for is not shown, and that is said.
    """

    def __init__(self, source: Source, limits: Limits = LIMITS, kept: Kept | None = None) -> None:
        self.name, self.kind = source.name, source.kind
        self._source, self._limits, self._kept = source, limits, kept or Kept()
        self._direct = (
            source.kind == "json" and source.compression == "none" and source.encoding in ("utf-8", "utf-8-sig")
        )
        self._file = RandomFile(Path(source.file or source.path)) if source.kind != "hf" else None
        self._starts, self._sizes, self._positions = Growing(), Growing(), Growing()
        self._bad: dict[int, Raw] = {}
        self._notes: list[str] = []

    @property
    def count(self) -> int:
        """Records found up to now."""
        return self._positions.count

    @property
    def notes(self) -> Sequence[str]:
        """What was cut, and a word if the file was written to."""
        changed = self._file is not None and self._file.changed()
        return [*self._notes, *([f"{self.name} was changed since it was opened"] if changed else [])]

    def grow(self) -> Iterator[None]:
        """Read the source from beginning to end."""
        chunks = read_chunks(
            self._source, chunk_records=_CHUNK_RECORDS, chunk_bytes=_CHUNK_BYTES, limits=self._limits, spool=None
        )
        with closing(chunks):
            for chunk in chunks:
                if not self._take(chunk):
                    self._notes.append(
                        f"only the first {self.count:,} records of {self.name} are shown: no room for more"
                    )
                    return
                yield

    def _take(self, chunk: RawChunk) -> bool:
        items: list[tuple[int, int, int, Raw | None]] = []  # line, start, size, what is no record
        start = 0 if self._direct else self._kept.append(b"".join(chunk.payloads))
        if start is None:
            return False
        for line, offset, payload in zip(chunk.lines, chunk.offsets, chunk.payloads, strict=True):
            items.append((line, offset if self._direct else start, len(payload), None))
            start += len(payload)
        for bad in chunk.bad:
            raw = Raw(self.name, bad.line or 0, bad.raw[:RAW_SHOWN], bad.reason, bad.detail)
            items.append((bad.line or 0, 0, 0, raw))
        items.sort(key=lambda item: item[0])  # stable: records that share a line stay in order
        begin = self.count
        self._bad.update({begin + place: item[3] for place, item in enumerate(items) if item[3] is not None})
        self._starts.extend(np.array([item[1] for item in items], "u8"))
        self._sizes.extend(np.array([item[2] for item in items], "u8"))
        order = iter(chunk.positions)
        self._positions.extend(np.array([item[0] if item[3] else next(order) for item in items], "u8"))
        return True

    def at_hand(self, row: int) -> bool:
        """Unless the record is long."""
        return self._sizes[row] <= _NEAR

    def raw(self, row: int) -> Raw:
        """One record."""
        if (bad := self._bad.get(row)) is not None:
            return bad
        return Raw(self.name, self._positions[row], self._read(self._starts[row], self._sizes[row]))

    def raws(self, first: int, last: int) -> Iterator[Raw]:
        """Consecutive records."""
        return (self.raw(row) for row in range(first, last))

    def _read(self, start: int, size: int) -> bytes:
        if self._direct and self._file is not None:
            return self._file.read(start, size)
        return self._kept.read(start, size)

    def close(self) -> None:
        """Let go of the files."""
        self._kept.close()
        if self._file is not None:
            self._file.close()
