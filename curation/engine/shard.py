"""A shard while its run goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from curation.engine.passes import Decided, ShardRef
from curation.engine.review import ShardVerdicts


@dataclass
class Shard:
    """What the parent knows of a shard while the run goes on."""

    ref: ShardRef
    size: int  # bytes of its payloads
    trail: list[Decided] = field(default_factory=list)
    read: dict[str, Any] = field(default_factory=dict)
    prints: dict[str, str] = field(default_factory=dict)  # by step name, the key of its fingerprints
    stages: list[dict[str, Any]] = field(default_factory=list)
    verdicts: ShardVerdicts = field(default_factory=ShardVerdicts)
