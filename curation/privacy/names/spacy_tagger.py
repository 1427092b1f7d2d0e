"""Names by a spaCy model, run through Presidio's NLP engine with nothing in its pipeline but what entities need."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curation.errors import StageError
from curation.privacy.names.taggers import HINT, LABELS, folder_digest
from curation.privacy.names.windows import Window, sorted_batches, windows
from curation.privacy.spans import Span

VERSION = "1"  # raised whenever the same text may get other spans
SIZE, OVERLAP = 4_000, 120  # code points of a window
BUDGET = 20_000  # code points of a batch; larger ones were no faster
SCORE = 0.85  # spaCy gives no score; Presidio's default


class SpacyTagger:
    """A spaCy pipeline by package or folder, entities only: no lemmas, no parse, which are half of the time."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._loaded: Any = None

    @property
    def entities(self) -> frozenset[str]:
        """The types of entity among the labels of its entity recogniser."""
        labels = self._engine().get_nlp("x").get_pipe("ner").labels
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
        """The spans of each text; long texts in windows, windows in batches of like length."""
        pieces = windows(texts, SIZE, OVERLAP)
        found: list[list[Span]] = [[] for _ in texts]
        nlp = self._engine().get_nlp("x")
        for batch in sorted_batches([len(window.piece) for window in pieces], BUDGET):
            docs = nlp.pipe([pieces[number].piece for number in batch], batch_size=len(batch), n_process=1)
            for number, doc in zip(batch, docs, strict=True):
                found[pieces[number].text] += self._spans(pieces[number], doc)
        return [sorted(set(spans), key=lambda span: span.start) for spans in found]

    def _spans(self, window: Window, doc: Any) -> list[Span]:
        return [
            Span(
                window.start + entity.start_char,
                window.start + entity.end_char,
                LABELS[entity.label_],
                SCORE,
                f"spacy:{Path(self.name).name}",
            )
            for entity in doc.ents
            if entity.label_ in LABELS
        ]

    def _engine(self) -> Any:
        if self._loaded is None:
            self._loaded = _load(self.name)
        return self._loaded


def _load(name: str) -> Any:
    import spacy
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    class Slim(SpacyNlpEngine):
        """Presidio's engine without its download of missing models, on the processor, with entities alone."""

        def load(self) -> None:
            """The pipeline without what only lemmas, tags and parses need."""
            needless = ["tagger", "parser", "attribute_ruler", "lemmatizer", "morphologizer", "senter", "textcat"]
            self.nlp: Any = {"x": spacy.load(name, exclude=needless)}

    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
    engine = Slim(models=[{"lang_code": "x", "model_name": name}])
    try:
        engine.load()
    except (OSError, ValueError, ImportError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise StageError(f"the spaCy model '{name}' cannot be loaded: {first}", HINT) from error
    if "ner" not in engine.get_nlp("x").pipe_names:
        raise StageError(f"the spaCy model '{name}' has no entity recogniser", HINT)
    return engine
