"""What Markdown consists of: headings, paragraphs, list items, tables and code, as stretches of its characters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Shape = Literal["heading", "text", "table", "code"]

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*\Z")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+\S")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*\Z")
_MAX_HEADING = 300  # characters; a longer line is a paragraph that begins with a hash


@dataclass(frozen=True)
class Block:
    """text[start:end] without the blank lines around it. level, title: of a heading, 1 to 6. headings: those above it,
    and of a heading itself as well."""

    start: int
    end: int
    shape: Shape
    headings: tuple[str, ...] = ()
    level: int = 0
    title: str = ""


def blocks_of(text: str) -> list[Block]:
    """The blocks of a Markdown text, in order; together they hold every character that is not blank."""
    found: list[Block] = []
    above: dict[int, str] = {}
    for block in _bare(text):
        if block.level:
            above = {level: title for level, title in above.items() if level < block.level}
            above[block.level] = block.title
        headings = tuple(above[level] for level in sorted(above) if above[level])
        found.append(Block(block.start, block.end, block.shape, headings, block.level, block.title))
    return found


def _bare(text: str) -> Iterator[Block]:
    """The blocks, without what is above them."""
    lines = list(_lines(text))
    place = 0
    while place < len(lines):
        start, end = lines[place]
        line = text[start:end]
        if not line.strip():
            place += 1
        elif fence := _FENCE.match(line):
            last = _closing(text, lines, place, fence[1])
            yield Block(start, lines[last][1], "code")
            place = last + 1
        elif heading := _heading(line):
            yield Block(start, end, "heading", (), *heading)
            place += 1
        elif line.lstrip().startswith("|"):
            last = place
            while last + 1 < len(lines) and text[slice(*lines[last + 1])].lstrip().startswith("|"):
                last += 1
            yield Block(start, lines[last][1], "table")
            place = last + 1
        else:
            last = _paragraph(text, lines, place)
            yield _underlined(text, lines, place, last) or Block(start, lines[last][1], "text")
            place = last + 1


def _paragraph(text: str, lines: list[tuple[int, int]], place: int) -> int:
    """The last line of the paragraph, or of the list item, that begins at `place`."""
    last = place
    while last + 1 < len(lines):
        line = text[slice(*lines[last + 1])]
        if not line.strip() or _FENCE.match(line) or _heading(line) or _ITEM.match(line):
            break
        if line.lstrip().startswith("|"):
            break
        last += 1
    return last


def _underlined(text: str, lines: list[tuple[int, int]], first: int, last: int) -> Block | None:
    """A heading of one line with === or --- under it."""
    if last != first + 1:
        return None
    mark = _UNDERLINE.match(text[slice(*lines[last])])
    title = text[slice(*lines[first])].strip()
    if mark is None or len(title) > _MAX_HEADING:
        return None
    return Block(lines[first][0], lines[last][1], "heading", (), 1 if mark[1][0] == "=" else 2, title)


def _heading(line: str) -> tuple[int, str] | None:
    found = _HEADING.match(line) if len(line) <= _MAX_HEADING else None
    return (len(found[1]), (found[2] or "").strip()) if found else None


def _closing(text: str, lines: list[tuple[int, int]], place: int, fence: str) -> int:
    """The line that closes the code that begins at `place`, or the last line of all."""
    for later in range(place + 1, len(lines)):
        line = text[slice(*lines[later])].strip()
        if len(line) >= len(fence) and not line.strip(fence[0]):
            return later
    return len(lines) - 1


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Where lines begin and end, line ends left out."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield start, end
        start = end + 1
