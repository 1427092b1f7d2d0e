"""Lengths, languages, roles and sources of what was opened, from a sample spread evenly over it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from curation.browsing.model import Record, Stopped
from curation.browsing.record_list import RecordList

SAMPLE = 1000
EDGES = (50, 100, 200, 500, 1000, 2000, 5000, 10_000)
"""Upper edges, in characters, of the bins of lengths; one more bin lies beyond the last."""


@dataclass(frozen=True)
class Distributions:
    """Counts over a sample of `sampled` records out of `total`.

    lengths: records by characters, one number for each bin of EDGES and one beyond. languages, roles, formats: records
    (roles: turns) by name, most frequent first. sources: all records by source, exactly. problems: what is no record.
    """

    sampled: int = 0
    total: int = 0
    lengths: tuple[int, ...] = (0,) * (len(EDGES) + 1)
    languages: Mapping[str, int] = field(default_factory=dict)
    roles: Mapping[str, int] = field(default_factory=dict)
    formats: Mapping[str, int] = field(default_factory=dict)
    sources: Mapping[str, int] = field(default_factory=dict)
    problems: Mapping[str, int] = field(default_factory=dict)


def measure(records: RecordList, stopped: Stopped, most: int = SAMPLE) -> Distributions | None:
    """The distributions of what was found up to now; None if stopped."""
    total = len(records)
    taken = min(most, total)
    found: list[Record] = []
    for number in range(taken):
        if number % 64 == 0 and stopped():
            return None
        found.append(records.record(number * total // taken))
    sound = [record for record in found if not record.problem]
    lengths = [0] * (len(EDGES) + 1)
    for record in sound:
        lengths[sum(record.characters > edge for edge in EDGES)] += 1
    return Distributions(
        taken,
        total,
        tuple(lengths),
        _languages(sound),
        _counted(Counter(role for record in sound for role, _ in record.turns)),
        _counted(Counter(record.format for record in sound)),
        {segment.name: end - begin for segment, begin, end in records.segment_rows()},
        _counted(Counter(record.problem for record in found if record.problem)),
    )


def language_of(record: Record) -> str:
    """The language of one record, "unknown" where there is too little to tell."""
    return next(iter(_languages([record])), "unknown")


def _languages(records: list[Record]) -> Mapping[str, int]:
    import polars as pl

    from curation.language.detect import detect_languages

    texts = pl.Series([" ".join(content[:1000] for _, content in record.turns) for record in records], dtype=pl.String)
    return _counted(Counter(detect_languages(texts)["language"]))


def _counted(counter: Counter[str]) -> dict[str, int]:
    return dict(counter.most_common())
