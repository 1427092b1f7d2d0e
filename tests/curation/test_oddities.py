"""Each oddity is found where it is, and not where it is not."""

import polars as pl
import pytest

from curation.oddities import PATTERNS, SENTENCES, find_oddities
from curation.schema import RECORD_SCHEMA, TURN_SCHEMA, Batch

ODD_TEXTS = {
    "control_characters": ["a\x1b[31mred", "bell\x07", "c1 \x9b31m"],
    "invisible_characters": ["pass\u200bword", "\u202etxt", "\ufeffstart", "soft\u00adhyphen"],
    "replacement_character": ["caf\ufffd"],
    "mojibake": ["donâ€™t", "cafÃ© au lait", "ä½ å¥½ï¼Œä¸–ç•Œ"],
    "html_tags": ["<p>hello</p>", "line<br/>line", '<a href="x">x</a>', "<DIV class=a>x"],
    "html_entities": ["a &amp; b", "&#39;", "&nbsp;"],
    "urls": ["see https://example.org/x?y"],
    "chat_markup": ["<|im_start|>user", "[INST] hi [/INST]", "### Human: hi", "first\n### Assistant: hi"],
    "template_placeholders": ["I am {{name}}", "{{ user.name }}"],
    "carriage_returns": ["a\r\nb"],
    "outer_whitespace": [" a", "a\n"],
    "very_long": ["x" * 100_001],
}

ORDINARY = [
    "An ordinary sentence, with punctuation: (a < b) and b > c; AT&T; 3 <4> 5.",
    "普通的中文句子，没有问题。「引号」",
    "Été à la plage, déjà vu, naïve, Größe, señor, 日本語テキスト",
    "x = {name}; y = [1, 2]; #### heading",
    "Привет, мир",
    "x" * 99_998,
]


def batch(*records: list[tuple[str, str]]) -> Batch:
    """A batch of records, each a list of (role, content)."""
    ids = [f"f:{number}" for number in range(1, len(records) + 1)]
    turns = [
        (record_id, turn, role, content)
        for record_id, record in zip(ids, records, strict=True)
        for turn, (role, content) in enumerate(record)
    ]
    rows = [(record_id, "h", "f", "text", [], "{}") for record_id in ids]
    return Batch(
        pl.DataFrame(rows, schema=RECORD_SCHEMA, orient="row"), pl.DataFrame(turns, schema=TURN_SCHEMA, orient="row")
    )


def odd(*records: list[tuple[str, str]]) -> dict[str, list[str]]:
    return {name: ids.to_list() for name, ids in find_oddities(batch(*records)).items()}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in ODD_TEXTS.items() for text in texts])
def test_an_odd_text_is_found(name: str, text: str) -> None:
    assert odd([("user", "plain")], [("user", "hi"), ("assistant", text)])[name] == ["f:2"]


def test_ordinary_texts_are_not_odd() -> None:
    assert odd(*([("user", "hi"), ("assistant", text)] for text in ORDINARY)) == {}


def test_odd_shapes_of_conversations() -> None:
    assert odd([("user", "hi"), ("assistant", " ")])["empty_answer"] == ["f:1"]
    assert odd([("user", ""), ("assistant", "x")])["empty_prompt"] == ["f:1"]
    assert odd([("user", "hi"), ("assistant", "x"), ("user", "more")]) == {"no_answer": ["f:1"]}
    assert odd([("user", "hi"), ("user", "again"), ("assistant", "x")]) == {"role_twice": ["f:1"]}
    assert odd([("user", "hi"), ("chosen", "x"), ("rejected", "y")]) == {}, "a pair of answers is no conversation"
    assert odd([("text", "words")]) == {}
    task = batch([("user", "Translate."), ("user", "Hello"), ("assistant", "Hallo")])
    assert find_oddities(Batch(task.records.with_columns(format=pl.lit("alpaca")), task.turns)) == {}


def test_a_record_counts_once_however_often_it_is_odd() -> None:
    assert odd([("user", "a\r"), ("assistant", "b\r"), ("user", "\r"), ("assistant", "x")])["carriage_returns"] == [
        "f:1"
    ]


def test_every_oddity_has_a_sentence() -> None:
    shapes = {"empty_answer", "empty_prompt", "no_answer", "role_twice", "very_long", "mojibake"}
    assert set(SENTENCES) == set(PATTERNS) | shapes
