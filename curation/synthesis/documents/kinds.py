"""What kind of document a file is: by what it holds, where that is unmistakable, else by its ending."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final, Literal

DocumentKind = Literal["pdf", "docx", "pptx", "epub", "html", "md", "txt"]

ENDINGS: Final[dict[str, DocumentKind]] = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".pptx": "pptx",
    ".epub": "epub",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".md": "md",
    ".markdown": "md",
    ".txt": "txt",
}
PLAIN: Final = ("md", "txt")  # read here, as text; every other kind is converted in a process of its own

_HEAD = 1024  # bytes; a PDF's mark may stand anywhere in them (ISO 32000, annex H)
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # an OLE container: .doc, .ppt, or a .docx with a password
_PARTS: Final[dict[str, DocumentKind]] = {
    "word/document.xml": "docx",
    "ppt/presentation.xml": "pptx",
    "META-INF/container.xml": "epub",
}


class Unread(Exception):
    """A document that cannot be read. reason: a sentence that ends without a full stop."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def kind_of_name(path: Path) -> DocumentKind | None:
    """What the ending promises; None for one that says nothing."""
    return ENDINGS.get(path.suffix.lower())


def kind_of_file(path: Path) -> DocumentKind:
    """What the file holds. Raises Unread for what no converter reads, OSError where it cannot be opened."""
    promised = kind_of_name(path)
    with path.open("rb") as opened:
        head = opened.read(_HEAD)
    if head.startswith(b"%PDF-") or (b"%PDF-" in head and promised in ("pdf", None)):
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        return _kind_of_archive(path)
    if head.startswith(_OLD_OFFICE):
        if promised in ("docx", "pptx"):
            raise Unread("it is protected by a password")
        raise Unread("it is an old Office file (.doc, .ppt); save it as .docx or .pptx")
    if promised in ("pdf", "docx", "pptx", "epub"):
        raise Unread(f"it ends in {path.suffix} and is none" if head else "it is empty")
    if promised is None:
        raise Unread("its ending says nothing about what it holds")
    return promised


def _kind_of_archive(path: Path) -> DocumentKind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):
        raise Unread("it is a broken archive") from None
    for part, kind in _PARTS.items():
        if part in names:
            return kind
    raise Unread("it is an archive, and no docx, pptx or epub")
