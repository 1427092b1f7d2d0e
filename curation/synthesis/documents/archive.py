"""Archives (docx, pptx, epub) before they are unpacked: how large they would get, and whether they can be."""

from __future__ import annotations

import io
import zipfile

from curation.synthesis.documents.kinds import Unread

KINDS = ("docx", "pptx", "epub")
MAX_ENTRIES = 20_000
MAX_UNPACKED = 1 << 30  # bytes of all entries together
MAX_TEXT_PART = 1 << 28  # bytes of one entry that is parsed as XML; a tree takes ten times that
_MARKUP = (".xml", ".rels", ".xhtml", ".html", ".htm", ".opf", ".ncx")


def check(raw: bytes) -> None:
    """Raises Unread for an archive that is encrypted, or that grows beyond bounds when it is unpacked.

    The sizes are those that the directory states; `zipfile` never unpacks more of an entry than that.
    """
    try:
        entries = zipfile.ZipFile(io.BytesIO(raw)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise Unread("it is a broken archive") from error
    if any(entry.flag_bits & 1 for entry in entries):
        raise Unread("it is protected by a password")
    if len(entries) > MAX_ENTRIES:
        raise Unread(f"it holds {len(entries):,} parts; {MAX_ENTRIES:,} are allowed")
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise Unread(f"it unpacks to more than {MAX_UNPACKED >> 20:,} MiB")
    for entry in entries:
        if entry.filename.lower().endswith(_MARKUP) and entry.file_size > MAX_TEXT_PART:
            raise Unread(f"a part of it unpacks to more than {MAX_TEXT_PART >> 20:,} MiB")
