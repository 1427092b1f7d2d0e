"""The `length` stage: four units, every bound, words in scripts without blanks, and real tokenizers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from batches import batch_of, reasons
from pydantic import ValidationError
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

from curation.errors import StageError
from curation.schema import Decisions
from curation.stage import StageContext
from curation.stages.length import WORD, Length
from curation.stages.tokens import count_tokens, tokenizer_digest

CHATS = [
    [("system", "Be short."), ("user", "你好吗？"), ("assistant", "Fine, thank you.")],
    [("user", "Hi"), ("assistant", "A much longer answer than the question asked for, with many words.")],
    "",
]


def decide(chats: Any = None, **parameters: Any) -> Decisions:
    return Length(**parameters).decide(batch_of(CHATS if chats is None else chats), StageContext())


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"min_chars": 1}, {"a:3": "too_short"}),
        ({"min_chars": 30}, {"a:1": "too_short", "a:3": "too_short"}),
        ({"max_chars": 30}, {"a:2": "too_long"}),
        ({"min_words": 9}, {"a:1": "too_short", "a:3": "too_short"}),
        ({"min_words": 8}, {"a:3": "too_short"}),
        ({"max_words": 12}, {"a:2": "too_long"}),
        ({"max_words": 13}, {}),
        ({"min_turns": 2}, {"a:3": "too_short"}),
        ({"max_turns": 2}, {"a:1": "too_long"}),
        ({"part": "prompt", "max_chars": 2}, {"a:1": "too_long"}),
        ({"part": "system", "min_chars": 1}, {"a:2": "too_short", "a:3": "too_short"}),
        ({"part": "answer", "min_turns": 1, "max_words": 3}, {"a:2": "too_long"}),
        ({"min_chars": 5, "max_chars": 40}, {"a:2": "too_long", "a:3": "too_short"}),
    ],
)
def test_bounds(parameters: dict[str, Any], expected: dict[str, str]) -> None:
    assert reasons(decide(**parameters)) == expected


def test_decisions_say_what_was_measured_and_against_what() -> None:
    rows = (
        decide(min_chars=1, max_words=12, max_turns=2).rows.select("record_id", "score", "threshold", "detail").rows()
    )
    assert rows == [("a:1", 3, 2, "turns"), ("a:2", 13, 12, "words"), ("a:3", 0, 1, "characters")]


def test_one_decision_for_a_record_that_breaks_several_bounds() -> None:
    rows = decide(max_chars=1, max_words=1, max_turns=1).rows
    assert rows.select("record_id", "detail").rows() == [("a:1", "characters"), ("a:2", "characters")]


def test_only_documented_reasons() -> None:
    assert set(decide(min_chars=1, max_chars=40).rows["reason"]) == set(Length.reasons)
    assert set(decide(min_chars=1, max_chars=40).rows["action"]) == {"drop"}


def test_turns_are_counted_together_without_anything_between_them() -> None:
    chat = [("user", "ab"), ("assistant", "cd"), ("user", "👨‍👩‍👧")]
    assert decide([chat], min_chars=9).rows.is_empty()
    assert decide([chat], min_chars=10).rows["score"].to_list() == [9]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's a well-known fact: x2 = 3.14!", 6),
        ("don’t  -  stop", 2),
        ("我们去北京。", 5),
        ("我用Python写了3个程序", 9),
        ("東京タワーへ行く", 8),
        ("한국어 문장입니다.", 2),
        ("สวัสดีครับ", 3),
        ("ខ្ញុំ ស្រឡាញ់", 4),
        ("Müller naïve e\u0301te\u0301 Ünal", 4),
        ("नमस्ते दुनिया", 2),
        ("مرحبا بالعالم", 2),
        ("Привет, мир", 2),
        ("👍 🎉 — …", 0),
        ("𠮷野家 ㄅㄆ", 5),
        ("| a | b |\n|---|---|", 2),
        (r"$\frac{a}{b}$ `code_x`", 5),
        ("", 0),
    ],
)
def test_words(text: str, words: int) -> None:
    assert pl.Series([text]).str.count_matches(WORD).item() == words


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "at least one bound"),
        ({"min_chars": 5, "max_chars": 4}, "more than the most"),
        ({"min_tokens": 5}, "needs a tokenizer"),
        ({"min_chars": 5, "tokenizer": "x"}, "needs a bound on tokens"),
        ({"min_chars": -1}, "greater than or equal"),
        ({"min_char": 1}, "Extra inputs"),
    ],
)
def test_bad_parameters(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Length(**parameters)


# Tokenizers


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level BPE tokenizer trained on a few lines, with truncation, padding and special tokens set to mislead."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<s>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(["the cat sat on the mat"] * 20, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=9)
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def test_tokens_of_a_folder_or_a_file(trained: Path) -> None:
    texts = ["the the the the the the", "你好", "", "cat"]
    raw = Tokenizer.from_file(str(trained / "tokenizer.json"))
    raw.no_truncation()
    raw.no_padding()
    expected = [len(raw.encode(text, add_special_tokens=False).ids) for text in texts]
    assert expected[:3] == [6, 6, 0]
    assert count_tokens(str(trained), texts) == expected
    assert count_tokens(str(trained / "tokenizer.json"), texts * 200) == expected * 200


def test_bounds_on_tokens(trained: Path) -> None:
    chats = [[("user", "the the"), ("assistant", "the")], "the", "你好"]
    assert reasons(decide(chats, tokenizer=str(trained), min_tokens=3)) == {"a:2": "too_short"}
    assert reasons(decide(chats, tokenizer=str(trained), max_tokens=3)) == {"a:3": "too_long"}
    assert decide(chats, tokenizer=str(trained), max_tokens=3).rows["detail"].to_list() == ["tokens"]
    assert reasons(decide(chats, part="answer", tokenizer=str(trained), max_tokens=0, min_chars=4)) == {
        "a:1": "too_short",
        "a:2": "too_short",
        "a:3": "too_short",
    }


def test_the_tokenizer_is_an_asset(trained: Path, tmp_path: Path) -> None:
    here = Length(min_tokens=1, tokenizer=str(trained)).assets()
    copy = tmp_path / "tokenizer.json"
    copy.write_bytes((trained / "tokenizer.json").read_bytes())
    assert here == Length(min_tokens=1, tokenizer=str(copy)).assets() == {"tokenizer": tokenizer_digest(str(trained))}
    other = tmp_path / "other.json"
    changed = json.loads(copy.read_text())
    changed["added_tokens"] = []
    other.write_text(json.dumps(changed))
    assert Length(min_tokens=1, tokenizer=str(other)).assets() != here
    assert Length(min_chars=1).assets() == {}


@pytest.mark.parametrize("name", ["/nowhere/at/all", "./missing", "missing.json", "a/b/c"])
def test_a_missing_tokenizer_is_a_typed_error(name: str) -> None:
    with pytest.raises(StageError, match="no tokenizer") as caught:
        decide(tokenizer=name, min_tokens=1)
    assert "tokenizer.json" in caught.value.hint


def test_a_file_that_is_no_tokenizer_is_a_typed_error(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    for content in (b"", b"{}", b"\xff\xfe", b'{"model": 1}'):
        path.write_bytes(content)
        with pytest.raises(StageError, match="no tokenizer"):
            decide(tokenizer=str(path), min_tokens=1)


def _offline(code: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run `code` in a fresh process without network, whose Hub cache is in `home`."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home)}
    environment.pop("HF_HUB_CACHE", None)
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


def test_a_name_on_the_hub_comes_from_the_cache_when_offline(trained: Path, tmp_path: Path) -> None:
    """Also: a tokenizer.json needs neither torch nor transformers."""
    snapshot = tmp_path / "hub" / "models--some--model" / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "tokenizer.json").write_bytes((trained / "tokenizer.json").read_bytes())
    refs = tmp_path / "hub" / "models--some--model" / "refs"
    refs.mkdir()
    (refs / "main").write_text("0" * 40)
    done = _offline(
        "import sys\n"
        "from curation.stages.tokens import count_tokens\n"
        "print(count_tokens('some/model', ['the the']), {'torch', 'transformers'} & set(sys.modules))\n"
        "try:\n    count_tokens('some/other', ['x'])\n"
        "except Exception as error:\n    print(type(error).__name__, '|', error.hint)\n",
        tmp_path,
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "[2] set()", done.stderr
    assert lines[1].startswith("StageError | ") and "HF_HUB_OFFLINE" in lines[1]


def test_a_tokenizer_without_tokenizer_json_is_loaded_with_transformers(tmp_path: Path) -> None:
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s"]
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary))
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    assert count_tokens(str(tmp_path), ["the cats", "", "the the cat"]) == [3, 0, 3]
    assert len(tokenizer_digest(str(tmp_path))) == 64
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(StageError, match="cannot be loaded"):
        count_tokens(str(empty), ["x"])
