"""The lines of a PDF's pages to Markdown: headings by the size of letters, paragraphs by places, running heads left out."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

Bounds = tuple[float, float, float, float]  # x0, y0, x1, y1 in points, from the lower left corner

_HEADING_SIZE = 1.12  # of the text's
_HEADING_LENGTH = 160  # characters
_LEVELS = 4
_EDGE = 2  # lines at the top and at the bottom of a page that may be running heads
_ENDS = tuple('.!?:。！？：…"”’」』)）')
_BULLET = re.compile(r"[•‣▪▫◦●○■□∙·–—-]\s+(?=\S)")
_LONE_BULLET = re.compile(r"[•‣▪▫◦●○■□∙]")
_NUMBER = re.compile(r"(?:\(?\d{1,3}[.)]|\(?[a-z][.)])\s+\S")
_PAGE_NUMBER = re.compile(
    r"[\W_]*(?:page|p\.|seite|第)?\s*(?:\d{1,5}|[ivxlc]{1,8})\s*(?:(?:of|/|von|共)\s*\d{1,5})?\s*页?[\W_]*",
    re.IGNORECASE,
)
_WIDE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
# Ligatures and the radicals of Chinese characters: what a font draws where the text has letters.
_DRAWN = re.compile(r"[\ufb00-\ufb06\u2e80-\u2fdf]")
_HYPHENATED = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+")


@dataclass(frozen=True)
class Line:
    """A line of text. size: of its letters, in points. box, lines: the number of its block on the page, and how many
    lines that has. bounds: its place. sides: left and right of the block."""

    text: str
    size: float
    bold: bool
    box: int
    lines: int
    bounds: Bounds
    sides: tuple[float, float]

    def with_text(self, text: str) -> Line:
        """The line with another text."""
        return replace(self, text=text)


@dataclass(frozen=True)
class Table:
    """A table as Markdown, and its place."""

    text: str
    bounds: Bounds

    @property
    def top(self) -> float:
        """Its upper end."""
        return self.bounds[3]

    def holds(self, bounds: Bounds) -> bool:
        """Whether the middle of `bounds` lies in it."""
        across, up = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
        return self.bounds[0] <= across <= self.bounds[2] and self.bounds[1] <= up <= self.bounds[3]

    def with_text(self, text: str) -> Table:
        """The table with another text."""
        return replace(self, text=text)


Part = Line | Table


def markdown(pages: Sequence[Sequence[Part]]) -> str:
    """The text of all pages."""
    drawn = [[part.with_text(_DRAWN.sub(_letters, part.text)) for part in page] for page in _without_heads(pages)]
    levels = _Levels([part for page in drawn for part in page if isinstance(part, Line)])
    hyphenated = {
        found.lower() for page in drawn for part in page for found in _HYPHENATED.findall(part.text)
    }  # words that have a hyphen where no line ends
    return "\n\n".join(_blocks(drawn, levels, hyphenated))


def _letters(found: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", found[0])


def _without_heads(pages: Sequence[Sequence[Part]]) -> list[list[Part]]:
    """The pages without page numbers, and without what stands at the edge of several of them, numbers aside."""
    edges = [_edge([part for part in page if isinstance(part, Line)]) for page in pages]
    if len(pages) < 2:
        return [list(page) for page in pages]
    seen = Counter(key for edge in edges for key in {_key(line) for line in edge})
    enough = 2 if len(pages) < 4 else 3
    return [
        [
            part
            for part in page
            if not (part in edge and isinstance(part, Line))
            or not (seen[_key(part)] >= enough or _PAGE_NUMBER.fullmatch(part.text))
        ]
        for page, edge in zip(pages, edges, strict=True)
    ]


def _edge(lines: Sequence[Line]) -> list[Line]:
    ordered = sorted(lines, key=lambda line: -line.bounds[3])
    return ordered[:_EDGE] + ordered[-_EDGE:]


def _key(line: Line) -> str:
    """A title that later pages repeat in small letters is no running head where it is large."""
    return str(line.size) + re.sub(r"\d+", "#", line.text.lower())


class _Levels:
    """Which lines are headings, and of which level: told from sizes and weights over the whole document."""

    def __init__(self, lines: Sequence[Line]) -> None:
        sizes: Counter[float] = Counter()
        bold = 0
        for line in lines:
            sizes[line.size] += len(line.text)
            bold += line.bold * len(line.text)
        self._body = sizes.most_common(1)[0][0] if sizes else 0.0
        self._mostly_bold = bold * 2 > sum(sizes.values())
        large = sorted({line.size for line in lines if self._large(line)}, reverse=True)
        self._by_size = {size: min(place + 1, _LEVELS) for place, size in enumerate(large)}
        self._bold = min(len(large) + 1, _LEVELS)

    def of(self, line: Line) -> int:
        """1 to 4 for a heading, else 0."""
        if self._large(line):
            return self._by_size[line.size]
        alone = line.bold and not self._mostly_bold and line.lines <= 2 and line.size >= 0.95 * self._body
        return self._bold if alone and self._may(line) and not line.text.endswith(tuple(".,;:。，；：")) else 0

    def _large(self, line: Line) -> bool:
        return line.size >= _HEADING_SIZE * self._body and self._may(line)

    def _may(self, line: Line) -> bool:
        return len(line.text) <= _HEADING_LENGTH and any(letter.isalpha() for letter in line.text)


def _blocks(pages: Sequence[Sequence[Part]], levels: _Levels, hyphenated: set[str]) -> Iterator[str]:
    """Headings, paragraphs and tables, in order."""
    text, before, level = "", None, 0
    for page in pages:
        for part in page:
            if isinstance(part, Table):
                yield from _done(text, level)
                text, before = "", None
                yield part.text
                continue
            here = levels.of(part)
            if before is not None and here == level and _goes_on(before, part, here):
                text = _joined(text, part.text, hyphenated)
            else:
                yield from _done(text, level)
                text = part.text
            before, level = part, here
        before = _over_the_page(before)
    yield from _done(text, level)


def _done(text: str, level: int) -> Iterator[str]:
    if text:
        yield f"{'#' * level} {text}" if level else _BULLET.sub("- ", text, count=1)


def _over_the_page(line: Line | None) -> Line | None:
    """The last line of a page as the first of the next sees it: of another block."""
    return None if line is None else replace(line, box=-1)


def _goes_on(before: Line, line: Line, level: int) -> bool:
    """Whether `line` belongs to the same paragraph, or heading, as the one before."""
    if level:
        return before.box == line.box and before.size == line.size
    if _BULLET.match(line.text) or _NUMBER.match(line.text):
        return False
    if _LONE_BULLET.fullmatch(before.text):
        return True
    if before.box != line.box:
        first = line.text[0]
        open_ended = not before.text.endswith(_ENDS)
        return open_ended and (first.islower() or bool(_WIDE.match(first) and _WIDE.match(before.text[-1])))
    left, right = line.sides
    indented = line.bounds[0] - left > 0.8 * line.size and before.bounds[0] - left < 0.3 * line.size
    ended_early = before.bounds[2] < right - 0.15 * (right - left) and before.text.endswith(_ENDS)
    return not (indented or ended_early)


def _joined(text: str, more: str, hyphenated: set[str]) -> str:
    """Two lines as one: a word that was cut in two is whole again, Chinese has no blank between."""
    if text.endswith("\xad"):
        return text[:-1] + more
    if len(text) > 1 and text.endswith("-") and text[-2].isalpha() and more[0].islower():
        word = f"{text.rsplit(maxsplit=1)[-1]}{more.split(maxsplit=1)[0]}".lower()
        whole = _HYPHENATED.search(word)
        return text + more if whole and whole[0] in hyphenated else text[:-1] + more
    if _WIDE.match(text[-1]) and _WIDE.match(more[0]):
        return text + more
    return f"{text} {more}"
