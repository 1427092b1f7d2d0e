"""From what a user names to a list of records."""

from __future__ import annotations

from pathlib import Path

import orjson

from curation.browsing.columnar import ParquetSegment, has_moderate_groups
from curation.browsing.files import Kept
from curation.browsing.finished import RunSegment, is_run
from curation.browsing.framed import FramedSegment
from curation.browsing.lines import LineSegment
from curation.browsing.model import Segment
from curation.browsing.record_list import RecordList
from curation.errors import InputError
from curation.readers import LIMITS, Limits, Source, column_types, find_sources, sample_objects


def open_records(given: str, *, cache: Path | None = None, limits: Limits = LIMITS) -> RecordList:
    """The records of a file, a folder, a pattern, `hf:NAME` or a finished run; none of them is found yet.

    cache: a folder for what has to be decompressed or converted.
    Raises InputError, with a hint.
    """
    path = Path(given)
    if is_run(path):
        if not (path / "index.json").is_file():
            raise InputError(
                f"{path.name} has not finished, so there are no records to show yet",
                "Attach to it on the screen Runs, or with 'studio runs attach'.",
            )
        return _open_run(path)
    notes: list[str] = []
    sources = find_sources([given], note=notes.append, limits=limits)
    name = given if len(sources) > 1 else sources[0].name
    kept = Kept(cache)
    segments = [segment_of(source, limits, kept) for source in sources]
    return RecordList(name, segments, sources, notes)


def segment_of(source: Source, limits: Limits = LIMITS, kept: Kept | None = None) -> Segment:
    """The way of reading that suits the source."""
    if source.compression == "none" and source.encoding in ("utf-8", "utf-8-sig"):
        if source.kind in ("jsonl", "txt"):
            return LineSegment(source, limits)
        if source.kind == "parquet" and has_moderate_groups(Path(source.file or source.path)):
            return ParquetSegment(source, limits)
    return FramedSegment(source, limits, kept)


def _open_run(run: Path) -> RecordList:
    """A finished run: its formats are in its summary, the types of columns are those of its sources, if still there."""
    records = RecordList(run.name, [RunSegment(run.resolve())], [None])
    for row in orjson.loads((run / "summary.json").read_bytes())["sources"]:
        records.formats[row["source"]] = row["format"]
        source = Source(
            row["source"], row["path"], row["kind"], row["compression"], row["encoding"], row["bytes"], row["path"]
        )
        try:
            records.column_types[source.name] = column_types(sample_objects(source))
        except InputError:
            records.column_types[source.name] = {}
    return records
