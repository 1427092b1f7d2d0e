"""How far a run is, said at most five times a second."""

from __future__ import annotations

import time
from collections.abc import Mapping

from curation.engine.inside import Told
from curation.events import Listener, Progress, ShardFinished, StageProgress

INTERVAL = 0.2  # seconds
INSIDE_EVERY = 1.0


class Meter:
    """Turns finished shards into progress events. `input_bytes` (None: unknown) stands in for the
    number of shards while they are still being cut."""

    def __init__(self, listener: Listener, input_bytes: int | None) -> None:
        self.listener = listener
        self.input_bytes = input_bytes
        self.phase = ""
        self._total: int | None = None
        self._records = self._shards = self._bytes = 0
        self._began = self._said = self._looked = 0.0
        self._first: dict[
            tuple[str, str], tuple[float, int]
        ] = {}  # when a stage was first heard of in a shard, and how far

    def begin(self, phase: str, total: int | None) -> None:
        """Start a phase of `total` shards (None: unknown)."""
        self.phase, self._total = phase, total
        self._records = self._shards = self._bytes = 0
        self._began = self._looked = time.monotonic()
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

    @property
    def wants_inside(self) -> bool:
        """Whether it is time to look again how far stages are inside their shards."""
        return time.monotonic() - self._looked >= INSIDE_EVERY

    def inside(self, told: Mapping[str, Told]) -> None:
        """Say how far the stage is that has most before it; told: by shard."""
        now = self._looked = time.monotonic()
        for key, one in told.items():
            first = self._first.setdefault((key, one.stage), (now, one.done))
            if one.done < first[1]:  # from the beginning, such as after the death of its worker
                self._first[key, one.stage] = (now, one.done)
        left: dict[str, int] = {}
        for one in told.values():
            left[one.stage] = left.get(one.stage, 0) + one.total - one.done
        if not left:
            return
        stage = max(left, key=lambda name: left[name])
        shards = {key: one for key, one in told.items() if one.stage == stage}
        rate = 0.0
        for key, one in shards.items():
            since, before = self._first[key, stage]
            rate += (one.done - before) / (now - since) if now > since else 0.0
        done, total = sum(one.done for one in shards.values()), sum(one.total for one in shards.values())
        eta = (total - done) / rate if rate else None
        self.listener(StageProgress(stage, done, total, next(iter(shards.values())).unit, rate, eta))

    def heard(self, shard: str, told: Told) -> None:
        """The same, told by the one shard under way in this process."""
        if self.wants_inside:
            self.inside({shard: told})

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
