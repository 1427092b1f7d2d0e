"""Bytes of a document to Markdown, each kind by one converter. Runs in the converting process only."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

from curation.synthesis.documents import archive, html, markup, pdf
from curation.synthesis.documents.kinds import Unread
from curation.synthesis.documents.tidy import tidy, title_of

MAX_CHARACTERS = 1 << 25  # of a text; the longest novels have a tenth of that

# Words are kept, marks around them are not: a quotation has to be found again letter by letter.
_PLAINLY: dict[str, Any] = {
    "strip": ["a", "img", "b", "strong", "em", "i", "u", "s", "del"],
    "escape_underscores": False,
    "escape_asterisks": False,
    "escape_misc": False,
    "style_map": "p[style-name='Title'] => h1:fresh",  # of a docx; other kinds pass over it
}


@dataclass(frozen=True)
class Converted:
    """A document's text as Markdown. title: as the document says, "" for none. converter: name and version."""

    text: str
    title: str
    converter: str


def load() -> None:
    """Import everything that converting needs, before memory is bounded."""
    import pdfplumber  # noqa: F401

    _converters()


def read(raw: bytes, kind: str) -> Converted:
    """The document's text. Raises Unread with the reason, or whatever a converter raises about a broken file."""
    if kind in archive.KINDS:
        archive.check(raw)
    if kind == "pdf":
        (text, title), by = pdf.read_pdf(raw), "pdfplumber"
    else:
        if kind == "html":
            raw = html.without_furniture(raw)
        found, by = _converters()[kind].convert(io.BytesIO(raw), _info(kind), **_PLAINLY), "markitdown"
        text, title = found.markdown, found.title or ""
    text = markup.TIDIED.get(kind, str)(text)
    text = tidy(text)
    if len(text) > MAX_CHARACTERS:
        raise Unread(f"its text is longer than {MAX_CHARACTERS:,} characters")
    return Converted(text, " ".join((title or title_of(text)).split()), f"{by} {version(by)}")


@cache
def _converters() -> dict[str, Any]:
    """One converter a kind, none of which looks at anything but the bytes; nothing is guessed, no plugin is loaded."""
    from markitdown import converters

    names = {"docx": "DocxConverter", "pptx": "PptxConverter", "epub": "EpubConverter", "html": "HtmlConverter"}
    return {kind: getattr(converters, name)() for kind, name in names.items()}


def _info(kind: str) -> Any:
    from markitdown import StreamInfo

    return StreamInfo(extension=f".{kind}", charset="utf-8" if kind == "html" else None)
