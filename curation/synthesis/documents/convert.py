"""All documents of a generation, converted: `documents.jsonl`, and every text in `documents/`."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from curation.errors import InputError, Stopped
from curation.events import Listener, Progress, Warned
from curation.json_lines import append_line, lines_of
from curation.synthesis.documents.apart import Converter
from curation.synthesis.documents.find import find_documents
from curation.synthesis.documents.kinds import PLAIN, Unread, kind_of_file
from curation.synthesis.documents.plain import Plain, read_plain
from curation.synthesis.model import DOCUMENTS, TEXTS, Document, read_rows
from curation.synthesis.sections import SourceSettings
from curation.writers.atomic import write_atomic

UNREAD = "unread.jsonl"  # {path, digest, reason} of each document that could not be read
MAX_BYTES = 1 << 29  # of a file

_SLUG = re.compile(r"[^a-z0-9]+")
_TOLD_APART = 12  # hexadecimal digits of the text's digest in an id


def convert_all(
    inputs: Sequence[str], settings: SourceSettings, folder: Path, listener: Listener, should_stop: Callable[[], bool]
) -> list[Document]:
    """Every document that `inputs` name, in their order, its text kept as `documents/<document_id>.md` in `folder`.

    An id is the file's name and the digest of the text, so that offsets in a document's text stay true. A file that cannot
    be read is told of (Warned) and written to `unread.jsonl`; so is, told of, a text that was there before. What an earlier
    leg converted is not converted again, whether it could be read or not. Raises InputError where nothing can be read,
    Stopped.
    """
    (folder / TEXTS).mkdir(mode=0o700, parents=True, exist_ok=True)
    files = find_documents(inputs, lambda said: listener(Warned(said)))
    work = _Work(settings, folder, listener)
    started, told = time.monotonic(), 0.0
    with Converter(settings.timeout, settings.memory, should_stop) as converter:
        for done, path in enumerate(files):
            if work.enough():
                break
            if should_stop():
                raise Stopped("The run was stopped while documents were converted.")
            work.take(path, converter)
            now = time.monotonic()
            if now - told > 0.5 or done + 1 == len(files):
                told, rate = now, (done + 1) / max(now - started, 1e-9)
                eta = (len(files) - done - 1) / rate
                listener(Progress("documents", done + 1, len(files), "documents", rate, eta))
    return work.finish()


def text_of(folder: Path, document_id: str) -> str:
    """The text of a document that `convert_all` kept. Raises InputError where it is not there."""
    path = folder / TEXTS / f"{document_id}.md"
    try:
        if "/" in document_id or "\0" in document_id:
            raise FileNotFoundError
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        raise InputError(f"the text of the document {document_id} is not there", f"It was in {path.parent}.") from None


class _Work:
    """What was read so far, and what an earlier leg left."""

    def __init__(self, settings: SourceSettings, folder: Path, listener: Listener) -> None:
        self._settings, self._folder, self._listener = settings, folder, listener
        self._kept: dict[tuple[str, str], list[Document]] = {}
        for row in read_rows(folder / DOCUMENTS, Document):
            self._kept.setdefault((row.path, row.digest), []).append(row)
        self._failed = {(row["path"], row["digest"]): row["reason"] for row in lines_of(folder / UNREAD)}
        self._documents: dict[str, Document] = {}
        self._texts: dict[str, Document] = {}
        self._unread: list[dict[str, str]] = []

    def enough(self) -> bool:
        """Whether source.limit is reached."""
        return 0 < self._settings.limit <= len(self._documents)

    def take(self, path: Path, converter: Converter) -> None:
        """Read one file, or find it read."""
        name = _shown(path)
        digest = ""
        try:
            digest = _digest(path)
            for document, text in self._read(path, name, digest, converter):
                self._add(document, text)
                if self.enough():
                    break
        except Unread as unread:
            self._refuse(name, digest, unread.reason)
        except OSError as error:
            self._refuse(name, digest, f"it cannot be read: {error.strerror or type(error).__name__}")

    def finish(self) -> list[Document]:
        """Write the lists in their order, whole."""
        _write_lines(self._folder / UNREAD, self._unread)
        if not self._documents:
            reasons = "; ".join(f"{row['path']}: {row['reason']}" for row in self._unread[:3])
            raise InputError("none of the documents can be read", reasons or "They hold no text.")
        found = list(self._documents.values())
        _write_lines(self._folder / DOCUMENTS, [document.as_json() for document in found])
        return found

    def _read(self, path: Path, name: str, digest: str, converter: Converter) -> Iterator[tuple[Document, str | None]]:
        """The documents of a file, each with its text, or None for one whose text is kept already."""
        known = self._kept.get((name, digest), [])
        if known and not any(document.place for document in known):
            yield from ((document, None) for document in known)
            return
        if (name, digest) in self._failed:
            raise Unread(self._failed[name, digest])
        kind = kind_of_file(path)
        if kind in PLAIN:
            for plain in read_plain(path, lines=self._settings.lines and kind == "txt"):
                yield _document(path, name, digest, plain), plain.text
            return
        found = converter.convert(path, kind)
        if found["digest"] != digest:
            raise Unread("it was changed while it was read")
        plain = Plain(found["text"], found["title"], found["converter"])
        yield _document(path, name, digest, plain), plain.text

    def _add(self, document: Document, text: str | None) -> None:
        twin = self._texts.get(document.text_digest)
        if twin is not None:
            place = f", line {document.place}," if document.place else ""
            self._listener(Warned(f"{document.path}{place} holds the same text as {twin.path}; it is read once"))
            return
        if not document.characters:
            raise Unread("it holds no text; a scanned document has to go through text recognition (OCR) first")
        if document.document_id in self._documents:
            whole = f"{document.document_id[:-_TOLD_APART]}{document.text_digest}"
            document = Document(**{**document.as_json(), "document_id": whole})
        self._texts[document.text_digest] = self._documents[document.document_id] = document
        if text is not None:
            write_atomic(self._folder / TEXTS / f"{document.document_id}.md", text.encode(), mode=0o600)
            if not document.place:
                append_line(self._folder / DOCUMENTS, document.as_json())

    def _refuse(self, name: str, digest: str, reason: str) -> None:
        row = {"path": name, "digest": digest, "reason": reason}
        self._unread.append(row)
        if self._failed.get((name, digest)) != reason:
            append_line(self._folder / UNREAD, row)
        self._listener(Warned(f"{name} was left out: {reason}"))


def _document(path: Path, name: str, digest: str, plain: Plain) -> Document:
    text_digest = hashlib.sha256(plain.text.encode()).hexdigest()
    slug = _SLUG.sub("_", path.stem.lower())[:40].strip("_") or "document"
    return Document(
        document_id=f"{slug}-{text_digest[:_TOLD_APART]}",
        path=name,
        title=plain.title[:300],
        digest=digest,
        text_digest=text_digest,
        converter=plain.converter,
        characters=len(plain.text),
        place=plain.place,
    )


def _digest(path: Path) -> str:
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise Unread(f"it is larger than {MAX_BYTES >> 20} MiB")
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _shown(path: Path) -> str:
    """File names are bytes and need not be text; rows are text."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _write_lines(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    lines = [json.dumps(row, ensure_ascii=True, separators=(",", ":")) + "\n" for row in rows]
    write_atomic(path, "".join(lines).encode("ascii"), mode=0o600)
