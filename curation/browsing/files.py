"""Reading a file at any place, by position: several threads may, and a file cut short meanwhile is no crash.

A memory map would be killed by the system (SIGBUS) when somebody truncates the file under it, and its pages would count
as this process's memory.
"""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path
from typing import ClassVar

from curation.errors import InputError, OutputError
from curation.readers.decompress import unreadable

_MOST_OPEN = 64  # files kept open; a folder may hold thousands, and a process may open 1,024
_MOST = 8 << 30
_ROOM = 1 << 30


class RandomFile:
    """A file to read from. One that was deleted or replaced is read on as it was opened, unless so many are open that
    it has to be opened for each read; then that is an InputError.
    """

    _open: ClassVar[int] = 0

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        descriptor = self._opened()
        self._seen = self._state(descriptor)
        self.size = self._seen[0]
        self._descriptor = -1
        if RandomFile._open < _MOST_OPEN:
            RandomFile._open += 1
            self._descriptor = descriptor
        else:
            os.close(descriptor)

    def read(self, start: int, size: int) -> bytes:
        """Up to `size` bytes from `start`; fewer at the end. Raises InputError."""
        try:
            if self._descriptor >= 0:
                return os.pread(self._descriptor, size, start)
            descriptor = self._opened()
            try:
                if self._state(descriptor)[2:] != self._seen[2:]:
                    raise InputError(f"{self.path} was replaced since it was opened", "Open it again.")
                return os.pread(descriptor, size, start)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise unreadable(self.path, error) from error

    def changed(self) -> bool:
        """Whether somebody wrote to the file since it was opened; where that cannot be said, no."""
        return self._descriptor >= 0 and self._state(self._descriptor) != self._seen

    def close(self) -> None:
        """Close it, once."""
        with self._lock:
            if self._descriptor >= 0:
                RandomFile._open -= 1
                os.close(self._descriptor)
                self._descriptor = -1

    def _opened(self) -> int:
        try:
            return os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise unreadable(self.path, error) from error

    def _state(self, descriptor: int) -> tuple[int, int, int, int]:
        try:
            facts = os.fstat(descriptor)
        except OSError as error:
            raise unreadable(self.path, error) from error
        return facts.st_size, facts.st_mtime_ns, facts.st_dev, facts.st_ino


class Kept:
    """A nameless file for records that cannot be read where they are; the system removes it when this process ends.

    folder: where it lies. most: bytes it may hold; a gibibyte of the disk is left free in any case.
    """

    def __init__(self, folder: Path | None = None, most: int = _MOST) -> None:
        self._folder, self._most = folder, most
        self._descriptor = -1
        self._size = 0

    def append(self, data: bytes) -> int | None:
        """Keep `data`; where it begins, or None if there is no room. Raises OutputError if there is no place at all."""
        if self._descriptor < 0:
            self._make()
        try:
            free = os.fstatvfs(self._descriptor)
            if self._size + len(data) > self._most or free.f_bavail * free.f_frsize < _ROOM + len(data):
                return None
            view = memoryview(data)
            while view:
                view = view[os.pwrite(self._descriptor, view, self._size + len(data) - len(view)) :]
        except OSError:
            return None
        begin = self._size
        self._size += len(data)
        return begin

    def read(self, start: int, size: int) -> bytes:
        """What was kept."""
        return os.pread(self._descriptor, size, start)

    def close(self) -> None:
        """Let go of it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _make(self) -> None:
        try:
            if self._folder is not None:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=self._folder) as opened:
                self._descriptor = os.dup(opened.fileno())
        except OSError as error:
            raise OutputError(
                f"there is no place to keep records in {self._folder or tempfile.gettempdir()}: {error.strerror}",
                "Make room on the disk.",
            ) from error
