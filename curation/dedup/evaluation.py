"""Evaluation files: found, identified by their bytes, and read to texts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from curation.errors import InputError, StageError
from curation.formats import detect, read_record
from curation.readers import LIMITS, BadRecord, Source, find_sources, parse_payload, read_chunks, sample_objects
from curation.schema import PART_ROLES, Part

Stamp = tuple[str, str, int, int]  # name, file, bytes, time of the last change in nanoseconds
_BLOCK = 1 << 20


def find_files(against: Sequence[str]) -> list[tuple[Source, Stamp]]:
    """The evaluation files that paths, patterns and folders name. StageError, naming it, for one that is not there."""
    found: list[tuple[Source, Stamp]] = []
    for given in against:
        try:
            found.extend((source, _stamp(source)) for source in find_sources([given]))
        except InputError as error:
            raise StageError(f"decontaminate: evaluation file: {error.message}", error.hint) from error
    if len(against) < 2 or not found:
        return found
    # Named together, since two folders may both hold a test.jsonl.
    return [(source, _stamp(source)) for source in find_sources([source.path for source, _ in found])]


def digests(against: Sequence[str]) -> dict[str, str]:
    """SHA-256 of each evaluation file, by name."""
    return {stamp[0]: _digest(stamp) for _, stamp in find_files(against)}


def read_items(source: Source, part: Part, columns: Sequence[str]) -> tuple[list[str], list[str]]:
    """Ids ("<file>:<position>") and texts of the items of one file: `part` of each, or what stands in `columns`.

    An item without such turns counts as a whole. StageError, naming the file and the line, for what cannot be read: an
    evaluation file that is searched for by halves would give false comfort.
    """
    primary = None if columns else detect(sample_objects(source))
    ids: list[str] = []
    texts: list[str] = []
    try:
        for chunk in read_chunks(source, chunk_records=4096, chunk_bytes=8 << 20):
            for bad in chunk.bad:
                raise _unreadable(source, bad.line, bad.reason, bad.detail)
            for position, line, payload in zip(chunk.positions, chunk.lines, chunk.payloads, strict=True):
                ids.append(f"{source.name}:{position}")
                try:
                    texts.append(_text(parse_payload(payload, LIMITS), part, columns, primary))
                except BadRecord as error:
                    raise _unreadable(source, line, error.reason, error.detail) from error
    except InputError as error:
        raise StageError(f"decontaminate: evaluation file {source.path}: {error.message}", error.hint) from error
    if not any(text.strip() for text in texts):
        raise StageError(f"decontaminate: the evaluation file {source.path} is empty", "Check the path.")
    return ids, texts


def _text(item: Mapping[str, Any], part: Part, columns: Sequence[str], primary: str | None) -> str:
    if columns:
        if not any(column in item for column in columns):
            raise BadRecord("no_text", f"none of the columns {', '.join(columns)} is there")
        return "\n".join(_written(item.get(column)) for column in columns)
    _, turns, _ = read_record(item, primary, None)
    roles = PART_ROLES[part]
    chosen = [content for role, content in turns if roles is None or role in roles]
    return "\n".join(chosen or [content for _, content in turns])


def _written(value: Any) -> str:
    """A cell as text: the members of lists and objects a line each."""
    if isinstance(value, Mapping):
        return "\n".join(_written(member) for member in value.values())
    if isinstance(value, list):
        return "\n".join(_written(member) for member in value)
    return "" if value is None else str(value)


def _unreadable(source: Source, line: int | None, reason: str, detail: str) -> StageError:
    where = f"{source.path}, line {line}" if line else source.path
    hint = "Repair that line; or name the columns that hold the items with `columns`."
    return StageError(f"decontaminate: the evaluation file {where} cannot be read: {reason} ({detail})", hint)


def _stamp(source: Source) -> Stamp:
    """Whether a file is still the one that was read. For a folder (a saved dataset), that of what it holds."""
    path = Path(source.file or source.path)
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    facts = [file.stat() for file in files]
    return (
        source.name,
        str(path),
        sum(one.st_size for one in facts),
        max((one.st_mtime_ns for one in facts), default=0),
    )


@lru_cache(maxsize=256)
def _digest(stamp: Stamp) -> str:
    path = Path(stamp[1])
    total = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb") as opened:
                while block := opened.read(_BLOCK):
                    total.update(block)
    return total.hexdigest()
