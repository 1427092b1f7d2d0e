"""How far a run is, said at most five times a second."""

from __future__ import annotations

import time

from curation.events import Listener, Progress, ShardFinished

INTERVAL = 0.2  # seconds


class Meter:
    """Turns finished shards into progress events. `input_bytes` (None: unknown) stands in for the
    number of shards while they are still being cut."""

    def __init__(self, listener: Listener, input_bytes: int | None) -> None:
        self.listener = listener
        self.input_bytes = input_bytes
        self.phase = ""
        self._total: int | None = None
        self._records = self._shards = self._bytes = 0
        self._began = self._said = 0.0

    def begin(self, phase: str, total: int | None) -> None:
        """Start a phase of `total` shards (None: unknown)."""
        self.phase, self._total = phase, total
        self._records = self._shards = self._bytes = 0
        self._began = time.monotonic()
        self._said = 0.0
        self._say()

    def shard(self, finished: ShardFinished, size: int) -> None:
        """Count a finished shard of `size` input bytes and pass its event on."""
        self.listener(finished)
        self._records += finished.records
        self._shards += 1
        self._bytes += size
        if time.monotonic() - self._said >= INTERVAL:
            self._say()

    def end(self) -> None:
        """Say how the phase ended."""
        self._say()

    def _say(self) -> None:
        now = self._said = time.monotonic()
        spent = max(now - self._began, 1e-6)
        share = 0.0
        if self._total:
            share = self._shards / self._total
        elif self.input_bytes:
            share = min(self._bytes / self.input_bytes, 1.0)
        total = round(self._records / share) if share else None
        eta = spent * (1 - share) / share if share else None
        self.listener(Progress(self.phase, self._records, total, "records", self._records / spent, eta))
