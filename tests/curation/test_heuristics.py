"""The parts `quality` and `repetition` are made of, against slow and plain ways to say the same."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections import Counter
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.stages.heuristics.ngrams import duplicate_characters, repeats, top_characters
from curation.stages.heuristics.scripts import script_frame
from curation.stages.heuristics.sentences import sentence_counts
from curation.stages.heuristics.splitter import split_chunk
from curation.stages.heuristics.stopwords import SPACED, UNSPACED
from curation.stages.heuristics.texts import Texts, split_lines
from curation.stages.heuristics.words import WordTable, shared_vocabulary

CHUNKS = st.text(st.characters(exclude_categories=["Z", "Cc", "Cs"]), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("chunk", "words"),
    [
        ("word", "word"),
        ("don't", "do n't"),
        ("Don’t", "Do n’t"),
        ("they'll've", "they 'll 've"),
        ("John's", "John 's"),
        ("cannot", "can not"),
        ("its", "its"),
        ("well", "well"),
        ("(see", "( see"),
        ('"end."', '" end . "'),
        ("U.S.", "U.S."),
        ("etc.", "etc ."),
        ("Dr.", "Dr."),
        ("e.g.,", "e.g. ,"),
        ("USA.", "USA ."),
        ("wait...", "wait ..."),
        ("10am", "10 am"),
        ("100%", "100 %"),
        ("$5", "$ 5"),
        ("10km", "10 km"),
        ("3.5", "3.5"),
        ("state-of-the-art", "state - of - the - art"),
        ("and/or", "and/or"),
        ("red/blue", "red / blue"),
        ("a,b", "a , b"),
        ("1,000", "1,000"),
        ("--flag", "--flag"),
        ("https://example.org/a?b=c.", "https://example.org/a?b=c ."),
        ("me@example.org", "me@example.org"),
        ("end.Begin", "end . Begin"),
        ("__init__", "_ _ init _ _"),
        ("...", "..."),
        ("中文。", "中 文 。"),
        ("用Python写", "用 Python 写"),
        ("ไทย", "ไ ท ย"),
        ("한국어", "한국어"),
    ],
)
def test_chunks_are_split_like_this(chunk: str, words: str) -> None:
    assert split_chunk(chunk) == tuple(words.split())


@given(CHUNKS)
@settings(max_examples=200, deadline=None)
def test_splitting_loses_nothing(chunk: str) -> None:
    words = split_chunk(chunk)
    assert "".join(words) == chunk
    assert all(words)


@pytest.mark.parametrize("chunk", ["(" * 100_000, "." * 100_000, "a." * 50_000, "_-" * 50_000, "=" * 99_999 + "a"])
def test_hostile_chunks_are_split_in_linear_time(chunk: str) -> None:
    assert "".join(split_chunk(chunk)) == chunk


# In a process of its own, without what spaCy's plugins would import: seconds instead of half a minute.
TOKENIZE = """
import json, sys
for module in ("torch", "transformers", "presidio_analyzer"):
    sys.modules[module] = None
