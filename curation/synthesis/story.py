"""Where an item came from: the sentence of the document, or the records, that it was made of, and all that was decided.

story = item_story(run_folder, "u00012.0")         # or a fragment of its text
story.sentences[0].text                            # what the answer rests on, as the document has it
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from curation.errors import InputError, nearest
from curation.synthesis.decisions import decided, standing
from curation.synthesis.made import Made
from curation.synthesis.model import (
    CHUNKS,
    DECISIONS,
    DOCUMENTS,
    ORIGINS,
    TEXTS,
    UNITS,
    Chunk,
    Decision,
    Document,
    Item,
    Origin,
    Outcome,
    Row,
    Unit,
    last_outcomes,
    read_rows,
)
from curation.synthesis.prompts.schema import file_of

_AROUND = 400  # characters of a sentence that are told on either side of a span
_ALSO = 20
_ENDS = re.compile(r"[.!?]+[\"'”’)\]]*\s+|[。！？…]+[”’」』）]*|\n+")


@dataclass(frozen=True)
class Sentence:
    """A span where it stands. exchange: whose quote it is, from 0. start, end: in the document's text, in characters.
    before, after: the rest of the sentence around `text`, which is the document's text[start:end]."""

    exchange: int
    start: int
    end: int
    before: str
    text: str
    after: str


@dataclass(frozen=True)
class ItemStory:
    """An item of a generation. item: as it stands, with what people decided; made: as the run had it. intact: whether the
    document's text is still the one that was asked about. origins: the seeds, or the text or record. prompt: the file that
    it was asked with, and its SHA-256 (hex), "" where nobody wrote that down. replaced_by: items asked for in its place.
    also: others that hold the fragment asked for."""

    run: Path
    item: Item
    made: Item
    unit: Unit
    outcome: Outcome
    document: Document | None = None
    chunk: Chunk | None = None
    intact: bool = True
    sentences: tuple[Sentence, ...] = ()
    origins: tuple[Origin, ...] = ()
    model: str = ""
    prompt: str = ""
    prompt_digest: str = ""
    decisions: tuple[Decision, ...] = ()
    replaced_by: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """In plain values."""
        found = {**asdict(self), "run": str(self.run)}
        found["outcome"].pop("items")
        return found


def item_story(folder: Path, wanted: str) -> ItemStory:
    """The story of an item, by its id (`u00012.0`) or by a fragment of its text. Of several that hold the fragment the
    first accepted one is told, and the others are named. Raises InputError where nothing fits."""
    outcomes = last_outcomes(folder)
    units = {unit.unit_id: unit for unit in read_rows(folder / UNITS, Unit)}
    said = decided(folder)
    items = {item.item_id: (item, outcome) for outcome in outcomes.values() for item in outcome.items}
    found = [wanted] if wanted in items else _holding(items, said, wanted)
    if not found:
        raise InputError(*_nothing(folder, wanted, items, units))
    made, outcome = items[found[0]]
    unit = units.get(outcome.unit_id)
    if unit is None:
        raise InputError(f"The run folder {folder} is damaged: unit {outcome.unit_id} is gone.", "Generate anew.")
    item = standing(made, said.get(made.item_id))
    with_what = Made.read(folder)
    prompt = f"{file_of(unit)}.jinja"
    return ItemStory(
        folder,
        item,
        made,
        unit,
        outcome,
        model=with_what.model if with_what is not None else "",
        prompt=prompt,
        prompt_digest=with_what.prompts.get(prompt, "") if with_what is not None else "",
        decisions=tuple(one for one in read_rows(folder / DECISIONS, Decision) if one.item_id == made.item_id),
        replaced_by=tuple(f"{one.unit_id}.0" for one in units.values() if one.again == made.item_id),
        also=tuple(found[1:_ALSO]),
        **_source(folder, unit, made),
    )


