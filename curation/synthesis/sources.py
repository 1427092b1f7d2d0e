"""What a generation works from: read once into the run's folder, and from then on taken from there.

So a later leg asks about the same texts, whatever became of the files meanwhile.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from curation.events import Listener
from curation.synthesis.model import CHUNKS, DOCUMENTS, ORIGINS, Chunk, Document, Origin, Row, read_rows
from curation.writers.atomic import write_atomic

if TYPE_CHECKING:
    from curation.synthesis.recipe import GenerateRecipe
    from curation.synthesis.sections import SourceSettings

SOURCES: Final = "sources.json"  # written when everything is read


@dataclass(frozen=True)
class Sources:
    """Documents with their chunks, or origins; and the texts of datasets that must not be repeated."""

    documents: Sequence[Document]
    chunks: Sequence[Chunk]
    origins: Sequence[Origin]

    def digest(self) -> str:
        """SHA-256 (hex) of all that can be asked about."""
        told = hashlib.sha256()
        for row in (*self.documents, *self.chunks, *self.origins):
            facts = row.as_json()
            facts.pop("path", None)
            told.update(_canonical(facts))
        return told.hexdigest()


def gather(
    recipe: GenerateRecipe,
    inputs: Sequence[str],
    folder: Path,
    listener: Listener,
    should_stop: Callable[[], bool],
) -> Sources:
    """Read the inputs into `folder`, or find them there. Raises InputError where nothing can be read, Stopped."""
    key = _key(recipe.source, inputs)
    there = _read_before(folder, key)
    if recipe.source.kind != "documents":
        origins = read_rows(folder / ORIGINS, Origin) if there else _origins(recipe, inputs, folder, listener)
        _close(folder, key)
        return Sources((), (), origins)
    from curation.synthesis.chunks import chunk_all
    from curation.synthesis.documents import convert_all

    documents = read_rows(folder / DOCUMENTS, Document) if there else []
    if not documents:
        documents = convert_all(inputs, recipe.source, folder, listener, should_stop)
        _close(folder, key)
    return Sources(documents, chunk_all(folder, documents, recipe.chunks), ())


def _origins(recipe: GenerateRecipe, inputs: Sequence[str], folder: Path, listener: Listener) -> list[Origin]:
    from curation.synthesis.origins import read_origins

    origins = read_origins(inputs, recipe.source, listener)
    write_rows(folder / ORIGINS, origins)
    return origins


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """A file of rows, whole or not at all, readable by its owner only. Raises OutputError."""
    write_atomic(path, b"".join(_canonical(row.as_json()) + b"\n" for row in rows), mode=0o600)


def _canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def _key(settings: SourceSettings, inputs: Sequence[str]) -> str:
    facts = {"inputs": list(inputs), "source": settings.model_dump(mode="json")}
    return hashlib.sha256(_canonical(facts)).hexdigest()


def _read_before(folder: Path, key: str) -> bool:
    try:
        return bool(orjson.loads((folder / SOURCES).read_bytes())["key"] == key)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _close(folder: Path, key: str) -> None:
    write_atomic(folder / SOURCES, orjson.dumps({"key": key}), mode=0o600)


__all__ = ["CHUNKS", "SOURCES", "Sources", "gather", "write_rows"]
