"""The records of everything that was opened, one after the other, numbered from 0."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence

from curation.browsing.model import Raw, Record, Segment, Stopped
from curation.browsing.reading import take_apart
from curation.errors import InputError
from curation.readers import Source, column_types, sample_objects

_HELD = 512  # records kept taken apart: some screens full


class RecordList:
    """The records of some segments. `grow` finds them, in one thread; everything else may be called from any.

    name: what was opened, in short. sources: that of each segment, None for a run. formats: for each source whose turn
    came, its format by a sample. column_types: as in `StageContext`, likewise.
    """

    def __init__(
        self, name: str, segments: Sequence[Segment], sources: Sequence[Source | None], notes: Sequence[str] = ()
    ) -> None:
        self.name = name
        self.segments = list(segments)
        self._sources = list(sources)
        self.whole = False
        self.problem: InputError | None = None
        self.formats: dict[str, str | None] = {}
        self.column_types: dict[str, dict[str, str]] = {}
        self._notes = list(notes)
        self._ends: list[int] = []  # of the segments that are complete
        self._records: OrderedDict[int, Record] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        done = len(self._ends)
        before = self._ends[-1] if done else 0
        return before if done == len(self.segments) else before + self.segments[done].count

    @property
    def notes(self) -> list[str]:
        """What a user should know about what is shown."""
        return [*self._notes, *(note for segment in self.segments for note in segment.notes)]

    def grow(self, stopped: Stopped) -> Iterator[int]:
        """Find the records; yields how many there are after each portion. A source that cannot be read ends it."""
        for segment, source in zip(self.segments, self._sources, strict=True):
            try:
                if source is not None:
                    self._look_at(source)
                for _ in segment.grow():
                    if stopped():
                        return
                    yield len(self)
            except InputError as error:
                self.problem = error
            self._ends.append((self._ends[-1] if self._ends else 0) + segment.count)
            yield len(self)
        self.whole = True
        yield len(self)

    def at_hand(self, row: int) -> bool:
        """Whether `record` answers within a few milliseconds."""
        if row in self._records:
            return True
        segment, own = self._place(row)
        return segment.at_hand(own)

    def raw(self, row: int) -> Raw:
        """One record as it stands. Raises IndexError beyond what was found."""
        segment, own = self._place(row)
        return segment.raw(own)

    def raws(self, first: int, last: int) -> Iterator[Raw]:
        """Consecutive records; `last` is not included."""
        while first < last:
            segment, own = self._place(first)
            taken = min(last - first, segment.count - own)
            yield from segment.raws(own, own + taken)
            first += taken

    def record(self, row: int) -> Record:
        """One record taken apart; the last few hundred are remembered."""
        with self._lock:
            if (known := self._records.get(row)) is not None:
                self._records.move_to_end(row)
                return known
        raw = self.raw(row)
        found = take_apart(raw, self.formats.get(raw.source))
        with self._lock:
            self._records[row] = found
            while len(self._records) > _HELD:
                self._records.popitem(last=False)
        return found

    def segment_rows(self) -> Iterator[tuple[Segment, int, int]]:
        """Each segment with its first and its end row, as far as they were found."""
        begin = 0
        total = len(self)
        for segment in self.segments:
            end = min(total, begin + segment.count)
            if end > begin:
                yield segment, begin, end
            begin = end
            if begin >= total:
                return

    def close(self) -> None:
        """Let go of files."""
        for segment in self.segments:
            segment.close()

    def _look_at(self, source: Source) -> None:
        """Format and types of columns, by a sample, as a run takes them."""
        from curation.formats import detect

        sample = sample_objects(source)
        self.column_types[source.name] = column_types(sample)
        self.formats[source.name] = detect(sample)

    def _place(self, row: int) -> tuple[Segment, int]:
        number = bisect_right(self._ends, row)
        before = self._ends[number - 1] if number else 0
        if row < 0 or number >= len(self.segments) or row - before >= self.segments[number].count:
            raise IndexError(row)
        return self.segments[number], row - before
