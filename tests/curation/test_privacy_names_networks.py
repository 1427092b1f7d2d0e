"""The networks behind the search for names give what those they were taken from give."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curation.privacy.names import cues, english, finder, lac, lac_network
from curation.privacy.names.spacy_tagger import SpacyTagger
from curation.privacy.names.taggers import BUILT_IN

ROWS = (Path(__file__).parent / "data" / "pii_names_en.jsonl").read_text("utf-8").splitlines()
TEXTS = [re.sub(r"\[[A-Z]+:([^\]]*)\]", r"\1", json.loads(row)["text"]) for row in ROWS]
ODD = [
    "",
    " ",
    "\n\n",
    "Peter",
    "Peter Miller",
    "  Ann   Smith \n of New York City",
    "!",
    "Dr. Martin Luther King Jr. " * 40,
]


@pytest.fixture(scope="module")
def tagger() -> SpacyTagger:
    return SpacyTagger(BUILT_IN["en"])


def test_entities_are_those_of_spacy(tagger: SpacyTagger) -> None:
    model = tagger._model()
    assert model.network is not None
    texts = TEXTS + ODD
    docs = [model.nlp.make_doc(text) for text in texts]
    found = model.network.entities(docs)
    told = [[(e.start, e.end, e.label_) for e in doc.ents] for doc in model.nlp.pipe(texts)]
    assert found == told
    assert sum(map(len, found)) > 100
    assert any(end - start > 2 for entities in found for start, end, _ in entities)
    assert model.network.entities(docs[::-1]) == found[::-1]
    assert model.network.entities([]) == []


def test_a_pipeline_of_another_shape_is_left_to_spacy(tagger: SpacyTagger, monkeypatch: pytest.MonkeyPatch) -> None:
    other = SpacyTagger(BUILT_IN["en"])
    monkeypatch.setattr("curation.privacy.names.spacy_tagger.fits", lambda _: False)
    assert other._model().network is None
    assert other.tag(TEXTS) == tagger.tag(TEXTS)
    assert other.entities == tagger.entities


def test_the_chinese_units_are_those_of_the_formula() -> None:
    """Piece by piece and character by character, in numpy: state = (1 - update) * old + update * candidate."""
    weights = lac.load()
    pieces = [[3, 14, 15, 92, 6], [5], [35, 89, 79], [3, 14, 15, 92, 6, 5, 35]]
    gates = weights.network._gates[0]
    inputs, bias, both, candidate = (part.numpy() for part in gates)
    vectors = weights.network._characters.numpy()
    for back in (False, True):
        order = sorted(pieces, key=len, reverse=True)
        reach = [sum(len(piece) > place for piece in order) for place in range(len(order[0]))]
        found = _states(gates, vectors, order, reach, back)
        for row, piece in enumerate(order):
            state = np.zeros(lac_network.HIDDEN, dtype=np.float32)
            for place in reversed(range(len(piece))) if back else range(len(piece)):
                added = inputs @ vectors[piece[place]] + bias
                gate = 1 / (1 + np.exp(-(both @ state + added[:256])))
                fresh = np.tanh(candidate @ (state * gate[128:]) + added[256:])
                state = (1 - gate[:128]) * state + gate[:128] * fresh
                assert np.allclose(found[place, row], state, atol=1e-5)


def _states(gates: Any, vectors: np.ndarray, order: list[list[int]], reach: list[int], back: bool) -> np.ndarray:
    import torch

    layer = torch.zeros((len(reach), len(order), vectors.shape[1]))
    for row, piece in enumerate(order):
        layer[: len(piece), row] = torch.from_numpy(vectors[piece])
    states: np.ndarray = lac_network._ran(gates, reach, lac_network._multiplied(gates, layer, reach, back)).numpy()
    return states


def test_the_best_path_is_the_best_of_all() -> None:
    draw = np.random.default_rng(5)
    tags, reach = 4, [3, 3, 2, 1]
    emission = draw.normal(size=(tags, len(reach), reach[0])).astype(np.float32)
    crf = draw.normal(size=(tags + 2, tags)).astype(np.float32)
    found = lac_network._best(emission, crf, reach)
    for row, length in enumerate((4, 3, 2)):
        every = itertools.product(range(tags), repeat=length)
        scores = {path: _score(path, emission[:, :, row], crf) for path in every}
        assert tuple(found[:length, row]) == max(scores, key=lambda path: scores[path])


def _score(path: tuple[int, ...], emission: np.ndarray, crf: np.ndarray) -> float:
    steps = sum(crf[2 + one, other] for one, other in itertools.pairwise(path))
    return float(crf[0, path[0]] + crf[1, path[-1]] + steps + sum(emission[tag, at] for at, tag in enumerate(path)))


def test_windows_seen_before_are_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    compute = lac._tags

    def watched(pieces: Any) -> list[list[str]]:
        seen.extend(pieces)
        return compute(pieces)

    monkeypatch.setattr(lac, "_tags", watched)
    model = lac.Lac()
    first = model.tag(["昨天王小明没有来。", "昨天王小明没有来。", "abc"])
    assert model.tag(["昨天王小明没有来。"])[0] == first[0] == first[1]
    assert first[0]
    assert seen == ["昨天王小明没有来。"]
    monkeypatch.setattr(lac, "KEPT", 1)
    model.tag(["李建国在北京。", "他走了。"])
    assert len(model._seen) == 1


def test_a_pattern_finds_nothing_where_its_cue_is_missing() -> None:
    patterns = (
        (english._TITLED, english._TITLE_WORDS),
        (english._GREETING, cues.GREETING),
        (english._SIGN_OFF, "\n"),
        (english._LABEL, ":："),
        (english._INTRODUCTION, cues.INTRODUCTION),
        (english._KIN, cues.KIN),
    )
    for pattern, needed in patterns:
        matched = [text for text in TEXTS if pattern.search(text)]
        assert matched
        assert all(cues.stand_in(text, needed) for text in matched)
        assert not cues.stand_in("Nothing of the kind", needed)
    assert cues.stand_in("m\u0131ss Ada", english._TITLE_WORDS)  # which (?i) takes for "miss"


def test_names_are_found_again_as_whole_words_the_longest_first() -> None:
    text = "Ann Lee, Anna, Ann. 王小明和王小明明, Ann_Lee"
    places = finder._places(text, ["Ann", "Ann Lee", "王小明"])
    assert [text[start:end] for start, end in places] == ["Ann Lee", "Ann", "王小明", "王小明"]
