"""What a generation consists of, as rows of the files in its folder.

A document is cut into chunks. A unit is one request about a chunk, some seeds or a record, and asks for some items. What
came of a unit is one outcome: each item it asked for was accepted, rejected or failed, so that over a run

    requested = accepted + rejected + failed

holds line by line. An outcome is written once, whole; people's decisions about items stand in a file of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self

Kind = Literal["qa", "similar", "instruction", "rewrite", "complete", "translate", "deepen"]
Status = Literal["accepted", "rejected", "failed"]

DOCUMENTS = "documents.jsonl"  # Document rows; the converted texts are in TEXTS
TEXTS = "documents"  # folder: <document_id>.md
CHUNKS = "chunks.jsonl"
ORIGINS = "origins.jsonl"  # the seeds, texts or records that units name
UNITS = "units.jsonl"
OUTCOMES = "outcomes.jsonl"
DECISIONS = "decisions.jsonl"
CALLS = "calls.sqlite"
DATASET = "dataset"
SUMMARY = "summary.json"


class Row:
    """A dataclass that is a line of a file."""

    def as_json(self) -> dict[str, Any]:
        """In plain values."""
        return asdict(self)  # type: ignore[call-overload,no-any-return]

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """The row that `as_json` wrote. Lists become tuples; unknown keys are left out."""
        known = {each.name for each in fields(cls)}  # type: ignore[arg-type]
        return cls(**{key: _frozen(value) for key, value in found.items() if key in known})


@dataclass(frozen=True)
class Document(Row):
    """A document as it was converted. document_id: unique in the run, and a file name. digest: SHA-256 (hex) of the
    file; text_digest: of the text, which is Markdown. converter: name and version of what read it. place: where in the
    file, for a file of several documents (a line, 1-based), else 0."""

    document_id: str
    path: str
    title: str
    digest: str
    text_digest: str
    converter: str
    characters: int
    place: int = 0


@dataclass(frozen=True)
class Chunk(Row):
    """A stretch of a document's text: text == document text[start:end], offsets in characters. headings: those above it,
    from the outermost in. tokens: about how many."""

    chunk_id: str
    document_id: str
    start: int
    end: int
    text: str
    headings: tuple[str, ...]
    tokens: int


@dataclass(frozen=True)
class Origin(Row):
    """A seed, a text or a record to work from. record_id: `source:position`, as everywhere. turns: (role, content)."""

    record_id: str
    turns: tuple[tuple[str, str], ...]
    content_hash: str


@dataclass(frozen=True)
class Unit(Row):
    """One request. wanted: items it asks for. chunk_id: of a document's chunk; record_ids: of seeds, or of the one text or
    record. language: of what is written, "" for that of its source. types: the question type of each item, "" for any.
    difficulty: "" for any. turns: exchanges of an item. seed: of the sampling. again: the item that it replaces, "" for none.
    anchors: of each item the sentence of the chunk that it asks about, which is its quote: chunk text[start:end]; none where
    whoever writes chooses, and quotes.
    """

    unit_id: str
    kind: Kind
    wanted: int
    chunk_id: str = ""
    record_ids: tuple[str, ...] = ()
    language: str = ""
    types: tuple[str, ...] = ()
    difficulty: str = ""
    turns: int = 1
    reasoning: bool = False
    seed: int = 0
    again: str = ""
    anchors: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Exchange(Row):
    """One question and its answer. quote: what the answer rests on, word for word from the source. reasoning: the steps to
    the answer, where they were asked for."""

    question: str
    answer: str
    quote: str = ""
    reasoning: str = ""


@dataclass(frozen=True)
class Span(Row):
    """Where an exchange's quote stands: text == document text[start:end], or of the source record's turn where there is no
    document. exchange: its place in the item, from 0. Masked values inside are counted with their original length."""

    exchange: int
    start: int
    end: int


@dataclass(frozen=True)
class Item(Row):
    """What became of one item that was asked for. item_id: `<unit_id>.<place>`, from 0. reason: "" for an accepted one,
    else a key of `curation.synthesis.reasons.REASONS`. detail: what was measured, never text of the source. related_id: the
    item or record that it repeats. scores: what gates measured. judged: the judge's reason. exchanges: what the model
    wrote, empty where nothing could be read."""

    item_id: str
    status: Status
    reason: str = ""
    detail: str = ""
    exchanges: tuple[Exchange, ...] = ()
    spans: tuple[Span, ...] = ()
    type: str = ""
    related_id: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    judged: str = ""

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """The row that `as_json` wrote."""
        exchanges = tuple(Exchange.from_json(each) for each in found.get("exchanges", ()))
        spans = tuple(Span.from_json(each) for each in found.get("spans", ()))
        scores = dict(found.get("scores", {}))
        return super().from_json({**found, "exchanges": exchanges, "spans": spans, "scores": scores})


@dataclass(frozen=True)
class Outcome(Row):
    """What came of one unit, with one item for each that it asked for. calls: keys in the ledger of calls, the unit's own
    first, then those of the gates. repaired: its JSON had to be. surplus: items that were written beyond what was asked
    for, and left out. asked again: a later outcome of the same unit replaces this one."""

    unit_id: str
    items: tuple[Item, ...]
    calls: tuple[str, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    repaired: bool = False
    surplus: int = 0

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """The row that `as_json` wrote."""
        items = tuple(Item.from_json(each) for each in found.get("items", ()))
        return super().from_json({**found, "items": items})


@dataclass(frozen=True)
class Decision(Row):
    """What a person decided about an item: accept (a rejected one), reject, edit (exchanges has the new text), restore (as
    the run had it), regenerate (asked anew by the next leg of the run). at: seconds since the epoch. undoes: it takes the
    latest decision back, and says what stood before that one. spans: where the quotes of its exchanges stand."""

    item_id: str
    action: Literal["accept", "reject", "edit", "restore", "regenerate"]
    author: str
    at: float
    exchanges: tuple[Exchange, ...] = ()
    undoes: bool = False
    spans: tuple[Span, ...] = ()

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """The row that `as_json` wrote."""
        exchanges = tuple(Exchange.from_json(each) for each in found.get("exchanges", ()))
        spans = tuple(Span.from_json(each) for each in found.get("spans", ()))
        return super().from_json({**found, "exchanges": exchanges, "spans": spans})


@dataclass(frozen=True)
class Material:
    """What a unit is about, as it may leave the machine: personal data is masked in it, if it is to be.

    text: the chunk, or the source text or record; "" with seeds. turns: the source record's, for kinds that work on one.
    seeds: turns of each. title, headings: of the document. replaced: (start, end, original length) of every masked value,
    start and end in `text`, in order. offset: where the original of `text` begins in its document.
    """

    text: str = ""
    title: str = ""
    headings: tuple[str, ...] = ()
    turns: tuple[tuple[str, str], ...] = ()
    seeds: tuple[tuple[tuple[str, str], ...], ...] = ()
    seed_ids: tuple[str, ...] = ()
    replaced: tuple[tuple[int, int, int], ...] = ()
    offset: int = 0
    language: str = ""


def place_of(material: Material, start: int, end: int) -> tuple[int, int]:
    """Where `material.text[start:end]` stands in the document: offsets with every masked value at its original length.

    A span that begins or ends within a masked value takes the value in whole.
    """
    return _original(material, start, at_end=False), _original(material, end, at_end=True)


def anchors_in(material: Material, unit: Unit) -> tuple[tuple[int, int], ...]:
    """Where the unit's sentences stand in `material.text`. One that cuts through a masked value takes it in whole."""
    return tuple(
        (_shown(material, start, at_end=False), _shown(material, end, at_end=True)) for start, end in unit.anchors
    )


def _shown(material: Material, at: int, *, at_end: bool) -> int:
    """Where in `text` the character stands that is `at` in the original of it."""
    moved = 0
    for start, end, length in material.replaced:
        if start + moved >= at:
            break
        if at < start + moved + length:  # within a masked value
            return end if at_end else start
        moved += length - (end - start)
    return at - moved


def _original(material: Material, at: int, *, at_end: bool) -> int:
    moved = 0
    for start, end, length in material.replaced:
        if start >= at:
            break
        if at < end:  # within a masked value
            return material.offset + start + moved + (length if at_end else 0)
        moved += length - (end - start)
    return material.offset + at + moved


def _frozen(value: Any) -> Any:
    return tuple(_frozen(each) for each in value) if isinstance(value, list) else value


def read_rows(path: Path, kind: type[Row]) -> list[Any]:
    """The rows of a file, in order; none where there is no file. Torn lines are passed over."""
    from curation.json_lines import lines_of

    return [kind.from_json(found) for found in lines_of(path)]


def last_outcomes(folder: Path) -> dict[str, Outcome]:
    """The outcome of each unit that counts: the last, in the order in which units were first finalised."""
    return {outcome.unit_id: outcome for outcome in read_rows(folder / OUTCOMES, Outcome)}
