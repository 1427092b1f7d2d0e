"""A dataset file: parts go in in order, and it appears under its name only when it is whole."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal

from curation.errors import OutputError
from curation.readers.payload import dumps_bytes, loads_exact
from curation.writers.atomic import discard, discard_stale, open_temp, output_error, replace_atomic
from curation.writers.columns import Columns
from curation.writers.containers import compressor, container_of
from curation.writers.tables import DelimitedWriter, ParquetWriter

BLOCK = 1 << 20  # bytes given to a compressor or the disk at once, so that output does not depend on how parts were cut
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")  # one slash: a Path has lost the other
_COPIERS = {"s3": "aws s3 cp", "gs": "gcloud storage cp", "az": "azcopy", "abfs": "azcopy", "hf": "hf upload"}
SECOND_PASS = 1 << 22  # bytes of JSON lines taken from the spool at once


@dataclass(frozen=True)
class Written:
    """A file that is in its place: sha256 (hex) and bytes are of the file itself, compression included."""

    path: str
    records: int
    bytes: int
    sha256: str


def encode_part(objects: Iterable[Mapping[str, Any]]) -> bytes:
    """Records as the JSON lines that `OutputFile.add` takes, whatever the container; can be done in any process."""
    return b"".join(dumps_bytes(obj) + b"\n" for obj in objects)


class OutputFile:
    """Writes one dataset file from parts of JSON lines.

    The container (jsonl, json, csv, tsv, parquet) and compression (.gz, .zst) follow from the name. Memory is bounded:
    JSON goes straight through; a table whose `columns` are not given is first spooled, as JSON lines, to an unnamed
    file in the same folder, since its columns are the union over all records. The same records give the same bytes,
    however they were cut into parts. Nothing is at the final path before `close`; a part that could not be written,
    and leaving the `with` block without `close`, remove what was begun. Raises OutputError.

    safe_csv: see `DelimitedWriter`. mode: permissions of the file. `columns`, if given, must cover every record.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        columns: Columns | None = None,
        safe_csv: bool = False,
        mode: int = 0o644,
    ) -> None:
        self.path = Path(path)
        self.records = 0
        self._container, self._compression = container_of(self.path)
        self._columns = columns
        self._safe = safe_csv
        self._taken = 0  # bytes of JSON lines
        self._spool: IO[bytes] | None = None
        try:
            if self.path.is_dir():
                raise OutputError(f"{self.path} is a folder.", "Choose another name, or a file in it.")
            self.path.parent.mkdir(parents=True, exist_ok=True)
            discard_stale(self.path)
            self._temp, stream = open_temp(self.path, mode)
        except OSError as error:
            raise output_error(self.path, error) from error
        self._open = True
        self._sink = _Sink(stream, self._compression)
        self._table: DelimitedWriter | ParquetWriter | None = None
        self._seen = Columns()

    def add(self, lines: bytes) -> None:
        """Take one part: JSON lines, each ended by a line feed."""
        if not lines:
            return
        self._taken += len(lines)
        try:
            self._add(lines)
            self.records += lines.count(b"\n")
        except BaseException as error:
            self.abort()
            if isinstance(error, OSError):
                raise self._error(error) from error
            raise

    def close(self) -> Written:
        """Write what is left and put the file in its place."""
        try:
            self._finish()
            self._sink.finish()
            replace_atomic(self._temp, self.path)
        except BaseException as error:
            self.abort()
            if isinstance(error, OSError):
                raise self._error(error) from error
            raise
        self._release()
        return Written(str(self.path), self.records, self._sink.bytes, self._sink.digest.hexdigest())

    def abort(self) -> None:
        """Give up: remove what was begun. The file that was there before stays. May be called at any time."""
        if self._open:
            discard(self._temp)
            self._release()

    def __enter__(self) -> OutputFile:
        return self

    def __exit__(self, *exception: object) -> Literal[False]:
        self.abort()
        return False

    def _release(self) -> None:
        self._open = False
        self._sink.release()
        if self._spool is not None:
            self._spool.close()

    def _error(self, error: OSError) -> OutputError:
        return output_error(self.path, error, max(self._taken, self._sink.bytes))

    def _add(self, lines: bytes) -> None:
        if self._container == "jsonl":
            self._sink.write(lines)
        elif self._container == "json":
            self._sink.write((b",\n" if self.records else b"[\n") + lines[:-1].replace(b"\n", b",\n"))
        elif self._columns is not None:
            self._write_table(lines.splitlines(), self._columns, check=True)
        else:
            for line in lines.splitlines():
                self._seen.see(loads_exact(line.decode()))
            if self._spool is None:
                self._spool = tempfile.TemporaryFile(dir=self.path.parent)  # noqa: SIM115 - `_release` closes it
            self._spool.write(lines)

    def _finish(self) -> None:
        if self._container == "json":
            self._sink.write(b"\n]\n" if self.records else b"[]\n")
        elif self._container != "jsonl":
            columns = self._columns or self._seen
            for lines in _lines_of(self._spool):
                self._write_table(lines, columns, check=False)
            self._table_writer(columns).finish()

    def _table_writer(self, columns: Columns) -> DelimitedWriter | ParquetWriter:
        if self._table is None:
            if self._container == "parquet":
                self._table = ParquetWriter(self._sink, columns)
            else:
                delimiter = {"csv": ",", "tsv": "\t"}[self._container]
                self._table = DelimitedWriter(self._sink, columns, delimiter, self._safe)
        return self._table

    def _write_table(self, lines: list[bytes], columns: Columns, *, check: bool) -> None:
        objects = [loads_exact(line.decode()) for line in lines]
        if check and not all(map(columns.covers, objects)):
            raise ValueError("a record does not fit the columns that were given beforehand")
        writer = self._table_writer(columns)
        if isinstance(writer, ParquetWriter):
            writer.write(objects, map(len, lines))
        else:
            writer.write(objects)


