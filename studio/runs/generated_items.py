"""The items of a generation as its files tell them, of any number: places in files are kept, texts are read when asked for."""

from __future__ import annotations

import os
import threading
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from curation.synthesis.decisions import Decided, anew_id, decided, standing
from curation.synthesis.model import (
    CHUNKS,
    DECISIONS,
    DOCUMENTS,
    ORIGINS,
    OUTCOMES,
    UNITS,
    Chunk,
    Document,
    Item,
    Origin,
    Outcome,
    Row,
    Unit,
    read_rows,
)
from curation.synthesis.reasons import FAILED, REJECTED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_READ_BYTES = 1 << 20
_STATES: tuple[tuple[str, str], ...] = (
    ("accepted", ""),
    *(("rejected", reason) for reason in REJECTED),
    *(("failed", reason) for reason in FAILED),
    ("rejected", ""),
    ("failed", ""),
)
_CODES = {state: code for code, state in enumerate(_STATES)}


@dataclass(frozen=True)
class Queue:
    """Which items: all ("", ""), those of a status, those with a reason, or those that somebody decided about."""

    status: str = ""
    reason: str = ""


DECIDED = Queue("decided")


@dataclass(frozen=True)
class Source:
    """What an item was made from: a chunk of a document, or records."""

    document: Document | None = None
    chunk: Chunk | None = None
    origins: tuple[Origin, ...] = ()


class LineIndex:
    """Lines of a growing file by a key of theirs; the last of a key counts. Torn and foreign lines are passed over."""

    def __init__(self, path: Path, key: str) -> None:
        self._path, self._key = path, key
        self._read, self._file = 0, 0
        self._places: dict[str, tuple[int, int]] = {}

    def begins_anew(self) -> bool:
        """Whether another file stands in the place of the one that was read; it is forgotten then."""
        try:
            stat = self._path.stat()
        except OSError:
            return False
        before, self._file = self._file, stat.st_ino
        if before and (before != stat.st_ino or stat.st_size < self._read):
            self._read = 0
            self._places.clear()
            return True
        return False

    def refresh(self) -> Iterator[tuple[dict[str, Any], int, int]]:
        """What was appended: (object, offset, length) of each line. Remembers where the lines are."""
        for line, offset in _lines(self._path, self._read):
            self._read = offset + len(line) + 1
            found = _object(line)
            if found is not None and isinstance(key := found.get(self._key), str):
                self._places[key] = (offset, len(line))
                yield found, offset, len(line)

    def get(self, key: str) -> dict[str, Any] | None:
        """The line with this key, read again from the file."""
        if self.begins_anew() or key not in self._places:
            for _ in self.refresh():
                pass
        place = self._places.get(key)
        return None if place is None else _object(_at(self._path, *place))


