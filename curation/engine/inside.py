"""How far stages are inside the shards under way. A worker, on whatever machine, writes it beside the shards now and then."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

FOLDER: Final = "inside"
_WRITE_EVERY: Final = 0.5  # seconds


@dataclass(frozen=True)
class Told:
    """A stage in one shard: how many of its texts or records are done."""

    stage: str
    done: int
    total: int
    unit: str


class Teller:
    """Writes how far `stage` is in the shard `key`; a hearer for `curation.telling`."""

    def __init__(self, shards: Path, key: str, stage: str) -> None:
        self._file = shards / FOLDER / f"{key}.json"
        self._stage = stage
        self._next = time.monotonic() + _WRITE_EVERY

    def __call__(self, done: int, total: int, unit: str) -> None:
        """Nothing is told of what takes less than a moment, nor where it cannot be written: no work is lost for it."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _WRITE_EVERY
        try:
            self._file.parent.mkdir(exist_ok=True)
            self._file.write_bytes(orjson.dumps(asdict(Told(self._stage, done, total, unit))))
        except OSError:
            self._next = float("inf")

    def close(self) -> None:
        """It is not inside any more."""
        try:
            self._file.unlink(missing_ok=True)
        except OSError:
            self._next = float("inf")


def told(shards: Path) -> Mapping[str, Told]:
    """What was last written, by shard. A file that is being written is left out."""
    found: dict[str, Told] = {}
    for file in sorted((shards / FOLDER).glob("*.json")):
        try:
            found[file.stem] = Told(**orjson.loads(file.read_bytes()))
        except (OSError, ValueError, TypeError):
            continue
    return found


def forget(shards: Path) -> None:
    """What a killed worker left."""
    shutil.rmtree(shards / FOLDER, ignore_errors=True)
