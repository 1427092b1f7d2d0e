"""Where the studio keeps what it can make again: converted models, digests of files."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from curation.errors import InputError, OutputError
from curation.writers.atomic import output_error, write_atomic

_CHUNK = 1 << 22


def cache_folder() -> Path:
    """`$STUDIO_CACHE`, or the user's cache folder for `studio`. It may not exist yet."""
    chosen = os.environ.get("STUDIO_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("studio")


@contextmanager
def held(lock: Path) -> Iterator[None]:
    """Hold an flock on the file `lock`, waiting for whoever has it. The kernel frees it when the holder dies."""
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise output_error(lock, error) from error
    try:
        with suppress(OSError):  # not every network filesystem has locks; renames keep things whole there
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes. Computed once a path, size, inode and time of change (ns): about 1 GB/s."""
    try:
        real = path.resolve()
        facts = real.stat()
        known = [facts.st_size, facts.st_mtime_ns, facts.st_ino]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions.") from error
    note = cache_folder() / "digests" / f"{hashlib.sha256(os.fsencode(real)).hexdigest()[:32]}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        saved = json.loads(note.read_bytes())
        if saved["of"] == known and len(saved["sha256"]) == 64:
            return str(saved["sha256"])
    digest = _hash(real)
    with suppress(OSError, OutputError):  # a cache that cannot be written costs time, nothing else
        note.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(note, json.dumps({"path": str(real), "of": known, "sha256": digest}).encode())
    return digest


def _hash(path: Path) -> str:
    found = hashlib.sha256()
    buffer = memoryview(bytearray(_CHUNK))
    try:
        with path.open("rb", buffering=0) as stream:
            while size := stream.readinto(buffer):
                found.update(buffer[:size])
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Check the disk.") from error
    return found.hexdigest()
