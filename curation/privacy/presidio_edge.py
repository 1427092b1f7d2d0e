"""Our finders as Presidio's recognisers, for those who already have an AnalyzerEngine.

    engine.registry.recognizers.extend(structured_recognizers("en"))

One recogniser an entity, so that Presidio's own `entities=[...]`, deny lists and score thresholds work as they do with its
recognisers. Importing this module imports Presidio, and with it spaCy; nothing else in `curation.privacy` needs to.
"""

from __future__ import annotations

from typing import Any

from presidio_analyzer import AnalysisExplanation, EntityRecognizer, RecognizerResult

from curation.privacy.entities import ENTITIES
from curation.privacy.structured.finder import TIERS, StructuredFinder


class StructuredRecognizer(EntityRecognizer):
    """One entity of the structured or the secret tier, as a recogniser of Presidio."""

    def __init__(self, entity: str, language: str) -> None:
        """entity: a name in `ENTITIES` of tier "structured" or "secret". language: an ISO 639 code."""
        if entity not in ENTITIES or ENTITIES[entity].tier not in TIERS:
            raise ValueError(f"'{entity}' is no entity of the structured tier")
        self._finder = StructuredFinder(frozenset({entity}))
        self._label = f"studio_{entity.lower()}"
        super().__init__(supported_entities=[entity], name=self._label, supported_language=language, version="1")

    def load(self) -> None:
        """Nothing to load: the rules are compiled at the first text."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[RecognizerResult]:  # noqa: ARG002
        """The spans of one text as Presidio's results, each with the rule that found it."""
        if not set(entities) & set(self.supported_entities):
            return []
        return [
            RecognizerResult(
                entity_type=span.entity,
                start=span.start,
                end=span.end,
                score=span.score,
                analysis_explanation=AnalysisExplanation(
                    recognizer=self._label, original_score=span.score, pattern_name=span.recogniser
                ),
                recognition_metadata={
                    RecognizerResult.RECOGNIZER_NAME_KEY: self._label,
                    RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
                },
            )
            for span in self._finder.find([text], [self.supported_language])[0]
        ]


def structured_recognizers(language: str) -> list[EntityRecognizer]:
    """A recogniser for every entity of the tiers "structured" and "secret"."""
    return [StructuredRecognizer(name, language) for name, entity in ENTITIES.items() if entity.tier in TIERS]
