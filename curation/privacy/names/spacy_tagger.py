"""Names by a spaCy model, with nothing in its pipeline but what entities need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from curation.errors import StageError
from curation.privacy.names.spacy_network import Entities, Network, fits
from curation.privacy.names.taggers import HINT, LABELS, folder_digest
from curation.privacy.names.windows import Window, sorted_batches, windows
from curation.privacy.spans import Span

VERSION = "2"  # raised whenever the same text may get other spans
SIZE, OVERLAP = 4_000, 120  # code points of a window
BUDGET = 20_000  # code points of a batch; larger ones were no faster
NEEDLESS = ["tagger", "parser", "attribute_ruler", "lemmatizer", "morphologizer", "senter", "textcat"]
SCORE = 0.85  # spaCy gives no score; Presidio's default


class SpacyTagger:
    """A spaCy pipeline by package or folder, entities only: no lemmas, no parse, which are half of the time."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._loaded: _Model | None = None

    @property
    def entities(self) -> frozenset[str]:
        """The types of entity among the labels of its entity recogniser."""
        labels = self._model().nlp.get_pipe("ner").labels
        return frozenset(LABELS[label] for label in labels if label in LABELS)

    def digest(self) -> str:
        """Of the files of the model."""
        import importlib.util

        folder = Path(self.name)
        if not folder.is_dir():
            spec = importlib.util.find_spec(self.name)
            folder = Path((spec and spec.origin) or self.name).parent
        return folder_digest(folder, VERSION, str(SIZE), str(OVERLAP))

    def tag(self, texts: Sequence[str]) -> list[list[Span]]:
        """The spans of each text; long texts in windows."""
        pieces = windows(texts, SIZE, OVERLAP)
        found: list[list[Span]] = [[] for _ in texts]
        model = self._model()
        docs = [model.nlp.make_doc(window.piece) for window in pieces]
        each = model.network.entities(docs) if model.network else _by_spacy(model.nlp, docs)
        for window, doc, entities in zip(pieces, docs, each, strict=True):
            found[window.text] += [self._span(window, doc, *entity) for entity in entities if entity[2] in LABELS]
        return [sorted(set(spans), key=lambda span: span.start) for spans in found]

    def _span(self, window: Window, doc: Any, first: int, behind: int, label: str) -> Span:
        last = doc[behind - 1]
        start, end = doc[first].idx, last.idx + len(last)
        return Span(window.start + start, window.start + end, LABELS[label], SCORE, f"spacy:{Path(self.name).name}")

    def _model(self) -> _Model:
        if self._loaded is None:
            self._loaded = _load(self.name)
        return self._loaded


class _Model(NamedTuple):
    """A pipeline, and its recogniser computed by us, where it is of the usual shape."""

    nlp: Any
    network: Network | None


def _by_spacy(nlp: Any, docs: Sequence[Any]) -> list[Entities]:
    """The same by spaCy itself: the entities of each document."""
    found: list[Entities] = [[] for _ in docs]
    for batch in sorted_batches([len(doc.text) for doc in docs], BUDGET):
        done = nlp.pipe([docs[number] for number in batch], batch_size=len(batch), n_process=1)
        for number, doc in zip(batch, done, strict=True):
            found[number] = [(entity.start, entity.end, entity.label_) for entity in doc.ents]
    return found


def _load(name: str) -> _Model:
    import spacy

    try:
        try:
            with _own_pipes_alone():
                nlp = spacy.load(name, exclude=NEEDLESS)
        except ValueError:  # a pipe of another package
            nlp = spacy.load(name, exclude=NEEDLESS)
    except (OSError, ValueError, ImportError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise StageError(f"the spaCy model '{name}' cannot be loaded: {first}", HINT) from error
    if "ner" not in nlp.pipe_names:
        raise StageError(f"the spaCy model '{name}' has no entity recogniser", HINT)
    if "tok2vec" in nlp.pipe_names and not {"tok2vec", "*"} & set(_listeners(nlp)):
        nlp.remove_pipe("tok2vec")  # what it computes is for the pipes that were left out
    return _Model(nlp, Network(nlp) if fits(nlp) else None)


@contextmanager
def _own_pipes_alone() -> Iterator[None]:
    """Within, spaCy does not import the packages that announce pipes: Presidio is one, and loads transformers with it."""
    from spacy.util import registry

    announced = registry._entry_point_factories
    before, announced.entry_points = announced.entry_points, False
    try:
        yield
    finally:
        announced.entry_points = before


def _listeners(nlp: Any) -> Iterator[str]:
    """The names of the pipes whose vectors the others take."""
    for _, pipe in nlp.pipeline:
        for node in getattr(getattr(pipe, "model", None), "walk", tuple)():
            upstream = getattr(node, "upstream_name", None)
            if upstream is not None:
                yield upstream
