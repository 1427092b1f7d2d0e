"""Reader of CSV and TSV: cells stay strings, a quoted cell may span lines, and a broken row costs no other row.

A quote that is never closed would swallow every row behind it. It shows in two ways: the source ends, or the next row's
opening quote closes the cell and is followed by text. In both cases only the first line is given up and reading goes on
at the second.
"""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Iterator

import orjson

from curation.errors import InputError
from curation.readers.chunker import Chunker
from curation.readers.lines import Lines, Overlong, Tail, frame
from curation.readers.model import BLOCK, Limits, RawChunk

_DELIMITERS = ",;\t|"
_SAMPLE = 64 * 1024
_Line = tuple[int, int, bytes]  # number, offset, bytes without newline


def read_delimited(
    blocks: Iterator[bytes], start: int, limits: Limits, chunks: Chunker, name: str, kind: str
) -> Iterator[RawChunk]:
    """One record a row below the header, as an object of strings. Positions count rows, broken ones too.

    More cells than columns are accepted if the surplus is empty (spreadsheets leave such commas behind). Raises
    InputError for a header that cannot name the columns.
    """
    # The field limit of the csv module is global to the process; it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), limits.max_bytes))
    first = next(blocks, b"")
    rest = _chain(first, blocks)
    delimiter = delimiter_of(first[:_SAMPLE], "\t" if kind == "tsv" else ",")
    rows = _Rows(frame(rest, limits.max_bytes, start), delimiter, limits, chunks)
    header = _header(rows, name, delimiter)
    if header is not None:
        yield from _records(rows, header, chunks)


def delimiter_of(sample: bytes, usual: str) -> str:
    """The delimiter that parts the first rows into the same number of cells, two or more; else the usual one."""
    lines = sample.decode("utf-8", "replace").splitlines()
    if lines and lines[0].lower().startswith("sep=") and len(lines[0]) == 5:
        return lines[0][4]
    best, score = usual, (0.0, 0)
    for delimiter in sorted(_DELIMITERS, key=lambda one: one != usual):
        try:
            widths = [len(row) for row in csv.reader(lines[:50], delimiter=delimiter) if row]
        except csv.Error:
            continue
        if not widths or widths[0] < 2:
            continue
        agreement = widths.count(widths[0]) / len(widths)
        if (agreement, widths[0]) > score and (agreement > score[0] or delimiter != usual):
            best, score = delimiter, (agreement, widths[0])
    return best


def _chain(first: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from blocks


def _header(rows: _Rows, name: str, delimiter: str) -> list[str] | None:
    while (line := rows.next_line()) is not None:
        if line[0] == 1 and line[2].rstrip(b"\r").lower() == b"sep=" + delimiter.encode():
            continue  # Excel's own first line
        parsed = rows.parse(line)
        if isinstance(parsed, str):
            raise InputError(
                f"the first row of {name} cannot be read as column names: {parsed}",
                "Correct the quotes or the encoding of its first line.",
            )
        if not any(cell.strip() for cell in parsed):
            rows.chunks.blank()
            continue
        return _columns([cell.strip() for cell in parsed], name)
    return None


def _columns(cells: list[str], name: str) -> list[str]:
    while cells and not cells[-1]:
        cells.pop()
    columns = [cell or f"column_{number}" for number, cell in enumerate(cells, 1)]
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise InputError(
            f"{name} has more than one column named '{twice[0]}'", "Give every column in its first row its own name."
        )
    if any("\udc80" <= character <= "\udcff" for column in columns for character in column):
        raise InputError(f"the column names of {name} are not valid text", "Save the file as UTF-8.")
    return columns


def _records(rows: _Rows, header: list[str], chunks: Chunker) -> Iterator[RawChunk]:
    position = 0
    while True:
        if chunks.full:
            yield chunks.take()
        line = rows.next_line()
        if line is None:
            return
        number, offset, _ = line
        cells = rows.parse(line)
        raw = b"\n".join(taken[2] for taken in rows.taken)
        position += 1
        if isinstance(cells, str):
            chunks.bad(number, offset, "bad_quoting", cells, raw)
            continue
        if len(cells) <= 1 < len(header) and not raw.strip():
            position -= 1
            chunks.blank()
            continue
        if len(cells) != len(header):
            if len(cells) < len(header) or any(cells[len(header) :]):
                chunks.bad(number, offset, "ragged_row", f"{len(cells)} cells, {len(header)} columns", raw)
                continue
            cells = cells[: len(header)]
        try:
            payload = orjson.dumps(dict(zip(header, cells, strict=True)))
        except TypeError:
            chunks.bad(number, offset, "invalid_encoding", "in a cell", raw)
            continue
        if len(raw) > rows.limits.max_bytes:
            chunks.overlong(number, offset, raw, len(raw))
            continue
        chunks.add(position, number, offset, payload)


class _Rows:
    """Lines to rows. `taken` holds the lines of the row parsed last."""

    def __init__(
        self, framed: Iterator[Lines | Overlong | Tail], delimiter: str, limits: Limits, chunks: Chunker
    ) -> None:
        self._framed, self._delimiter, self.limits, self.chunks = framed, delimiter, limits, chunks
        self._waiting: deque[_Line] = deque()
        self.taken: list[_Line] = []

    def next_line(self) -> _Line | None:
        """The next line; what is none (too long, or the end of a broken stream) is put aside as bad."""
        while not self._waiting:
            item = next(self._framed, None)
            if item is None:
                return None
            if isinstance(item, Overlong):
                self.chunks.overlong(item.number, item.offset, item.head, item.size)
            elif isinstance(item, Tail):
                self.chunks.bad(item.number, item.offset, item.reason, item.detail, item.head)
            else:
                numbers = range(item.number, item.number + len(item.lines))
                self._waiting.extend(zip(numbers, item.offsets, item.lines, strict=True))
        return self._waiting.popleft()

    def parse(self, line: _Line) -> list[str] | str:
        """The cells of the row that begins with `line`, taking more lines where a quoted cell goes on; or what is
        wrong with it, having taken that one line only.
        """
        self.taken = [line]
        text = _text(line[2])
        if '"' not in text:
            return text.removesuffix("\r").split(self._delimiter)
        reader = csv.reader(self._supply(), delimiter=self._delimiter, strict=True)
        try:
            return next(reader, [])
        except csv.Error as error:
            problem = str(error)
        self._waiting.extendleft(reversed(self.taken[1:]))
        self.taken = [line]
        if self._delimiter == "\t":  # the registered form of TSV has no quoting at all
            return text.removesuffix("\r").split("\t")
        return problem

    def _supply(self) -> Iterator[str]:
        size = len(self.taken[0][2])
        yield _text(self.taken[0][2]) + "\n"
        while size <= self.limits.max_bytes and (line := self._more()) is not None:
            self.taken.append(line)
            size += len(line[2]) + 1
            yield _text(line[2]) + "\n"

    def _more(self) -> _Line | None:
        """The next line of a row under way. A line that is too long, or where the stream broke off, ends the row."""
        if not self._waiting:
            before = len(self.chunks.pending_bad)
            line = self.next_line()
            if line is None or len(self.chunks.pending_bad) == before:
                return line
            self._waiting.appendleft(line)
            return None
        return self._waiting.popleft()


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")