def _lines_of(spool: IO[bytes] | None) -> Iterator[list[bytes]]:
    if spool is None:
        return
    spool.seek(0)
    while lines := spool.readlines(SECOND_PASS):
        yield lines


class _Sink:
    """Bytes to a file, compressed and digested on the way, in blocks that do not depend on how they came in."""

    closed = False  # pyarrow asks

    def __init__(self, stream: BinaryIO, compression: str) -> None:
        self.digest = hashlib.sha256()
        self.bytes = 0
        self._stream = stream
        self._compressor = compressor(compression)
        self._waiting = bytearray()
        self._told = 0
        self._released = False

    def write(self, data: bytes, /) -> int:
        if self._released:  # a Parquet writer that was given up still wants to write its footer
            return len(data)
        self._told += len(data)
        self._waiting += data
        if len(self._waiting) >= BLOCK:
            whole = len(self._waiting) - len(self._waiting) % BLOCK
            with memoryview(self._waiting) as waiting:
                for start in range(0, whole, BLOCK):
                    self._put(waiting[start : start + BLOCK])
            del self._waiting[:whole]
        return len(data)

    def tell(self) -> int:
        return self._told

    def flush(self) -> None:
        """Nothing is forced out before the end: it would make the bytes depend on when it was asked for."""

    def close(self) -> None:
        """pyarrow closes what it writes to; the end is `finish`."""

    def finish(self) -> None:
        """Everything that is still waiting goes to the file."""
        self._put(bytes(self._waiting))
        self._waiting.clear()
        if self._compressor is not None:
            self._emit(self._compressor.flush())
        self._stream.flush()

    def release(self) -> None:
        """Close the file. What is not in it by now was reported, or is not wanted; nothing more is taken."""
        self._released = True
        with suppress(OSError):
            self._stream.close()

    def _put(self, block: bytes | memoryview) -> None:
        self._emit(block if self._compressor is None else self._compressor.compress(bytes(block)))

    def _emit(self, data: bytes | memoryview) -> None:
        self._stream.write(data)
        self.digest.update(data)
        self.bytes += len(data)


def refuse_address(out: str | Path | None) -> None:
    """Raise OutputError for an address of a store, before a folder called `s3:` is made."""
    if out is not None and (match := _ADDRESS.match(str(out))):
        raise OutputError(
            f"a dataset is written to this machine's disks, not to {match[1]}://",
            f"Name a file or folder, and copy it when it is whole, as with '{_COPIERS.get(match[1].lower(), 'rclone copy')}'.",
        )


def write_dataset(
    path: str | Path, parts: Iterable[bytes], *, safe_csv: bool = False, mode: int = 0o644
) -> dict[str, Any]:
    """Write a dataset file from parts of JSON lines: `{"path", "records", "bytes", "sha256"}`. Raises OutputError."""
    with OutputFile(path, safe_csv=safe_csv, mode=mode) as output:
        for part in parts:
            output.add(part)
        done = output.close()
    return {"path": done.path, "records": done.records, "bytes": done.bytes, "sha256": done.sha256}
