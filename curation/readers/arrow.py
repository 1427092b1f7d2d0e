"""Readers of columnar sources: Parquet files and Hugging Face datasets, row by row as JSON.

What JSON has no word for is written so that nothing is lost: times in ISO 8601, decimals as strings, binary values as
text if they are valid UTF-8 and as base64 otherwise, maps as lists of pairs. NaN has no such form: its record is
quarantined, as it is in JSON.
"""

from __future__ import annotations

import base64
import datetime
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from curation.errors import InputError, OutputError
from curation.readers.chunker import Chunker
from curation.readers.decompress import StreamBroken, read_blocks, unreadable
from curation.readers.hub import HubName, load_tables
from curation.readers.model import Limits, RawChunk
from curation.readers.payload import dumps_bytes

_ROWS = 512  # rows turned into Python objects at a time


def read_parquet(
    file: Path, compression: str, limits: Limits, chunks: Chunker, scratch: Path | None
) -> Iterator[RawChunk]:
    """One record a row. A row group that cannot be decoded is one bad thing, whose detail says how many rows it had.

    A compressed file is decompressed into a nameless file in `scratch` first, since Parquet is read from its end.
    """
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    with ExitStack() as stack:
        try:
            plain = file if compression == "none" else stack.enter_context(_spread(file, compression, limits, scratch))
        except StreamBroken as broken:
            chunks.bad(None, None, broken.reason, broken.detail, b"")
            return
        try:
            opened = pq.ParquetFile(plain)
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno:
                raise unreadable(file, error) from error
            raise InputError(
                f"{file} is not a readable Parquet file: {error}", "Write it again, or leave it out of the inputs."
            ) from error
        stack.callback(opened.close)
        _check_columns(opened.schema_arrow.names, file)
        row = 0
        for group in range(opened.metadata.num_row_groups):
            end = row + opened.metadata.row_group(group).num_rows
            try:
                for batch in opened.iter_batches(_ROWS, row_groups=[group], use_threads=False):
                    yield from _rows(batch, row, chunks)
                    row += batch.num_rows
            except (pa.ArrowException, OSError) as error:
                detail = f"{end - row} records of row group {group} cannot be decoded: {error}"
                chunks.bad(row + 1, None, "corrupt_stream", detail, b"")
            row = end


def _spread(file: Path, compression: str, limits: Limits, scratch: Path | None) -> IO[bytes]:
    """The decompressed file, nameless in `scratch`. Raises StreamBroken, and OutputError if there is no room for it."""
    try:
        spread = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 - the caller closes it
        for block in read_blocks(file, compression, limits):
            spread.write(block)
        spread.seek(0)
    except OSError as error:
        raise OutputError(
            f"there is no room to decompress {file} in {scratch or tempfile.gettempdir()}: {error.strerror or error}",
            "Make room there, or decompress it yourself.",
        ) from error
    return spread


def read_hub(name: HubName, chunks: Chunker) -> Iterator[RawChunk]:
    """One record a row of a Hugging Face dataset. Raises InputError if it cannot be loaded."""
    row = 0
    for table in load_tables(name):
        for batch in table.to_batches(_ROWS):
            yield from _rows(batch, row, chunks)
            row += batch.num_rows


def _check_columns(names: list[str], file: Path) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"{file} has more than one column named {twice[0]!a}", "Rename the column and write the file again."
        )


def _rows(batch: Any, before: int, chunks: Chunker) -> Iterator[RawChunk]:
    """The rows of one Arrow batch; `before` rows of the source came before it."""
    for number, row in enumerate(_objects(batch), before + 1):
        if isinstance(row, Exception):
            reason = "invalid_encoding" if isinstance(row, UnicodeDecodeError) else "number_out_of_range"
            chunks.bad(number, None, reason, str(row), b"")
        else:
            try:
                chunks.add(number, number, -1, dumps_bytes(row, _plain))
            except ValueError as error:
                holder = ", ".join(column for column, value in row.items() if not _writable(value))
                chunks.bad(number, None, "not_a_number", f"{error}, in column {holder!a}", b"")
        if chunks.full:
            yield chunks.take()


def _objects(batch: Any) -> list[Any]:
    """The rows as dicts, an exception in the place of a row that cannot be turned into one."""
    try:
        return list(batch.to_pylist())
    except (ValueError, OverflowError):  # text that is none; a time beyond the year 9999
        pass
    rows: list[Any] = []
    for index in range(batch.num_rows):
        try:
            rows.extend(batch.slice(index, 1).to_pylist())
        except (ValueError, OverflowError) as error:
            rows.append(error)
    return rows


def _writable(value: Any) -> bool:
    try:
        dumps_bytes(value, _plain)
    except ValueError:
        return False
    return True


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    if isinstance(value, datetime.date | datetime.time):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, Decimal | datetime.timedelta):
        return str(value)
    if isinstance(value, tuple):
        return list(value)
    return str(value)
