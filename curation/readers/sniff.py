"""What a file is: its compression by magic bytes, its encoding, and its kind by name *and* content."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

import orjson

from curation.errors import InputError, nearest
from curation.readers.decode import as_utf8, encoding_of
from curation.readers.decompress import StreamBroken, compression_of, read_blocks, unreadable
from curation.readers.delimited import delimiter_of
from curation.readers.json_scan import WHOLE_VALUE
from curation.readers.json_shape import holds_records
from curation.readers.model import BLOCK, Limits

KINDS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".txt": "txt",
    ".md": "md",
}
COMPRESSED = {".gz": "gz", ".zst": "zst", ".bz2": "bz2", ".xz": "xz"}
_FAR = 8 << 20  # how far into a plain ASCII text to look for characters that tell its encoding
_LOOKED_AT = 20  # lines that tell JSON Lines from JSON
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_NAME = re.compile(rb"[^\s.!?,;][^.!?,;]{0,39}")  # of a column: short, and no part of a sentence
_FOREIGN = {
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive or an office document",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"\x7fELF": "a program",
    b"SQLite format 3\x00": "an SQLite database",
    b"ARROW1": "an Arrow file",
}


@dataclass(frozen=True)
class Sniffed:
    """What was found out about a file. empty: it holds nothing but white space."""

    kind: str
    compression: str
    encoding: str
    empty: bool


def kind_of_name(file: PurePath) -> str | None:
    """The kind that the file's name promises, a compression suffix looked through; None if it promises none."""
    suffixes = [suffix.lower() for suffix in file.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return KINDS.get(suffixes[-1]) if suffixes else None


def sniff(file: Path, promised: str | None, limits: Limits, shown: str) -> Sniffed:
    """Look at the beginning of `file`, which messages call `shown`. `promised` is the kind that its name promises; None
    has the content decide.

    Raises InputError if the file cannot be read or is not text where text was promised.
    """
    try:
        with file.open("rb") as opened:
            compression = compression_of(opened.read(16))
    except OSError as error:
        raise unreadable(file, error) from error
    head, encoding, broken = _head(read_blocks(file, compression, limits))
    if head.startswith(b"PAR1"):
        if compression == "none":
            _check_parquet(file, shown)
        return Sniffed("parquet", compression, "utf-8", False)
    text = b"".join(as_utf8([head], encoding))
    whole = len(head) < BLOCK and not broken
    empty = whole and not text.strip()
    if promised == "parquet" and not broken:
        problem = "is empty" if empty else "is named as a Parquet file, but is none"
        raise InputError(f"{shown} {problem}", "Name it after what it holds (.jsonl, .csv, .txt …), or write it again.")
    _check_text(shown, head, text, encoding)
    return Sniffed(
        promised if empty and promised else _kind(shown, text, promised, whole), compression, encoding, empty
    )


def _head(blocks: Iterator[bytes]) -> tuple[bytes, str, bool]:
    """The first mebibyte, the encoding, and whether the stream broke off before that."""
    head = b""
    seen = 0
    encoding = "utf-8"
    try:
        for block in blocks:
            if len(head) < BLOCK:
                head += block[: BLOCK - len(head)]
            seen += len(block)
            if seen >= BLOCK and (not block.isascii() or seen >= _FAR):
                encoding = encoding_of(head if not head.isascii() else block)
                return head, encoding, False
    except StreamBroken:
        return head, encoding_of(head), True
    return head, encoding_of(head), False


def _check_parquet(file: Path, shown: str) -> None:
    with file.open("rb") as opened:
        opened.seek(0, 2)
        size = opened.tell()
        opened.seek(max(0, size - 4))
        if size < 12 or opened.read() != b"PAR1":
            raise InputError(
                f"{shown} is a Parquet file that was cut off: its end, which says where everything is, is missing",
                "Copy or write it again.",
            )


def _check_text(shown: str, head: bytes, text: bytes, encoding: str) -> None:
    """Refuse what is no text. A few control characters may be damage; every third byte is another kind of file."""
    what = next((name for magic, name in _FOREIGN.items() if head.startswith(magic)), None)
    if what is None and encoding in ("utf-8", "gb18030") and text:
        odd = len(_CONTROL.findall(text)) / len(text)
        high = 0.0 if text.isascii() else 1 - len(text.decode("utf-8", "ignore").encode()) / len(text)
        if odd > 0.3 or (odd > 0.05 and high > 0.1):
            what = "binary data"
    if what is not None:
        raise InputError(
            f"{shown} is {what}, not text",
            "Export it as .jsonl, .csv, .parquet or .txt, or leave it out of the inputs.",
        )


def _kind(shown: str, text: bytes, promised: str | None, whole: bool) -> str:
    """The kind by content, where the content is clear; else what the name promises."""
    body = text.removeprefix(codecs.BOM_UTF8).lstrip()
    lines = _first_lines(body, whole)
    if promised in ("json", "jsonl", None) and body[:1] in (b"{", b"["):
        return _json_kind(body, lines, promised, whole)
    objects = sum(map(_is_object, lines))
    if lines and (objects == len(lines) > 1 or (objects and promised == "json")):
        return "jsonl"  # misnamed
    if promised == "json" and body:
        raise InputError(
            f"{shown} holds no JSON: it begins with {body[:12]!r}",
            "Name it after what it holds (.csv, .txt …), or look whether a download went wrong.",
        )
    if promised is not None:
        return promised
    if len(lines) > 1 and len({line.count(b"\t") for line in lines}) == 1 and b"\t" in lines[0]:
        return "tsv"
    return "csv" if _is_table(lines) else "txt"


def _first_lines(body: bytes, whole: bool) -> list[bytes]:
    """Some first lines that are not blank; the last one of a head that is not the whole file is cut, so it is left."""
    newline = b"\n" if b"\n" in body else b"\r"
    lines = body.split(newline, 3 * _LOOKED_AT)
    if not whole or len(lines) > 3 * _LOOKED_AT:
        lines.pop()
    return [line for line in lines if line.strip()][:_LOOKED_AT]


def _json_kind(body: bytes, lines: list[bytes], promised: str | None, whole: bool) -> str:
    """JSON Lines or JSON, of a text that begins with a bracket, whatever it is called."""
    if len(lines) == 0 or (whole and len(lines) == 1):
        # an object on one line is the same in both, unless it holds records
        return "json" if body[:1] == b"[" or (promised is None and holds_records(body)) else promised or "jsonl"
    objects = sum(map(_is_object, lines))
    if objects * 2 > len(lines):
        return "jsonl"
    if body[:1] == b"[":
        return "jsonl" if objects and _is_json(lines[0]) else "json"
    first = WHOLE_VALUE.match(body)
    if holds_records(body) or (first and b"\n" in first[0] and _is_object(first[0])):
        return "json"
    braced = sum(line.lstrip().startswith(b"{") for line in lines)
    return "jsonl" if objects and braced * 2 > len(lines) else promised or "jsonl"


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _is_object(line: bytes) -> bool:
    try:
        return type(orjson.loads(line)) is dict
    except orjson.JSONDecodeError:
        return False


def _is_table(lines: list[bytes]) -> bool:
    """Whether nameless text is CSV: a header of short, different names and rows of as many cells."""
    if len(lines) < 2:
        return False
    delimiter = delimiter_of(b"\n".join(lines), ",").encode()
    header = [cell.strip(b'"\r') for cell in lines[0].split(delimiter)]
    named = all(_NAME.fullmatch(cell) for cell in header) and len(set(header)) == len(header) > 1
    return named and all(line.count(delimiter) >= len(header) - 1 for line in lines)


def unknown_kind(file: PurePath, shown: str = "") -> InputError:
    """The typed error for a file whose name promises no kind; messages call it `shown`."""
    known = [*KINDS, *(f".jsonl{suffix}" for suffix in COMPRESSED)]
    ending = "".join(file.suffixes[-2:]).lower()
    return InputError(
        f"{shown or file} has an ending that says nothing about what it holds",
        f"Rename it. {nearest(ending, known) if ending else 'Known: ' + ', '.join(KINDS) + '.'}",
    )
