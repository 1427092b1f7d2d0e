"""One worker a run: an flock on `run.lock`, which the kernel frees when its holder dies, however it dies.

The lock is on the open file, so a launcher can take it and hand the open file to the worker it starts: the run is
never without a holder in between, and a second start fails in front of the person who asked for it.
flock means nothing between machines on some network filesystems; a run folder belongs on a local disk.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from curation.errors import BusyError, InputError, OutputError
from studio.runs.folder import RunFolder, reference

# `is_held` holds a shared lock for microseconds; a worker that meets it tries again for this long (seconds).
_PATIENCE = 0.5


@dataclass(frozen=True)
class Holder:
    """Who holds a run: process id, host name, and when it took it (seconds since the epoch)."""

    pid: int
    host: str
    since: float

    @property
    def is_here(self) -> bool:
        """Whether the process is on this machine."""
        return self.host == socket.gethostname()


class RunLock:
    """The held lock of one run. Close it, or die, to let go."""

    def __init__(self, folder: RunFolder, descriptor: int) -> None:
        self.folder = folder
        self.descriptor = descriptor

    @classmethod
    def acquire(cls, folder: RunFolder) -> Self:
        """Take the lock, or raise BusyError naming who has it and how to watch that run."""
        try:
            descriptor = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise OutputError(f"{folder.lock} cannot be opened: {error.strerror}.") from error
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(descriptor)
                    raise _busy(folder) from None
                time.sleep(0.01)
        return cls(folder, descriptor)

    @classmethod
    def adopt(cls, folder: RunFolder, descriptor: int) -> Self:
        """The lock a launcher took and left open for this process. Not handed on to the worker's own children."""
        try:
            os.set_inheritable(descriptor, False)
            same = os.path.samestat(os.fstat(descriptor), folder.lock.stat())
        except OSError as error:
            raise InputError(f"File descriptor {descriptor} is not the lock of {folder.name}.") from error
        if not same:
            raise InputError(f"File descriptor {descriptor} is not the lock of {folder.name}.")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return cls(folder, descriptor)

    def sign(self) -> None:
        """Write this process's id into the lock file, for those who find it locked."""
        text = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}).encode()
        try:
            os.ftruncate(self.descriptor, 0)
            os.pwrite(self.descriptor, text, 0)
        except OSError as error:
            raise OutputError(f"{self.folder.lock} cannot be written: {error.strerror}.", "Check the disk.") from error

    def close(self) -> None:
        """Let go of this process's copy. The lock stays held while another process has the same open file."""
        with suppress(OSError):
            os.close(self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def is_held(folder: RunFolder) -> bool:
    """Whether a living process holds the run. Asks the kernel; never guesses from a process id."""
    try:
        descriptor = os.open(folder.lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def holder(folder: RunFolder) -> Holder | None:
    """Who last signed the lock. Meaningful only while `is_held`."""
    try:
        found = json.loads(folder.lock.read_bytes())
        return Holder(int(found["pid"]), str(found["host"]), float(found["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _busy(folder: RunFolder) -> BusyError:
    by = holder(folder)
    who = f"process {by.pid}" + ("" if by.is_here else f" on {by.host}") if by else "another process"
    return BusyError(
        f"The run {folder.name} is held by {who}.",
        f"Watch it with 'studio runs attach {reference(folder)}', or stop it with 'studio runs stop {reference(folder)}'.",
    )
