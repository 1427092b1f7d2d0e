"""How much of what there was to ask about is in the dataset, and how evenly: by document, topic, type and language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.synthesis.model import CHUNKS, DOCUMENTS, ORIGINS, Chunk, Document, Item, Origin, Unit, read_rows

if TYPE_CHECKING:
    from curation.synthesis.publish import Finalised

TOPIC_LEVELS = 2
"""Headings of a chunk that name its topic, from the outermost: usually the document's title and its sections."""


@dataclass(frozen=True)
class DocumentCoverage:
    """What of a document is in the dataset. chunks_with: those with an accepted item. requested: items that were asked
    for so far. covered: characters that the quotes of accepted items stand on, each counted once."""

    document_id: str
    title: str
    path: str
    chunks: int
    chunks_with: int
    requested: int
    accepted: int
    characters: int
    covered: int

    @property
    def share(self) -> float:
        """Of its characters."""
        return self.covered / self.characters if self.characters else 0.0


@dataclass(frozen=True)
class TopicCoverage:
    """What of a topic is in the dataset. headings: () where the document has none. characters: of its chunks."""

    document_id: str
    headings: tuple[str, ...]
    chunks: int
    characters: int
    requested: int
    accepted: int


@dataclass(frozen=True)
class Coverage:
    """types, difficulties: items asked for and accepted, by name. languages: accepted items, by what they are written in.
    origins, origins_with: seeds, texts or records, and those that an accepted item was made from."""

    documents: tuple[DocumentCoverage, ...] = ()
    topics: tuple[TopicCoverage, ...] = ()
    types: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    difficulties: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    languages: Mapping[str, int] = field(default_factory=dict)
    origins: int = 0
    origins_with: int = 0

    @property
    def documents_with(self) -> int:
        """Documents with an accepted item."""
        return sum(document.accepted > 0 for document in self.documents)

    @property
    def chunks(self) -> int:
        """Of all documents."""
        return sum(document.chunks for document in self.documents)

    @property
    def chunks_with(self) -> int:
        """Chunks with an accepted item."""
        return sum(document.chunks_with for document in self.documents)

    @property
    def share(self) -> float:
        """Of the characters of all documents, those that quotes stand on."""
        characters = sum(document.characters for document in self.documents)
        return sum(document.covered for document in self.documents) / characters if characters else 0.0

    @property
    def topic_balance(self) -> float:
        """1: accepted items are spread over the topics as the text is; 0: they are all where hardly any text is."""
        return balance(
            [topic.accepted for topic in self.topics], [topic.characters for topic in self.topics]
        )  # fmt: skip

    @property
    def type_balance(self) -> float:
        """1: question types were accepted in the proportion in which they were asked for."""
        return balance([found[1] for found in self.types.values()], [found[0] for found in self.types.values()])

    def as_json(self) -> dict[str, Any]:
        """In plain values, the sums and balances included."""
        return {
            "documents": len(self.documents),
            "documents_with": self.documents_with,
            "chunks": self.chunks,
            "chunks_with": self.chunks_with,
            "share": round(self.share, 4),
            "topic_balance": round(self.topic_balance, 4),
            "type_balance": round(self.type_balance, 4),
            "types": {name: list(found) for name, found in self.types.items()},
            "difficulties": {name: list(found) for name, found in self.difficulties.items()},
            "languages": dict(self.languages),
            "origins": self.origins,
            "origins_with": self.origins_with,
        }


def coverage(folder: Path, finalised: Finalised | None = None) -> Coverage:
    """The coverage of a generation as its files and decisions are now. finalised: these, where they are read already.

    A folder in which nothing was begun has none of everything.
    """
    from curation.synthesis.publish import Finalised

    each = [(unit, item) for unit, _, item in (finalised or Finalised.read(folder)).each()]
    accepted = [(unit, item) for unit, item in each if item.status == "accepted"]
    chunks: list[Chunk] = read_rows(folder / CHUNKS, Chunk)
    origins: list[Origin] = read_rows(folder / ORIGINS, Origin)
    used = {record_id for unit, _ in accepted for record_id in unit.record_ids}
    return Coverage(
        documents=tuple(_documents(read_rows(folder / DOCUMENTS, Document), chunks, each)),
        topics=tuple(_topics(chunks, each)),
        types=_both((item.type, item) for _, item in each),
        difficulties=_both((unit.difficulty, item) for unit, item in each),
        languages=_languages([item for _, item in accepted]),
        origins=len(origins),
        origins_with=sum(origin.record_id in used for origin in origins),
    )


