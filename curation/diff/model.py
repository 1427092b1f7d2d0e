"""What a diff is made of: hunks, one a record that is not the same on both sides; and what one asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from curation.ledger import Turn
from curation.verdicts.fold import RecordVerdicts

Status = Literal["removed", "changed", "added", "flagged", "kept"]
STATUSES: tuple[Status, ...] = ("removed", "changed", "added", "flagged", "kept")
MARKS: dict[str, str] = {"removed": "-", "changed": "~", "added": "+", "flagged": "!", "kept": "="}

OPEN = "open"  # the verdict of a hunk that nobody has judged


@dataclass(frozen=True)
class Cause:
    """Why a hunk is there. For a run: what one stage decided. For two datasets: one field that differs (`reason`)."""

    stage: str
    action: str
    reason: str
    reason_text: str = ""
    score: float | None = None
    threshold: float | None = None
    related_id: str | None = None
    detail: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    actor: str = "stage"


@dataclass(frozen=True)
class FieldChange:
    """A column that is no text and differs; None where a side has no such column."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Hunk:
    """One record that is not the same on both sides.

    number: its row in the index. record_id, content_hash: of the record before; of an added one, after. other_id: of the
    record after, where it is another (two datasets). stage, reason, score: of the cause that made it what it is; causes
    has all, in the order of the recipe. before, after: the turns, () where there is no record. verdict: of a person.
    """

    number: int
    status: Status
    record_id: str
    content_hash: str
    source: str
    stage: str
    reason: str
    score: float | None
    related_id: str | None
    causes: tuple[Cause, ...]
    before: tuple[Turn, ...]
    after: tuple[Turn, ...]
    fields: tuple[FieldChange, ...] = ()
    other_id: str | None = None
    verdict: RecordVerdicts | None = None


@dataclass(frozen=True)
class Head:
    """A hunk without its texts: one line of a list."""

    number: int
    status: Status
    record_id: str
    stage: str
    reason: str
    score: float | None


@dataclass(frozen=True)
class Filter:
    """Which hunks: those for which everything that is said holds. "" says nothing.

    stage, reason: of any of the hunk's causes. text: a fragment of the record's text on either side, case ignored.
    verdict: `open`, or what a person decided: accepted, rejected, dropped, edited. record_id: one record's.
    """

    status: str = ""
    stage: str = ""
    reason: str = ""
    source: str = ""
    text: str = ""
    verdict: str = ""
    record_id: str = ""


@dataclass(frozen=True)
class Counts:
    """Numbers of hunks. by_reason: by (stage, reason), a hunk once for each of its causes; judged_by_reason: those of
    them about which a person has decided. equal: records that are no hunk.
    """

    total: int
    by_status: dict[str, int]
    by_reason: dict[tuple[str, str], int]
    judged_by_reason: dict[tuple[str, str], int]
    by_source: dict[str, int]
    by_verdict: dict[str, int]
    equal: int

    @property
    def judged(self) -> int:
        """Hunks about which a person has decided."""
        return self.total - self.by_verdict.get(OPEN, 0)
