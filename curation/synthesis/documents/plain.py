"""Markdown and plain text: read as they are, in the encoding that the readers would find."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from curation.readers.decode import encoding_of
from curation.synthesis.documents.kinds import Unread
from curation.synthesis.documents.tidy import tidy, title_of

_HEAD = 1 << 20  # bytes that decide on the encoding
_DAMAGED = 0.01  # share of characters that may be undecodable
_MAX_WHOLE = 1 << 26  # bytes of a file, or characters of a line, that is one document


@dataclass(frozen=True)
class Plain:
    """A text, its title, "" for none, and what read it. place: its line in the file, 0 for the whole file."""

    text: str
    title: str
    converter: str
    place: int = 0


def read_plain(path: Path, *, lines: bool) -> Iterator[Plain]:
    """The file's text, or with `lines` one for every line that is not blank. Raises Unread where it is no text."""
    with path.open("rb") as opened:
        head = opened.read(_HEAD)
    encoding = encoding_of(head)
    if b"\0" in head and encoding not in ("utf-16", "utf-32"):
        raise Unread("it holds no text, but binary data")
    said = f"text {encoding}"
    if lines:
        for number, line in enumerate(_lines(path, encoding), 1):
            if found := tidy(line):
                yield Plain(_sound(found), "", said, number)
        return
    if path.stat().st_size > _MAX_WHOLE:
        raise Unread(f"it is larger than {_MAX_WHOLE >> 20} MiB; cut it, or read it line by line (source.lines)")
    text = tidy(_sound(path.read_bytes().decode(encoding, "replace")))
    yield Plain(text, title_of(text), said)


def _lines(path: Path, encoding: str) -> Iterator[str]:
    with path.open(encoding=encoding, errors="replace", newline="\n") as opened:
        while line := opened.readline(_MAX_WHOLE):
            yield line


def _sound(text: str) -> str:
    """The text. Raises Unread where too much of it cannot be decoded."""
    if text.count("\ufffd") > _DAMAGED * len(text):
        raise Unread("it is in an encoding that is not known; save it as UTF-8")
    return text
