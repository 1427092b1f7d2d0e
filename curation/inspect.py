"""Looking at files without changing anything: schema, counts, lengths, roles, languages, duplicates, oddities."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from curation.oddities import find_oddities
from curation.schema import PART_ROLES, Batch, Part

if TYPE_CHECKING:
    from curation.readers import Source

PARTS: tuple[Part, ...] = ("record", "prompt", "answer")
CHUNK_RECORDS = 4096
CHUNK_BYTES = 16 << 20
_QUANTILES = {"least": 0.0, "p05": 0.05, "median": 0.5, "p95": 0.95, "most": 1.0}


@dataclass(frozen=True)
class Oddity:
    """Something odd: how many records have it, and the ids of the first few."""

    count: int
    first: tuple[str, ...]


@dataclass(frozen=True)
class Duplicates:
    """Records with the same turns as an earlier one: how many, and the largest groups as `(size, id of the first)`."""

    copies: int
    groups: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class SourceFacts:
    """What one source is and holds.

    columns: for each original column of a sample, the types its values have and in how many of the sampled records it
    is there. lengths: by unit ("characters", "tokens") and part, `least, p05, median, p95, most, sum`, over the records
    that have text in that part. turns: records by their number of turns. whole: False where a limit cut the reading.
    """

    source: str
    path: str
    kind: str
    compression: str
    encoding: str
    bytes: int
    format: str | None
    records: int
    blank: int
    whole: bool
    quarantine: Mapping[str, int]
    formats: Mapping[str, int]
    columns: Mapping[str, Mapping[str, Any]]
    roles: Mapping[str, int]
    turns: Mapping[int, int]
    lengths: Mapping[str, Mapping[str, Mapping[str, float]]]
    languages: Mapping[str, int]
    duplicates: Duplicates
    oddities: Mapping[str, Oddity]


def inspect(
    inputs: Sequence[str],
    *,
    format: str | None = None,  # noqa: A002 - the name users know from the command line
    limit: int | None = None,
    tokenizer: str | None = None,
    languages: bool = True,
) -> list[SourceFacts]:
    """Facts about every source among `inputs`, reading at most `limit` records of each.

    Memory grows with the number of records by their digests and lengths only, about 100 bytes each. `tokenizer` is a
    folder or a name on the hub; without it lengths are in characters. Raises InputError, RecipeError as a run would.
    """
    from curation.readers import find_sources

    with tempfile.TemporaryDirectory() as scratch:
        sources = find_sources(inputs, spool=Path(scratch) / "stdin.bin")
        return [_inspect_source(source, format, limit, tokenizer, languages) for source in sources]


@dataclass
class _Tally:
    """What is added up while one source is read."""

    records: int = 0
    blank: int = 0
    quarantine: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    roles: Counter[str] = field(default_factory=Counter)
    turns: Counter[int] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    lengths: dict[tuple[str, Part], list[pl.Series]] = field(default_factory=dict)
    hashes: list[pl.DataFrame] = field(default_factory=list)
    oddities: dict[str, list[pl.Series]] = field(default_factory=dict)

    def add(self, batch: Batch, tokenizer: str | None, languages: bool) -> None:
        """Add one batch."""
        self.records += len(batch)
        self.roles.update(dict(batch.turns["role"].value_counts().iter_rows()))
        sizes = batch.turns.group_by("record_id").len()["len"]
        self.turns.update(dict(sizes.value_counts().iter_rows()))
        self.hashes.append(batch.records.select("content_hash", "record_id"))
        for name, ids in find_oddities(batch).items():
            self.oddities.setdefault(name, []).append(ids)
        for part in PARTS:
            roles = PART_ROLES[part]
            if roles is not None and not set(roles) & set(batch.turns["role"].unique()):
                continue
            texts = batch.texts(part).filter(pl.col("text") != "")["text"]
            self.lengths.setdefault(("characters", part), []).append(texts.str.len_chars().cast(pl.Int64))
            if tokenizer is not None:
                self.lengths.setdefault(("tokens", part), []).append(_token_counts(tokenizer, texts))
        if languages:
            self.languages.update(_languages(batch))


def _inspect_source(
    source: Source,
    forced: str | None,
    limit: int | None,
    tokenizer: str | None,
    languages: bool,
) -> SourceFacts:
    from curation.formats import detect, get
    from curation.readers import sample_objects

    if forced is not None:
        get(forced)
    sample = sample_objects(source)
    primary = forced or detect(sample)
    tally = _Tally()
    whole = True
    for batch in _batches(source, primary, forced, tally):
        if limit is not None and tally.records + len(batch) > limit:
            whole = False
            kept = batch.records.head(limit - tally.records)
            batch = Batch(kept, batch.turns.join(kept.select("record_id"), on="record_id", how="semi"))
        tally.add(batch, tokenizer, languages)
        if not whole:
            break
    return SourceFacts(
        source=source.name,
        path=source.path,
        kind=source.kind,
        compression=source.compression,
        encoding=source.encoding,
        bytes=source.size,
        format=primary,
        records=tally.records,
        blank=tally.blank,
        whole=whole,
        quarantine=dict(tally.quarantine.most_common()),
        formats=dict(tally.formats.most_common()),
        columns=_columns(sample),
        roles=dict(tally.roles.most_common()),
        turns=dict(sorted(tally.turns.items())),
        lengths=_lengths(tally),
        languages=dict(tally.languages.most_common()),
        duplicates=_duplicates(tally.hashes),
        oddities={name: _oddity(ids) for name, ids in sorted(tally.oddities.items())},
    )


def _batches(source: Source, primary: str | None, forced: str | None, tally: _Tally) -> Iterator[Batch]:
    """The source's records; what is no record is counted on the way."""
    from curation.engine.intake import parse_chunk
    from curation.readers import read_chunks

    for chunk in read_chunks(source, chunk_records=CHUNK_RECORDS, chunk_bytes=CHUNK_BYTES):
        batch, _, reasons, formats = parse_chunk(chunk, primary, forced)
        tally.quarantine.update(reasons)
        tally.formats.update(formats)
        tally.blank += chunk.blank
        if len(batch):
            yield batch


