"""PDFs to lines and tables, page by page; `pdf_text` makes a text of them.

A PDF says where letters stand, and nothing of paragraphs. pdfplumber (over pdfminer.six) gives lines with their places and
fonts, and the tables that are drawn with lines. Markitdown's converter for PDFs was measured beside it: of two manuals of
36 and 17 pages it left out the blanks between the words of most pages, and made tables of prose.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from curation.synthesis.documents.kinds import Unread
from curation.synthesis.documents.pdf_text import Line, Table, markdown

_MAX_RULES = 2000  # drawn lines of a page; more are a drawing, and looking for tables in it takes minutes
_UNNAMED = re.compile(r"\(cid:\d+\)")  # a letter of a font that does not say which letter it is
_MAX_UNNAMED = 0.3  # share of letters
_BOLD = re.compile(r"bold|black|heavy", re.IGNORECASE)


def read_pdf(raw: bytes) -> tuple[str, str]:
    """The text as Markdown, and the title, "" for none.

    Raises Unread for one that wants a password, or whose letters cannot be told.
    """
    import pdfplumber
    from pdfplumber.utils.exceptions import PdfminerException

    try:
        with pdfplumber.open(io.BytesIO(raw), laparams={}) as document:
            title = (document.metadata or {}).get("Title")
            pages = []
            for page in document.pages:
                pages.append(list(_parts(page)))
                page.close()  # else every letter of every page is held
    except PdfminerException as error:
        if "Password" in repr(error):
            raise Unread("it is protected by a password") from None
        raise
    return markdown(_named(pages)), title if isinstance(title, str) else ""


def _parts(page: Any) -> Iterator[Line | Table]:
    """The lines and tables of a page, in the order in which they are read."""
    from pdfminer.layout import LTTextBox, LTTextLine

    tables = list(_tables(page))
    waiting = sorted(tables, key=lambda table: -table.top)
    boxes = [element for element in page.layout if isinstance(element, LTTextBox)]
    for number, box in enumerate(boxes):
        for line in box:
            if not isinstance(line, LTTextLine) or any(table.holds(line.bbox) for table in tables):
                continue
            while waiting and waiting[0].top >= line.y1:
                yield waiting.pop(0)
            found = _line(line, number, box)
            if found is not None:
                yield found
    yield from waiting


def _line(line: Any, number: int, box: Any) -> Line | None:
    from pdfminer.layout import LTChar

    text = " ".join(line.get_text().split())
    letters = [letter for letter in line if isinstance(letter, LTChar)]
    if not text or not letters:
        return None
    size = Counter(round(letter.size * 2) / 2 for letter in letters).most_common(1)[0][0]
    bold = sum(bool(_BOLD.search(letter.fontname)) for letter in letters) * 2 > len(letters)
    return Line(text, size, bold, number, len(box), line.bbox, (box.x0, box.x1))


def _tables(page: Any) -> Iterator[Table]:
    """The tables that are drawn with lines, two rows and two columns at least."""
    rules = len(page.lines) + 4 * len(page.rects) + len(page.curves)
    if not 4 <= rules <= _MAX_RULES:
        return
    for table in page.find_tables():
        rows = [[" ".join((cell or "").split()).replace("|", "\\|") for cell in row] for row in table.extract()]
        rows = [row for row in rows if any(row)]
        filled = sum(bool(cell) for row in rows for cell in row)
        if len(rows) < 2 or len(rows[0]) < 2 or filled * 2 < len(rows) * len(rows[0]):
            continue
        x0, top, x1, bottom = table.bbox
        yield Table(_table_text(rows), (x0, page.layout.y1 - bottom, x1, page.layout.y1 - top))


def _table_text(rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + " --- |" * len(rows[0]))
    return "\n".join(lines)


def _named(pages: list[list[Line | Table]]) -> list[list[Line | Table]]:
    """The pages without letters that have no name. Raises Unread where that is most of them."""
    lines = [part for page in pages for part in page if isinstance(part, Line)]
    unnamed = sum(len(_UNNAMED.findall(line.text)) for line in lines)
    letters = sum(len(_UNNAMED.sub("", line.text)) for line in lines)
    if unnamed > _MAX_UNNAMED * (unnamed + letters):
        raise Unread("its fonts do not say which letters they draw; it has to go through text recognition (OCR) first")
    if not unnamed:
        return pages
    return [[part.with_text(_UNNAMED.sub("", part.text)) for part in page] for page in pages]
