"""Reader of CSV and TSV: cells stay strings, a quoted cell may span lines, and a broken row costs no other row.

A quote that is never closed would swallow every row behind it. It shows in two ways: the source ends, or the next row's
opening quote closes the cell and is followed by text. In both cases only the first line is given up and reading goes on
at the second.
"""

from __future__ import annotations

import csv
import re
from collections import Counter, deque
from collections.abc import Iterator

import orjson

from curation.errors import InputError
from curation.readers.chunker import Chunker
from curation.readers.decompress import first_block
from curation.readers.lines import Lines, Overlong, Tail, frame
from curation.readers.model import Limits, RawChunk

_DELIMITERS = ",;\t|"
_SAMPLE = 64 * 1024
_LINE_END = re.compile("\r\n|\r|\n")
_Line = tuple[int, int, bytes]  # number, offset, bytes without newline
_Framed = Lines | Overlong | Tail


def read_delimited(
    blocks: Iterator[bytes], start: int, limits: Limits, chunks: Chunker, name: str, kind: str
) -> Iterator[RawChunk]:
    """One record a row below the header, as an object of strings. Positions count rows, broken ones too.

    More cells than columns are accepted if the surplus is empty (spreadsheets leave such commas behind). Raises
    InputError for a header that cannot name the columns.
    """
    # The field limit of the csv module is global to the process; it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), limits.max_bytes))
    first, blocks = first_block(blocks)
    delimiter = delimiter_of(first[:_SAMPLE], "\t" if kind == "tsv" else ",")
    rows = _Rows(frame(blocks, limits.max_bytes, start), delimiter, limits, chunks)
    header = _header(rows, name)
    if header is not None:
        yield from _records(rows, header, chunks)


def delimiter_of(sample: bytes, usual: str) -> str:
    """The delimiter that parts the first rows into the same number of cells, two or more; else the usual one."""
    lines = [line for line in _LINE_END.split(sample.decode("utf-8", "replace"))[:50] if line]
    if lines and lines[0].lower().startswith("sep=") and len(lines[0]) == 5:
        return lines[0][4]
    best, score = usual, (0.0, False, 0)
    for delimiter in _DELIMITERS:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        if widths and widths[0] > 1:
            agreement = widths.count(widths[0]) / len(widths)
            if (agreement, delimiter == usual, widths[0]) > score:
                best, score = delimiter, (agreement, delimiter == usual, widths[0])
    return best


def _header(rows: _Rows, name: str) -> list[str] | None:
    while (item := rows.next()) is not None:
        if not isinstance(item, tuple):
            rows.put_aside(item)
            continue
        if item[0] == 1 and item[2][:4].lower() == b"sep=" and len(item[2].rstrip(b"\r")) == 5:
            continue  # the line by which Excel names the delimiter
        cells = rows.parse(item)
        if isinstance(cells, str):
            raise InputError(
                f"the first row of {name} cannot be read as column names: {cells}",
                "Correct the quotes in its first line.",
            )
        if any(cell.strip() for cell in cells):
            return _columns([cell.strip() for cell in cells], name)
        rows.chunks.blank()
    return None


def _columns(cells: list[str], name: str) -> list[str]:
    while not cells[-1]:
        cells.pop()
    columns = [cell or f"column_{number}" for number, cell in enumerate(cells, 1)]
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise InputError(
            f"{name} has more than one column named {twice[0]!a}", "Give every column in its first row its own name."
        )
    if any("\udc80" <= character <= "\udcff" for column in columns for character in column):
        raise InputError(f"the column names of {name} are not valid text", "Save the file as UTF-8.")
    return columns


def _records(rows: _Rows, header: list[str], chunks: Chunker) -> Iterator[RawChunk]:
    position = 0
    while (item := rows.next()) is not None:
        if not isinstance(item, tuple):
            rows.put_aside(item)
        elif not item[2].strip(b" \r"):
            chunks.blank()
        else:
            position += 1
            _record(rows, item, header, position)
        if chunks.full:
            yield chunks.take()


def _record(rows: _Rows, line: _Line, header: list[str], position: int) -> None:
    number, offset, _ = line
    chunks = rows.chunks
    cells = rows.parse(line)
    raw = b"\n".join(taken[2] for taken in rows.taken)
    if isinstance(cells, str):
        chunks.bad(number, offset, "bad_quoting", cells, raw)
        return
    if len(cells) != len(header):
        if len(cells) < len(header) or any(cells[len(header) :]):
            chunks.bad(number, offset, "ragged_row", f"{len(cells)} cells, {len(header)} columns", raw)
            return
        cells = cells[: len(header)]
    try:
        payload = orjson.dumps(dict(zip(header, cells, strict=True)))
    except TypeError:
        chunks.bad(number, offset, "invalid_encoding", "in a cell", raw)
    else:
        chunks.add(position, number, offset, payload)


class _Rows:
    """Lines to rows. `taken` holds the lines of the row parsed last."""

    def __init__(self, framed: Iterator[_Framed], delimiter: str, limits: Limits, chunks: Chunker) -> None:
        self._framed, self._delimiter, self._limits, self.chunks = framed, delimiter, limits, chunks
        self._waiting: deque[_Line | Overlong | Tail] = deque()
        self.taken: list[_Line] = []

    def next(self) -> _Line | Overlong | Tail | None:
        """The next line, or what is none."""
        if not self._waiting:
            item = next(self._framed, None)
            if item is None:
                return None
            if not isinstance(item, Lines):
                return item
            numbers = range(item.number, item.number + len(item.lines))
            self._waiting.extend(zip(numbers, item.offsets, item.lines, strict=True))
        return self._waiting.popleft()

    def put_aside(self, item: Overlong | Tail) -> None:
        """Count as bad what is no line."""
        if isinstance(item, Overlong):
            self.chunks.overlong(item.number, item.offset, item.head, item.size)
        else:
            self.chunks.bad(item.number, item.offset, item.reason, item.detail, item.head)

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
            return next(reader)
        except csv.Error as error:
            problem = str(error)
        self._waiting.extendleft(reversed(self.taken[1:]))
        self.taken = [line]
        if self._delimiter == "\t":  # the registered form of TSV has no quoting at all
            return text.removesuffix("\r").split("\t")
        return problem

    def _supply(self) -> Iterator[str]:
        """The first line of `taken`, and more as they are asked for, up to the limit."""
        size = len(self.taken[0][2])
        yield _text(self.taken[0][2]) + "\n"
        while size <= self._limits.max_bytes:
            item = self.next()
            if not isinstance(item, tuple):
                if item is not None:
                    self._waiting.appendleft(item)
                return
            self.taken.append(item)
            size += len(item[2]) + 1
            yield _text(item[2]) + "\n"


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")