def _columns(sample: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """For each column, the JSON types of its values and in how many of the sampled records it is there."""
    columns: dict[str, dict[str, Any]] = {}
    for obj in sample:
        for name, value in obj.items():
            column = columns.setdefault(name, {"present": 0, "types": Counter()})
            column["present"] += 1
            column["types"][_type_name(value)] += 1
    return {
        name: {"present": column["present"], "of": len(sample), "types": dict(column["types"].most_common())}
        for name, column in columns.items()
    }


def _type_name(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "text"
    if isinstance(value, (list, tuple)):
        return "list"
    return "object" if isinstance(value, Mapping) else "number"


def _lengths(tally: _Tally) -> dict[str, dict[str, dict[str, float]]]:
    found: dict[str, dict[str, dict[str, float]]] = {}
    for (unit, part), series in tally.lengths.items():
        values = pl.concat(series)
        if not len(values):
            continue
        numbers = {name: float(values.quantile(at, "nearest") or 0) for name, at in _QUANTILES.items()}
        found.setdefault(unit, {})[part] = {**numbers, "sum": float(values.sum()), "records": float(len(values))}
    return found


def _duplicates(hashes: Sequence[pl.DataFrame]) -> Duplicates:
    if not hashes:
        return Duplicates(0, ())
    groups = (
        pl.concat(hashes)
        .group_by("content_hash", maintain_order=True)
        .agg(pl.len().alias("size"), pl.col("record_id").first())
        .filter(pl.col("size") > 1)
    )
    largest = groups.sort("size", descending=True, maintain_order=True).head(5)
    copies = int(groups["size"].sum()) - groups.height
    return Duplicates(copies, tuple(largest.select("size", "record_id").iter_rows()))


def _oddity(ids: Sequence[pl.Series]) -> Oddity:
    return Oddity(sum(len(each) for each in ids), tuple(ids[0].head(3)))


def _languages(batch: Batch) -> dict[str, int]:
    from curation.language.detect import detect_languages

    found = detect_languages(batch.texts("record")["text"])
    return dict(found["language"].value_counts().iter_rows())


def _token_counts(tokenizer: str, texts: pl.Series) -> pl.Series:
    from curation.stages.tokens import count_tokens

    return pl.Series(count_tokens(tokenizer, texts), dtype=pl.Int64)
