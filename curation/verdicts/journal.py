"""`verdicts.jsonl`: append-only, one line a verdict, on the disk before the call returns, one writer at a time.

The file holds texts that people typed, so it is readable by its owner only.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from curation.errors import BusyError, InputError
from curation.verdicts.model import Verdict, parse_line
from curation.writers.atomic import output_error

JOURNAL = "verdicts.jsonl"  # its name in a run's folder


@dataclass(frozen=True)
class Lines:
    """What a journal holds. unreadable: lines that are no verdict: torn by a power cut, or by another hand."""

    verdicts: tuple[Verdict, ...] = ()
    unreadable: int = 0


def read_journal(path: Path) -> Lines:
    """Every verdict in a journal, in order; none where there is no file. Raises InputError where it cannot be read.

    A line with an id that was there before is left out: merging twice is merging once.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Lines()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    return _lines(data)


def read_named(path: Path) -> Lines:
    """As `read_journal`, for a file that somebody named: InputError where it is not there, or holds no verdict at all."""
    if not path.is_file():
        raise InputError(f"there are no verdicts at {path}", "Name a verdicts.jsonl, such as a run's own, or a patch.")
    lines = read_journal(path)
    if lines.unreadable and not lines.verdicts:
        raise InputError(
            f"{path} holds no verdicts", "A verdict is a JSON line with `kind`, `id` and what it is about."
        )
    return lines


class Journal:
    """The writing end. Close it, or die, to let the next writer in."""

    def __init__(self, path: Path, descriptor: int, lines: Lines) -> None:
        self.path = path
        self._descriptor = descriptor
        self._verdicts = list(lines.verdicts)
        self.unreadable = lines.unreadable

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open for appending, made if need be. Raises BusyError while another process writes it, OutputError, InputError."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise output_error(path, error) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BusyError(
                    f"Another process is writing verdicts into {path}.", "Leave the review there first."
                ) from None
            data = path.read_bytes()
            if data and not data.endswith(b"\n"):  # torn by a power cut: the next line must start clean
                os.write(descriptor, b"\n")
            return cls(path, descriptor, _lines(data))
        except OSError as error:
            os.close(descriptor)
            raise output_error(path, error) from error
        except BaseException:
            os.close(descriptor)
            raise

    @property
    def verdicts(self) -> Sequence[Verdict]:
        """Every verdict in the journal, those appended here included."""
        return self._verdicts

    def append(self, *verdicts: Verdict) -> None:
        """Add verdicts in one write, and return when they are on the disk. Raises OutputError when it is full."""
        data = b"".join(verdict.line() for verdict in verdicts)
        if not data:
            return
        size = os.fstat(self._descriptor).st_size
        try:
            written = os.write(self._descriptor, data)
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
            os.fsync(self._descriptor)
        except OSError as error:
            with suppress(OSError):  # all of an act or none of it
                os.ftruncate(self._descriptor, size)
            raise output_error(self.path, error, len(data)) from error
        self._verdicts += verdicts

    def close(self) -> None:
        """Stop writing."""
        with suppress(OSError):
            os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def merge(verdicts: Iterable[Verdict], into: Path) -> int:
    """Append those verdicts to the journal `into` whose ids it does not hold yet. Returns how many there were."""
    with Journal.open(into) as journal:
        known = {verdict.id for verdict in journal.verdicts}
        new = [verdict for verdict in verdicts if verdict.id not in known]
        journal.append(*new)
        return len(new)


def _lines(data: bytes) -> Lines:
    found: dict[str, Verdict] = {}
    unreadable = 0
    for line in data.split(b"\n"):
        if not line.strip():
            continue
        verdict = parse_line(line)
        if verdict is None:
            unreadable += 1
        else:
            found.setdefault(verdict.id, verdict)
    return Lines(tuple(found.values()), unreadable)
