"""Records as CSV, TSV or Parquet, when the columns are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from curation.readers.payload import dumps_exact
from curation.writers.columns import JSON, Columns, Kind, settled

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

ROW_GROUP_RECORDS = 10_000
ROW_GROUP_BYTES = 16 << 20  # of JSON text; whichever is reached first

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what makes a spreadsheet take a cell for a formula (OWASP)


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> int:
        """Take all of `data`."""


class DelimitedWriter:
    """CSV or TSV in UTF-8: a header, then one line a record, ended by a line feed.

    null and missing values are empty cells, "" is written as two quotes; numbers and booleans as JSON writes them,
    lists and objects as JSON text. With `safe`, texts that a spreadsheet would run as a formula get a leading
    apostrophe, which changes them; without it, nothing is changed.
    """

    def __init__(self, sink: Sink, columns: Columns, delimiter: str, safe: bool) -> None:
        self._sink = sink
        self._names = list(columns.kinds)
        self._delimiter = delimiter
        self._safe = safe
        if self._names:
            sink.write(self._line([self._cell(name) for name in self._names]))

    def write(self, objects: Iterable[Mapping[str, Any]]) -> None:
        """Write some records."""
        names, cell = self._names, self._cell
        self._sink.write(b"".join(self._line([cell(obj.get(name)) for name in names]) for obj in objects))

    def finish(self) -> None:
        """Nothing is left to write."""

    def _line(self, cells: Sequence[str]) -> bytes:
        line = self._delimiter.join(cells)
        # a line of one empty cell would be a blank line, which readers skip
        return (line or '""').encode() + b"\n" if len(cells) == 1 else line.encode() + b"\n"

    def _cell(self, value: Any) -> str:
        if value is None:
            return ""
        text = value if isinstance(value, str) else dumps_exact(value)
        if self._safe and isinstance(value, str) and text.startswith(_FORMULA):
            text = f"'{text}"
        return '"' + text.replace('"', '""') + '"' if self._needs_quotes(text) else text

    def _needs_quotes(self, text: str) -> bool:
        if not text or text[0].isspace() or text[-1].isspace():
            return True
        return '"' in text or self._delimiter in text or "\n" in text or "\r" in text


class ParquetWriter:
    """Parquet 2.6, compressed with zstd, in row groups that depend on nothing but the records.

    Where the values of a column agree on a type, it has that type; lists of objects (messages) are nested, a key that
    an object lacks being null there. Where they do not agree, at any depth, every value of the column is JSON text.
    """

    def __init__(self, sink: Sink, columns: Columns) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq  # type: ignore[import-untyped]

        self._kinds = {name: settled(kind) for name, kind in columns.kinds.items()}
        self._schema = pa.schema([pa.field(name, arrow_type(kind)) for name, kind in self._kinds.items()])
        self._rows: list[Mapping[str, Any]] = []
        self._size = 0
        self._writer = pq.ParquetWriter(
            pa.PythonFile(sink, mode="w"),
            self._schema,
            version="2.6",
            data_page_version="1.0",
            compression="zstd",
            compression_level=3,
            use_dictionary=True,
            write_statistics=True,
            store_schema=True,
        )

    def write(self, objects: Iterable[Mapping[str, Any]], sizes: Iterable[int]) -> None:
        """Write some records, each with the size of its JSON text in bytes."""
        for obj, size in zip(objects, sizes, strict=True):
            self._rows.append(obj)
            self._size += size
            if len(self._rows) >= ROW_GROUP_RECORDS or self._size >= ROW_GROUP_BYTES:
                self._flush()

    def finish(self) -> None:
        """Write what is left, and the footer."""
        if self._rows:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa

        arrays = []
        for name, kind in self._kinds.items():
            values = [row.get(name) for row in self._rows]
            if kind.name == "json":
                values = [None if value is None else dumps_exact(value) for value in values]
            arrays.append(pa.array(values, type=self._schema.field(name).type))
        table = pa.Table.from_arrays(arrays, schema=self._schema)
        self._writer.write_table(table, row_group_size=len(self._rows))
        self._rows, self._size = [], 0


def arrow_type(kind: Kind) -> pa.DataType:
    """The Arrow type of a kind; a column that is always null is one of text."""
    import pyarrow as pa

    if kind.name == "list":
        return pa.list_(arrow_type(kind.item or JSON))
    if kind.name == "object":
        return pa.struct([pa.field(key, arrow_type(member)) for key, member in kind.keys.items()])
    plain = {"bool": pa.bool_(), "int": pa.int64(), "long": pa.int64(), "float": pa.float64()}
    return plain.get(kind.name, pa.string())
