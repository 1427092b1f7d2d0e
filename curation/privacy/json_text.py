"""JSON inside a text (a tool call, an answer asked for as JSON), so that it is still JSON when a value in it is masked.

A text is searched through its *view*: in strings of JSON the escapes are read, so that `\\u5f20` is 张 and the n of `\\n`
belongs to no name. The view knows where each of its characters stands in the text, and which pieces of it may be
replaced: the inside of a string, or a whole number.
"""

from __future__ import annotations

import json
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

MOST_TRIES = 64  # places where JSON might begin that are tried in one text
DEEPEST = 4  # levels of JSON in strings of JSON (the arguments of a tool call) that are read
LARGEST = 4 * 1024 * 1024  # characters; a longer text is searched as it is

_BEGIN = re.compile(r'[\[{]\s*["\[{\d-]')
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|(-?\d[\d.eE+-]*)', re.DOTALL)
_ESCAPE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL)
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the view that may be replaced. depth: how many levels of strings it is in; number: it is no string."""

    start: int
    end: int
    depth: int
    number: bool


@dataclass(slots=True)
class View:
    """What is searched. `places[i]` is where character i of the view begins in the original; None: it is the same text.

    regions: start and end of each stretch of JSON in the view. pieces: what may be replaced in them, from left to right,
    none within another. Nothing else in a region may.
    """

    text: str
    places: array[int] | None = None
    regions: list[tuple[int, int]] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)

    def place(self, at: int) -> int:
        """Where the character `at` of the view begins in the original."""
        return at if self.places is None else self.places[at]

    def cut(self, start: int, end: int) -> list[Piece]:
        """The parts of a stretch that may be replaced: of JSON only strings, from inside, and whole numbers."""
        if not self.regions:
            return [Piece(start, end, 0, False)]
        found = []
        at = start
        for first, last in self.regions:
            if last <= at or first >= end:
                continue
            if at < first:
                found.append(Piece(at, first, 0, False))
            found.extend(self._within(max(at, first), min(end, last)))
            at = min(end, last)
        if at < end:
            found.append(Piece(at, end, 0, False))
        return found

    def _within(self, start: int, end: int) -> Iterator[Piece]:
        first = bisect_right(self.pieces, start, key=lambda piece: piece.end)
        for piece in self.pieces[first:]:
            if piece.start >= end:
                return
            if piece.number:
                yield piece
                continue
            left, right = max(piece.start, start), min(piece.end, end)
            if left < right:
                yield Piece(left, right, piece.depth, False)


def written(mask: str, piece: Piece) -> str:
    """A mask as it is written in a piece: escaped once for each level of strings; in the place of a number, 0."""
    if piece.number:
        return "0"
    for _ in range(piece.depth):
        mask = json.dumps(mask, ensure_ascii=False)[1:-1]
    return mask


def view_of(text: str) -> View:
    """The view of a text; for one without JSON the text itself, told by two searches for a character."""
    if '"' not in text or ("{" not in text and "[" not in text) or len(text) > LARGEST:
        return View(text)
    regions = _regions(text)
    return _Reading(text).view(regions) if regions else View(text)


def _regions(text: str) -> list[tuple[int, int]]:
    """Where whole objects and lists of JSON stand in a text."""
    found: list[tuple[int, int]] = []
    at = tries = 0
    while tries < MOST_TRIES and (begin := _BEGIN.search(text, at)):
        tries += 1
        try:
            _, at = _DECODER.raw_decode(text, begin.start())
            found.append((begin.start(), at))
        except (ValueError, RecursionError):
            at = begin.start() + 1
    return found


class _Reading:
    """Builds a view from left to right. A source is a text and where its characters begin in the original."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.out: list[str] = []
        self.places: array[int] = array("q")
        self.pieces: list[Piece] = []

    def view(self, regions: list[tuple[int, int]]) -> View:
        """The view of the whole text, given where JSON stands in it."""
        moved = []
        at = 0
        places: Sequence[int] = range(len(self.text) + 1)
        for first, last in regions:
            self._copy(self.text, places, at, first)
            begin = len(self.places)
            self._json(self.text, places, first, last, 1)
            moved.append((begin, len(self.places)))
            at = last
        self._copy(self.text, places, at, len(self.text))
        self.places.append(len(self.text))
        read = "".join(self.out)
        return View(read, None if len(read) == len(self.text) else self.places, moved, self.pieces)

    def _copy(self, text: str, places: Sequence[int], start: int, end: int) -> None:
        self.out.append(text[start:end])
        self.places.extend(places[start:end])

    def _piece(self, text: str, places: Sequence[int], start: int, end: int, depth: int, number: bool) -> None:
        begin = len(self.places)
        self._copy(text, places, start, end)
        self.pieces.append(Piece(begin, len(self.places), depth, number))

    def _json(self, text: str, places: Sequence[int], first: int, last: int, depth: int) -> None:
        """JSON from `first` to `last` of a source: its strings are read, everything else is copied."""
        at = first
        for token in _TOKEN.finditer(text, first, last):
            number = token[2] is not None
            start, end = token.span(2 if number else 1)
            self._copy(text, places, at, start)
            at = end
            if number:
                self._piece(text, places, start, end, depth, True)
                continue
            inner, within = _unescaped(text, places, start, end)
            if depth < DEEPEST and inner.lstrip()[:1] in ("{", "[") and _is_json(inner):
                self._json(inner, within, 0, len(inner), depth + 1)
            else:
                self._piece(inner, within, 0, len(inner), depth, False)
        self._copy(text, places, at, last)


def _unescaped(text: str, places: Sequence[int], start: int, end: int) -> tuple[str, Sequence[int]]:
    """The inside of a string of JSON with its escapes read, and where its characters begin in the original."""
    if text.find("\\", start, end) < 0:
        return text[start:end], places[start:end]
    out: list[str] = []
    found: array[int] = array("q")
    at = start
    for escape in _ESCAPE.finditer(text, start, end):
        character = json.loads(f'"{escape[0]}"')
        if len(character) != 1 or "\ud800" <= character <= "\udfff":
            continue  # half a character
        out += [text[at : escape.start()], character]
        found.extend(places[at : escape.start()])
        found.append(places[escape.start()])
        at = escape.end()
    out.append(text[at:end])
    found.extend(places[at:end])
    return "".join(out), found


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
