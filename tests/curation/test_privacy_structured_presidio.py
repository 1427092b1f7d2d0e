"""Our finders inside a real AnalyzerEngine, with a blank spaCy pipeline: no model, no connection."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from curation.privacy.entities import ENTITIES

pytest.importorskip("presidio_analyzer")


@pytest.fixture(scope="module")
def engine():
    import spacy
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    from curation.privacy.presidio_edge import structured_recognizers

    class Blank(SpacyNlpEngine):
        """Tokens only."""

        def __init__(self) -> None:
            super().__init__()
            self.nlp = {"en": spacy.blank("en"), "zh": spacy.blank("zh")}

    recognizers = [*structured_recognizers("en"), *structured_recognizers("zh")]
    registry = RecognizerRegistry(recognizers=recognizers, supported_languages=["en", "zh"])
    return AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=["en", "zh"])


def test_every_entity_of_both_tiers_is_offered(engine):
    ours = {name for name, entity in ENTITIES.items() if entity.tier in ("structured", "secret")}
    assert set(engine.get_supported_entities("en")) == set(engine.get_supported_entities("zh")) == ours


def test_an_engine_finds_what_we_find(engine, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    text = "我的手机13800138000，身份证11010519491231002X，邮箱zhang@example.com"
    found = {(r.entity_type, text[r.start : r.end]) for r in engine.analyze(text, language="zh")}
    assert found == {
        ("PHONE_NUMBER", "13800138000"),
        ("CN_ID_CARD", "11010519491231002X"),
        ("EMAIL_ADDRESS", "zhang@example.com"),
    }


def test_entities_and_thresholds_of_the_engine_hold(engine):
    text = "IBAN DE89370400440532013000, host 172.31.44.9"
    assert {r.entity_type for r in engine.analyze(text, language="en")} == {"IBAN_CODE", "IP_ADDRESS"}
    assert {r.entity_type for r in engine.analyze(text, language="en", entities=["IP_ADDRESS"])} == {"IP_ADDRESS"}
    assert {r.entity_type for r in engine.analyze(text, language="en", score_threshold=0.9)} == {"IBAN_CODE"}


def test_a_result_says_which_rule_found_it(engine):
    (result,) = engine.analyze("MAC 3c:22:fb:9a:10:e7", language="en", return_decision_process=True)
    assert result.analysis_explanation.pattern_name == "mac"
    assert result.recognition_metadata["recognizer_name"] == "studio_mac_address"


def test_names_are_no_entity_of_this_tier():
    from curation.privacy.presidio_edge import StructuredRecognizer

    with pytest.raises(ValueError, match="PERSON"):
        StructuredRecognizer("PERSON", "en")


def test_finding_imports_no_presidio_and_no_spacy():
    code = (
        "import sys; from curation.privacy.structured import StructuredFinder;"
        "StructuredFinder().find(['a@b.com +44 20 7946 0958'], ['en']);"
        "assert not {'presidio_analyzer', 'spacy', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
