"""From one format or container to another, and nothing else: no stage, no ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from curation.errors import InputError
from curation.formats import BadRecord, Inexpressible, detect, get, read_record, write_record
from curation.writers.output import OutputFile, Written, encode_part, refuse_address

if TYPE_CHECKING:
    from curation.readers import Bad, Limits, RawChunk

RAW_KEPT = 64 << 10  # bytes of what is left out that `on_bad` is shown
CHUNK_RECORDS = 4096
CHUNK_BYTES = 16 << 20


@dataclass
class Converted:
    """What a conversion did. Law: read = kept + dropped + quarantined + blank.

    formats: records by the format they were read as. refused: dropped ones by reason (INEXPRESSIBLE_REASONS).
    quarantine: quarantined ones by reason. output: the file.
    """

    output: Written
    kept: int = 0
    blank: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    quarantine: Counter[str] = field(default_factory=Counter)

    @property
    def counts(self) -> dict[str, int]:
        """read, kept, dropped, quarantined and blank."""
        dropped, quarantined = self.refused.total(), self.quarantine.total()
        return {
            "read": self.kept + dropped + quarantined + self.blank,
            "kept": self.kept,
            "dropped": dropped,
            "quarantined": quarantined,
            "blank": self.blank,
        }


def convert_objects(
    objects: Iterable[Mapping[str, Any]],
    out_format: str | None,
    *,
    primary: str | None = None,
    forced: str | None = None,
) -> Iterator[tuple[str, dict[str, Any]] | BadRecord | Inexpressible]:
    """For each object, its format and the object in `out_format` (None: its own), or why there is none, in order.

    `primary` and `forced` are as in `read_record`. Raises RecipeError for an unknown format.
    """
    if out_format is not None:
        get(out_format)
    for obj in objects:
        try:
            name, turns, meta = read_record(obj, primary, forced)
            yield name, write_record(name, meta, turns, out_format, None)
        except (BadRecord, Inexpressible) as error:
            yield error


def convert(
    inputs: Sequence[str],
    out: str | Path,
    *,
    format: str | None = None,  # noqa: A002 - the name users know from the command line
    out_format: str | None = None,
    safe_csv: bool = False,
    limits: Limits | None = None,
    spool: Path | None = None,
    on_bad: Callable[[Bad], None] | None = None,
) -> Converted:
    """Read files, globs or folders and write all their records into the one file `out`, whose name says the container.

    format, out_format: a format for all sources, or None to recognise it; a format for all records, or None to leave
    each in its own. spool: where standard input is kept while it is read. on_bad: told of everything that is not in the
    output, in order: what is no record, and what `out_format` cannot hold (its reason is in INEXPRESSIBLE_REASONS).
    Raises InputError, OutputError, RecipeError. Memory is bounded by one chunk of records.
    """
    from curation.readers import LIMITS, find_sources, read_chunks, sample_objects

    for name in (format, out_format):
        if name is not None:
            get(name)
    refuse_address(out)
    bounds = limits or LIMITS
    with OutputFile(out, safe_csv=safe_csv) as output:
        told = Converted(Written(str(out), 0, 0, ""))
        for source in find_sources(inputs, spool=spool, limits=bounds):
            if Path(out).exists() and Path(source.file or source.path).resolve() == Path(out).resolve():
                raise InputError(f"{out} is both input and output.", "Write to another file.")
            wanted = _Wanted(format or detect(sample_objects(source, bounds, spool=spool)), format, out_format, bounds)
            with closing(
                read_chunks(source, chunk_records=CHUNK_RECORDS, chunk_bytes=CHUNK_BYTES, limits=bounds, spool=spool)
            ) as chunks:
                for chunk in chunks:
                    output.add(encode_part(_convert_chunk(chunk, wanted, told, on_bad)))
        told.output = output.close()
    return told


class _Wanted(NamedTuple):
    primary: str | None
    forced: str | None
    out_format: str | None
    limits: Limits


def _convert_chunk(
    chunk: RawChunk, wanted: _Wanted, told: Converted, on_bad: Callable[[Bad], None] | None
) -> Iterator[dict[str, Any]]:
    from curation.readers import Bad, parse_payload

    told.blank += chunk.blank
    told.quarantine.update(item.reason for item in chunk.bad)
    left_out = list(chunk.bad)
    for line, offset, payload in zip(chunk.lines, chunk.offsets, chunk.payloads, strict=True):
        try:
            name, turns, meta = read_record(parse_payload(payload, wanted.limits), wanted.primary, wanted.forced)
            obj = write_record(name, meta, turns, wanted.out_format, None)
        except (BadRecord, Inexpressible) as error:
            (told.quarantine if isinstance(error, BadRecord) else told.refused)[error.reason] += 1
            left_out.append(Bad(chunk.source, line, offset, error.reason, error.detail, payload[:RAW_KEPT]))
            continue
        told.formats[name] += 1
        told.kept += 1
        yield obj
    if on_bad is not None:
        for item in sorted(left_out, key=lambda item: item.line or 0):
            on_bad(item)
