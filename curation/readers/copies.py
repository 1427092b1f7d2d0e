"""Copies of remote files, kept in the cache: readers go over a file several times, and at random where people look.

A copy is named after its address and the version that the store told (ETag, generation …), so that another version is
another copy, and nothing that is being read changes under its reader. It appears when it is whole.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from curation.copying import Copying, readable, watcher_now
from curation.errors import OutputError

AT_ONCE = 8  # files: small ones wait for answers most of the time
_EVERY = 0.2  # seconds between two reports
_SPARE = 256 << 20  # bytes of the disk that copies leave free


@dataclass(frozen=True)
class RemoteFile:
    """A file in a store. version: what the store says changes with its content. size: bytes."""

    address: str
    path: str
    size: int
    version: str


Told = Callable[[int], None]
"""Called with the bytes that came in since it was called last; where it raises, the copy is given up."""


def copies_folder() -> Path:
    """Where the copies lie. `STUDIO_CACHE` moves the folder."""
    from curation.weights.cache import cache_folder

    return cache_folder() / "remote"


def kept_size() -> int:
    """Bytes of all copies that are kept."""
    total = 0
    for file in copies_folder().glob("*/*"):
        with suppress(OSError):  # another process may have put it in its place, or removed it
            total += file.stat().st_size
    return total


def copied(
    what: str, files: Sequence[RemoteFile], fetch: Callable[[RemoteFile, Path, Told], None], note: Callable[[str], None]
) -> list[Path]:
    """The copies of `files`, in their order; those that are not there are fetched, and `note` is told their size.

    fetch: writes one file to a place. Raises OutputError if there is no room, and what `fetch` raises; the other copies
    that were under way are given up then.
    """
    places = {file: _place(file) for file in files}
    missing = [file for file, place in places.items() if not _is_there(file, place)]
    if missing:
        total = sum(file.size for file in missing)
        _check_room(what, total)
        all_done(what, missing, lambda file, told: _fetch(fetch, file, places[file], told))
        counted = "1 file" if len(missing) == 1 else f"{len(missing):,} files"
        kept = f"{copies_folder()}, which now holds {readable(kept_size())}"
        note(f"{what}: {counted} ({readable(total)}) copied to {kept}")
    return list(places.values())


def _place(file: RemoteFile) -> Path:
    told = "\0".join((file.address, file.version, str(file.size)))
    digest = hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    name = PurePosixPath(file.path).name.replace("\0", "_").encode("utf-8", "replace")[-150:].decode(errors="ignore")
    return copies_folder() / digest / (name or "file")


def _is_there(file: RemoteFile, place: Path) -> bool:
    try:
        return place.stat().st_size == file.size
    except OSError:
        return False


def _check_room(what: str, needed: int) -> None:
    from curation.writers.atomic import output_error

    folder = copies_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise output_error(folder, error) from error
    if free < needed + _SPARE:
        raise OutputError(
            f"{what} takes {readable(needed)}, and {folder} has room for {readable(max(0, free - _SPARE))}",
            "Free some space (the folder itself may be emptied), or set STUDIO_CACHE to a folder on a larger disk.",
        )


class _GivenUp(Exception):
    """Another copy failed, or the user wants to stop."""


def all_done(what: str, files: Sequence[RemoteFile], work: Callable[[RemoteFile, Told], Path]) -> list[Path]:
    """What `work` makes of each file, in their order, some at once. Raises what it raises; the rest is given up then."""
    watcher = watcher_now()
    total = sum(file.size for file in files)
    lock = threading.Lock()
    given_up = threading.Event()
    done = 0

    def told(size: int) -> None:
        nonlocal done
        if given_up.is_set():
            raise _GivenUp
        with lock:
            done += size

    with ThreadPoolExecutor(AT_ONCE) as threads:
        try:
            futures = [threads.submit(work, file, told) for file in files]
            under_way: set[Future[Path]] = set(futures)
            while under_way:
                watcher(Copying(what, len(files), done, total))
                ended, under_way = wait(under_way, timeout=_EVERY, return_when=FIRST_EXCEPTION)
                for future in ended:
                    future.result()
            watcher(Copying(what, len(files), done, total))
            return [future.result() for future in futures]
        except BaseException:
            given_up.set()
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch(fetch: Callable[[RemoteFile, Path, Told], None], file: RemoteFile, place: Path, told: Told) -> Path:
    from curation.writers.atomic import discard, discard_stale, open_temp, output_error, replace_atomic

    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        discard_stale(place)
        temp, stream = open_temp(place, 0o600)
    except OSError as error:
        raise output_error(place, error) from error
    try:
        with stream:  # holds the lock by which others know that it is being written
            fetch(file, temp, told)
            replace_atomic(temp, place)
        return place
    except BaseException:
        discard(temp)
        raise
