"""From an address to local copies of the files it names: one file, a folder, or a pattern."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from curation.address import checked
from curation.errors import InputError
from curation.readers.copies import RemoteFile, copied
from curation.readers.faults import nothing, told
from curation.readers.sniff import kind_of_name, unknown_kind
from curation.readers.walk import names_data, without_about

Note = Callable[[str], None]


@dataclass(frozen=True)
class Copy:
    """A file in a store, and the local file that holds what it held a moment ago. kind: what its name promises."""

    address: str
    file: Path
    size: int
    kind: str | None


def copies_of(address: str, note: Note) -> list[Copy]:
    """Copies of what `address` names, sorted by address; what was copied before and has not changed is not copied again.

    A folder is searched as a local one is: hidden files and those of no known kind are left out, and `note` is told. Raises
    InputError, which names the address and never a key, for a package that is missing, keys that are missing or refused,
    what is not there and what cannot be reached; OutputError if there is no room.
    """
    scheme, path = checked(address)
    clean = f"{scheme}://{path}"
    with told(clean):
        return _hub_copies(clean, path, note) if scheme == "hf" else _bucket_copies(clean, scheme, note)


def _bucket_copies(address: str, scheme: str, note: Note) -> list[Copy]:
    from curation.readers.buckets import Bucket

    bucket = Bucket(address, scheme)
    files = _chosen(address, *bucket.files(), note)
    return _paired(files, copied(address, files, bucket.fetch, note))


def _hub_copies(address: str, path: str, note: Note) -> list[Copy]:
    from curation.readers.hub_files import HubFiles

    store = HubFiles(path)
    files = _chosen(address, *store.files(), note)
    return _paired(files, store.copies(address, files))


def _paired(files: list[RemoteFile], places: list[Path]) -> list[Copy]:
    return [
        Copy(file.address, place, file.size, kind_of_name(PurePosixPath(file.address)))
        for file, place in zip(files, places, strict=True)
    ]


def _chosen(address: str, how: str, files: list[RemoteFile], note: Note) -> list[RemoteFile]:
    """Those of the files that hold data. An exact name is taken as it is, if its ending says what it holds."""
    if how == "file":
        if kind_of_name(PurePosixPath(address)) is None:
            raise unknown_kind(PurePosixPath(address), address)
        return files
    seen = [file for file in files if not _is_hidden(address, file.address)]
    by_address = {file.address: file for file in seen if names_data(file.address, note)}
    names = sorted(by_address)
    wanted = without_about(names, note) if how == "folder" else names
    if not files:
        raise nothing(address)
    if not wanted:
        raise InputError(
            f"{address} holds no file that can be read",
            "Known endings: .jsonl .ndjson .json .csv .tsv .parquet .txt .md, each also with .gz .zst .bz2 .xz.",
        )
    return [by_address[name] for name in wanted]


def _is_hidden(address: str, file: str) -> bool:
    """Whether a part of the name below what is spelled out begins with a dot."""
    spelled = [part for part in address.split("/") if part.startswith(".")]
    return any(part.startswith(".") and part not in spelled for part in file.split("/"))
