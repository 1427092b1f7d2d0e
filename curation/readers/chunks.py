"""One source to chunks, whatever its kind."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from curation.errors import InputError
from curation.readers.arrow import read_hub, read_parquet
from curation.readers.chunker import Chunker
from curation.readers.decode import as_utf8, first_offset
from curation.readers.decompress import read_blocks
from curation.readers.delimited import read_delimited
from curation.readers.hub import parse_hub_name
from curation.readers.json_values import read_json
from curation.readers.model import LIMITS, Limits, RawChunk, Source
from curation.readers.text import read_jsonl, read_md, read_txt

_TEXTS = {"jsonl": read_jsonl, "json": read_json, "txt": read_txt, "md": read_md}


def read_chunks(
    source: Source, *, chunk_records: int, chunk_bytes: int, limits: Limits = LIMITS, spool: Path | None = None
) -> Generator[RawChunk, None, None]:
    """The records of `source` in order, at most `chunk_records` in a chunk and about `chunk_bytes` bytes.

    A chunk ends with the record that reaches `chunk_bytes`. The borders depend on the content and these two numbers
    only. Closing the iterator closes the file. Reading again gives the same. `spool` is where standard input was kept,
    needed only for a source that does not say so itself.

    Raises InputError where the source as a whole cannot be read; what is wrong with a part of it is in `RawChunk.bad`.
    """
    chunks = Chunker(source.name, chunk_records, chunk_bytes, limits)
    return _read(source, chunks, limits, spool)


def _read(source: Source, chunks: Chunker, limits: Limits, spool: Path | None) -> Generator[RawChunk, None, None]:
    if source.kind == "hf":
        yield from read_hub(parse_hub_name(source.file or source.path), chunks)
        yield from chunks.rest()
        return
    file = _file(source, spool)
    if source.kind == "parquet":
        yield from read_parquet(file, source.compression, limits, chunks, spool.parent if spool else None)
        yield from chunks.rest()
        return
    blocks = as_utf8(read_blocks(file, source.compression, limits), source.encoding)
    start = first_offset(source.encoding)
    if source.kind in ("csv", "tsv"):
        yield from read_delimited(blocks, start, limits, chunks, source.name, source.kind)
    elif source.kind in _TEXTS:
        yield from _TEXTS[source.kind](blocks, start, limits, chunks)
    else:
        raise InputError(f"{source.name} is of no known kind: {source.kind}", f"Known: {', '.join(_TEXTS)}, csv, tsv.")
    yield from chunks.rest()


def _file(source: Source, spool: Path | None) -> Path:
    if source.file:
        return Path(source.file)
    if source.path != "-":
        return Path(source.path)
    if spool is None:
        raise InputError("standard input was not kept", "Find the sources again with a place to keep it.")
    return spool
