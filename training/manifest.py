"""`manifest.json`: what a folder of weights must hold, byte for byte.

It is written last, names every other file with its size and SHA-256, and guards itself: its text must be exactly what
its content would be written as, digest included. So one flipped bit anywhere in the folder is found.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["MANIFEST", "Manifest", "Problem", "files_in", "manifest_of", "read_manifest", "sha256_of", "verify_files"]

MANIFEST = "manifest.json"
VERSION = 1
MAX_BYTES = 64 << 20  # a manifest is read whole before it is trusted; a line of it is some 120 bytes


@dataclass(frozen=True)
class Problem:
    """Why a folder cannot be trusted. file: the first file that is wrong, relative to it; said: what is wrong."""

    file: str
    said: str

    def __str__(self) -> str:
        return f"{self.file} {self.said}"


@dataclass(frozen=True)
class Manifest:
    """files: relative POSIX path -> (bytes, SHA-256 in hex); facts: what the writer said about them, as JSON."""

    files: Mapping[str, tuple[int, str]]
    facts: Mapping[str, Any]

    @property
    def total(self) -> int:
        """Of all files, the manifest itself left out."""
        return sum(size for size, _ in self.files.values())

    def render(self) -> bytes:
        """The one text that stands for this content."""
        content = {
            "version": VERSION,
            "facts": dict(self.facts),
            "files": {name: {"bytes": size, "sha256": digest} for name, (size, digest) in sorted(self.files.items())},
        }
        sealed = {**content, "digest": hashlib.sha256(_plain(content)).hexdigest()}
        return json.dumps(sealed, indent=1, allow_nan=False).encode("ascii") + b"\n"


def manifest_of(folder: Path, facts: Mapping[str, Any]) -> Manifest:
    """The manifest of what `folder` holds now. Raises OSError; ValueError for a link, a device or another non-file."""
    found = {}
    for name in files_in(folder):
        path = folder / name
        found[name] = (path.stat().st_size, sha256_of(path))
    return Manifest(found, facts)


def read_manifest(folder: Path) -> Manifest | Problem:
    """The manifest in `folder`, or why it cannot be believed. Looks at no other file."""
    try:
        with (folder / MANIFEST).open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        content = json.loads(data)
        if content["version"] != VERSION:
            return Problem(MANIFEST, "was written by another version of studio")
        files = {str(name): (int(entry["bytes"]), str(entry["sha256"])) for name, entry in content["files"].items()}
        manifest = Manifest(files, dict(content["facts"]))
        if manifest.render() != data:
            return Problem(MANIFEST, "was changed after it was written")
    except FileNotFoundError:
        return Problem(MANIFEST, "is missing")
    except OSError as error:
        return Problem(MANIFEST, f"cannot be read: {error.strerror}")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Problem(MANIFEST, "is damaged")
    return manifest


def verify_files(folder: Path, manifest: Manifest, *, contents: bool = True) -> Problem | None:
    """The first file that is missing, of another size, extra or, with `contents`, of other bytes; None when all agree.

    Sizes are looked at before any byte is read, so that a torn folder is refused at once.
    """
    try:
        present = set(files_in(folder))
    except ValueError as error:
        return Problem(str(error), "is no regular file")
    except OSError as error:
        return Problem(folder.name, f"cannot be read: {error.strerror}")
    for name, (size, _) in sorted(manifest.files.items()):
        if name not in present:
            return Problem(name, "is missing")
        found = (folder / name).stat().st_size
        if found != size:
            return Problem(name, f"has {found:,} bytes instead of {size:,}")
    extra = sorted(present - set(manifest.files))
    if extra:
        return Problem(extra[0], "does not belong there")
    return _wrong_bytes(folder, manifest) if contents else None


def files_in(folder: Path) -> Iterator[str]:
    """Every file below `folder` but its manifest, as relative POSIX paths, sorted within their folders.

    Raises OSError where it cannot be read, and ValueError naming the first thing that is neither a file nor a folder:
    a link's target could change behind the manifest's back.
    """

    def fail(error: OSError) -> None:
        raise error

    for parent, folders, names in os.walk(folder, onerror=fail):
        folders.sort()
        for name in sorted([*names, *(link for link in folders if Path(parent, link).is_symlink())]):
            path = Path(parent, name)
            relative = path.relative_to(folder).as_posix()
            if path.is_symlink() or not path.is_file():
                raise ValueError(relative)
            if relative != MANIFEST:
                yield relative


def sha256_of(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _wrong_bytes(folder: Path, manifest: Manifest) -> Problem | None:
    for name, (_, digest) in sorted(manifest.files.items()):
        try:
            found = sha256_of(folder / name)
        except OSError as error:
            return Problem(name, f"cannot be read: {error.strerror}")
        if found != digest:
            return Problem(name, "has other bytes than those that were saved")
    return None


def _plain(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
