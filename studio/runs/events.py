"""`events.jsonl`: one writer appends whole lines, any number of readers follow by byte offset."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from curation.errors import OutputError
from curation.events import Event, RunFailed, RunFinished, RunStopped
from studio.runs.jsonl import one_line

ENDINGS: tuple[type[Event], ...] = (RunFinished, RunStopped, RunFailed)
_READ_BYTES = 1 << 20


class EventLog:
    """The writing end: a listener that appends each event as one line, in one write, at once visible to readers."""

    def __init__(self, path: Path) -> None:
        """Open for appending. A line torn by an earlier kill is closed off, so that the next one starts clean."""
        self.path = path
        self.ended = False
        self._lock = threading.Lock()
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            size = os.fstat(self._descriptor).st_size
            if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
                os.write(self._descriptor, b"\n")
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}.", "Check the disk.") from error

    def __call__(self, event: Event) -> None:
        """Append `event`. Raises OutputError when the disk refuses it."""
        line = (one_line(event.as_json()) + "\n").encode("ascii")
        with self._lock:
            self.ended = self.ended or isinstance(event, ENDINGS)
            try:
                written = os.write(self._descriptor, line)
                while written < len(line):  # a signal, or a disk that is nearly full
                    written += os.write(self._descriptor, line[written:])
            except OSError as error:
                raise OutputError(
                    f"{self.path} cannot be written: {error.strerror}.", "Free some space and resume the run."
                ) from error

    def close(self) -> None:
        """Stop writing."""
        with suppress(OSError):
            os.close(self._descriptor)


class EventReader:
    """The reading end: `read` returns what was appended since the last call. A torn last line waits for its rest."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self.unreadable = 0
        """Whole lines that were no event: what a kill tore, or another hand wrote."""

    def read(self) -> list[dict[str, Any]]:
        """The new events, as JSON objects; none when the file does not exist yet."""
        return [event for block in self.blocks() for event in block]

    def blocks(self) -> Iterator[list[dict[str, Any]]]:
        """The new events, a list for each mebibyte: what a long run left need not be in memory all at once."""
        try:
            stream = self.path.open("rb")
        except FileNotFoundError:
            return
        with stream:
            stream.seek(self.offset)
            rest = b""
            while block := stream.read(_READ_BYTES):
                *lines, rest = (rest + block).split(b"\n")
                found = []
                for line in lines:
                    self.offset += len(line) + 1
                    event = _parse(line)
                    if event is not None:
                        found.append(event)
                    elif line:
                        self.unreadable += 1
                yield found


def _parse(line: bytes) -> dict[str, Any] | None:
    import orjson  # three times as fast; whoever only runs or stops a run does without

    try:
        event = orjson.loads(line)
    except ValueError:  # half a surrogate, which records may hold, is no JSON to orjson
        try:
            event = json.loads(line)
        except ValueError:
            return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None