class GeneratedItems:
    """Items in the order in which their units were first finalised, each by its number.

    `read` belongs in a thread; everything else may be asked from any. Counts and queues are by what the run said;
    decisions stand beside them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.decided: Mapping[str, Decided] = {}
        self.counts: dict[tuple[str, str], int] = {}
        self._outcomes = LineIndex(folder / OUTCOMES, "unit_id")
        self._units, self._chunks = LineIndex(folder / UNITS, "unit_id"), LineIndex(folder / CHUNKS, "chunk_id")
        self._origins = LineIndex(folder / ORIGINS, "record_id")
        self._names: list[str] = []
        self._first: dict[str, int] = {}  # unit -> the number of its first item
        self._unit_of, self._codes = array("L"), array("B")
        self._stamp = (-1, -1)
        self._kept: tuple[object, int] | None = None
        self._lock = threading.RLock()

    def read(self) -> bool:
        """Read what is new; True if something was."""
        with self._lock:
            changed = self._outcomes.begins_anew()
            if changed:
                self._forget()
            for found, _offset, _length in self._outcomes.refresh():
                changed = self._take(found) or changed
            return self._read_decisions() or changed

    def _forget(self) -> None:
        """Everything is looked at anew by the run."""
        self.counts, self._names, self._first = {}, [], {}
        self._unit_of, self._codes = array("L"), array("B")

    def _take(self, found: Mapping[str, Any]) -> bool:
        try:
            name = str(found["unit_id"])
            codes = [_code(item) for item in found["items"]]
        except (KeyError, TypeError):
            return False
        first = self._first.get(name)
        if first is None:
            self._first[name] = len(self._codes)
            for code in codes:
                self._unit_of.append(len(self._names))
                self._codes.append(code)
                self._count(code, 1)
            self._names.append(name)
            return True
        number = self._unit_of[first] if first < len(self._unit_of) else -1
        for place, code in enumerate(codes):
            at = first + place
            if at < len(self._codes) and self._unit_of[at] == number:
                self._count(self._codes[at], -1)
                self._codes[at] = code
                self._count(code, 1)
        return True

    def _count(self, code: int, by: int) -> None:
        state = _STATES[code]
        self.counts[state] = self.counts.get(state, 0) + by
        if not self.counts[state]:
            del self.counts[state]

    def _read_decisions(self) -> bool:
        try:
            stat = (self.folder / DECISIONS).stat()
        except OSError:
            return False
        stamp = (stat.st_size, stat.st_mtime_ns)
        if stamp == self._stamp:
            return False
        self._stamp, self.decided = stamp, decided(self.folder)
        return True

    # Asking

    def __len__(self) -> int:
        return len(self._codes)

    def of(self, status: str) -> int:
        """How many items the run left in this status."""
        return sum(number for (name, _reason), number in list(self.counts.items()) if name == status)

    def kept(self) -> int:
        """How many items are accepted, with what people decided."""
        if self._kept is None or self._kept[0] is not self.decided:
            changed = 0
            for name in self.decided:
                number = self.number_of(name)
                if number is not None:
                    changed += (self.item(number).status == "accepted") - (self.state(number)[0] == "accepted")
            self._kept = (self.decided, changed)
        return self.of("accepted") + self._kept[1]

    def rows(self, queue: Queue) -> NDArray[np.uint32]:
        """The numbers of the items in a queue."""
        import numpy as np

        with self._lock:
            codes = np.frombuffer(bytes(self._codes), dtype=np.uint8)
            if queue == DECIDED:
                numbers = sorted(number for name in self.decided if (number := self._number(name)) is not None)
                return np.array(numbers, dtype=np.uint32)
        if not queue.status:
            return np.arange(len(codes), dtype=np.uint32)
        wanted = [
            code
            for code, (status, reason) in enumerate(_STATES)
            if status == queue.status and (not queue.reason or reason == queue.reason)
        ]
        return np.flatnonzero(np.isin(codes, wanted)).astype(np.uint32)

    def _number(self, item_id: str) -> int | None:
        unit_id, _, place = item_id.rpartition(".")
        first = self._first.get(unit_id)
        if first is None or not place.isdecimal():
            return None
        number = first + int(place)
        same = number < len(self._unit_of) and self._unit_of[number] == self._unit_of[first]
        return number if same else None

    def number_of(self, item_id: str) -> int | None:
        """The number of an item; None where there is no such."""
        with self._lock:
            return self._number(item_id)

    def state(self, number: int) -> tuple[str, str]:
        """Status and reason that the run gave an item."""
        return _STATES[self._codes[number]]

    def item_id(self, number: int) -> str:
        """Its name."""
        name = self._names[self._unit_of[number]]
        return f"{name}.{number - self._first[name]}"

    def outcome(self, number: int) -> Outcome:
        """What came of the unit that asked for an item."""
        with self._lock:
            found = self._outcomes.get(self._names[self._unit_of[number]])
        return Outcome.from_json(found or {"unit_id": "", "items": ()})

    def made(self, number: int) -> Item:
        """An item as the run had it."""
        name = self.item_id(number)
        items = self.outcome(number).items
        place = number - self._first[self._names[self._unit_of[number]]]
        return items[place] if place < len(items) else Item(name, "failed", "unreadable")

    def item(self, number: int) -> Item:
        """An item as it stands, with what was decided about it."""
        made = self.made(number)
        return standing(made, self.decided.get(made.item_id))

    def is_asked_anew(self, found: Decided) -> bool:
        """Whether the unit that a regeneration asks for is there already."""
        return anew_id(found.item_id, found.anew) in self._first

    def unit(self, number: int) -> Unit | None:
        """The unit that asked for it."""
        found: Unit | None = self._row(self._units, self._names[self._unit_of[number]], Unit)
        return found

    def source(self, unit: Unit | None) -> Source:
        """What a unit is about."""
        if unit is None:
            return Source()
        chunk: Chunk | None = self._row(self._chunks, unit.chunk_id, Chunk) if unit.chunk_id else None
        origins = tuple(
            found for name in unit.record_ids if (found := self._row(self._origins, name, Origin)) is not None
        )
        return Source(self.documents.get(chunk.document_id) if chunk is not None else None, chunk, origins)

    @cached_property
    def documents(self) -> Mapping[str, Document]:
        """The documents by their id. They are all there before the first item is."""
        return {each.document_id: each for each in read_rows(self.folder / DOCUMENTS, Document)}

    def _row(self, index: LineIndex, key: str, kind: type[Row]) -> Any:
        with self._lock:
            found = index.get(key)
        try:
            return None if found is None else kind.from_json(found)
        except TypeError:  # a line of another version
            return None


def _code(item: Mapping[str, Any]) -> int:
    status = str(item["status"])
    return _CODES.get((status, str(item.get("reason") or "")), _CODES.get((status, ""), _CODES["failed", ""]))


def _lines(path: Path, offset: int) -> Iterator[tuple[bytes, int]]:
    """The whole lines from byte `offset` on, each with where it begins."""
    try:
        stream = path.open("rb")
    except OSError:
        return
    with stream:
        stream.seek(offset)
        rest = b""
        while block := stream.read(_READ_BYTES):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                yield line, offset
                offset += len(line) + 1


def _at(path: Path, offset: int, length: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.pread(descriptor, length, offset)
    finally:
        os.close(descriptor)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(line)
    except ValueError:  # half a surrogate, which a model may write, is no JSON to orjson
        import json

        try:
            found = json.loads(line)
        except ValueError:
            return None
    return found if isinstance(found, dict) else None
