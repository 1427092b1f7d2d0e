"""From what models write to items: what is read, what is mended, and what is a flaw."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.synthesis.model import Exchange, Kind, Material, Unit
from curation.synthesis.parse import Flaw, filled, read_answerable, read_items, read_mark
from curation.synthesis.prompts.schema import WORKED_ON, items_schema, keys_of
from curation.synthesis.reasons import FAILED, REJECTED

ONE = {"quote": "It opens at eight.", "question": "When does it open?", "answer": "At eight."}
TWO = {"quote": "It has two rooms.", "question": "How many rooms are there?", "answer": "Two."}


def unit(wanted: int = 1, kind: Kind = "qa", **other) -> Unit:
    return Unit("u00001", kind, wanted, **other)


def exchange(item: dict[str, str]) -> tuple[Exchange, ...]:
    return (Exchange(**item),)


def reasons(text: str, asked: Unit | None = None) -> list[str]:
    return [item.reason if isinstance(item, Flaw) else "read" for item in read_items(text, asked or unit()).items]


BOTH = json.dumps({"items": [ONE, TWO]})


@pytest.mark.parametrize(
    "text",
    [
        BOTH,
        json.dumps([ONE, TWO]),
        json.dumps({"questions": [ONE, TWO]}, indent=2),
        f"Here you are:\n```json\n{BOTH}\n```\nAnything else?",
        f"Sure [1], gladly: {BOTH} I hope that this helps.",
        f"{json.dumps(ONE)}\n{json.dumps(TWO)}",
        f"{json.dumps(ONE)},\n{json.dumps(TWO)}",
        f"<think>What could {{ I }} ask?</think>\n{BOTH}",
        json.dumps({"items": [{**ONE, "type": "factual", "id": 1}, {**TWO, "difficulty": "easy"}]}),
        "\ufeff" + BOTH,
    ],
)
def test_json_is_read_whatever_is_around_it(text: str) -> None:
    reading = read_items(text, unit(2))
    assert reading.items == (exchange(ONE), exchange(TWO))
    assert not reading.repaired and reading.surplus == 0


@pytest.mark.parametrize(
    "text",
    [
        BOTH[:-1],
        BOTH[:-2],
        BOTH.replace('"items"', "items"),
        BOTH.replace('"', "'").replace("'s", "s"),
        BOTH.replace("}, {", "} {"),
        BOTH.replace("]}", ",]}"),
        "```json\n" + BOTH[:-1],
        BOTH.replace('"At eight."', '"At "eight"."'),
        BOTH.replace("At eight.", "At\neight."),
    ],
)
def test_the_form_is_mended_and_said_to_be(text: str) -> None:
    reading = read_items(text, unit(2))
    assert reading.repaired
    first, second = reading.items
    assert not isinstance(first, Flaw) and not isinstance(second, Flaw)
    assert first[0].question == ONE["question"] and second == exchange(TWO)


def test_mending_never_changes_words() -> None:
    """What json_repair makes of a text is taken only if every value stands in it as it was written."""
    from json_repair import repair_json

    text = '{"items": [{"question": "When?", "answer": \\u0041t eight"}]}'
    made = repair_json(text, return_objects=True)
    for item in read_items(text, unit()).items:
        assert isinstance(item, Flaw) or all(
            "".join(filter(str.isalnum, value)) in "".join(filter(str.isalnum, text))
            for value in (item[0].question, item[0].answer)
        ), made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Question: When?\nAnswer: At eight.\nQuote: It opens at eight.", ("When?", "At eight.", "It opens at eight.")),
        ("Quote: It opens at eight.\nQuestion: When?\nAnswer: At eight.", ("When?", "At eight.", "It opens at eight.")),
        ("Q: When?\nA: At eight.", ("When?", "At eight.", "")),
        ("**Q1:** When?\n\n**A1:** At\neight.", ("When?", "At\neight.", "")),
        ("Sure!\n\n1. Question: When?\n   Answer: At 8:00.", ("When?", "At 8:00.", "")),
        ("问题：几点开门？\n答案：八点。\n引文：八点开门。", ("几点开门？", "八点。", "八点开门。")),
        ("问：几点开门？\n答：八点。", ("几点开门？", "八点。", "")),
    ],
)
def test_labelled_lines_are_read(text: str, expected: tuple[str, str, str]) -> None:
    (item,) = read_items(text, unit()).items
    assert not isinstance(item, Flaw)
    assert (item[0].question, item[0].answer, item[0].quote) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "It opens at eight.",
        "Question: When?",
        "Answer: At eight.",
        "Answer: At eight.\nQuestion: When?\nQuestion: Why?",
        "Question: When?\nAnswer: At eight.\nAnswer: At nine.",
        "<think>Question: When?\nAnswer: At eight.",
        f"{BOTH} or rather {BOTH}",
        '{"items": [',
        "{" * 50_000,
        "[" * 50_000,
        "<html><body>502 Bad Gateway</body></html>",
        "I'm sorry, but I cannot help with that.",
    ],
)
def test_what_leaves_a_doubt_is_not_read(text: str) -> None:
    assert reasons(text, unit(2))[0] in ("unreadable", "schema", "missing")
    assert "read" not in reasons(text, unit(1))


@pytest.mark.parametrize(
    ("item", "detail"),
    [
        ({"question": "When?"}, "answer is missing."),
        ({"question": "", "answer": "At eight."}, "question is missing."),
        ({"question": "  ", "answer": "At eight."}, "question is missing."),
        ({"question": "When?", "answer": 8}, "answer must be text."),
        ({"question": "When?", "answer": None}, "answer must be text."),
        ({"question": "When?", "answer": ["At eight."]}, "answer must be text."),
        ({"question": "When?", "answer": {"text": "At eight."}}, "answer must be text."),
        ({"question": "When?", "q": "Why?", "answer": "At eight."}, "question is there twice."),
        ({**ONE, "sponsor": "Lumina"}, "A key is there that was not asked for."),
        ({"exchanges": [ONE, TWO]}, "2 exchanges in place of 1."),
        ({"exchanges": "none"}, "0 exchanges in place of 1."),
        ("When? At eight.", "An item must be an object."),
        (["When?", "At eight."], "An item must be an object."),
    ],
)
def test_what_an_item_must_be(item: object, detail: str) -> None:
    first, second = read_items(json.dumps({"items": [item, TWO]}), unit(2)).items
    assert first == Flaw("schema", detail)
    assert second == exchange(TWO)


def test_too_few_and_too_many() -> None:
    reading = read_items(BOTH, unit(3))
    assert reading.items[:2] == (exchange(ONE), exchange(TWO))
    assert reading.items[2] == Flaw("missing", "2 of 3 were written.")
    reading = read_items(BOTH, unit(1))
    assert reading.items == (exchange(ONE),) and reading.surplus == 1
    assert reasons('{"items": []}', unit(2)) == ["missing", "missing"]


def test_an_item_that_is_wrong_does_not_move_the_others() -> None:
    text = json.dumps({"items": [ONE, {"question": "Why?"}, TWO]})
    assert reasons(text, unit(3)) == ["read", "schema", "read"]


def test_conversations() -> None:
    asked = unit(2, turns=2)
    text = json.dumps({"items": [{"exchanges": [ONE, TWO]}, {"exchanges": [TWO, ONE]}]})
    assert read_items(text, asked).items == ((Exchange(**ONE), Exchange(**TWO)), (Exchange(**TWO), Exchange(**ONE)))
    assert reasons(json.dumps({"items": [{"exchanges": [ONE]}, ONE]}), asked) == ["schema", "schema"]
    alone = read_items(json.dumps({"exchanges": [ONE, TWO]}), unit(1, turns=2))
    assert alone.items == ((Exchange(**ONE), Exchange(**TWO)),)
    bare = read_items(json.dumps([ONE, TWO]), unit(1, turns=2))
    assert bare.items == alone.items


def test_what_was_not_asked_for_is_not_kept() -> None:
    """Steps where none were asked for, and a quote of a kind that has no source, are nobody's to check."""
    item = {**ONE, "reasoning": "It says so."}
    (plain,) = read_items(json.dumps(item), unit()).items
    (steps,) = read_items(json.dumps(item), unit(reasoning=True)).items
    (seeded,) = read_items(json.dumps(item), unit(kind="similar")).items
    assert plain == exchange(ONE)
    assert steps == (Exchange(**ONE, reasoning="It says so."),)
    assert seeded == (Exchange(ONE["question"], ONE["answer"]),)


