"""`outcomes.jsonl`: written by one run at a time, many lines with one flush, and never with a torn line in it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from curation.synthesis.model import Outcome
from curation.writers.atomic import output_error

TAIL = 1 << 16  # bytes read at once when the end of the last whole line is looked for


class OutcomeFile:
    """The file, open for appending. Whoever opens it holds the run's lock, so what a kill tore at its end is cut off:
    the same outcomes are the same bytes, kill or no kill. Readable by its owner only."""

    def __init__(self, path: Path) -> None:
        """Raises OutputError."""
        self._path = path
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise output_error(path, error) from error
        try:
            self._size = _whole(self._descriptor)
            if self._size < os.fstat(self._descriptor).st_size:
                os.ftruncate(self._descriptor, self._size)
        except OSError as error:
            os.close(self._descriptor)
            raise output_error(path, error) from error

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Append them; they are on the disk when this returns. Raises OutputError, and then none of them is there."""
        data = b"".join(_line(outcome) for outcome in outcomes)
        if not data:
            return
        try:
            written = os.write(self._descriptor, data)
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
            os.fsync(self._descriptor)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            raise output_error(self._path, error, len(data)) from error
        self._size += len(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        os.close(self._descriptor)


def _line(outcome: Outcome) -> bytes:
    return json.dumps(outcome.as_json(), ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"


def _whole(descriptor: int) -> int:
    """The bytes up to the end of the last whole line."""
    end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - TAIL)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