def claim(record: Mapping[str, Any]) -> tuple[str, str] | None:
    """What a record says of its making: the name of the run and the item's id; None for one that no run made."""
    run, item_id = record.get("run"), record.get("id")
    is_one = isinstance(run, str) and isinstance(item_id, str) and "parents" in record
    return (str(run), str(item_id)) if is_one else None


def made_by(record: Mapping[str, Any], places: Iterable[Path]) -> ItemStory | None:
    """The story of a generated record, found by what it says of itself in the folders of runs `places`; None for a record
    that no generation there made. A record may claim anything: the run must have such an item."""
    named = claim(record)
    if named is None:
        return None
    run, item_id = named
    for place in dict.fromkeys(places):
        folder = place / run
        if Path(run).name == run and _kind(folder) == "generate":
            try:
                return item_story(folder, item_id)
            except InputError:
                continue
    return None


def _holding(items: Mapping[str, tuple[Item, Outcome]], said: Mapping[str, Any], fragment: str) -> list[str]:
    """Items that hold a text, as the model wrote them or as a person did; accepted ones first."""
    found: list[tuple[bool, int, str]] = []
    for item_id, (item, _) in items.items():
        now = standing(item, said.get(item_id))
        texts = (text for one in (*item.exchanges, *now.exchanges)
                 for text in (one.question, one.answer, one.quote, one.reasoning))  # fmt: skip
        if fragment and any(fragment in text for text in texts):
            found.append((now.status != "accepted", len(found), item_id))
    return [item_id for *_, item_id in sorted(found)]


def _nothing(folder: Path, wanted: str, items: Mapping[str, Any], units: Mapping[str, Unit]) -> tuple[str, str]:
    if wanted.rpartition(".")[0] in units:
        return f"{wanted} has not been asked for yet.", "Let the run go on: studio generate --resume RUN"
    hint = "Ids look like u00012.0." + (f" {nearest(wanted, list(items)[:2000])}" if items else "")
    return f"No item of {folder.name} has the id or holds the text '{wanted}'.", hint


def _source(folder: Path, unit: Unit, item: Item) -> dict[str, Any]:
    """What the unit was about: the chunk with its document and the sentences, or the records."""
    if not unit.chunk_id:
        wanted = set(unit.record_ids)
        rows = {row.record_id: row for row in read_rows(folder / ORIGINS, Origin) if row.record_id in wanted}
        return {"origins": tuple(rows[each] for each in unit.record_ids if each in rows)}
    chunk = _row(folder / CHUNKS, Chunk, "chunk_id", unit.chunk_id)
    document = _row(folder / DOCUMENTS, Document, "document_id", chunk.document_id) if chunk else None
    if document is None:
        return {"chunk": chunk}
    try:
        text = (folder / TEXTS / f"{document.document_id}.md").read_bytes().decode("utf-8", "surrogatepass")
    except OSError:
        return {"chunk": chunk, "document": document, "intact": False}
    intact = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() == document.text_digest
    sentences = tuple(_sentence(text, span.exchange, span.start, span.end) for span in item.spans)
    return {"chunk": chunk, "document": document, "intact": intact, "sentences": sentences}


def _sentence(text: str, exchange: int, start: int, end: int) -> Sentence:
    low, high = max(0, start - _AROUND), min(len(text), end + _AROUND)
    marks = [low, *(low + found.end() for found in _ENDS.finditer(text[low:high])), high]
    begin = max(mark for mark in marks if mark <= start)
    finish = min(mark for mark in marks if mark >= end)
    return Sentence(exchange, start, end, text[begin:start].lstrip(), text[start:end], text[end:finish].rstrip())


def _row(path: Path, kind: type[Row], key: str, value: str) -> Any:
    return next((row for row in read_rows(path, kind) if getattr(row, key) == value), None)


def _kind(folder: Path) -> str:
    try:
        return str(json.loads((folder / "run.json").read_bytes())["kind"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
