"""What the readers hand out: sources, chunks of raw records, what is no record, and the bounds they keep to."""

from __future__ import annotations

from dataclasses import dataclass

RAW_KEPT = 64 * 1024  # bytes of something bad that are carried along; its place in the source tells the rest
BLOCK = 1 << 20  # bytes read at a time: larger blocks framed no faster, smaller ones cost a call each


@dataclass(frozen=True)
class Source:
    """One input, found but not yet read.

    name: unique in a run and stable (the file's name, or the shortest path tail that is unique; "stdin"; the hub name).
    path: as given by the user; "-" for standard input. kind: jsonl, json, csv, tsv, parquet, txt, md or hf.
    compression: none, gz, zst, bz2 or xz. encoding: utf-8, utf-8-sig, utf-16, utf-32 or gb18030.
    size: bytes on disk, -1 if unknown. file: where the bytes lie, which for standard input is its spool.
    """

    name: str
    path: str
    kind: str
    compression: str = "none"
    encoding: str = "utf-8"
    size: int = -1
    file: str = ""


@dataclass(frozen=True)
class Bad:
    """Something that is no record, and why (`reason` is in QUARANTINE_REASONS).

    line: 1-based; for Parquet and Hugging Face datasets, the number of the record. offset: bytes into the source, see
    RawChunk. raw: its bytes, cut at 64 KiB; as UTF-8 where the source has another encoding.
    """

    source: str
    line: int | None
    offset: int | None
    reason: str
    detail: str
    raw: bytes


@dataclass(frozen=True)
class RawChunk:
    """Some consecutive records of one source, framed but not parsed.

    positions: 1-based; the line number for jsonl and txt, the number of the record for all other kinds, things that
    are no record counted too. lines, offsets: where each record starts: 1-based line, byte in the decompressed stream
    (in its UTF-8 form where the source has another encoding); Parquet and Hugging Face datasets have the number of the
    record and -1. payloads: one JSON text in UTF-8 each. bad, blank: what was met since the last chunk that is no
    record, and how many blank lines. A chunk may hold no payload at all, only bad or blank lines.
    """

    source: str
    positions: list[int]
    lines: list[int]
    offsets: list[int]
    payloads: list[bytes]
    bad: list[Bad]
    blank: int


@dataclass(frozen=True)
class Limits:
    """Bounds against hostile or broken input; what is beyond them is quarantined.

    max_bytes: of one record, as it stands in the source. max_depth: levels of nesting in a record, the record itself
    being the first; 64 is far beyond any chat or tool schema and far below what a recursive parser can take.
    max_keys: of one object. max_ratio: decompressed by compressed bytes, held against a source only once more than
    `ratio_floor` bytes came out, since small repetitive files legitimately shrink more than that.
    """

    max_bytes: int = 16 << 20
    max_depth: int = 64
    max_keys: int = 1000
    max_ratio: float = 200.0
    ratio_floor: int = 64 << 20


LIMITS = Limits()
