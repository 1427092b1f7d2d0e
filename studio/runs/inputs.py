"""The inputs of a run, as found when it was made: so that a resumed run can say that one has changed since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from curation.errors import InputError
from studio.runs.spec import RunSpec

_BLOCK = 1 << 20


def describe_inputs(inputs: Sequence[str]) -> list[dict[str, Any]]:
    """Name, path, kind, compression, encoding, size and digest of each source. Raises InputError for what is not there.

    The digest (XXH3, 128 bit, hex) is of the file as it lies there, of a remote one its copy; "" for a folder and for a
    dataset on a hub. Hashing is some 50 times faster than the parsing that follows.
    """
    from curation.readers import find_sources

    sources = find_sources(inputs)
    return [{**asdict(source), "digest": digest_of(Path(source.file or source.path))} for source in sources]


def changed_inputs(spec: RunSpec) -> Iterator[str]:
    """The names of sources that are gone or hold other bytes than when the run was made. What is elsewhere is asked for."""
    from curation.address import is_readable

    now = _remote_now([name for name in spec.inputs if is_readable(name)])
    for source in spec.sources:
        path = Path(spec.cwd) / (source["file"] or source["path"])
        if is_readable(source["path"]) and source["digest"]:
            path = now.get(source["path"], Path())
        if source["digest"] and (not path.is_file() or digest_of(path) != source["digest"]):
            yield source["name"]


def _remote_now(inputs: Sequence[str]) -> dict[str, Path]:
    """By address, the local copies of what lies there now; of an address where nothing is left, nothing."""
    from curation.readers import find_sources

    found: dict[str, Path] = {}
    for name in inputs:
        with suppress(InputError):
            found.update((source.path, Path(source.file)) for source in find_sources([name]))
    return found


def digest_of(path: Path) -> str:
    """The digest of a regular file, "" for anything else."""
    if not path.is_file():
        return ""
    import xxhash

    digest = xxhash.xxh3_128()
    try:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    return digest.hexdigest()
