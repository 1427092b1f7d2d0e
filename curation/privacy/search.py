"""Both tiers of search as one, with thresholds and the user's lists. Finders are kept for the life of a process."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from curation.privacy.entities import ENTITIES
from curation.privacy.lists import denied, is_allowed
from curation.privacy.spans import Span

if TYPE_CHECKING:
    from curation.privacy.names import NameFinder
    from curation.privacy.structured import StructuredFinder

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Search:
    """What is looked for. wanted: entity types. names: whether the tier of names and places runs. models: language and
    model. thresholds: entity type and least score. allow, deny: the user's lists (see `lists`).
    """

    wanted: frozenset[str]
    names: bool = True
    models: Pairs = ()
    thresholds: tuple[tuple[str, float], ...] = ()
    public_figures: bool = False
    allow: tuple[str, ...] = ()
    deny: Pairs = ()

    def find(self, texts: Sequence[str], languages: Sequence[str]) -> list[list[Span]]:
        """The spans of each text, of wanted types and of sufficient score; what is on the deny list whatever its type."""
        found: list[list[Span]] = [[] for _ in texts]
        least = dict(self.thresholds)
        for finder in self._finders():
            for spans, more in zip(found, finder.find(texts, languages), strict=True):
                spans.extend(s for s in more if s.entity in self.wanted and s.score >= least.get(s.entity, 0.0))
        if self.deny:
            for text, spans in zip(texts, found, strict=True):
                spans.extend(denied(text, self.deny))
        return found

    def allowed(self, value: str) -> bool:
        """Whether the value is never to be masked."""
        return is_allowed(value, self.allow)

    def blind(self, languages: Collection[str]) -> dict[str, tuple[str, ...]]:
        """By language, the wanted types that cannot be looked for in it; languages without any are left out."""
        finder = self._names()
        if finder is None:
            return {}
        return {language: tuple(missing) for language, missing in finder.blind(languages).items() if missing}

    def assets(self) -> Mapping[str, str]:
        """Digests of the models and word lists that are searched with."""
        finder = self._names()
        return {} if finder is None else finder.assets()

    def _finders(self) -> list[StructuredFinder | NameFinder]:
        exact, names = structured(self._tier("structured", "secret")), self._names()
        return [finder for finder in (exact, names) if finder is not None]

    def _names(self) -> NameFinder | None:
        wanted = self._tier("name") if self.names else frozenset()
        return name_finder(wanted, self.models, self.public_figures) if wanted else None

    def _tier(self, *tiers: str) -> frozenset[str]:
        return frozenset(name for name in self.wanted if ENTITIES[name].tier in tiers)


@lru_cache(maxsize=8)
def structured(wanted: frozenset[str]) -> StructuredFinder | None:
    """The finder of what has a form; None where nothing of the kind is wanted."""
    if not wanted:
        return None
    from curation.privacy.structured import StructuredFinder

    return StructuredFinder(wanted)


@lru_cache(maxsize=8)
def name_finder(wanted: frozenset[str], models: Pairs, public_figures: bool) -> NameFinder:
    """The finder of names and places; models are loaded at the first text of their language."""
    from curation.privacy.names import NameFinder

    return NameFinder(wanted, dict(models), public_figures=public_figures)