def test_kinds_that_write_a_part_are_filled_in() -> None:
    (asked,) = read_items('{"items": [{"question": "Describe the library."}]}', unit(kind="instruction")).items
    assert not isinstance(asked, Flaw)
    told = filled(asked, unit(kind="instruction"), Material(text="It has two rooms."))
    assert told == (Exchange("Describe the library.", "It has two rooms."),)
    (answered,) = read_items("Answer: At eight.", unit(kind="complete")).items
    assert not isinstance(answered, Flaw)
    turns = (("user", "Hello."), ("assistant", "Hi."), ("user", "When?"))
    assert filled(answered, unit(kind="complete"), Material(turns=turns)) == (Exchange("When?", "At eight."),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"answerable": "yes"}', True), ('{"answerable": "no"}', False), ('{"answerable": true}', True),
        ("yes", True), ("Yes.", True), ("NO", False), ("是", True), ("否。", False), ("不能", False),
        ("<think>Hm, no?</think>yes", True), ('```json\n{"answerable": "no"}\n```', False),
        ("yes and no", None), ("", None), ("maybe", None), ('{"answerable": "maybe"}', None), ('{"answerable": 1}', None),
        ("Yes, the question can be answered, no doubt.", None),
        ('{"answerable": "no"} {"answerable": "yes"}', None), ("[]", None), ('{"mark": 5}', None),
    ],
)  # fmt: skip
def test_yes_and_no(text: str, expected: bool | None) -> None:
    assert read_answerable(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"reason": "clear", "mark": 4}', (4.0, "clear")), ('{"reason": "fine", "mark": "3.5"}', (3.5, "fine")),
        ("5", (5.0, "")), (" 2 \n", (2.0, "")), ('Well: {"reason": "x", "mark": 1}', (1.0, "x")),
        ('{"reason": "x", "mark": 6}', None), ('{"reason": "x", "mark": 0}', None), ('{"reason": "x", "mark": true}', None),
        ('{"reason": 3, "mark": 3}', None), ("5.5", None), ("Five out of five", None), ("", None),
        ('{"mark": 5, "reason": "a"} {"mark": 1, "reason": "b"}', None), ('{"mark": NaN, "reason": ""}', None),
    ],
)  # fmt: skip
def test_marks(text: str, expected: tuple[float, str] | None) -> None:
    assert read_mark(text) == expected


