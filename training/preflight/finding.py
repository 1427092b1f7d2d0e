"""What preflight says: findings of a closed set of reasons, and the report that holds them with the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Level = Literal["block", "warn", "note"]
LEVELS: tuple[Level, ...] = ("block", "warn", "note")
SHOWN = 160  # characters of a record that a finding shows


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that can be wrong. levels: those it can have, the gravest first. what, why, fix: for the reference."""

    levels: tuple[Level, ...]
    what: str
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with this run.

    records: how many have it; 0 where it is about the whole run. example: the id of the first of them. shown: a short
    piece of it as it is in the data, so it must go through `studio.display`. message: what is wrong, with its numbers.
    fix: what to do, as a `--set` where one helps. allowed: it would stop the run, and somebody said that it may not.
    """

    reason: str
    level: Level
    records: int
    example: str | None
    shown: str
    message: str
    fix: str
    allowed: bool = False

    @property
    def blocks(self) -> bool:
        """Whether it stops the run."""
        return self.level == "block" and not self.allowed

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def finding(
    reason: str, level: Level, message: str, fix: str, *, ids: Sequence[str] = (), shown: str = "", records: int = -1
) -> Finding:
    """A finding about the records `ids` (each counted once). records: their number, where `ids` are only the first."""
    count = len(set(ids)) if records < 0 else records
    return Finding(reason, level, count, ids[0] if ids else None, shortened(shown), message, fix)


def many(count: int, noun: str) -> str:
    """`1 record`, `1,024 records`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def shortened(text: str, most: int = SHOWN) -> str:
    """At most `most` characters of a text, the cut marked."""
    return text if len(text) <= most else text[: most - 1] + "…"


def around(text: str, start: int, end: int, most: int = SHOWN) -> str:
    """The piece `start:end` of a text with some of what stands beside it."""
    room = max(0, most - (end - start)) // 2
    low, high = max(0, start - room), min(len(text), end + room)
    return shortened(("…" if low else "") + text[low:high] + ("…" if high < len(text) else ""), most)


@dataclass(frozen=True)
class Lengths:
    """How long the sequences are, in tokens, before anything is cut or left out.

    covers: share of the sequences (such as 0.95) -> the max_length that holds them whole. histogram: upper bound of a
    bucket (inclusive) -> sequences in it; buckets are of equal width.
    """

    sequences: int = 0
    least: int = 0
    median: int = 0
    most: int = 0
    mean: float = 0.0
    covers: Mapping[str, int] = field(default_factory=dict)
    histogram: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """Everything that was found. tokens and trained_tokens are those of one epoch. isolation: the largest difference
    between the logits of a packed record and of the same record alone; None where it was not measured.
    """

    findings: tuple[Finding, ...]
    records: int
    validation: int
    tokens: int
    trained_tokens: int
    steps: int
    lengths: Lengths
    isolation: float | None = None
    seconds: float = 0.0

    @property
    def blocked(self) -> bool:
        """Whether anything stops the run."""
        return any(one.blocks for one in self.findings)

    def of(self, reason: str) -> Finding | None:
        """The first finding with this reason."""
        return next((one for one in self.findings if one.reason == reason), None)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values, as `preflight.json` holds them."""
        facts = asdict(self)
        facts["blocked"] = self.blocked
        facts["lengths"]["histogram"] = {str(bound): count for bound, count in self.lengths.histogram.items()}
        return facts
