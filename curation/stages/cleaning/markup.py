"""HTML to plain text that still shows its structure.

Blocks become lines, lists `- ` and `1. `, table cells ` | `, `<pre>` a fenced block and `<code>` a code span; links and
formatting keep their text, images their alternative text; raised and lowered figures become ² and ₂; scripts, styles
and comments vanish; character references are decoded. No tree is built: one pass over the tags, so that time is linear
in the length of the text even for a million nested elements.
"""

from __future__ import annotations

import re

from curation.stages.cleaning.code_spans import Hidden
from curation.stages.cleaning.entities import decode, decode_prose, has_escaped_tag
from curation.stages.cleaning.tags import BLOCK_GAP, PAGE, Tag, find_tags, looks_like_source, without_unseen

_SPACES = re.compile(r"[ \t\n\f]{2,}|[\t\n\f]")
_ALT = re.compile(r"""(?:^|\s)alt\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_RAISED = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_HOLDS_BLOCKS = frozenset("html body head".split())
_CODE = frozenset("code pre kbd samp tt".split())
_TAIL = 24  # characters of what was written that are kept at hand
_DEEPEST_LIST = 8  # lists are not indented further, however deep they are
_MOST_MARKS = 16  # open code, sub and sup; deeper ones are hostile


def html_to_text(text: str, hidden: Hidden, *, conversation: bool, topic: bool, every: bool, keep_code: bool) -> str:
    """`text` without HTML, or unchanged where its tags are source code rather than markup.

    hidden: takes the code found in `<code>` and `<pre>`, if code is to be left alone (keep_code). conversation: the
    text is a turn of a conversation, where a whole page is something that was asked for. topic: the record speaks of
    HTML. every: ignore these two, and take every tag that HTML knows for one.
    """
    if "<" not in text and "&" not in text:
        return text
    page = "<" in text and bool(PAGE.search(text))
    if not every:
        if page and conversation:
            return text
        if topic and not page and not has_escaped_tag(text):
            return text
    seen = without_unseen(text, page=page or every) if "<" in text else text
    if not (every or page) and looks_like_source(seen):
        return text
    tags = find_tags(seen, page=page, every=every) if "<" in seen else []
    if not tags:
        return decode_prose(seen)
    return _Writer(hidden, keep_code, page).write(seen, tags)


class _Writer:
    """Writes the text between tags, and what each tag asks for."""

    def __init__(self, hidden: Hidden, keep_code: bool, page: bool) -> None:
        self.hidden = hidden
        self.keep_code = keep_code
        self.out: list[str] = []
        self.tail = ""  # the end of what was written: enough of it to see line feeds, blanks and bullets
        self.gap = 0  # line feeds owed before the next text
        self.fresh = False  # whether a bullet or the edge of a cell was just written, which text has to follow
        self.blocks: list[str] = ["body"] if page else []  # open blocks; text outside of all keeps its line feeds
        self.lists: list[int] = []  # for each open list the next number, 0 for bullets
        self.first_item = False  # whether the next item is the first of its list
        self.cells: list[int] = []  # for each open row the cells begun
        self.marks: list[tuple[str, int]] = []  # open code, pre, sub and sup, and where in `out` their text begins

    def write(self, text: str, tags: list[Tag]) -> str:
        start = 0
        for tag in tags:
            self.put_text(text[start : tag.start])
            start = tag.stop
            self.end(tag.name) if tag.end else self.begin(tag)
        self.put_text(text[start:])
        while self.marks:
            self.close_mark()
        return "".join(self.out)

    def in_code(self) -> bool:
        return bool(self.marks) and any(name in _CODE for name, _ in self.marks)

    def put_text(self, piece: str) -> None:
        """The text between two tags."""
        if not piece:
            return
        if self.in_code():
            self.put(decode(piece))
            return
        piece = decode_prose(piece)
        if self.blocks:
            if "  " in piece or "\n" in piece or "\t" in piece or "\f" in piece:
                piece = _SPACES.sub(" ", piece)
            if self.gap or not self.tail or self.tail[-1] in " \n":
                piece = piece.lstrip(" ")
        elif self.gap:
            bare = piece.lstrip(" \t\n")
            self.gap = max(self.gap, piece.count("\n", 0, len(piece) - len(bare)))
            piece = bare
        self.put(piece)

    def put(self, piece: str) -> None:
        """Write `piece` after the line feeds owed."""
        if piece:
            self.pay()
            self.out.append(piece)
            self.tail = (self.tail + piece)[-_TAIL:]
            self.fresh = False

    def pay(self) -> None:
        """Write the line feeds owed; none at the beginning of the text."""
        if self.gap and self.tail.strip(" \n"):
            self.trim()
            feeds = "\n" * max(self.gap - (len(self.tail) - len(self.tail.rstrip("\n"))), 0)
            self.out.append(feeds)
            self.tail = (self.tail + feeds)[-_TAIL:]
        self.gap = 0

    def trim(self) -> None:
        """Take back blanks that would end a line or a cell."""
        if self.out and self.out[-1].endswith(" "):
            self.out[-1] = self.out[-1].rstrip(" ")
            self.tail = self.tail.rstrip(" ")

    def owe(self, gap: int) -> None:
        """Line feeds before the next text, unless a bullet or the edge of a cell was just written."""
        if gap > self.gap and not self.fresh:
            self.gap = gap

    def begin(self, tag: Tag) -> None:
        name = tag.name
        if name == "br":
            self.line_break()
        elif name == "img":
            alt = _ALT.search(tag.attributes)
            self.put_text((alt[1] or alt[2] or "") if alt else "")
        elif name in BLOCK_GAP:
            self.begin_block(tag)
        elif name in ("td", "th"):
            if self.cells and self.cells[-1]:
                self.gap = 0
                self.trim()
                self.put(" | ")
                self.fresh = True
            if self.cells:
                self.cells[-1] += 1
        if (name in _CODE or name in ("sub", "sup")) and len(self.marks) < _MOST_MARKS:
            self.pay()
            self.marks.append((name, len(self.out)))

    def begin_block(self, tag: Tag) -> None:
        name = tag.name
        self.owe(1 if name in ("ul", "ol") and self.lists else BLOCK_GAP[name])
        if name not in ("hr", *_HOLDS_BLOCKS):
            self.blocks.append(name)
        if name in ("ul", "ol"):
            self.lists.append(1 if name == "ol" else 0)
            self.first_item = True
        elif name == "tr":
            self.cells.append(0)
        elif name == "li":
            number = self.lists[-1] if self.lists else 0
            if number:
                self.lists[-1] += 1
            self.gap = max(self.gap, 1) if self.first_item else 1
            self.first_item = False
            self.put("  " * min(len(self.lists) - 1, _DEEPEST_LIST) + (f"{number}. " if number else "- "))
            self.fresh = True

    def end(self, name: str) -> None:
        if name == "br":
            self.line_break()
        if self.marks and any(mark == name for mark, _ in self.marks):
            while self.close_mark() != name:
                pass
        if name in BLOCK_GAP:
            inner = name in ("ul", "ol") and len(self.lists) > 1
            self.owe(1 if inner else BLOCK_GAP[name])
            self.leave(name)
        if name in ("ul", "ol") and self.lists:
            self.lists.pop()
            self.first_item = False
        elif name == "tr" and self.cells:
            self.cells.pop()

    def leave(self, name: str) -> None:
        """Close the last open block of this name, and those inside whose end was left out."""
        if name in self.blocks[-64:]:
            while self.blocks.pop() != name:
                pass

    def line_break(self) -> None:
        if self.in_code():
            self.put("\n")
        else:
            trailing = len(self.tail) - len(self.tail.rstrip("\n"))
            self.gap = min(max(self.gap, trailing) + 1, 3)

    def close_mark(self) -> str:
        """End the innermost open code, pre, sub or sup: its text is taken back and written in its own way."""
        name, start = self.marks.pop()
        inner = "".join(self.out[start:])
        del self.out[start:]
        self.tail = "".join(self.out[-_TAIL:])[-_TAIL:]
        if self.in_code():
            self.put(inner)  # <pre><code>: the outer one says how
        elif name == "sup":
            self.put(_shifted(inner, _RAISED, "^"))
        elif name == "sub":
            self.put(_shifted(inner, _LOWERED, "_"))
        elif name in ("pre", "code") and inner.strip():
            self.put_code(inner, name == "pre" or "\n" in inner.strip("\n"))
        else:
            self.put(inner)
        return name

    def put_code(self, inner: str, block: bool) -> None:
        inner = self.hidden.show(inner)
        longest = max((len(run) for run in re.findall("`+", inner)), default=0)
        if block:
            fence = "`" * max(3, longest + 1)
            code = f"{fence}\n{inner.strip(chr(10)).rstrip()}\n{fence}"
            self.owe(2)
        else:
            ticks = "`" * (longest + 1)
            edge = " " if inner[0] == "`" or inner[-1] == "`" else ""
            code = f"{ticks}{edge}{inner}{edge}{ticks}"
        self.put(self.hidden.hide(code) if self.keep_code else code)
        if block:
            self.owe(2)


def _shifted(text: str, table: dict[int, int], sign: str) -> str:
    """Raised or lowered text: in Unicode's own figures where it has them, plain where it is a word such as `th`."""
    bare = text.strip()
    if bare and all(ord(char) in table for char in bare):
        return bare.translate(table)
    if len(bare) == 1 and bare.isalpha():
        return sign + bare
    return text
