"""Reader of JSON files: element by element, in bounded memory, and going on behind a broken element.

A broken element usually does not end where it should: one quote or brace too few, and brackets balance only at the end
of the file, if ever. So whenever an element does not end, or ends and is no JSON, the text from its beginning is
searched for the next place where an element *like the others* begins: with the first key of a sound one or its own, the
same indentation, and not just behind `[` or `:`. The bytes in between are what was broken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import orjson

from curation.readers.chunker import Chunker
from curation.readers.json_scan import BEHIND, WHOLE_VALUE, Scanner, Window
from curation.readers.json_shape import OBJECTS, holds_records
from curation.readers.model import BLOCK, RAW_KEPT, Limits, RawChunk

_BEGINNING = re.compile(rb'\{[ \t\r\n]*+"((?:[^"\\]++|\\.)*+)"[ \t\r\n]*+:', re.DOTALL)
_LEFT_OVER = re.compile(rb"\s*+[}\]][\s}\]]*+(?=,)")  # closing brackets too many, behind a broken element
_SCALAR = re.compile(rb'(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\w+.-]++)(?=\s*+[,\]])', re.DOTALL)
_JUNK = re.compile(rb"[^{\[\]]++|.", re.DOTALL)
_KEY = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"\s*+:\s*+(?=\S)', re.DOTALL)
_OPENING = re.compile(rb"\[\s*+(?=\S)")
_WORD = re.compile(rb"[^\s,}\]]++")
_SHORT = 64 * 1024  # bytes within which a key or a number must end
_PATIENT = 8  # elements that may break before the next one is suspected after _SUSPECT bytes, and not only at the limit
_SUSPECT = 8 * 1024


def read_json(blocks: Iterator[bytes], start: int, limits: Limits, chunks: Chunker) -> Iterator[RawChunk]:
    """The objects of an array, of every array of objects inside an object, or the object itself; several top-level
    values are read one after the other. Commas too many or too few between elements are overlooked.
    """
    reader = _Elements(Window(blocks, start), limits, chunks)
    for _ in reader.read():
        if chunks.full:
            yield chunks.take()


class _Elements:
    """The state of reading one file. Every method leaves the cursor behind what it consumed."""

    def __init__(self, window: Window, limits: Limits, chunks: Chunker) -> None:
        self.window, self.limits, self.chunks = window, limits, chunks
        self.position = 0
        self.broken = 0  # elements that did not end
        self.cut = False  # the end of the source was already found to be in the middle of something
        self.keys: set[bytes] = set()  # first keys and leading white space of sound elements
        self.leads: set[bytes] = set()

    def read(self) -> Iterator[None]:
        """Adds to `chunks`, and yields after each thing added."""
        window = self.window
        if window.peek() is None:
            yield from self._finish([])
            return
        while len(window.text) - window.at < BLOCK and window.more():
            pass
        wrapped = holds_records(window.text[window.at :])
        inside: list[int] = []
        while (byte := window.peek()) is not None:
            if byte == 0x5B and (not inside or inside[-1] == 0x7B):  # [
                inside.append(byte)
                window.at += 1
            elif byte == 0x5D and inside and inside[-1] == 0x5B:  # ]
                inside.pop()
                window.at += 1
            elif byte == 0x7B and wrapped and not inside:  # {
                wrapped = False
                inside.append(byte)
                window.at += 1
            elif inside and inside[-1] == 0x7B and byte in b'"}':
                yield from self._member(byte, inside)
            elif byte in b"{[":
                yield from self._element()
            else:
                yield from self._no_element()
        yield from self._finish(inside)

    def _finish(self, inside: list[int]) -> Iterator[None]:
        window = self.window
        line, offset = window.place()
        if window.broken:
            self.chunks.bad(line, offset, window.broken.reason, window.broken.detail, b"")
            yield
        elif inside and not self.cut:
            self.chunks.bad(line, offset, "truncated", "the array or object around the records is not closed", b"")
            yield

    def _member(self, byte: int, inside: list[int]) -> Iterator[None]:
        """One member of the object around the records: an array of objects is entered, anything else passed over."""
        window = self.window
        if byte == 0x7D:  # }
            inside.pop()
            window.at += 1
            return
        key = window.look(_KEY, _SHORT)
        if key is None:
            yield from self._no_element()
            return
        window.at = key.end()
        window.look(_OPENING, _SHORT)
        if OBJECTS.match(window.text, window.at):
            return  # the cursor is on its opening bracket
        if window.text[window.at] in b'{["':
            if self._skip() is None and window.broken is None:
                line, offset = window.place()
                self.cut = True
                self.chunks.bad(line, offset, "truncated", "a value beside the records is not closed", b"")
                yield
        else:
            scalar = _WORD.match(window.text, window.at)
            window.at = scalar.end() if scalar else window.at + 1

    def _element(self) -> Iterator[None]:
        """One object (or array, or string, which are no record) that begins under the cursor."""
        window = self.window
        lead = self._lead(window.at)
        limit = _SUSPECT if self.broken >= _PATIENT else self.limits.max_bytes
        end = self._find_end(limit)
        if end < 0:
            resume = self._next_like(window.at, window.at + limit, lead)
            if resume < 0 and limit == _SUSPECT:
                end = self._find_end(self.limits.max_bytes)
                resume = self._next_like(window.at, len(window.text), lead) if end < 0 else -1
            if end < 0:
                yield from self._unending(resume)
                return
        payload = window.text[window.at : end]
        if _is_balanced(payload):
            self._remember(payload, lead)
        else:
            resume = self._next_like(window.at, end, lead)
            if resume >= 0:
                yield from self._unending(resume)
                return
            left_over = _LEFT_OVER.match(window.text, end)
            if left_over:
                end = left_over.end()
                payload = window.text[window.at : end]
        yield from self._add(payload, end)

    def _add(self, payload: bytes, end: int) -> Iterator[None]:
        self.position += 1
        line, offset = self.window.place()
        self.chunks.add(self.position, line, offset, payload)
        self.window.at = end
        yield

    def _find_end(self, limit: int) -> int:
        """Where the value under the cursor ends; -1 if not within `limit` bytes or before the end of the stream."""
        window = self.window
        match = WHOLE_VALUE.match(window.text, window.at, window.at + limit)
        if match:
            return match.end()
        scanner, at = Scanner(), window.at
        while True:
            end = scanner.feed(window.text, at, window.at + limit)
            if end >= 0:
                return end
            scanned = len(window.text) - window.at
            if scanned > limit or not window.more():
                return -1
            at = window.at + scanned

    def _unending(self, resume: int) -> Iterator[None]:
        """An element that does not end: bad up to where the next one begins, or all there is."""
        window = self.window
        self.broken += 1
        self.position += 1
        line, offset = window.place()
        head = window.text[window.at : window.at + RAW_KEPT]
        if resume >= 0:
            raw = window.text[window.at : resume].rstrip(b" \t\r\n,")
            window.at = resume
            self.chunks.bad(line, offset, "bad_json", "it is not closed where the next record begins", raw)
        elif len(window.text) - window.at > self.limits.max_bytes:
            size = self._skip()
            if size is None:
                self.cut = True
                self.chunks.bad(line, offset, "too_long", "it does not end before the end of the source", head)
            else:
                self.chunks.overlong(line, offset, head, size)
        else:
            window.at = len(window.text)
            self.cut = True
            if window.broken:
                reason, detail = window.broken.reason, window.broken.detail
                window.broken = None  # said here
            else:
                reason, detail = "truncated", "the record is not closed before the end of the source"
            self.chunks.bad(line, offset, reason, detail, head)
        yield

    def _skip(self) -> int | None:
        """Pass over the value under the cursor, holding none of it. Its size, or None if it does not end."""
        window, scanner, size = self.window, Scanner(), 0
        while True:
            end = scanner.feed(window.text, window.at)
            if end >= 0:
                size += end - window.at
                window.at = end
                return size
            size += len(window.text) - window.at
            window.at = len(window.text)
            if not window.more():
                return None

    def _no_element(self) -> Iterator[None]:
        """A number, word or string, or mere junk: one bad thing up to where an element may begin."""
        window = self.window
        match = window.look(_SCALAR, _SHORT)
        if match:
            yield from self._add(window.text[window.at : match.end()], match.end())
            return
        if window.text[window.at] == 0x22 and Scanner().feed(window.text, window.at) < 0:
            yield from self._element()  # a string without end
            return
        self.position += 1
        line, offset = window.place()
        junk = _JUNK.match(window.text, window.at)
        end = junk.end() if junk else window.at + 1
        raw = window.text[window.at : end].rstrip(b" \t\r\n,")
        self.chunks.bad(line, offset, "bad_json", "it is no JSON value", raw)
        window.at = end
        yield

    def _lead(self, at: int) -> bytes:
        """The white space before an element from the last newline on; none if it begins on the line of the last one."""
        before = self.window.text[max(0, at - BEHIND) : at]
        space = before[len(before.rstrip(b" \t\r\n")) :]
        return space[space.rfind(b"\n") :] if b"\n" in space else b""

    def _remember(self, payload: bytes, lead: bytes) -> None:
        if len(self.keys) < 8 and (match := _BEGINNING.match(payload)):
            self.keys.add(match[1])
        if len(self.leads) < 8:
            self.leads.add(lead)

    def _next_like(self, begin: int, end: int, lead: bytes) -> int:
        """Where in the window, between `begin` and `end`, the next element like the others begins; -1 if nowhere."""
        text = self.window.text
        own = _BEGINNING.match(text, begin)
        keys = {*self.keys, own[1]} if own else self.keys
        # the first element of an array may follow its bracket directly, so its own place tells little
        leads = {*self.leads, lead} if self.leads or lead else None
        for match in _BEGINNING.finditer(text, begin + 1, end):
            at = match.start()
            if match[1] not in keys or (leads is not None and self._lead(at) not in leads):
                continue
            if text[max(begin, at - BEHIND) : at].rstrip(b" \t\r\n")[-1:] not in (b"[", b":"):
                return at
        return -1


def _is_balanced(payload: bytes) -> bool:
    """Whether quotes, brackets and commas are where they belong, even if something else is wrong (NaN, half a surrogate
    pair, bad bytes, a raw newline): what follows is then no part of this element.
    """
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError:
        try:
            json.loads(payload.decode("utf-8", "replace"), strict=False, parse_int=len)
        except RecursionError:  # the scan has seen all its brackets closed
            return True
        except ValueError:
            return False
    return True
