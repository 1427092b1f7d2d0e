"""A text as it is compared word for word, with the place that each of its characters came from.

Folded away is what a writer of the same words does otherwise: runs of blanks and line ends, typographic quotation marks
and dashes, full-width letters, blanks beside Chinese characters; and, with `marks`, the marks of Markdown. No word and no
letter is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from curation.stages.heuristics.scripts import HAN, KANA

_QUOTES = dict.fromkeys("‘’‚‛′`´", "'") | dict.fromkeys("“”„‟″«»「」『』〝〞", '"')
_DASHES = dict.fromkeys("‐‑‒–—―−－﹣⸺⸻─", "-")
_STOPS = {"。": ".", "｡": ".", "、": ",", "・": "·", "•": "·"}
_FOLDED = {**_QUOTES, **_DASHES, **_STOPS}
# What nobody sees, and what is left out of a prompt: soft hyphens, zero widths, direction overrides, tags, control codes.
_NOTHING = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]"
)
_UNSPACED = re.compile(f"[{HAN}{KANA}]")

# What Markdown adds to words. Group 1, where there is one, stays; a bar or a line break becomes a blank.
_MARKS = re.compile(
    r"(?P<gone>"
    r"^[ \t]*(?:```|~~~)[^\n]*$"  # fences
    r"|^[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)*\|?$"  # the rule of a table, a thematic break
    r"|^[ \t]*(?:>[ \t]?)+"  # quotations
    r"|^[ \t]*#{1,6}[ \t]+"  # headings
    r"|^[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]+"  # items of lists
    r"|<!--.*?-->|</?(?:b|i|u|em|strong|sup|sub|mark|code)>"
    r"|\[\^?\d{1,3}\]"  # references to notes
    r"|!?\[(?=[^\[\]\n]*\]\([^()\n]*\))|(?<=[^\s\[])\]\([^()\n]*\)"  # links
    r"|\\(?=[\\`*_{}\[\]()#+\-.!|>~])"
    r"|\*{1,3}|~~|`+"
    r"|(?<![^\W_])_{1,3}(?=[^\s_])|(?<=[^\s_])_{1,3}(?![^\W_])"
    r"|(?<=[a-z])-\n(?=[a-z])"  # a word that was cut at the end of a line
    r")|(?P<blank>\||<br ?/?>)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Plain:
    """text: folded. starts, ends: where in the original the text of each of its characters stands."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]


@lru_cache(maxsize=256)
def plain(text: str, *, marks: bool) -> Plain:
    """A text folded. marks: those of Markdown go as well."""
    kept: list[tuple[str, int, int]] = []
    for letter, start, end in _letters(text, marks=marks):
        if letter == " " and (not kept or kept[-1][0] in " -" or _UNSPACED.match(kept[-1][0])):
            continue
        if letter == "-" or _UNSPACED.match(letter):
            if kept and kept[-1][0] == " ":
                kept.pop()
            if letter == "-" and kept and kept[-1][0] == "-":
                continue
        if letter == "." and len(kept) >= 3 and kept[-1][0] == kept[-2][0] == kept[-3][0] == ".":
            continue
        kept.append((letter, start, end))
    while kept and kept[-1][0] == " ":
        kept.pop()
    return Plain(
        "".join(letter for letter, _, _ in kept),
        tuple(start for _, start, _ in kept),
        tuple(end for _, _, end in kept),
    )


def _letters(text: str, *, marks: bool) -> Iterator[tuple[str, int, int]]:
    """Folded characters, each with the stretch of the original that it came from."""
    begin = 0
    for found in _MARKS.finditer(text) if marks else ():
        yield from _folded(text, begin, found.start())
        if found.lastgroup == "blank":
            yield " ", found.start(), found.end()
        begin = found.end()
    yield from _folded(text, begin, len(text))


def _folded(text: str, begin: int, stop: int) -> Iterator[tuple[str, int, int]]:
    place = begin
    while place < stop:
        letter, end = text[place], place + 1
        while end < stop and ord(text[end]) >= 0x300 and unicodedata.combining(text[end]):
            end += 1
        if end == place + 1 and " " <= letter < "\x7f":
            yield _FOLDED.get(letter, letter), place, end
        elif _NOTHING.match(letter):
            pass
        else:
            for folded in unicodedata.normalize("NFKC", _FOLDED.get(text[place:end], text[place:end])):
                single = _FOLDED.get(folded, folded)
                yield (" " if single.isspace() else single), place, end
        place = end
