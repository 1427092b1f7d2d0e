"""stdout is data, stderr is narration; and nothing reaches either that could steer a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from studio.display import display


@dataclass(frozen=True)
class Output:
    """Where a command's words go. `plain`: no bars, no colour. `quiet`: narration is left out, errors are not."""

    json: bool = False
    plain: bool = False
    quiet: bool = False

    def data(self, text: str = "") -> None:
        """One or several lines of result, to stdout."""
        _write(sys.stdout, display(text, lines=True))

    def part(self, text: str) -> None:
        """A part of a result that is still growing, to stdout, without a line's end."""
        _write(sys.stdout, display(text, lines=True), end="")

    def json_line(self, value: Any) -> None:
        """One JSON value on one line of ASCII, to stdout."""
        from studio.runs.jsonl import one_line

        _write(sys.stdout, one_line(value))

    def say(self, text: str = "") -> None:
        """Narration, to stderr; silent when quiet or when stdout is for a program."""
        if not (self.quiet or self.json):
            _write(sys.stderr, display(text, lines=True))

    def warn(self, message: str, hint: str = "") -> None:
        """A warning, to stderr, always."""
        _write(sys.stderr, display(f"Warning: {message} {hint}".rstrip(), lines=True))

    def problem(self, message: str, hint: str = "") -> None:
        """An error, to stderr, always."""
        _write(sys.stderr, error_lines(message, hint))

    @property
    def has_bars(self) -> bool:
        """Whether stderr is a terminal that can redraw a line and nobody asked for plain text."""
        return not (self.plain or self.quiet or self.json) and can_redraw(sys.stderr)


def can_redraw(stream: TextIO) -> bool:
    """Whether `stream` is a terminal with cursor movement, and colour is not refused (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


def error_lines(message: str, hint: str = "") -> str:
    """How an error looks: what is wrong (a line, unless it is a list), and a line that says how to go on."""
    text = f"Error: {display(message, lines=True)}"
    return f"{text}\nHint: {display(hint, lines=True)}" if hint else text


def table(rows: Sequence[Sequence[object]], header: Sequence[str] = (), right: Sequence[int] = ()) -> str:
    """Aligned columns, two spaces apart, without lines: easy on screen readers and on `cut`.

    Cells are made harmless. `right` are the indices of columns set flush right. Wide (CJK) characters count twice.
    """
    shown = [[display(cell) for cell in row] for row in ([header, *rows] if header else rows)]
    count = max((len(row) for row in shown), default=0)
    shown = [row + [""] * (count - len(row)) for row in shown]
    widths = [max(width(row[column]) for row in shown) for column in range(count)]
    lines = []
    for row in shown:
        cells = [
            " " * (widths[i] - width(cell)) + cell if i in right else cell + " " * (widths[i] - width(cell))
            for i, cell in enumerate(row)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def width(text: str) -> int:
    """How many terminal columns `text` takes."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


class ReaderLeft(Exception):
    """stdout is a pipe that nobody reads any more. Not an OSError, which click would turn into exit code 1."""


def _write(stream: TextIO, text: str, end: str = "\n") -> None:
    try:
        stream.write(text + end)
        stream.flush()
    except BrokenPipeError:
        if stream is sys.stdout:
            raise ReaderLeft from None
        raise
