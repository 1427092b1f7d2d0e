"""From the id of a record to its row in a list of records."""

from __future__ import annotations

from curation.browsing.finished import RunSegment
from curation.browsing.record_list import RecordList


def row_of(records: RecordList, record_id: str) -> int | None:
    """The row of the record with this id among those found up to now, None where there is none.

    Of a file some twenty records are read (positions go up, so the row is searched for between them); of a run the shard
    that its index names.
    """
    source, _, number = record_id.rpartition(":")
    if not number.isdigit():
        return None
    for segment, begin, end in records.segment_rows():
        if isinstance(segment, RunSegment):
            own = segment.row_of(record_id)
            if own is not None:
                return begin + own
        elif segment.name == source:
            row = _between(records, begin, end, int(number))
            if row is not None:
                return row
    return None


def _between(records: RecordList, low: int, high: int, position: int) -> int | None:
    while low < high:
        middle = (low + high) // 2
        found = records.raw(middle).position
        if found == position:
            return middle
        low, high = (middle + 1, high) if found < position else (low, middle)
    return None