from spacy.lang.en import English
from spacy.tokenizer import Tokenizer
from spacy.util import compile_infix_regex, compile_prefix_regex, compile_suffix_regex
from spacy.vocab import Vocab
english = English.Defaults
tokenizer = Tokenizer(
    Vocab(),
    rules=english.tokenizer_exceptions,
    prefix_search=compile_prefix_regex(english.prefixes).search,
    suffix_search=compile_suffix_regex(english.suffixes).search,
    infix_finditer=compile_infix_regex(english.infixes).finditer,
    url_match=english.url_match,
)
print(json.dumps({chunk: [word.text for word in tokenizer(chunk)] for chunk in json.load(sys.stdin)}))
"""


def test_words_are_those_of_the_tokenizer_the_filters_run_with(real_data: Any) -> None:
    if importlib.util.find_spec("spacy") is None:
        pytest.skip("spacy is not installed")
    records = json.loads((real_data / "llamafactory" / "alpaca_en_demo.json").read_text("utf-8"))
    chunks = Counter(chunk for record in records for chunk in record["output"].split())
    run = [sys.executable, "-c", TOKENIZE]
    done = subprocess.run(run, input=json.dumps(list(chunks)), capture_output=True, text=True, check=True)
    theirs = json.loads(done.stdout)
    differ = {chunk for chunk in chunks if tuple(theirs[chunk]) != split_chunk(chunk)}
    assert sum(chunks[c] for c in differ) < 0.002 * chunks.total(), sorted(differ, key=chunks.__getitem__)[-20:]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One.", 1),
        ("no mark", 1),
        ("", 1),
        ("One. Two! Three? Four", 4),
        ('He said "No." Then he left.', 2),
        ("Mr. Smith paid 3.50 at 10 a.m. in the U.S. today.", 1),
        ("Wait... what?! Yes.", 2),
        ("第一句。第二句！第三句？", 3),
        ("他说：“好。”然后走了。", 2),
    ],
)
def test_sentences(text: str, sentences: int) -> None:
    assert sentence_counts(WordTable.of(pl.Series([text]))).tolist() == [sentences]


@given(st.lists(st.text(alphabet="ab \r\n\x0b\x1c\x85\u2028", max_size=12), max_size=8))
def test_lines_are_those_of_splitlines(texts: list[str]) -> None:
    lines = split_lines(pl.Series(texts, dtype=pl.String))
    assert lines.rows() == [(row, line) for row, text in enumerate(texts) for line in text.splitlines()]


@given(st.lists(st.text(alphabet="ab cd.  \n\t中\u00a0\x1c", max_size=30), min_size=1, max_size=6))
def test_words_of_a_table_are_those_of_its_texts(texts: list[str]) -> None:
    table = WordTable.of(pl.Series(texts, dtype=pl.String))
    expected = [[word for chunk in text.split() for word in split_chunk(chunk)] for text in texts]
    assert table.counts.tolist() == [len(words) for words in expected]
    assert table.lengths[table.numbers].tolist() == [len(word) for words in expected for word in words]
    flat = [word for words in expected for word in words]
    numbers = dict(zip(flat, table.numbers.tolist(), strict=True))
    assert [numbers[word] for word in flat] == table.numbers.tolist()
    assert len(set(numbers.values())) == len(numbers)


def test_a_vocabulary_past_its_limit_is_replaced() -> None:
    before = WordTable.of(pl.Series(["some words of before"]))
    assert shared_vocabulary(limit=0) is not before.vocabulary
    after = WordTable.of(pl.Series(["other words"]))
    assert after.lengths[after.numbers].tolist() == [5, 5]
    assert before.lengths[before.numbers].tolist() == [4, 5, 2, 6]


def plain_top(words: list[str], n: int, min_count: int) -> int:
    runs = [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]
    if not runs:
        return 0
    run, count = Counter(runs).most_common(1)[0]
    return len(run) * count if count >= min_count else 0


def plain_duplicates(words: list[str], n: int) -> int:
    seen, characters, place = set(), 0, 0
    while place <= len(words) - n:
        run = tuple(words[place : place + n])
        if run in seen:
            characters += len("".join(run))
            place += n
        else:
            seen.add(run)
            place += 1
    return characters


@given(
    st.lists(st.lists(st.sampled_from(["a", "bb", "ccc", "d"]), max_size=40), min_size=1, max_size=5),
    st.integers(1, 3),
)
@settings(max_examples=80, deadline=None)
def test_repeated_runs_are_counted_as_read_from_the_left(texts: list[list[str]], min_count: int) -> None:
    table = WordTable.of(pl.Series([" ".join(words) for words in texts]))
    found = list(repeats(table, 6))
    assert [repeated.n for repeated in found] == [2, 3, 4, 5, 6]
    for repeated in found:
        n = repeated.n
        assert top_characters(table, repeated, 1, min_count).tolist() == [plain_top(w, n, min_count) for w in texts]
        exact = duplicate_characters(table, repeated, np.full(len(texts), -1.0)).tolist()
        assert exact == [plain_duplicates(words, n) for words in texts]
        bound = duplicate_characters(table, repeated, np.full(len(texts), np.inf))
        assert (bound >= exact).all()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Plain English.", ""),
        ("Ein Café in Köln.", ""),
        ("我们去吃饭。", "zh"),
        ("用 Python 写一个函数 calculate_sum 然后打印结果", "zh"),
        ("The word 港口 means harbour in Chinese.", ""),
        ("東京へ行きました。", "ja"),
        ("ขอบคุณครับ", "th"),
        ("안녕하세요", ""),
        ("", ""),
    ],
)
def test_scripts_without_spaces_are_told(text: str, language: str) -> None:
    assert script_frame(pl.Series([text])).rows() == [(language != "", language)]


def test_every_language_has_eight_stop_words_a_text_can_hold() -> None:
    for language, words in {**SPACED, **UNSPACED}.items():
        assert len(set(words)) == 8, language
    for language, words in SPACED.items():
        assert all(split_chunk(word) == (word,) for word in words), language
        assert all(word == word.lower() for word in words), language


def test_texts_count_the_words_of_both_kinds_of_scripts() -> None:
    texts = Texts(pl.Series(["two words", "港" * 16, "あ" * 24, "ก" * 9, ""]))
    assert texts.word_counts.tolist() == [2, 10, 10, 2, 0]
