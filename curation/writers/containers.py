"""What a dataset file is, by its name: container and compression."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Protocol

from curation.errors import OutputError, nearest

CONTAINERS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}
COMPRESSIONS = {".gz": "gz", ".zst": "zst"}

GZIP_LEVEL = 6
ZSTD_LEVEL = 3
_GZIP_WINDOW = 31  # zlib's word for: the largest window, with a gzip header (whose time is 0, and which has no name)


class Compressor(Protocol):
    """What compresses a stream piece by piece."""

    def compress(self, data: bytes, /) -> bytes:
        """Compressed bytes that are ready, maybe none."""

    def flush(self) -> bytes:
        """The rest."""


def container_of(path: Path) -> tuple[str, str]:
    """Container (jsonl, json, csv, tsv, parquet) and compression (none, gz, zst) by the name. Raises OutputError."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compression = "none"
    if suffixes and suffixes[-1] in COMPRESSIONS:
        compression = COMPRESSIONS[suffixes.pop()]
    if suffixes and suffixes[-1] in CONTAINERS:
        return CONTAINERS[suffixes[-1]], compression
    given = suffixes[-1] if suffixes else path.name
    raise OutputError(
        f"{path.name} does not say what kind of file to write.",
        f"Let its name end in one of {', '.join(CONTAINERS)}, with .gz or .zst after it if you like. "
        f"{nearest(given, CONTAINERS)}".strip(),
    )


def compressor(compression: str) -> Compressor | None:
    """A compressor whose output depends on nothing but its input; None for no compression."""
    if compression == "gz":
        return zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    if compression == "zst":
        import zstandard

        return zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True).compressobj()
    return None
