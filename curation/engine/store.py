"""Finished pieces of work on disk, found again by a key that says everything their content depends on.

A piece is one or more files `<key>.<part>` and a manifest `<key>.json` which is renamed into place last, so that a
manifest means: whole. Resume, re-run after a change of a late stage, and several workers are all the same question:
is the piece of that key there, and whole?
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import xxhash

from curation.writers.atomic import discard, open_temp, output_error

ROWS = 1 << 14  # two shards of records


def make_key(*facts: Any) -> str:
    """A 128-bit digest (hex) of JSON-able facts. Order matters for lists, not for the keys of objects."""
    return hashlib.blake2b(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


class Store:
    """The `shards` folder of a run, and those of older runs whose pieces may be taken over."""

    def __init__(self, folder: Path, reuse: Sequence[Path] = ()) -> None:
        self.folder = folder
        self.reuse = [other for other in reuse if other != folder]

    def manifest(self, key: str) -> dict[str, Any] | None:
        """The manifest of a whole piece, or None. A piece of an older run is linked into this one first."""
        here = self._read_manifest(self.folder, key)
        if here is not None:
            return here
        for other in self.reuse:
            found = self._read_manifest(other, key)
            if found is not None and self._take_over(other, key, found):
                return found
        return None

    def put(self, key: str, parts: Mapping[str, pl.DataFrame | bytes], facts: Mapping[str, Any]) -> dict[str, Any]:
        """Write a piece: its parts, then the manifest with their sizes, digests and `facts`."""
        files: dict[str, list[int | str]] = {}
        for part, value in parts.items():
            data = value if isinstance(value, bytes) else encode_frame(value)
            place(self.folder / f"{key}.{part}", data)
            files[part] = [len(data), xxhash.xxh3_128_hexdigest(data)]
        manifest = {**facts, "files": files}
        place(self.folder / f"{key}.json", orjson.dumps(manifest))
        return manifest

    def find(self, key: str) -> bytes | None:
        """Vectors that a stage of this run, or of one that is reused, had computed: `curation.embedding.shared.Shelf`."""
        return self.path(key, "vectors").read_bytes() if self.manifest(key) else None

    def lay(self, key: str, data: bytes) -> None:
        """Keep vectors for later stages and runs."""
        self.put(key, {"vectors": data}, {})

    def path(self, key: str, part: str) -> Path:
        """Where a part of a piece lies."""
        return self.folder / f"{key}.{part}"

    def frame(self, key: str, part: str) -> pl.DataFrame:
        """A frame that `put` wrote."""
        return pl.read_ipc(self.path(key, part))

    def slice(self, key: str, part: str, offset: int, length: int) -> pl.DataFrame:
        """Some rows of a frame that `put` wrote, without reading the others."""
        return pl.scan_ipc(self.path(key, part)).slice(offset, length).collect()

    @staticmethod
    def _read_manifest(folder: Path, key: str) -> dict[str, Any] | None:
        try:
            manifest: dict[str, Any] = orjson.loads((folder / f"{key}.json").read_bytes())
        except (FileNotFoundError, NotADirectoryError, orjson.JSONDecodeError):
            return None
        whole = all(_is_whole(folder / f"{key}.{part}", *facts) for part, facts in manifest["files"].items())
        return manifest if whole else None

    def _take_over(self, other: Path, key: str, manifest: Mapping[str, Any]) -> bool:
        """Hard-link a piece (copy across file systems), the manifest last. False when it vanished meanwhile."""
        try:
            for name in [*(f"{key}.{part}" for part in manifest["files"]), f"{key}.json"]:
                link_or_copy(other / name, self.folder / name)
        except FileNotFoundError:
            return False
        return True


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link `source` at `target`, or copy it atomically where links cannot be made."""
    try:
        target.unlink(missing_ok=True)
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        place(target, source.read_bytes())


def place(path: Path, data: bytes) -> None:
    """Write a file beside its name and rename it over. Without fsync: a piece torn by a power cut fails its digest and
    is made again, while two flushes a file cost more than the work on a small shard.
    """
    temp = None
    try:
        temp, stream = open_temp(path, 0o600)
        with stream:
            stream.write(data)
        temp.replace(path)
    except OSError as error:
        if temp is not None:
            discard(temp)
        raise output_error(path, error, len(data)) from error


def encode_frame(frame: pl.DataFrame) -> bytes:
    """A frame as Arrow IPC, LZ4 inside. Made in memory: a sink leaves partial files and may hang on a full disk. In batches of
    ROWS, so that some rows of a large one are found without unpacking many others.
    """
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compression="lz4", record_batch_size=ROWS)
    return buffer.getvalue()


def _is_whole(path: Path, size: int, digest: str) -> bool:
    try:
        if path.stat().st_size != size:
            return False
        return xxhash.xxh3_128_hexdigest(path.read_bytes()) == digest
    except OSError:
        return False


def digest_payloads(source: str, positions: Iterable[int], payloads: Iterable[bytes]) -> str:
    """The digest of a raw shard: which records, where from, byte for byte."""
    digest = xxhash.xxh3_128(source.encode())
    for position, payload in zip(positions, payloads, strict=True):
        digest.update(b"%d:%d:" % (position, len(payload)))
        digest.update(payload)
    return digest.hexdigest()
