"""Blocks to lines: split on one byte only, bounded in memory, each line with its number and its offset.

Nothing else ends a line: U+2028, U+0085 and form feeds stay inside, whatever Python's `splitlines` thinks of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from curation.readers.decompress import StreamBroken, first_block
from curation.readers.model import RAW_KEPT


@dataclass(frozen=True)
class Lines:
    """Consecutive whole lines without their newline. number: of the first, 1-based. offsets: where each starts.

    plain: no line is blank, begins with white space or has a carriage return, so that nobody needs to look.
    """

    number: int
    offsets: list[int]
    sizes: list[int]
    lines: list[bytes]
    plain: bool


@dataclass(frozen=True)
class Overlong:
    """A line beyond the limit: only its head was kept, `size` is its true length."""

    number: int
    offset: int
    head: bytes
    size: int


@dataclass(frozen=True)
class Tail:
    """Where a stream broke off: what stood since the last newline, and why there is no more."""

    number: int
    offset: int
    head: bytes
    reason: str
    detail: str


def frame(blocks: Iterator[bytes], max_bytes: int, start: int = 0) -> Iterator[Lines | Overlong | Tail]:
    """The lines of a stream whose first byte has the offset `start`.

    Newlines are b"\\n"; a source whose first block has none but has carriage returns is split on those.
    """
    first, blocks = first_block(blocks)
    newline = b"\r" if b"\r" in first[:-1] and b"\n" not in first else b"\n"
    framer = _Framer(newline, max_bytes, start)
    try:
        for block in blocks:
            yield from framer.take(block)
    except StreamBroken as broken:
        yield framer.tail(broken)
        return
    yield from framer.end()


class _Framer:
    """What is left of the last block (`held`), and where it starts. Beyond the limit only its head is held."""

    def __init__(self, newline: bytes, max_bytes: int, start: int) -> None:
        self._newline, self._max_bytes = newline, max_bytes
        self._number, self._offset = 1, start
        self._held: list[bytes] = []
        self._size = 0

    def take(self, block: bytes) -> Iterator[Lines | Overlong]:
        lines = block.split(self._newline)
        last = lines.pop()
        if lines:
            if self._size > self._max_bytes:
                yield self._overlong(lines.pop(0))
            elif self._held:
                lines[0] = b"".join((*self._held, lines[0]))
            self._held, self._size = [], 0
            if lines:
                yield from self._whole(lines, carriage=0x0D in block or 0x0D in lines[0])
        if last:
            self._hold(last)

    def _hold(self, block: bytes) -> None:
        self._size += len(block)
        if self._size <= self._max_bytes:
            self._held.append(block)
        elif sum(map(len, self._held)) < RAW_KEPT or len(self._held) > 1:
            self._held = [b"".join((*self._held, block))[:RAW_KEPT]]

    def _overlong(self, end: bytes) -> Overlong:
        head = b"".join((*self._held, end))[:RAW_KEPT]
        line = Overlong(self._number, self._offset, head, self._size + len(end))
        self._number += 1
        self._offset += line.size + 1
        return line

    def _whole(self, lines: list[bytes], carriage: bool) -> Iterator[Lines | Overlong]:
        sizes = list(map(len, lines))
        # empty lines and those that begin with white space sort before "!", and nothing in a record does
        plain = not carriage and min(lines) >= b"!"
        if max(sizes) <= self._max_bytes:
            yield self._lines(lines, sizes, plain)
            return
        begin = 0
        for index, size in enumerate(sizes):
            if size > self._max_bytes:
                if begin < index:
                    yield self._lines(lines[begin:index], sizes[begin:index], plain)
                yield self._overlong(lines[index])
                begin = index + 1
        if begin < len(lines):
            yield self._lines(lines[begin:], sizes[begin:], plain)

    def _lines(self, lines: list[bytes], sizes: list[int], plain: bool) -> Lines:
        ends = list(accumulate((size + 1 for size in sizes), initial=self._offset))
        found = Lines(self._number, ends[:-1], sizes, lines, plain)
        self._number += len(lines)
        self._offset = ends[-1]
        return found

    def tail(self, broken: StreamBroken) -> Tail:
        head = b"".join(self._held)[:RAW_KEPT]
        return Tail(self._number, self._offset, head, broken.reason, broken.detail)

    def end(self) -> Iterator[Lines | Overlong]:
        """The last line, if nothing ended it."""
        if self._size > self._max_bytes:
            yield self._overlong(b"")
        elif self._size:
            last = b"".join(self._held)
            self._held, self._size = [], 0
            yield from self._whole([last], carriage=0x0D in last)
