"""Collects what a reader finds into chunks whose borders depend on nothing but content and the two bounds."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from curation.readers.model import RAW_KEPT, Bad, Limits, RawChunk


class Chunker:
    """One chunk in the making. It is full at `chunk_records` records or things that are none, or at `chunk_bytes`."""

    def __init__(self, source: str, chunk_records: int, chunk_bytes: int, limits: Limits) -> None:
        if chunk_records < 1 or chunk_bytes < 1:
            raise ValueError("chunk_records and chunk_bytes must be at least 1")
        self._source, self._records, self._bytes, self._limits = source, chunk_records, chunk_bytes, limits
        self._start()

    def _start(self) -> None:
        self._chunk = RawChunk(self._source, [], [], [], [], [], 0)
        self._blank = 0
        self._size = 0

    @property
    def full(self) -> bool:
        """Whether the chunk has to be taken before anything is added."""
        chunk = self._chunk
        return len(chunk.payloads) + len(chunk.bad) >= self._records or self._size >= self._bytes

    def add(self, position: int, line: int, offset: int, payload: bytes) -> None:
        """One record."""
        if len(payload) > self._limits.max_bytes:
            self.overlong(line, offset, payload, len(payload))
            return
        chunk = self._chunk
        chunk.positions.append(position)
        chunk.lines.append(line)
        chunk.offsets.append(offset)
        chunk.payloads.append(payload)
        self._size += len(payload)

    def bad(self, line: int | None, offset: int | None, reason: str, detail: str, raw: bytes) -> None:
        """Something that is no record."""
        raw = raw[:RAW_KEPT]
        self._chunk.bad.append(Bad(self._source, line, offset, reason, detail, raw))
        self._size += len(raw)

    def overlong(self, line: int | None, offset: int | None, raw: bytes, size: int) -> None:
        """A record beyond the limit, of which `raw` is the head and `size` the true length."""
        self.bad(line, offset, "too_long", f"{size} bytes, the limit is {self._limits.max_bytes}", raw)

    def blank(self) -> None:
        """A blank line."""
        self._blank += 1

    def take(self) -> RawChunk:
        """What was collected; the next chunk begins."""
        chunk = self._chunk
        done = RawChunk(
            chunk.source, chunk.positions, chunk.lines, chunk.offsets, chunk.payloads, chunk.bad, self._blank
        )
        self._start()
        return done

    def rest(self) -> Iterator[RawChunk]:
        """The last chunk, if there is anything in it."""
        if self._chunk.payloads or self._chunk.bad or self._blank:
            yield self.take()

    def extend(
        self, lines: range, offsets: Sequence[int], payloads: Sequence[bytes], sizes: Sequence[int]
    ) -> Iterator[RawChunk]:
        """Many records at once, each within the limits, whose positions are their line numbers."""
        reach = list(accumulate(sizes, initial=0))
        begin = 0
        while begin < len(payloads):
            chunk = self._chunk
            room = self._records - len(chunk.payloads) - len(chunk.bad)
            # the record that reaches chunk_bytes still belongs to this chunk
            filled = bisect_left(reach, reach[begin] + self._bytes - self._size, begin + 1)
            end = min(len(payloads), begin + room, filled)
            chunk.positions.extend(lines[begin:end])
            chunk.lines.extend(lines[begin:end])
            chunk.offsets.extend(offsets[begin:end])
            chunk.payloads.extend(payloads[begin:end])
            self._size += reach[end] - reach[begin]
            begin = end
            if self.full:
                yield self.take()