texts = st.text(max_size=40).filter(lambda text: bool(text.strip()))
kinds = st.sampled_from(sorted(WORKED_ON))


@st.composite
def written(draw) -> tuple[Unit, str, list[list[dict[str, str]]]]:
    """A unit, what a model writes that does all it was asked for, and what it means by that."""
    asked = Unit(
        "u", draw(kinds), draw(st.integers(1, 4)), turns=draw(st.integers(1, 3)), reasoning=draw(st.booleans())
    )
    keys = keys_of(asked, quote=True)
    items = [[{key: draw(texts) for key in keys} for _ in range(asked.turns)] for _ in range(asked.wanted)]
    said = [{"exchanges": parts} if asked.turns > 1 else parts[0] for parts in items]
    return asked, json.dumps({"items": said}, ensure_ascii=draw(st.booleans())), items


@settings(max_examples=150, deadline=None)
@given(written())
def test_what_follows_the_schema_is_read_as_it_was_meant(case) -> None:
    import jsonschema

    asked, text, items = case
    jsonschema.validate(json.loads(text), items_schema(asked, keys_of(asked, quote=True)))
    reading = read_items(text, asked)
    assert not reading.repaired
    for read, meant in zip(reading.items, items, strict=True):
        assert not isinstance(read, Flaw)
        for one, parts in zip(read, meant, strict=True):
            assert all(getattr(one, key) == value.strip() for key, value in parts.items())


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.text(max_size=300), written().map(lambda case: case[1][: len(case[1]) * 2 // 3])), st.integers(1, 3)
)
def test_anything_else_is_as_many_items_or_flaws_as_were_asked_for(text: str, wanted: int) -> None:
    reading = read_items(text, unit(wanted))
    assert len(reading.items) == wanted
    for item in reading.items:
        if isinstance(item, Flaw):
            assert item.reason in {**FAILED, **REJECTED}
        else:
            assert all(one.question.strip() and one.answer.strip() for one in item)


@pytest.mark.parametrize(
    "text", ['{"a":' * 20_000, '"' * 200_000, "Question: a\n" * 20_000, "{}" * 50_000, '[{"question": "' * 20_000]
)
def test_nothing_takes_long(text: str) -> None:
    began = time.monotonic()
    read_items(text, unit(3))
    assert time.monotonic() - began < 5
