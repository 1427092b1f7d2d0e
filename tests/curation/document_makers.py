"""Documents for tests: the samples, and what strangers send."""

from __future__ import annotations

import io
import struct
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from curation.events import Event, Warned
from curation.synthesis.documents import convert_all
from curation.synthesis.model import Document
from curation.synthesis.sections import SourceSettings

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "datasets" / "documents"
sys.path.insert(0, str(ROOT / "benchmarks"))

import sample_documents  # noqa: E402

RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
TARGETS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
WORD = sample_documents.WORD


def converted(
    inputs: Sequence[Path | str], folder: Path, settings: SourceSettings | None = None
) -> tuple[list[Document], list[str]]:
    """The documents, and what was warned of."""
    events: list[Event] = []
    found = convert_all(
        [str(each) for each in inputs], settings or SourceSettings(), folder, events.append, lambda: False
    )
    return found, [event.message for event in events if isinstance(event, Warned)]


def pdf(pages: Sequence[Sequence[tuple[str, float, float, float]]]) -> bytes:
    """A PDF of pages of (words, size, x, y)."""
    drawn = []
    for words in pages:
        page = sample_documents.Page()
        for text, size, x, y in words:
            page.text(text, size, x=x, y=y)
        drawn.append("\n".join(page.commands))
    return sample_documents.assembled("", drawn)


def encrypted_pdf() -> bytes:
    """A PDF that wants a password which nobody knows."""
    plain = pdf([[("secret words", 11, 72, 700)]])
    lock = b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <" + b"ab" * 32 + b"> /U <" + b"cd" * 32 + b"> >>"
    mark = b"<< /Encrypt " + lock + b" /ID [<" + b"01" * 16 + b"> <" + b"01" * 16 + b">] /Size"
    return plain.replace(b"trailer\n<< /Size", b"trailer\n" + mark)


def docx(document: str, **parts: str | bytes) -> bytes:
    """A DOCX with this document.xml (the body's XML, or a whole file that begins with <?xml)."""
    with zipfile.ZipFile(io.BytesIO(sample_documents.docx())) as archive:
        whole: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    if not document.startswith("<?xml"):
        document = f'{sample_documents.XML}<w:document xmlns:w="{WORD}"><w:body>{document}</w:body></w:document>'
    whole["word/document.xml"] = document
    return sample_documents.packed({**whole, **parts})


def epub(chapter: str) -> bytes:
    """An EPUB of one chapter, given as a whole file."""
    with zipfile.ZipFile(io.BytesIO(sample_documents.epub())) as archive:
        whole = {name: archive.read(name) for name in archive.namelist() if "chapter" not in name}
    return sample_documents.packed({**whole, "OEBPS/chapter1.xhtml": chapter})


def locked(archive: bytes) -> bytes:
    """The archive with every entry marked as encrypted."""
    return _patched(archive, flag=1)


def inflated(archive: bytes, size: int, only: bytes = b"") -> bytes:
    """The archive, whose directory says that each entry, or the `only` one, unpacks to `size` bytes."""
    return _patched(archive, size=size, only=only)


def _patched(archive: bytes, *, flag: int = 0, size: int | None = None, only: bytes = b"") -> bytes:
    """Entries of the central directory with another flag or size (APPNOTE.TXT 4.3.12)."""
    raw = bytearray(archive)
    place = raw.find(b"PK\x01\x02")
    while place >= 0:
        if raw[place + 46 :].startswith(only):
            (flags,) = struct.unpack_from("<H", raw, place + 8)
            struct.pack_into("<H", raw, place + 8, flags | flag)
            if size is not None:
                struct.pack_into("<I", raw, place + 24, size)
        place = raw.find(b"PK\x01\x02", place + 4)
    return bytes(raw)
