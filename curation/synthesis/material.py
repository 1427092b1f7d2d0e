"""What each unit is about, as it may leave the machine."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from curation.errors import Stopped
from curation.events import Listener, Progress
from curation.language.codes import UNKNOWN
from curation.llm.model import never
from curation.synthesis.mask import Hidden, Masker, languages_of, plain
from curation.synthesis.model import Chunk, Document, Material, Origin, Unit

if TYPE_CHECKING:
    from curation.synthesis.recipe import GenerateRecipe

PHASE = "mask"
AT_ONCE = 100_000
"""Characters that are searched together: some seconds for the models that find names, which take 35 to 50 for a megabyte."""

_BETWEEN = "\n\n"  # turns of a record, where it is one text


@dataclass(frozen=True)
class _Document:
    """A document's stretches by where they begin, its title, and its headings, masked. language: of most of it."""

    starts: tuple[int, ...]
    stretches: tuple[Hidden, ...]
    named: Mapping[str, str]
    languages: Mapping[str, str]  # of chunks


@dataclass(frozen=True)
class _Record:
    """A record's turns, masked."""

    turns: tuple[tuple[str, Hidden], ...]
    language: str


class Materials:
    """Material by unit; may be asked by many threads.

    Texts are masked when they leave the machine (`leaves`) or `privacy.mask` is always, and not when it is never; a
    document is searched as a whole, so that a name that is told by its first mention is masked in every chunk. What is
    not masked stays as it is, character for character.
    """

    def __init__(
        self,
        recipe: GenerateRecipe,
        documents: Iterable[Document],
        chunks: Iterable[Chunk],
        origins: Iterable[Origin],
        *,
        leaves: bool,
    ) -> None:
        self.masks = recipe.privacy.mask == "always" or (recipe.privacy.mask == "auto" and leaves)
        self._masker = Masker(recipe.privacy.entities)
        self._documents = {document.document_id: document for document in documents}
        self._chunks = {chunk.chunk_id: chunk for chunk in chunks}
        self._of_document: dict[str, list[Chunk]] = {}
        for chunk in self._chunks.values():
            self._of_document.setdefault(chunk.document_id, []).append(chunk)
        self._origins = {origin.record_id: origin for origin in origins}
        self._ready: dict[str, _Document | _Record] = {}
        self._counts: Counter[str] = Counter()
        self._languages: set[str] = set()
        self._lock = threading.Lock()

    def prepare(
        self,
        units: Iterable[Unit],
        listener: Listener = lambda _: None,
        should_stop: Callable[[], bool] = never,
    ) -> None:
        """Mask what these units are about, and tell how far that is. Raises Stopped.

        Without it everything is masked when `masked` is first asked for, or by and by, by `of`.
        """
        wanted = {key: None for unit in units for key in self._keys(unit) if key not in self._ready}
        done, began = 0, time.monotonic()
        with self._lock:
            for batch in self._batches(wanted):
                if should_stop():
                    raise Stopped("The generation was stopped while personal data was masked.")
                self._search(batch)
                done += len(batch)
                if self.masks:
                    rate = done / max(time.monotonic() - began, 1e-9)
                    listener(Progress(PHASE, done, len(wanted), "documents", rate, (len(wanted) - done) / rate))

    def of(self, unit: Unit) -> Material:
        """What the unit is about. Raises KeyError for a unit of another run."""
        self._have(self._keys(unit))
        if unit.chunk_id:
            return self._of_chunk(self._chunks[unit.chunk_id])
        records = [self._record(record_id) for record_id in unit.record_ids]
        if unit.kind == "similar":
            seeds = tuple(tuple((role, said.text) for role, said in record.turns) for record in records)
            languages = Counter(record.language for record in records)
            return Material(seeds=seeds, seed_ids=unit.record_ids, language=languages.most_common(1)[0][0])
        return _of_record(records[0])

    @property
    def masked(self) -> dict[str, int]:
        """Values that are masked, by entity type, in all that was prepared; in everything, where nothing was yet."""
        if self.masks and not self._ready:
            self._have([*self._of_document, *self._origins])
        return dict(sorted(self._counts.items()))

    def unsearched(self) -> dict[str, tuple[str, ...]]:
        """By language of what was prepared ("unknown" where it cannot be told), the types that are to be masked and cannot be
        looked for in it."""
        found = self._masker.blind(sorted(self._languages)) if self.masks else {}
        return {language or UNKNOWN: types for language, types in found.items()}

    def _keys(self, unit: Unit) -> tuple[str, ...]:
        return (self._chunks[unit.chunk_id].document_id,) if unit.chunk_id else unit.record_ids

    def _have(self, keys: Iterable[str]) -> None:
        missing = [key for key in keys if key not in self._ready]
        if missing:
            with self._lock:
                for batch in self._batches(key for key in missing if key not in self._ready):
                    self._search(batch)

    def _batches(self, keys: Iterable[str]) -> Iterator[list[str]]:
        batch: list[str] = []
        size = 0
        for key in keys:
            batch.append(key)
            chunks = self._of_document.get(key, ())
            size += sum(len(chunk.text) for chunk in chunks) or sum(len(said) for _, said in self._origins[key].turns)
            if size >= AT_ONCE:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _search(self, keys: Sequence[str]) -> None:
        """Mask the texts of documents and records, and tell their languages. The lock is held."""
        texts: list[str] = []
        owners: list[int] = []
        parts: list[tuple[str, list[tuple[int, str]], list[str]]] = []
        for owner, key in enumerate(keys):
            stretched = stretches(self._of_document[key]) if key in self._of_document else []
            names = self._names(key) if stretched else [said for _, said in self._origins[key].turns]
            parts.append((key, stretched, names))
            mine = [text for _, text in stretched] + names
            texts += mine
            owners += [owner] * len(mine)
        hidden, languages = self._masker.mask(texts, owners) if self.masks else plain(texts, owners)
        at = 0
        for key, stretched, names in parts:
            middle, end = at + len(stretched), at + len(stretched) + len(names)
            spoken_in = zip(texts[at:end], languages[at:end], strict=True)
            self._languages |= {language for text, language in spoken_in if any(map(str.isalpha, text))}
            for each in hidden[at:end]:
                self._counts += each.counts
            if stretched:
                named = dict(zip(names, (each.text for each in hidden[middle:end]), strict=True))
                starts = tuple(start for start, _ in stretched)
                spoken = self._spoken(key, languages[at])
                self._ready[key] = _Document(starts, tuple(hidden[at:middle]), named, spoken)
            else:
                turns = zip((role for role, _ in self._origins[key].turns), hidden[at:end], strict=True)
                language = max(zip((len(name) for name in names), languages[at:end], strict=True), default=(0, ""))[1]
                self._ready[key] = _Record(tuple(turns), language)
            at = end

    def _names(self, document_id: str) -> list[str]:
        """Title and headings of a document, each once."""
        document = self._documents.get(document_id)
        headings = [heading for chunk in self._of_document[document_id] for heading in chunk.headings]
        return list(dict.fromkeys([document.title if document else "", *headings]))

    def _spoken(self, document_id: str, language: str) -> dict[str, str]:
        """The language of each chunk; of one too short to tell, the document's."""
        chunks = self._of_document[document_id]
        found = languages_of([chunk.text for chunk in chunks], range(len(chunks)))
        return {chunk.chunk_id: own or language for chunk, own in zip(chunks, found, strict=True)}

    def _record(self, record_id: str) -> _Record:
        found = self._ready[record_id]
        assert isinstance(found, _Record)  # noqa: S101 - made by _search
        return found

    def _of_chunk(self, chunk: Chunk) -> Material:
        found = self._ready[chunk.document_id]
        assert isinstance(found, _Document)  # noqa: S101 - made by _search
        text, replaced = _cut(found, chunk) if self.masks else (chunk.text, ())
        document = self._documents.get(chunk.document_id)
        return Material(
            text=text,
            title=found.named[document.title] if document else "",
            headings=tuple(found.named[heading] for heading in chunk.headings),
            replaced=replaced,
            offset=chunk.start,
            language=found.languages[chunk.chunk_id],
        )


