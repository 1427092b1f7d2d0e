"""Where a training record came from: the curation that wrote it, the record it was there, and what was decided about it.

story = story_of(run_folder, "train.jsonl:12")
decide(story, "drop")            # the next run of that curation leaves it out
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from curation.errors import InputError
from curation.ledger import Story, object_as_read, read_index, stories
from curation.synthesis.story import ItemStory, made_by
from curation.verdicts import JOURNAL, Journal, RecordVerdicts, Verdict, fold, read_journal
from curation.verdicts.author import author as this_author
from training.compare.back.curations import Writer, as_it_came, kept_at, with_text, writer_of
from training.compare.back.files import Recorded, curations_near, outputs_of, places_near, read_spec, sources_of
from training.compare.back.records import Learned, learned_records, train_spec

Found = Literal["position", "content", "nowhere"]
Action = Literal["drop", "flag", "edit"]

FLAGGED = "flagged"  # the tag that a record gets
_DEEPEST = 8  # curations of curations that are followed
_ANSWERS = ("assistant", "chosen", "text")  # roles of turns that are learned


@dataclass(frozen=True)
class RecordStory:
    """A record of a file that was read, and where it came from.

    record_id: `source:position`, as training, ledger and reports write it. path: of the file when it was read; position:
    1-based, of the line in JSONL, of the record else. said: in a sentence, how the curation was found, or why none was.
    curation: the folder of the run that wrote the file, None for none. ledger: the record there, with every decision.
    found: by its position in the file, or by its text, where the file has been written anew since. duplicates: records
    that were dropped in its favour. verdicts: what people decided. earlier: the same for the file that the curation read.
    made: the item that it is, where a generation made it and no curation wrote the file.
    """

    record_id: str
    path: Path
    position: int
    said: str
    found: Found = "nowhere"
    curation: Path | None = None
    ledger: Story | None = None
    duplicates: tuple[str, ...] = ()
    verdicts: RecordVerdicts = field(default_factory=RecordVerdicts)
    content_hash: str = ""
    earlier: RecordStory | None = None
    made: ItemStory | None = None

    @property
    def original(self) -> RecordStory:
        """The first record of the chain: a line of a file that no curation wrote."""
        return self if self.earlier is None else self.earlier.original

    def as_json(self) -> dict[str, Any]:
        """In plain values."""
        told = None
        if self.ledger is not None:
            told = {**asdict(self.ledger), "final": [asdict(turn) for turn in self.ledger.final()]}
        return {
            "record_id": self.record_id,
            "path": str(self.path),
            "position": self.position,
            "said": self.said,
            "found": self.found,
            "curation": None if self.curation is None else str(self.curation),
            "ledger": told,
            "duplicates": list(self.duplicates),
            "verdict": self.verdicts.status or ("tagged" if self.verdicts.tags else ""),
            "earlier": None if self.earlier is None else self.earlier.as_json(),
            "made": None if self.made is None else self.made.as_json(),
        }


def story_of(run: Path, record_id: str) -> RecordStory:
    """The story of a record that the training run in folder `run` read. Raises InputError where it read no such record.

    Curations are looked for beside the run and where its data was; folders may have moved, together or apart.
    """
    sources = sources_of(train_spec(run))
    return _story(run, sources, record_id, _Record(run, record_id, None), _DEEPEST)


def made_of(curation: Path, record_id: str) -> ItemStory | None:
    """The item of a generation that a record of a curation is, whoever curated it before; None for what nobody generated.

    It is known by what the record says of itself, which every stage leaves alone."""
    if not (curation / "run.json").is_file():  # the engine's own folder, without a run around it
        return None
    places = places_near(curation, sources_of(read_spec(curation)))
    if not any(any(place.glob("*-generate-*")) for place in places):
        return None
    return made_by(object_as_read(curation, record_id), places)


def decide(story: RecordStory, action: Action, text: str = "", author: str | None = None) -> list[Verdict]:
    """Write a verdict about a record into the journal of the curation that wrote it; its next run applies it.

    drop: it leaves the dataset. edit: its last answer reads `text`. flag: it is tagged, with `text` as a remark. author:
    whose verdict it is; by default as everywhere. Raises InputError where no curation wrote the record, BusyError while
    another process reviews that run.
    """
    run, told = story.curation, story.ledger
    if run is None or told is None:
        raise InputError(
            f"No verdict about {story.record_id} can be kept: {story.said}",
            "Curate the file first (studio curate FILE), and train on what that writes.",
        )
    by = this_author() if author is None else author
    key = (told.record_id, story.content_hash)
    with Journal.open(run / JOURNAL) as journal:
        if action == "flag":
            before = fold(journal.verdicts).records.get(key, RecordVerdicts()).tags
            tags = tuple(dict.fromkeys([*(before.tags if before else ()), FLAGGED]))
            made = [Verdict("tag", *key, by, tags=tags)]
            if text:
                made = [Verdict("tag", *key, by, tags=tags, group=made[0].id)]
                made.append(Verdict("note", *key, by, note=text, group=made[0].group))
        elif action == "edit":
            made = [Verdict("edit", *key, by, turn=_answer_turn(told), after=_told(text))]
        else:
            made = [Verdict("drop", *key, by)]
        journal.append(*made)
    return made


@dataclass(frozen=True)
class _Record:
    """A record as a run read it: a training, or a curation, whose ledger tells of it."""

    run: Path
    record_id: str
    told: Story | None

    def reading(self) -> Learned:
        """Its texts."""
        return _reading(self.run, self.record_id) if self.told is None else as_it_came(self.told)

    def columns(self, source: Recorded, position: int) -> Mapping[str, Any]:
        """All that it says of itself; {} where that is not known any more."""
        if self.told is not None:
            return object_as_read(self.run, self.record_id)
        return _line_of(source, position, places_near(self.run, [source]))


def _story(run: Path, sources: Sequence[Recorded], record_id: str, record: _Record, deepest: int) -> RecordStory:
    name, _, number = record_id.rpartition(":")
    source = next((source for source in sources if source.name == name), None)
    if source is None or not number.isdecimal():
        known = ", ".join(source.name for source in sources)
        raise InputError(f"{run.name} read no record {record_id}.", f"Ids look like 'file:12'; it read {known}.")
    position = int(number)
    near = [folder for folder in curations_near(run, [source]) if folder != run]
    writer = writer_of(source, [output for folder in near for output in outputs_of(folder)])
    if writer is None:
        made = made_by(record.columns(source, position), places_near(run, [source]))
        said = f"no curation beside {run.name} wrote {source.path.name}."
        said = said if made is None else f"made by {made.run.name}."
        return RecordStory(record_id, source.path, position, said, made=made)
    if writer.is_exact:
        original = kept_at(writer.output, position)
        if original is None:
            raise InputError(f"{source.path.name} has {writer.output.records:,} records, and none at {position}.")
        told: Story | None = stories(writer.output.run, [original])[0]
        found: Found = "position"
    else:
        told, found = with_text(writer.output.run, record.reading(), position), "content"
    return _with_ledger(
        RecordStory(record_id, source.path, position, _said(writer, told), found), writer, told, deepest
    )


def _with_ledger(begun: RecordStory, writer: Writer, told: Story | None, deepest: int) -> RecordStory:
    run = writer.output.run
    if told is None:
        return RecordStory(begun.record_id, begun.path, begun.position, begun.said, curation=run)
    content = _content_hash(run, told.record_id)
    state = fold(read_journal(run / JOURNAL).verdicts)
    sources, earlier = sources_of(read_spec(run)), None
    if deepest and any(source.name == told.source for source in sources):
        earlier = _story(run, sources, told.record_id, _Record(run, told.record_id, told), deepest - 1)
    return RecordStory(
        begun.record_id,
        begun.path,
        begun.position,
        begun.said,
        begun.found,
        run,
        told,
        _duplicates(run, told.record_id),
        state.records.get((told.record_id, content), RecordVerdicts()),
        content,
        earlier,
    )


def _line_of(source: Recorded, position: int, places: Sequence[Path]) -> Mapping[str, Any]:
    """The object on a line of a file that was read, wherever its bytes are now: generations write JSON lines."""
    if source.path.suffix != ".jsonl":
        return {}
    inside = (path for place in places for path in place.glob(f"*-generate-*/dataset/{source.path.name}"))
    there = next((path for path in (source.path, *inside) if source.is_at(path)), None)
    if there is None:
        return {}
    with there.open("rb") as lines:
        try:
            found = json.loads(next(islice(lines, position - 1, None), b""))
        except ValueError:
            return {}
    return found if isinstance(found, dict) else {}


def _said(writer: Writer, told: Story | None) -> str:
    name = writer.output.run.name
    if writer.is_exact:
        return f"written by {name}."
    if told is None:
        return f"written by {name}, which was done again since; no record of it reads like this one now."
    return f"written by {name}, which was done again since; found there by its text."


def _reading(run: Path, record_id: str) -> Learned:
    """A training record as it read, whatever has become of its file."""
    from training.compare.back.index import made_index

    index = made_index(run)
    found = index.find(record_id) if index is not None else None
    if found is None:
        found = next((record for record in learned_records(run) if record.record_id == record_id), None)
    if found is None:
        raise InputError(f"{run.name} did not train on {record_id}.", "It was held out, too long, or is no record.")
    return found


def _content_hash(run: Path, record_id: str) -> str:
    import polars as pl

    from curation.engine.store import Store

    source, _, position = record_id.rpartition(":")
    store = Store(run / "shards")
    for shard in read_index(run):
        if shard["source"] == source and shard["first"] <= int(position) <= shard["last"]:
            mine = store.frame(shard["key"], "records").filter(pl.col("record_id") == record_id)
            return str(mine["content_hash"][0])
    raise InputError(f"The run folder {run} is damaged: record {record_id} is gone.", "Do the curation again.")


def _duplicates(run: Path, record_id: str) -> tuple[str, ...]:
    """Records that the curation dropped in favour of this one."""
    import polars as pl

    dropped = (
        pl.scan_parquet(run / "ledger" / "part-*.parquet")
        .filter((pl.col("action") == "drop") & (pl.col("related_id") == record_id))
        .select("record_id")
        .collect()
    )
    return tuple(dropped["record_id"].unique(maintain_order=True))


def _answer_turn(told: Story) -> int:
    turns = [turn.turn for turn in told.turns if turn.role in _ANSWERS]
    if not turns:
        raise InputError(f"Record {told.record_id} has no answer to edit.", "Edit it in the screen Review.")
    return turns[-1]


def _told(text: str) -> str:
    if not text.strip():
        raise InputError("An edit needs the new text of the answer.", "To take the record out, drop it.")
    return text
