"""Where masks stand: JSON stays JSON, markers and characters stay whole, nothing that was found is left in any spelling."""

from __future__ import annotations

import itertools
import json
import re
import time
import unicodedata
from typing import Any

import pytest
from batches import batch_of
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from curation.engine.apply import apply
from curation.privacy.json_text import view_of
from curation.privacy.masking import Masking, covered
from curation.privacy.places import MARKER, whole_characters
from curation.privacy.repeats import repeats
from curation.privacy.spans import Span
from curation.stage import StageContext
from curation.stages.pii import Pii

KEY = "0123456789abcdef0123456789abcdef"
PHONE, MAIL = "13812345678", "wang.xm@firma-test.com"
OPERATORS = ["replace", "pseudonym", "fake", "partial", "hash"]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_PII_KEY", KEY)


def masked(*texts: str, **parameters: Any) -> list[str]:
    """The turns of one record as they are afterwards."""
    batch = batch_of([[("user", text) for text in texts]])
    stage = Pii(**{"names": False, **parameters})
    return apply(batch, stage.decide(batch, StageContext())).turns["content"].to_list()


def one(text: str, **parameters: Any) -> str:
    return masked(text, **parameters)[0]


# JSON


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_stays_json(operator: str, indent: int | None, ascii_only: bool) -> None:
    held = {
        "mail": MAIL,
        "phones": [PHONE, int(PHONE)],
        "note": f'第一行\n{MAIL}\t"{PHONE}"',
        "arguments": json.dumps({"to": f"\n{MAIL}", "number": int(PHONE), "deep": json.dumps([PHONE])}),
        PHONE: True,
    }
    text = json.dumps(held, indent=indent, ensure_ascii=ascii_only)
    after = one(text, operator=operator)
    read = json.loads(after)
    assert MAIL not in after
    assert PHONE not in after
    assert read["note"].startswith("第一行\n")
    inner = json.loads(read["arguments"])
    assert inner["to"].startswith("\n")
    assert inner["number"] == 0
    assert read["phones"][1] == 0
    assert isinstance(json.loads(inner["deep"]), list)


@pytest.mark.parametrize("around", ["<tool_call>\n{}\n</tool_call>", "```json\n{}\n```", "Here: {} and {}", "{}"])
def test_json_within_a_text(around: str) -> None:
    call = json.dumps({"name": "mail", "arguments": {"to": MAIL, "phone": int(PHONE), "text": "a\\b\n"}})
    after = one(around.replace("{}", call))
    assert after == around.replace("{}", call.replace(MAIL, "<EMAIL_ADDRESS>").replace(PHONE, "0"))


def test_a_value_written_in_escapes_is_found() -> None:
    text = '{"mail": "wang\\u002exm\\u0040firma-test.com", "n": "\\ud83d\\ude00 \\u0031\\u0033812345678"}'
    after = one(text)
    assert json.loads(after) == {"mail": "<EMAIL_ADDRESS>", "n": "\U0001f600 <PHONE_NUMBER>"}


def test_a_span_over_several_strings_masks_each() -> None:
    text = '{"first": "Ada", "last": "Lovelace"}'
    at = text.index("Ada"), text.index("Lovelace") + 8
    find = _fixed(Span(*at, "PERSON", 0.9, "test"))
    (state,) = Masking(find, {"PERSON": lambda entity, value: f"<{entity}>"}).mask([text], [""], [0])
    assert json.loads(state.text) == {"first": "<PERSON>", "<PERSON>": "<PERSON>"}
    assert state.counts == {"PERSON": 1}


def _fixed(*spans: Span) -> Any:
    """A finder that finds these spans in the first search, and nothing afterwards."""
    answers = [list(spans)]
    return lambda texts, languages: [answers.pop() if answers else [] for _ in texts]


def test_two_spans_over_one_number_mask_it_once() -> None:
    text = '{"n": 123456789, "x": "y"}'
    find = _fixed(Span(6, 9, "PERSON", 0.9, "t"), Span(10, 13, "PERSON", 0.9, "t"))
    (state,) = Masking(find, {"PERSON": lambda entity, value: "#"}).mask([text], [""], [0])
    assert state.text == '{"n": 0, "x": "y"}'


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200)
@given(JSON, st.booleans(), st.data())
def test_masks_anywhere_in_json_leave_json(value: Any, ascii_only: bool, data: st.DataObject) -> None:
    text = json.dumps({"v": value, "s": json.dumps(value)}, ensure_ascii=ascii_only)
    view = view_of(text)
    spans = []
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(view.text) - 1))
        spans.append(Span(start, data.draw(st.integers(start + 1, len(view.text))), "PERSON", 0.9, "test"))
    mask = data.draw(st.sampled_from(['<"PERSON">', "a\\b", "\n", "王"]))
    (state,) = Masking(_fixed(*spans), {"PERSON": lambda entity, value: mask}).mask([text], [""], [0])
    json.loads(state.text)