def _cut(document: _Document, chunk: Chunk) -> tuple[str, tuple[tuple[int, int, int], ...]]:
    place = bisect_right(document.starts, chunk.start) - 1
    start = chunk.start - document.starts[place]
    return document.stretches[place].cut(start, start + len(chunk.text))


def _of_record(record: _Record) -> Material:
    """A text's or record's material: its turns, and all of them as one text."""
    text = ""
    replaced: list[tuple[int, int, int]] = []
    for place, (_, said) in enumerate(record.turns):
        text += _BETWEEN if place else ""
        masked, places = said.cut(0, len(said.original))
        replaced += [(len(text) + start, len(text) + end, was) for start, end, was in places]
        text += masked
    turns = tuple((role, said.text) for role, said in record.turns)
    return Material(text=text, turns=turns, replaced=tuple(replaced), language=record.language)


def stretches(chunks: Iterable[Chunk]) -> list[tuple[int, str]]:
    """A document put together again from its chunks: where each stretch begins, and its text.

    Chunks that overlap or touch are one stretch. Where a little white space was left out between two, it is put back as
    spaces or line ends, so that what is said across is searched as it was written; where more was left out, a new stretch begins.
    """
    found: list[tuple[int, list[str]]] = []
    end = 0
    for chunk in sorted(chunks, key=lambda each: (each.start, each.end)):
        gap = chunk.start - end
        if found and gap <= _SMALL_GAP:
            between = " " if gap == 1 else "\n" * max(gap, 0)
            found[-1][1].append(between + chunk.text[max(-gap, 0) :])
        else:
            found.append((chunk.start, [chunk.text]))
        end = max(end, chunk.end)
    return [(start, "".join(texts)) for start, texts in found]


_SMALL_GAP = 4  # characters: a blank line, with a carriage return or an indent
