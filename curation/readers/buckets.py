"""Buckets of object stores, through fsspec and the package of the provider: listing, and reading in bounded memory."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from curation.address import PACKAGES
from curation.errors import InputError
from curation.readers.copies import RemoteFile
from curation.readers.faults import changing, told
from curation.writers.atomic import output_error

_BLOCK = 8 << 20  # bytes asked for at a time, which bounds the memory of a copy
# What stores call the thing that changes with the content, best first.
_VERSIONS = ("etag", "generation", "content_md5", "md5hash", "lastmodified", "last_modified", "mtime", "updated")


class Bucket:
    """The store behind an address of a bucket."""

    def __init__(self, address: str, scheme: str) -> None:
        """Raises InputError where the package is missing."""
        self._head = address.partition("://")[2].partition("/")[0]
        self._scheme = scheme
        self._system = _open(address, scheme)
        self._path = self._system._strip_protocol(address)

    def files(self) -> tuple[str, list[RemoteFile]]:
        """What lies at the address: ("file", itself), ("folder", all below), or ("pattern", what matches).

        A key that is exactly the address goes before a pattern that it looks like. Raises FileNotFoundError, and whatever
        the library raises.
        """
        try:
            found = self._system.info(self._path)
        except FileNotFoundError:
            if not any(mark in self._path for mark in "*?["):
                raise
            return "pattern", self._matching()
        if found["type"] == "file":
            return "file", self._remotes([found])
        return "folder", self._below(self._path)

    def fetch(self, file: RemoteFile, place: Path, tell: Callable[[int], None]) -> None:
        """Copy `file` to `place`. Raises InputError, where it changed meanwhile too, and OutputError."""
        with told(file.address):
            with self._system.open(file.path, "rb", block_size=_BLOCK, cache_type="none") as source:
                _pour(source, place, tell)
            (now,) = self._remotes([self._system.info(file.path)])
            if (now.version, now.size, now.size) != (file.version, file.size, place.stat().st_size):
                raise changing(file.address)

    def _below(self, path: str) -> list[RemoteFile]:
        return self._remotes(self._system.find(path, detail=True).values())

    def _matching(self) -> list[RemoteFile]:
        found = self._system.glob(self._path, detail=True)
        files = self._remotes(found.values())
        folders = [path for path, facts in found.items() if facts["type"] == "directory"]
        if "**" not in self._path:  # which matches what is in the folders by itself
            for path in folders:
                files += self._below(path)
        return list({file.path: file for file in files}.values())

    def _remotes(self, found: Iterable[Mapping[str, Any]]) -> list[RemoteFile]:
        return [
            RemoteFile(self._address(facts["name"]), facts["name"], int(facts["size"] or 0), _version(facts))
            for facts in found
            if facts["type"] == "file" and not facts["name"].endswith("/")
        ]

    def _address(self, path: str) -> str:
        return f"{self._scheme}://{self._head}/{path.lstrip('/').partition('/')[2]}"


def _pour(source: Any, place: Path, tell: Callable[[int], None]) -> None:
    with place.open("wb") as target:
        while block := source.read(_BLOCK):
            try:
                target.write(block)
            except OSError as error:  # of the disk, not of the network
                raise output_error(place, error) from error
            tell(len(block))


def _open(address: str, scheme: str) -> Any:
    package = PACKAGES[scheme]
    if importlib.util.find_spec("fsspec") is None or importlib.util.find_spec(package) is None:
        wanted = "'curation-studio[remote]'" if scheme == "s3" else package
        raise InputError(
            f"{scheme}:// addresses are read with the package {package}, which is not installed",
            f"Install it: pip install {wanted}",
        )
    import fsspec

    # Nothing is remembered from one look to the next: a file may have changed.
    system = fsspec.get_filesystem_class(scheme)
    return system(**system._get_kwargs_from_urls(address), skip_instance_cache=True, use_listings_cache=False)


def _version(facts: Mapping[str, Any]) -> str:
    known = {key.lower().replace("-", "_"): value for key, value in facts.items()}
    return next((f"{name}={str(known[name]).strip(chr(34))}" for name in _VERSIONS if known.get(name)), "")
