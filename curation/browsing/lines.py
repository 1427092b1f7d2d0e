"""Records of plain jsonl and txt files: only the place of each line is kept, 8 bytes a record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import orjson

from curation.browsing.files import RandomFile
from curation.browsing.growing import Growing
from curation.browsing.model import BLOCK, RAW_SHOWN, Raw
from curation.readers import LIMITS, Limits, Source
from curation.readers.decode import first_offset

_CARRIED = 1 << 20  # bytes of an unfinished line kept for a look at whether it is blank; longer ones are not blank
_NEAR = 256 * 1024  # bytes of one record that are read and parsed in a few milliseconds


class LineSegment:
    """The lines of a file that are not blank. Framed as `readers.lines` does: at newlines, or at carriage returns where
    the first block has no newline.
    """

    def __init__(self, source: Source, limits: Limits = LIMITS) -> None:
        self.name, self.kind = source.name, source.kind
        self._limits = limits
        self._file = RandomFile(Path(source.file or source.path))
        self._start = first_offset(source.encoding)
        self._starts = Growing()
        self._blank_before = Growing()  # for each blank line the row that follows it
        self._end = self._start  # where the last line found ends, its newline included
        self._newline = b"\n"

    @property
    def count(self) -> int:
        """Lines found up to now."""
        return self._starts.count

    @property
    def notes(self) -> Sequence[str]:
        """A word if the file was written to."""
        return [f"{self.name} was changed since it was opened"] if self._file.changed() else []

    def grow(self) -> Iterator[None]:
        """Find the lines, block by block (about a gigabyte a second)."""
        at = self._start
        head = self._file.read(at, BLOCK)
        if b"\r" in head[:-1] and b"\n" not in head:
            self._newline = b"\r"
        pending, carried = at, b""
        while block := self._file.read(at, BLOCK):
            ends = np.flatnonzero(np.frombuffer(block, np.uint8) == self._newline[0])
            if len(ends):
                text = carried + block if len(carried) < _CARRIED else block
                base = at + len(block) - len(text)
                starts = np.concatenate(([pending], ends[:-1] + (at + 1)))
                self._add(text, base, starts, ends + at)
                pending = at + int(ends[-1]) + 1
                carried = block[int(ends[-1]) + 1 :]
            elif len(carried) < _CARRIED:
                carried += block
            at += len(block)
            yield
        if pending < at:
            self._add(carried, at - len(carried), np.array([pending]), np.array([at]))

    def _add(self, text: bytes, base: int, starts: np.ndarray, ends: np.ndarray) -> None:
        """Lines from `starts` to `ends` (offsets in the file), those that begin in `text` looked at for blankness."""
        inside = starts >= base
        first = np.full(len(starts), 0x21, np.uint8)
        buffer = np.frombuffer(text, np.uint8)
        filled = inside & (ends > starts)
        first[filled] = buffer[starts[filled] - base]
        blank = ends == starts
        for place in np.flatnonzero((first <= 0x20) & ~blank):
            blank[place] = self._is_blank(text[int(starts[place]) - base : int(ends[place]) - base])
        if blank.any():
            rows = self._starts.count + np.cumsum(~blank)
            self._blank_before.extend(rows[blank])
            starts = starts[~blank]
        self._end = int(ends[-1]) + 1
        self._starts.extend(starts)

    def _is_blank(self, line: bytes) -> bool:
        return line.isspace() if self.kind == "txt" else not line.strip(b" \t\r")

    def at_hand(self, row: int) -> bool:
        """Unless the line is long."""
        return self._reach(row) - self._starts[row] <= _NEAR

    def raw(self, row: int) -> Raw:
        """One line."""
        start, reach = self._starts[row], self._reach(row)
        return self._raw(row, self._file.read(start, min(reach - start, self._limits.max_bytes + 2)), reach - start)

    def raws(self, first: int, last: int) -> Iterator[Raw]:
        """Consecutive lines, some megabytes read at a time."""
        row = first
        while row < last:
            start = self._starts[row]
            stop = row + 1
            starts = self._starts.until(last)
            stop = max(stop, int(np.searchsorted(starts, start + BLOCK)))
            stop = min(stop, last)
            reach = self._reach(stop - 1)
            if stop == row + 1:
                yield self.raw(row)
            else:
                text = self._file.read(start, reach - start)
                for each in range(row, stop):
                    begin, end = self._starts[each] - start, self._reach(each) - start
                    yield self._raw(each, text[begin:end], end - begin)
            row = stop

    def span(self, first: int, last: int) -> tuple[bytes, np.ndarray]:
        """The bytes of consecutive lines, and where each begins in them: for searches without looking at each line."""
        start = self._starts[first]
        return self._file.read(start, self._reach(last - 1) - start), self._starts.until(last)[first:] - start

    def size(self, first: int, last: int) -> int:
        """The number of bytes that `span` would read."""
        return int(self._reach(last - 1) - self._starts[first])

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _reach(self, row: int) -> int:
        """Where the next line begins; blank lines may lie between."""
        return self._starts[row + 1] if row + 1 < self._starts.count else self._end

    def _raw(self, row: int, text: bytes, size: int) -> Raw:
        position = row + 1 + self._blank_before.before(row)
        line, newline, _ = text.partition(self._newline)
        if (not newline and size - 1 > self._limits.max_bytes) or len(line) > self._limits.max_bytes:
            detail = f"more than {self._limits.max_bytes} bytes"
            return Raw(self.name, position, line[:RAW_SHOWN], "too_long", detail)
        line = line.removesuffix(b"\r")
        if not line:
            return Raw(self.name, position, b"", "truncated", "the file was cut short since it was opened")
        if self.kind != "txt":
            return Raw(self.name, position, line)
        try:
            return Raw(self.name, position, orjson.dumps({"text": line.decode()}))
        except UnicodeDecodeError as error:
            detail = f"at byte {error.start} of the record"
            return Raw(self.name, position, line[:RAW_SHOWN], "invalid_encoding", detail)
