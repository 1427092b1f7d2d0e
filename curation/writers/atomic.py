"""Files that appear whole or not at all: written beside the final name, flushed to disk, renamed over it.

The order is the whole point: write, fsync the file, rename, fsync the folder. Renaming before the fsync may
leave an empty file after a power cut; without the folder's fsync the rename itself may be lost.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from curation.errors import OutputError

TEMP_PREFIX = ".~"
TEMP_SUFFIX = ".part"

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_PERMISSION = {errno.EACCES, errno.EPERM, errno.EROFS}
_IN_THE_WAY = {errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY}


def write_atomic(path: str | os.PathLike[str], data: bytes, mode: int = 0o644) -> None:
    """Write `data` to `path` so that other processes see the old file or the new one, never a part.

    `mode` holds exactly, whatever the umask. A symbolic link at `path` is replaced, not followed.
    Raises OutputError, naming the path and the bytes needed; nothing is left behind then.
    """
    final = Path(path)
    try:
        temp, stream = open_temp(final, mode)
    except OSError as error:
        raise output_error(final, error, len(data)) from error
    try:
        with stream:
            stream.write(data)
            stream.flush()
            replace_atomic(temp, final)  # while the stream is open, and so the file locked
    except BaseException as error:
        discard(temp)
        if isinstance(error, OSError):
            raise output_error(final, error, len(data)) from error
        raise


def replace_atomic(temp: str | os.PathLike[str], final: str | os.PathLike[str]) -> None:
    """Put the finished file `temp` in the place of `final`, durably. Both must be in the same filesystem.

    Raises OutputError; `temp` is left where it is then, for the caller to retry or remove.
    """
    temp, final = Path(temp), Path(final)
    try:
        fsync_file(temp)
        temp.replace(final)
        fsync_dir(final.parent)
    except OSError as error:
        raise output_error(final, error) from error


def open_temp(final: Path, mode: int = 0o644) -> tuple[Path, BinaryIO]:
    """A new file beside `final`, under a hidden name nobody else holds, open for writing. Raises OSError.

    It is locked as long as the stream is open, so that `discard_stale` can tell it from one whose writer died.
    """
    temp = final.with_name(f"{_stem(final)}{secrets.token_hex(6)}{TEMP_SUFFIX}")
    descriptor = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, mode)
        with suppress(OSError):  # not every network filesystem has locks; nothing is taken for stale there
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return temp, os.fdopen(descriptor, "wb", buffering=1 << 18)
    except BaseException:
        os.close(descriptor)
        discard(temp)
        raise


def fsync_file(path: Path) -> None:
    """Flush a file's bytes to the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_dir(path: Path) -> None:
    """Flush a folder's entries (a rename, a new file) to the disk. Filesystems that cannot are left alone."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network and FUSE filesystems
            raise
    finally:
        os.close(descriptor)


def discard(temp: Path) -> None:
    """Remove a temporary file if it is there; a failure to do so must not hide the error that led here."""
    with suppress(OSError):
        temp.unlink(missing_ok=True)


def discard_stale(final: Path) -> list[Path]:
    """Remove temporary files of `final` whose writer was killed. Those still being written are locked, and left."""
    gone = []
    for temp in final.parent.glob(f"{glob.escape(_stem(final))}*{TEMP_SUFFIX}"):
        with suppress(OSError):
            descriptor = os.open(temp, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                temp.unlink()
                gone.append(temp)
            finally:
                os.close(descriptor)
    return gone


def _stem(final: Path) -> str:
    return f"{TEMP_PREFIX}{final.name.encode()[:150].decode(errors='ignore')}."  # 255 bytes is the most a name may have


def output_error(path: str | os.PathLike[str], error: OSError, needed: int | None = None) -> OutputError:
    """The OutputError for what the system said about writing `path`; `needed` is the file's size in bytes."""
    name = os.fspath(path)
    size = "" if needed is None else f" {needed:,} bytes are needed."
    if error.errno in _NO_ROOM:
        return OutputError(
            f"There is no room to write {name}.{size}{_room(path)}",
            "Free some space, or choose another folder, and run it again.",
        )
    if error.errno in _NO_PERMISSION:
        return OutputError(
            f"{name} may not be written: {error.strerror}.",
            "Choose a folder you may write to, or change its permissions.",
        )
    if error.errno == errno.ENOENT:
        return OutputError(f"The folder of {name} does not exist.", "Create it first, or choose another one.")
    if error.errno in _IN_THE_WAY:
        return OutputError(f"Something is in the way of {name}: {error.strerror}.", "Choose another name.")
    return OutputError(f"{name} cannot be written: {error.strerror or error}.{size}", "Check the disk.")


def _room(path: str | os.PathLike[str]) -> str:
    try:
        found = os.statvfs(Path(path).parent)
    except OSError:
        return ""
    return f" {found.f_bavail * found.f_frsize:,} bytes are free."
