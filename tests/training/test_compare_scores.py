"""Scores against a reference, computed by hand; in English, Chinese, and what has no words."""

from __future__ import annotations

import pytest

from training.compare.model import Answer, Prompt
from training.compare.scores import SCORES, reference_scores, words
from training.compare.sections import ScoreSettings

ALL = ScoreSettings(exact=True, rouge=True, chrf=True, embedding=True)
CHEAP = ScoreSettings()


def scores(said: str, reference: str, settings: ScoreSettings = CHEAP) -> dict[str, float]:
    answer = Answer("p", "a", said, 3, 1.0, "end")
    return reference_scores(Prompt("p", (), reference), answer, settings)


@pytest.mark.parametrize(
    ("said", "reference", "exact"),
    [("Paris.", "  paris.\n", 1), ("Paris", "Paris.", 0), ("STRASSE", "straße", 1), ("巴黎", "巴黎 ", 1), ("", "x", 0)],
)
def test_exact(said: str, reference: str, exact: float) -> None:
    assert scores(said, reference)["exact"] == exact


@pytest.mark.parametrize(
    ("said", "reference", "expected"),
    [
        # the longest common subsequence is "the cat on mat": 4 of 6 and of 6 words
        ("The cat sat on the mat.", "the cat lay on a mat", 2 * 4 / 12),
        # order counts: one of "a b", "b a"
        ("b a", "a b", 2 * 1 / 4),
        # 我/爱/北京/天安门 and 我/爱/天安门: 3 of 4 and of 3 words
        ("我爱天安门", "我爱北京天安门。", 2 * 3 / 7),
        # 用/Python/3/写 and 用/python/写: 3 of 4 and of 3
        ("用Python3写", "用 python 写", None),
        ("nothing shared", "完全不同", 0.0),
        ("", "something", 0.0),
        ("!!!", "something", 0.0),
    ],
)
def test_rouge_l(said: str, reference: str, expected: float | None) -> None:
    if expected is None:  # python3 is one word, python another
        expected = 2 * 2 / 6
    assert scores(said, reference)["rouge_l"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GPT-4o, 3.5!", ["gpt", "4o", "3", "5"]),
        ("我爱北京天安门", ["我", "爱", "北京", "天安门"]),
        ("ひらカナ", ["ひ", "ら", "カ", "ナ"]),
        ("naïve Ünï", ["naïve", "ünï"]),
        ("naïve", ["naïve"]),
        ("ＡＢＣ　全角", ["abc", "全角"]),
        ("한국어 русский", ["한국어", "русский"]),
        ("…—!", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("said", "reference", "expected"),
    [
        # precision and recall are equal, so F2 is their mean over the orders: 2/3 characters, 1/2 pairs, 0/1 triples
        ("abc", "abd", (2 / 3 + 1 / 2 + 0) / 3),
        ("天安门", "天安们", (2 / 3 + 1 / 2 + 0) / 3),
        # white space does not count
        ("a b c", "ab d", (2 / 3 + 1 / 2 + 0) / 3),
        # precision: 1/1, recall: 1/2 of the only order that both have; F2 = 5PR/(4P+R)
        ("a", "ab", 5 * 1 * 0.5 / (4 * 1 + 0.5)),
        ("same text", "same text", 1.0),
        ("", "x", 0.0),
    ],
)
def test_chrf(said: str, reference: str, expected: float) -> None:
    assert scores(said, reference)["chrf"] == pytest.approx(expected, abs=1e-6)


def test_embeddings_see_meaning_across_languages() -> None:
    same = scores("I love Tiananmen in Beijing.", "我爱北京天安门。", ALL)["embedding"]
    other = scores("The invoice is due on Friday.", "我爱北京天安门。", ALL)["embedding"]
    assert same > 0.5 > other
    assert scores("我爱北京。", "我爱北京。", ALL)["embedding"] == pytest.approx(1.0, abs=1e-5)
    assert scores("", "我爱北京。", ALL)["embedding"] == 0.0


def test_the_reference_itself_has_full_marks() -> None:
    assert scores("我 love 北京。", "我 love 北京。", ALL) == pytest.approx(dict.fromkeys(SCORES, 1.0), abs=1e-5)


def test_without_a_reference_there_is_nothing_to_measure() -> None:
    assert scores("anything", "", ALL) == {} and scores("anything", " \n", ALL) == {}
    assert "rouge_l" not in scores("!", "?"), "a reference without words has no common words with anything"


@pytest.mark.parametrize(
    ("name", "score"), [("exact", "exact"), ("rouge", "rouge_l"), ("chrf", "chrf"), ("embedding", "embedding")]
)
def test_every_parameter_switches_its_score(name: str, score: str) -> None:
    off = ALL.model_copy(update={name: False})
    assert set(scores("a word", "a word", off)) == set(SCORES) - {score}
    assert set(ScoreSettings.model_fields) == {"exact", "rouge", "chrf", "embedding"}
