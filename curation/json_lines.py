"""Files of one JSON object a line: appended whole, read in spite of a torn line."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curation.errors import OutputError


def append_line(path: Path, value: Mapping[str, Any]) -> None:
    """Append `value` as one line, flushed to the disk. What a kill tore before it is closed off with a newline.

    Raises OutputError where the disk refuses. The file is readable by its owner only.
    """
    line = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line
            written = os.write(descriptor, line)
            while written < len(line):
                written += os.write(descriptor, line[written:])
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}.", "Check the disk.") from error


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The objects of a file, in order; none where there is no file. Lines that are no JSON object are passed over."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise OutputError(f"{path} cannot be read: {error.strerror}.") from error
    found = []
    for line in raw.split(b"\n"):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found
