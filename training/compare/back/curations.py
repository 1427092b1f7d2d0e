"""Which curation wrote a file that somebody read, and which of its records a line of that file is."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from curation.errors import InputError
from training.compare.back.files import Output, Recorded
from training.compare.back.records import Learned, as_learned
from training.examples import Example, Message

if TYPE_CHECKING:
    from curation.ledger import Story, Turn

How = Literal["bytes", "digest", "path"]


@dataclass(frozen=True)
class Writer:
    """The dataset file of a curation that was read. how: its bytes are those that were read; the curation's own digest is
    that of a copy that is still there; or only its name is the same, since the curation was done again."""

    output: Output
    how: How

    @property
    def is_exact(self) -> bool:
        """Whether lines of the file that was read are lines of what the curation wrote last."""
        return self.how != "path"


def writer_of(source: Recorded, outputs: Iterable[Output]) -> Writer | None:
    """That of the `outputs` of curations which `source` is: by its bytes wherever they lie now, else by its name."""
    outputs = sorted(outputs, key=lambda output: not _is_named(source.path, output))  # two may have the same bytes
    for output in outputs:
        if source.is_at(output.path):
            return Writer(output, "bytes")
    same_size = [output for output in outputs if output.size == source.size]
    if same_size and source.is_at(source.path):
        from curation.weights.cache import file_digest

        digest = file_digest(source.path)
        for output in same_size:
            if output.sha256 == digest:
                return Writer(output, "digest")
    return next((Writer(output, "path") for output in outputs if _is_named(source.path, output)), None)


def kept_at(output: Output, position: int) -> str | None:
    """The id of the record at a 1-based position of a dataset file, by the ledger; None where the file has none there.

    The ledger of one shard is read, however many there are. Raises InputError for a damaged run.
    """
    from curation.ledger import read_index

    shards = read_index(output.run)
    counts = [_kept_count(output.run, shard, output.split) for shard in shards]
    before = list(accumulate(counts, initial=0))
    if before[-1] != output.records:
        raise _damaged(output, f"tells of {before[-1]:,} records, and there are {output.records:,}")
    at = bisect_left(before, position) - 1
    if position < 1 or position > output.records:
        return None
    kept = _kept_in(output.run, shards[at], output.split)
    if len(kept) != counts[at]:
        raise _damaged(output, f"keeps {len(kept):,} records of a part that was written with {counts[at]:,}")
    return kept[position - before[at] - 1]


def _damaged(output: Output, said: str) -> InputError:
    return InputError(
        f"The run folder {output.run.name} is damaged: about {output.path.name} its ledger {said}.",
        "Do the curation again.",
    )


def with_text(run: Path, learned: Learned, near: int) -> Story | None:
    """The story of the record of a finished curation that at some time read as `learned`, as it came or after some stage;
    of several the one in the dataset, and of these the one whose position is nearest to `near`. None where there is none.
    """
    from curation.ledger import read_index, stories

    ids = [found for shard in read_index(run) for found in _holding(run, shard, learned.answer)]
    told = [story for story in stories(run, ids) if any(_is_same(reading, learned) for reading in _readings(story))]
    return min(told, key=lambda story: (story.fate != "kept", abs(_position(story.record_id) - near)), default=None)


def _is_named(path: Path, output: Output) -> bool:
    if path == output.recorded or path == output.path:
        return True
    return path.parts[-3:] == (output.run.name, "dataset", output.path.name)


def _kept_count(run: Path, shard: Mapping[str, Any], split: str) -> int:
    path = run / "shards" / f"{shard['finish']}.json"
    try:
        count = json.loads(path.read_bytes())["kept_by_split"].get(split, 0)
    except (OSError, ValueError, KeyError):
        raise InputError(f"{path} is gone or damaged.", "Do the curation again.") from None
    return int(count)


def _kept_in(run: Path, shard: Mapping[str, Any], split: str) -> list[str]:
    """The records of a shard that were written into `split`, in order: those that nothing dropped."""
    import polars as pl

    from curation.engine.review import REVIEW_STAGE
    from curation.engine.store import Store

    records = Store(run / "shards").frame(shard["key"], "records")["record_id"]
    ledger = pl.read_parquet(run / "ledger" / f"part-{shard['place']:05d}.parquet", glob=False)
    dropped = set(ledger.filter(pl.col("action") == "drop")["record_id"])
    named = ledger.filter((pl.col("action") == "annotate") & (pl.col("stage") != REVIEW_STAGE))
    told = named.filter(pl.col("values").str.contains('"split"', literal=True))
    splits: dict[str, str] = {}
    for record_id, values in told.select("record_id", "values").iter_rows():
        chosen = json.loads(values).get("split")
        if chosen is not None:
            splits[record_id] = chosen
    return [one for one in records if one not in dropped and splits.get(one, "train") == split]


def _holding(run: Path, shard: Mapping[str, Any], answer: str) -> list[str]:
    """Records of a shard with a turn, as read or as a stage or a person left it, that `answer` begins with."""
    import polars as pl

    from curation.engine.store import Store

    def begins(column: str) -> pl.Expr:
        return (pl.col(column).str.len_bytes() > 0) & pl.lit(answer).str.starts_with(pl.col(column))

    store = Store(run / "shards")
    turns = store.frame(shard["key"], "turns").filter(begins("content"))["record_id"]
    edits = store.frame(shard["finish"], "edits").filter(begins("after"))["record_id"]
    return list(dict.fromkeys([*turns, *edits]))


def as_it_came(story: Story) -> Learned:
    """The record before any stage decided about it."""
    return _as_learned(story, {turn.turn: turn for turn in story.turns})


def _readings(story: Story) -> list[Learned]:
    """What the record read like: as it came, and after each stage that changed it."""
    now = {turn.turn: turn for turn in story.turns}
    found = [_as_learned(story, now)]
    for event in story.events:
        now.update({turn.turn: turn for turn in event.after})
        found.append(_as_learned(story, now))
    return found


def _as_learned(story: Story, turns: Mapping[int, Turn]) -> Learned:
    said = [Message(turns[turn].role.replace("chosen", "assistant"), turns[turn].content) for turn in sorted(turns)]
    kept = tuple(message for message in said if message.role != "rejected")
    return as_learned(Example(story.record_id, kept))


def _is_same(reading: Learned, learned: Learned) -> bool:
    """A prompt that comes from tensors still has the names of roles around each message."""
    if reading.answer.strip() != learned.answer.strip():
        return False
    return all(part.strip() in learned.prompt for part in reading.prompt.split("\n\n"))


def _position(record_id: str) -> int:
    position = record_id.rpartition(":")[2]
    return int(position) if position.isdecimal() else 0
