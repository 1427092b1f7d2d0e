"""Finding where a JSON value ends without parsing it: a window over a stream, and two ways of scanning it.

The quick way is one regular expression for a whole value of up to eight levels, run in C. It fails, in linear time, on
values that are deeper, reach beyond the window or are broken; those take the slow way, which keeps its state across
blocks. Neither looks at anything but strings and brackets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from curation.readers.decompress import StreamBroken
from curation.readers.model import BLOCK

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'


def _nested(levels: int) -> bytes:
    inside = rb'(?:[^"{}\[\]]++|' + _STRING + rb")*+"
    for _ in range(levels - 1):
        inside = rb'(?:[^"{}\[\]]++|' + _STRING + rb"|[{\[]" + inside + rb"[}\]])*+"
    return rb"[{\[]" + inside + rb"[}\]]"


WHOLE_VALUE = re.compile(_nested(8), re.DOTALL)
BEHIND = 256  # bytes before the cursor that can still be looked at
_SPACE = re.compile(rb"[ \t\r\n,]*+")
_REST_OF_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_OUTSIDE = re.compile(rb'[^"{}\[\]]*+')


class Window:
    """The part of a stream that is looked at. `at` is the cursor; what lies far behind it is forgotten."""

    def __init__(self, blocks: Iterator[bytes], start: int) -> None:
        self._blocks = blocks
        self.text = b""
        self.at = 0
        self.broken: StreamBroken | None = None
        self._base = start  # offset of text[0] in the stream
        self._line = 1  # the line that text[self._counted] is on
        self._counted = 0

    def more(self) -> bool:
        """Forget what lies far behind the cursor, and read on. False at the end of the stream.

        Reads as much as is left, so that a long value is not copied once a block, but at most four blocks.
        """
        self.place()
        gone = max(0, self.at - BEHIND)
        parts = [self.text[gone:]]
        wanted = max(1, min(len(parts[0]), 4 * BLOCK))
        try:
            while wanted > 0:
                block = next(self._blocks, None)
                if block is None:
                    break
                parts.append(block)
                wanted -= len(block)
        except StreamBroken as broken:
            self.broken = broken
            self._blocks = iter(())
        self._base += gone
        self.at -= gone
        self._counted = self.at
        self.text = b"".join(parts)
        return len(self.text) > len(parts[0])

    def place(self) -> tuple[int, int]:
        """Line (1-based) and offset of the cursor. It must not have gone back since the last call."""
        self._line += self.text.count(b"\n", self._counted, self.at)
        self._counted = self.at
        return self._line, self._base + self.at

    def peek(self) -> int | None:
        """The next byte that is neither white space nor a comma, under the cursor; None at the end."""
        while True:
            match = _SPACE.match(self.text, self.at)
            self.at = match.end() if match else self.at
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return None

    def look(self, pattern: re.Pattern[bytes], most: int) -> re.Match[bytes] | None:
        """`pattern` matched at the cursor, reading on if it needs to, up to `most` bytes."""
        while True:
            match = pattern.match(self.text, self.at)
            if match and match.end() < len(self.text):
                return match
            if len(self.text) - self.at > most or not self.more():
                return pattern.match(self.text, self.at)


class Scanner:
    """Finds the end of one value, given in pieces."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def feed(self, text: bytes, at: int, stop: int | None = None) -> int:
        """Scan on from `at` to `stop`. Returns the end of the value, or -1 if it is not there."""
        size = len(text) if stop is None else min(stop, len(text))
        while at < size:
            if self._in_string:
                at = self._through_string(text, at, size)
                if self._in_string:
                    return -1
            else:
                match = _OUTSIDE.match(text, at, size)
                at = match.end() if match else at
                if at == size:
                    return -1
                byte = text[at]
                at += 1
                if byte == 0x22:
                    self._in_string = True
                    continue
                self._depth += 1 if byte in b"{[" else -1
            if self._depth <= 0:
                return at
        return -1

    def _through_string(self, text: bytes, at: int, size: int) -> int:
        if self._escaped:
            at += 1
            self._escaped = False
        match = _REST_OF_STRING.match(text, at, size)
        at = match.end() if match else at
        if at < size:
            if text[at] == 0x22:
                self._in_string = False
                return at + 1
            self._escaped = True  # a backslash as the last byte
        return at