@settings(deadline=None, max_examples=200)
@given(st.text() | JSON.map(json.dumps))
def test_a_view_without_masks_is_the_text(text: str) -> None:
    view = view_of(text)
    if view.places is not None:
        assert len(view.places) == len(view.text) + 1
        assert list(view.places) == sorted(view.places)
    assert view.place(len(view.text)) == len(text)
    for piece in view.pieces:
        assert 0 <= piece.start <= piece.end <= len(view.text)


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 50_000, '["' * 100_000, '{"' + "\\" * 200_000])
def test_hostile_json_costs_little(text: str) -> None:
    began = time.process_time()
    view_of(text)
    assert time.process_time() - began < 2


# Markers and characters


MARKED = [
    "<|im_start|>user\n{}<|im_end|>",
    "[INST] {} [/INST]",
    "<s>{}</s>",
    "<<SYS>>{}<</SYS>>",
    "<start_of_turn>user {}<end_of_turn>",
    "<｜User｜>{}<｜Assistant｜>",
    "<think>{}</think>",
    "### Human: {}\n### Assistant: ok",
]


@pytest.mark.parametrize("text", MARKED)
@pytest.mark.parametrize("operator", OPERATORS)
def test_markers_stay(text: str, operator: str) -> None:
    whole = text.replace("{}", f"{PHONE} {MAIL}")
    after = one(whole, operator=operator)
    assert MARKER.findall(after) == MARKER.findall(whole)
    assert PHONE not in after
    assert MAIL not in after


def test_a_span_over_a_marker_masks_what_is_beside_it() -> None:
    text = "Ada<|im_end|> Lovelace"
    (state,) = Masking(_fixed(Span(0, len(text), "PERSON", 0.9, "t")), {"PERSON": lambda e, v: "#"}).mask(
        [text], [""], [0]
    )
    assert state.text == "#<|im_end|> #"


@pytest.mark.parametrize(
    ("text", "span", "whole"),
    [
        ("Ze\u0301 x", (0, 2), (0, 3)),  # the accent goes with its letter
        ("Ze\u0301 x", (2, 4), (1, 4)),
        ("a\U0001f468\u200d\U0001f469b", (0, 2), (0, 4)),  # a joined emoji
        ("\U0001f44d\U0001f3fdx", (1, 3), (0, 3)),
        ("abc", (1, 2), (1, 2)),
        ("王\ufe00明", (0, 1), (0, 2)),
    ],
)
def test_whole_characters(text: str, span: tuple[int, int], whole: tuple[int, int]) -> None:
    assert whole_characters(text, *span) == whole


@settings(deadline=None)
@given(st.text(alphabet="aZé\u0301\u200d\ufe0f\U0001f468\U0001f3fd 1王"), st.data())
def test_no_mask_begins_or_ends_within_a_character(text: str, data: st.DataObject) -> None:
    if not text:
        return
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    (state,) = Masking(_fixed(Span(start, end, "PERSON", 1, "t")), {"PERSON": lambda e, v: "#"}).mask([text], [""], [0])
    after = state.text.partition("#")[2]
    if "#" in state.text and after:
        assert unicodedata.category(after[0])[0] != "M"
        assert after[0] != "\u200d"


# Overlaps


@given(
    st.lists(
        st.tuples(
            st.integers(0, 30), st.integers(1, 12), st.sampled_from(["PERSON", "ADDRESS", "SECRET"]), st.floats(0, 1)
        )
    )
)
def test_nothing_that_a_span_covers_is_left_out(raw: list[tuple[int, int, str, float]]) -> None:
    text = "ab cd, ef-gh ijk lmn opqr st uvwxyz 0123456"
    spans = [Span(start, min(start + size, len(text)), entity, score, "t") for start, size, entity, score in raw]
    chosen = covered(text, spans)
    assert all(one.end <= other.start for one, other in itertools.pairwise(chosen))
    inside = {at for span in chosen for at in range(span.start, span.end)}
    for span in spans:
        assert not any(text[at].isalnum() and at not in inside for at in range(span.start, span.end))


def test_the_surer_span_names_the_type() -> None:
    text = "12 Main St 13812345678 Springfield"
    chosen = covered(text, [Span(0, 34, "ADDRESS", 0.6, "a"), Span(11, 22, "PHONE_NUMBER", 0.9, "p")])
    assert [(span.entity, text[span.start : span.end]) for span in chosen] == [
        ("ADDRESS", "12 Main St"),
        ("PHONE_NUMBER", "13812345678"),
        ("ADDRESS", "Springfield"),
    ]


def test_many_spans_cost_little() -> None:
    text = f"{PHONE}、" * 20_000
    began = time.process_time()
    assert PHONE not in one(text)
    assert time.process_time() - began < 20


# The same value elsewhere in the record