def balance(found: Sequence[int], expected: Sequence[int]) -> float:
    """How alike two distributions are: 1 less half of the sum of the differences of their shares (total variation). 1 where
    one of them is of nothing."""
    total, wanted = sum(found), sum(expected)
    if not total or not wanted:
        return 1.0
    return 1 - sum(abs(one / total - other / wanted) for one, other in zip(found, expected, strict=True)) / 2


def united(spans: Iterable[tuple[int, int]]) -> int:
    """Characters that lie in any of the spans."""
    length = end = 0
    for start, stop in sorted(spans):
        length += max(0, stop - max(start, end))
        end = max(end, stop)
    return length


def _documents(
    documents: Iterable[Document], chunks: Iterable[Chunk], each: Iterable[tuple[Unit, Item]]
) -> Iterable[DocumentCoverage]:
    of = {chunk.chunk_id: chunk.document_id for chunk in chunks}
    cut = Counter(of.values())
    requested: Counter[str] = Counter()
    accepted: Counter[str] = Counter()
    with_items: dict[str, set[str]] = {}
    spans: dict[str, list[tuple[int, int]]] = {}
    for unit, item in each:
        document_id = of.get(unit.chunk_id, "")
        requested[document_id] += 1
        if item.status == "accepted":
            accepted[document_id] += 1
            with_items.setdefault(document_id, set()).add(unit.chunk_id)
            spans.setdefault(document_id, []).extend((span.start, span.end) for span in item.spans)
    for document in documents:
        name = document.document_id
        yield DocumentCoverage(
            name,
            document.title,
            document.path,
            cut[name],
            len(with_items.get(name, ())),
            requested[name],
            accepted[name],
            document.characters,
            united(spans.get(name, ())),
        )


def _topics(chunks: Sequence[Chunk], each: Iterable[tuple[Unit, Item]]) -> Iterable[TopicCoverage]:
    """The topics in the order of their first chunks."""
    topic_of = {chunk.chunk_id: (chunk.document_id, chunk.headings[:TOPIC_LEVELS]) for chunk in chunks}
    requested: Counter[Hashable] = Counter()
    accepted: Counter[Hashable] = Counter()
    for unit, item in each:
        topic = topic_of.get(unit.chunk_id)
        requested[topic] += 1
        accepted[topic] += item.status == "accepted"
    number: Counter[Hashable] = Counter(topic_of.values())
    characters: Counter[Hashable] = Counter()
    for chunk in chunks:
        characters[topic_of[chunk.chunk_id]] += chunk.end - chunk.start
    for topic in dict.fromkeys(topic_of.values()):
        yield TopicCoverage(*topic, number[topic], characters[topic], requested[topic], accepted[topic])


def _both(each: Iterable[tuple[str, Item]]) -> dict[str, tuple[int, int]]:
    """Items asked for and accepted, by name; those without a name are left out."""
    asked: Counter[str] = Counter()
    accepted: Counter[str] = Counter()
    for name, item in each:
        if name:
            asked[name] += 1
            accepted[name] += item.status == "accepted"
    return {name: (count, accepted[name]) for name, count in sorted(asked.items())}


def _languages(items: Sequence[Item]) -> dict[str, int]:
    """What the items are written in; of those too short to tell nothing is said."""
    from curation.synthesis.mask import languages_of

    texts = ["\n".join(f"{said.question}\n{said.answer}" for said in item.exchanges) for item in items]
    found = Counter(language for language in languages_of(texts, range(len(texts))) if language)
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))
