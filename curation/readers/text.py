"""Readers of line-wise and whole-file sources: jsonl, txt, md."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from curation.readers.chunker import Chunker
from curation.readers.decompress import StreamBroken
from curation.readers.lines import Lines, Overlong, Tail, frame
from curation.readers.model import RAW_KEPT, Limits, RawChunk


def read_jsonl(blocks: Iterator[bytes], start: int, limits: Limits, chunks: Chunker) -> Iterator[RawChunk]:
    """One record a line; not parsed here. Blank lines are counted."""
    for item in frame(blocks, limits.max_bytes, start):
        if isinstance(item, Lines) and item.plain:
            numbers = range(item.number, item.number + len(item.lines))
            yield from chunks.extend(numbers, item.offsets, item.lines, item.sizes)
        elif isinstance(item, Lines):
            for number, (offset, raw) in enumerate(zip(item.offsets, item.lines, strict=True), item.number):
                line = raw[:-1] if raw.endswith(b"\r") else raw
                if not line.strip(b" \t\r"):  # exactly what `plain` looks for
                    chunks.blank()
                    continue
                chunks.add(number, number, offset, line)
                if chunks.full:
                    yield chunks.take()
        else:
            yield from _misfortune(item, chunks)


def read_txt(blocks: Iterator[bytes], start: int, limits: Limits, chunks: Chunker) -> Iterator[RawChunk]:
    """One record a line, as `{"text": line}`. Blank lines are counted."""
    for item in frame(blocks, limits.max_bytes, start):
        if not isinstance(item, Lines):
            yield from _misfortune(item, chunks)
            continue
        for number, (offset, raw) in enumerate(zip(item.offsets, item.lines, strict=True), item.number):
            line = raw[:-1] if raw.endswith(b"\r") else raw
            if not line or line.isspace():
                chunks.blank()
                continue
            _add_text(chunks, number, offset, line)
            if chunks.full:
                yield chunks.take()


def read_md(blocks: Iterator[bytes], start: int, limits: Limits, chunks: Chunker) -> Iterator[RawChunk]:
    """The whole file is one record, as `{"text": …}`, or none at all if it was cut off or is too long."""
    held: list[bytes] = []
    size = 0
    try:
        for block in blocks:
            size += len(block)
            if size <= limits.max_bytes:
                held.append(block)
            elif held:
                held = [b"".join((*held, block))[:RAW_KEPT]]
    except StreamBroken as broken:
        chunks.bad(1, start, broken.reason, broken.detail, b"".join(held))
    else:
        whole = b"".join(held)
        if size > limits.max_bytes:
            chunks.overlong(1, start, whole, size)
        elif whole and not whole.isspace():
            _add_text(chunks, 1, start, whole)
        elif whole:
            chunks.blank()
    yield from chunks.rest()


def _add_text(chunks: Chunker, number: int, offset: int, text: bytes) -> None:
    try:
        payload = orjson.dumps({"text": text.decode()})
    except UnicodeDecodeError as error:
        chunks.bad(number, offset, "invalid_encoding", f"at byte {error.start} of the record", text)
    else:
        chunks.add(number, number, offset, payload)


def _misfortune(item: Overlong | Tail, chunks: Chunker) -> Iterator[RawChunk]:
    if isinstance(item, Overlong):
        chunks.overlong(item.number, item.offset, item.head, item.size)
    else:
        chunks.bad(item.number, item.offset, item.reason, item.detail, item.head)
    if chunks.full:
        yield chunks.take()