@pytest.mark.parametrize(
    ("entity", "value", "text", "count"),
    [
        ("PERSON", "Ada Lovelace", "ADA LOVELACE, ada-lovelace, AdaLovelace; Adah Lovelaces", 3),
        ("PERSON", "Mark", "Mark my words; a mark; Marked", 1),
        ("PERSON", "王小明", "王 小 明说王小明", 2),
        ("PERSON", "王", "王", 0),
        ("PHONE_NUMBER", PHONE, "138 1234 5678 or (138)1234-5678 or １３８１２３４５６７８ or 9138123456780", 3),
        ("PHONE_NUMBER", "+86 " + PHONE, PHONE, 1),
        ("EMAIL_ADDRESS", MAIL, "WANG.XM@FIRMA-TEST.COM", 1),
    ],
)
def test_repeats(entity: str, value: str, text: str, count: int) -> None:
    assert len(repeats(text, {(entity, value)})) == count


def test_what_is_found_in_one_turn_is_masked_in_all() -> None:
    texts = ["I am Ann McCord, born in May.", "Dear ann mccord, hello ANN\u00a0MCCORD!", "Annmccord"]
    batch = batch_of([[("user", text) for text in texts]])
    find = _fixed(Span(5, 15, "PERSON", 0.9, "test"))
    states = Masking(find, {"PERSON": lambda e, v: "#"}).mask(texts, [""] * 3, [0] * 3)
    assert [state.text for state in states] == ["I am #, born in May.", "Dear #, hello #!", "#"]
    other = Masking(_fixed(Span(5, 15, "PERSON", 0.9, "test")), {"PERSON": lambda e, v: "#"}).mask(
        texts, [""] * 3, [0, 1, 2]
    )
    assert [state.text for state in other][1:] == texts[1:]
    assert len(batch) == 1


# Properties


def _luhn(body: str) -> str:
    total = sum(d if place % 2 else sum(divmod(d * 2, 10)) for place, d in enumerate(map(int, reversed(body))))
    return f"{body}{-total % 10}"


def _id_card(digits: tuple[int, int, int, int]) -> str:
    year, month, day, number = digits
    body = f"110105{year}{month:02}{day:02}{number:03}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(a) * b for a, b in zip(body, weights, strict=True)) % 11]


PHONES = st.from_regex(r"\A1(3[0-9]|5[0-35-9]|8[0-9])[1-9][0-9]{7}\Z")
CARDS = st.from_regex(r"\A4[1-9][0-9]{13}\Z").map(_luhn)
ID_CARDS = st.tuples(st.integers(1950, 2005), st.integers(1, 12), st.integers(1, 28), st.integers(1, 999)).map(_id_card)
MAILS = st.from_regex(r"\A[a-z]{4,10}\.[a-z]{4,10}@[a-z]{5,10}\.(com|de|cn)\Z")
VALUE = st.one_of(
    PHONES.map(lambda v: (v, [v, f"{v[:3]} {v[3:7]} {v[7:]}", f"{v[:3]}-{v[3:7]}-{v[7:]}", f"+86 {v}", _wide(v)])),
    CARDS.map(lambda v: (v, [v, " ".join(re.findall("....", v)), "-".join(re.findall("....", v))])),
    ID_CARDS.map(lambda v: (v, [v, _wide(v)])),
    MAILS.map(lambda v: (v, [v, v.upper(), v.replace("@", "＠")])),
)
AROUND = st.sampled_from(
    [
        "我的联系方式是{}，请记下。",
        "Please write down {} for me.",
        "{}",
        "“{}”",
        '{"note": "{}"}',
        "a\n{}\nb",
        "<|user|>{}<|end|>",
        "王{}号",
    ]
)


def _wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def _squash(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


@st.composite
def chats(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A value and a conversation in which it stands in several spellings."""
    value, spellings = draw(VALUE)
    texts = [draw(AROUND).replace("{}", draw(st.sampled_from(spellings))) for _ in range(draw(st.integers(1, 3)))]
    return value, texts


def _examples(strategy: SearchStrategy[Any]) -> Any:
    return given(strategy, st.sampled_from(OPERATORS))


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@_examples(chats())
def test_no_masked_value_is_left_in_any_spelling(chat: tuple[str, list[str]], operator: str) -> None:
    value, texts = chat
    for text in masked(*texts, operator=operator):
        assert _squash(value) not in _squash(text)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@_examples(chats())
@example(chat=("4200000000000000", ["我的联系方式是4200 0000 0000 0000，请记下。"]), operator="fake")
def test_masking_is_idempotent(chat: tuple[str, list[str]], operator: str) -> None:
    _, texts = chat
    once = masked(*texts, operator=operator)
    assert masked(*once, operator=operator) == once


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chats())
def test_spellings_of_a_value_have_one_pseudonym_in_texts(chat: tuple[str, list[str]]) -> None:
    _, texts = chat
    found = set(re.findall(r"<[A-Z_]+_[0-9a-f]{8}>", "".join(masked(*texts, operator="pseudonym"))))
    assert len(found) == 1
