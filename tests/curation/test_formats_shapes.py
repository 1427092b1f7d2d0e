"""What each format makes of an object: its turns, its name, and what it says of objects that do not fit."""

from __future__ import annotations

import json

import pytest

from curation.errors import RecipeError
from curation.formats import FORMATS, BadRecord, detect, get, original, read_record, recognise, text_columns, unseen
from curation.readers.payload import dumps_exact, loads_exact
from curation.readers.reasons import QUARANTINE_REASONS

U, A, S, T = "user", "assistant", "system", "tool"

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}

SHAPES = [
    ("alpaca", {"instruction": "i", "input": "", "output": "o"}, [(U, "i"), (A, "o")]),
    ("alpaca", {"instruction": "i", "output": "o"}, [(U, "i"), (A, "o")]),
    ("alpaca", {"Instruction": "i", "context": "x", "response": "o"}, [(U, "i"), (U, "x"), (A, "o")]),
    (
        "alpaca",
        {"output": "o", "input": "x", "instruction": "i", "system": "s", "history": [["q", "a"]]},
        [(S, "s"), (U, "q"), (A, "a"), (U, "i"), (U, "x"), (A, "o")],
    ),
    ("alpaca", {"指令": "i", "输入": "x", "输出": "o"}, [(U, "i"), (U, "x"), (A, "o")]),
    ("alpaca", {"instruction": "add", "input": "", "output": 42}, [(U, "add"), (A, "42")]),
    ("alpaca", {"instruction": "i", "input": None, "output": None}, [(U, "i")]),
    ("qa", {"question": "q", "answer": "a"}, [(U, "q"), (A, "a")]),
    ("qa", {"query": "q", "response": "a", "karma": 3}, [(U, "q"), (A, "a")]),
    ("qa", {"Q": "q", "A": "a"}, [(U, "q"), (A, "a")]),
    ("qa", {"问题": "q", "答案": "a"}, [(U, "q"), (A, "a")]),
    ("qa", {"问": "q", "答": "a"}, [(U, "q"), (A, "a")]),
    ("qa", {"提问": "q", "回答": "a"}, [(U, "q"), (A, "a")]),
    ("qa", {"指令": "q", "输出": "a"}, [(U, "q"), (A, "a")]),
    ("qa", {"用户": "q", "助手": "a"}, [(U, "q"), (A, "a")]),
    ("qa", {"input": "q", "output": "a"}, [(U, "q"), (A, "a")]),
    ("qa", {"system_prompt": "s", "question": "q", "response": "a"}, [(S, "s"), (U, "q"), (A, "a")]),
    (
        "sharegpt",
        {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
        [(U, "q"), (A, "a")],
    ),
    (
        "sharegpt",
        {"conversations": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
        [(U, "q"), (A, "a")],
    ),
    ("sharegpt", {"messages": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}, [(U, "q"), (A, "a")]),
    (
        "sharegpt",
        {
            "system": "s",
            "conversations": [
                {"from": "human", "value": "q"},
                {"from": "function_call", "value": '{"name": "f", "arguments": {}}'},
                {"from": "observation", "value": "r"},
                {"from": "gpt", "value": "a"},
            ],
            "tools": "[]",
        },
        [(S, "s"), (U, "q"), (T, "r"), (A, "a")],
    ),
    (
        "messages",
        {
            "messages": [
                {"role": "developer", "content": "s"},
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "c1", "content": "r"},
                {"role": "assistant", "content": "a", "weight": 0},
            ]
        },
        [(S, "s"), (U, "q"), (T, "r"), (A, "a")],
    ),
    (
        "messages",
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "q"}, IMAGE, {"text": "r"}]},
                {"role": "assistant", "content": "a"},
            ]
        },
        [(U, "q"), (U, "r"), (A, "a")],
    ),
    (
        "messages",
        {"messages": json.dumps([{"role": "user", "content": "q"}, {"role": "assistant", "content": "ä"}])},
        [(U, "q"), (A, "ä")],
    ),
    ("prompt_completion", {"prompt": "q", "completion": "a"}, [(U, "q"), (A, "a")]),
    ("prompt_completion", {"prompt": "q", "response": "a"}, [(U, "q"), (A, "a")]),
    (
        "prompt_completion",
        {
            "prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}],
            "completion": [{"role": "assistant", "content": "a"}],
        },
        [(S, "s"), (U, "q"), (A, "a")],
    ),
    ("preference", {"prompt": "q", "chosen": "c", "rejected": "r"}, [(U, "q"), ("chosen", "c"), ("rejected", "r")]),
    ("preference", {"chosen": "c", "rejected": "r"}, [("chosen", "c"), ("rejected", "r")]),
    (
        "preference",
        {"instruction": "i", "input": "x", "chosen": "c", "rejected": "r"},
        [(U, "i"), (U, "x"), ("chosen", "c"), ("rejected", "r")],
    ),
    (
        "preference",
        {"system": "s", "question": "q", "chosen": "c", "rejected": "r"},
        [(S, "s"), (U, "q"), ("chosen", "c"), ("rejected", "r")],
    ),
    (
        "preference",
        {
            "conversations": [{"from": "human", "value": "q"}],
            "chosen": {"from": "gpt", "value": "c"},
            "rejected": {"from": "gpt", "value": "r"},
        },
        [(U, "q"), ("chosen", "c"), ("rejected", "r")],
    ),
    (
        "preference",
        {
            "prompt": [{"role": "user", "content": "q"}],
            "chosen": [{"role": "assistant", "content": "c"}],
            "rejected": [{"role": "assistant", "content": "r"}],
        },
        [(U, "q"), ("chosen", "c"), ("rejected", "r")],
    ),
    # the prompt stands in three places, and is one turn
    (
        "preference",
        {
            "prompt": "q",
            "chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "c"}],
            "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "r"}],
        },
        [(U, "q"), ("chosen", "c"), ("rejected", "r")],
    ),
    (
        "preference",
        {
            "chosen": [
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "a"},
                {"role": "user", "content": "p"},
                {"role": "assistant", "content": "c"},
            ],
            "rejected": [
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "a"},
                {"role": "user", "content": "p"},
                {"role": "assistant", "content": "r"},
            ],
        },
        [(U, "q"), (A, "a"), (U, "p"), ("chosen", "c"), ("rejected", "r")],
    ),
    (
        "preference",
        {
            "chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "same"}],
            "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "same"}],
        },
        [(U, "q"), ("chosen", "same"), ("rejected", "same")],
    ),
    # only what both begin with is shared, and what an assistant says after that is part of the answer
    (
        "preference",
        {
            "chosen": [
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "x"},
                {"role": "user", "content": "p"},
                {"role": "assistant", "content": "c"},
            ],
            "rejected": [
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "y"},
                {"role": "user", "content": "p"},
                {"role": "assistant", "content": "r"},
            ],
        },
        [(U, "q"), ("chosen", "x"), (U, "p"), ("chosen", "c"), ("rejected", "y"), (U, "p"), ("rejected", "r")],
    ),
    (
        "preference",
        {
            "prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}],
            "chosen": [
                {"role": "system", "content": "t"},
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "c"},
            ],
            "rejected": "r",
        },
        [(S, "s"), (U, "q"), (S, "t"), (U, "q"), ("chosen", "c"), ("rejected", "r")],
    ),
    # an answer that stands in the context too is still the chosen answer
    (
        "preference",
        {
            "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "c"}],
            "chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "c"}],
            "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "r"}],
        },
        [(U, "q"), (A, "c"), ("chosen", "c"), ("rejected", "r")],
    ),
    ("kto", {"prompt": "q", "completion": "a", "label": False}, [(U, "q"), (A, "a")]),
    ("kto", {"prompt": "q", "completion": "a", "label": "True"}, [(U, "q"), (A, "a")]),
    ("kto", {"prompt": "q", "completion": "a", "label": 1}, [(U, "q"), (A, "a")]),
    (
        "kto",
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "kto_tag": True},
        [(U, "q"), (A, "a")],
    ),
    ("kto", {"instruction": "i", "input": "", "output": "o", "kto_tag": False}, [(U, "i"), (A, "o")]),
    ("text", {"text": "t"}, [("text", "t")]),
    ("text", {"content": "t", "title": "x"}, [("text", "t")]),
    ("text", {"文本": "t"}, [("text", "t")]),
    (
        "self_instruct",
        {
            "id": "seed_task_0",
            "instruction": "i",
            "is_classification": False,
            "instances": [{"input": "", "output": "o"}, {"input": "x", "output": "p"}],
        },
        [(U, "i"), (A, "o"), (U, "x"), (A, "p")],
    ),
]


@pytest.mark.parametrize(("name", "obj", "turns"), SHAPES, ids=lambda value: value if isinstance(value, str) else "")
def test_each_shape_is_recognised_and_taken_apart(name: str, obj: dict, turns: list) -> None:
    assert recognise(obj) == name == detect([obj])
    found, said, meta = read_record(obj, None, None)
    assert (found, said) == (name, turns)
    assert dumps_exact(original(found, meta, said)) == dumps_exact(obj)


def test_a_label_that_is_none_leaves_prompt_and_completion() -> None:
    assert recognise({"prompt": "q", "completion": "a", "label": "maths"}) == "prompt_completion"
    assert recognise({"prompt": "q", "completion": "a", "label": 2}) == "prompt_completion"


def test_one_edit_reaches_every_copy_of_a_prompt() -> None:
    both = [{"role": "user", "content": "q"}]
    obj = {
        "prompt": "q",
        "chosen": [*both, {"role": "assistant", "content": "c"}],
        "rejected": [*both, {"role": "assistant", "content": "r"}],
    }
    name, turns, meta = read_record(obj, None, None)
    changed = original(name, meta, [(U, "Q"), *turns[1:]])
    assert dumps_exact(changed) == dumps_exact(obj).replace('"q"', '"Q"')


def test_template_shows_which_columns_are_text() -> None:
    name, _, meta = read_record({"id": 7, "question": "q", "answer": "a"}, None, None)
    assert loads_exact(meta) == {"id": 7, "question": 0, "answer": 1}
    assert text_columns(name, loads_exact(meta)) == ["question", "answer"]
    name, _, meta = read_record({"prompt": "q", "completion": "a", "label": 1}, None, None)
    assert text_columns(name, loads_exact(meta)) == ["prompt", "completion"]
    assert loads_exact(meta)["label"] == 1


def test_placeholders_are_plain_text() -> None:
    obj = {"instruction": "hi", "input": "", "output": "I am {{name}}, made by {{author}}."}
    assert read_record(obj, None, None)[1][1][1] == obj["output"]


@pytest.mark.parametrize(
    ("obj", "reason", "says"),
    [
        ({}, "unknown_format", "columns: none"),
        ({"foo": 1, "bar": "x"}, "unknown_format", "columns: foo, bar"),
        ({"messages": [{"content": "x"}]}, "unknown_format", "a message has no role"),
        ({"messages": "not a list"}, "unknown_format", "a list of messages"),
        ({"messages": [{"role": "user", "content": 5}]}, "unknown_format", "type int"),
        ({"messages": [{"role": "user", "content": ["x", 5]}]}, "unknown_format", "a part of a message is a number"),
        ({"messages": [{"role": "user", "content": [{"text": 0}]}]}, "unknown_format", "part of a message is a number"),
        ({"instruction": "i", "input": {"a": 1}, "output": "o"}, "unknown_format", "type dict"),
        ({"question": ["q"], "answer": "a"}, "unknown_format", "type list"),
        ({"instruction": "i", "output": "o", "history": [["only one"]]}, "unknown_format", "pairs of texts"),
        ({"messages": []}, "no_text", "messages"),
        ({"question": None, "answer": None}, "no_text", "qa"),
    ],
)
def test_what_fits_no_format_says_why(obj: dict, reason: str, says: str) -> None:
    with pytest.raises(BadRecord) as caught:
        read_record(obj, None, None)
    assert caught.value.reason == reason
    assert says in caught.value.detail
    assert reason in QUARANTINE_REASONS
    assert detect([obj]) is None


@pytest.mark.parametrize(
    ("forced", "obj", "says"),
    [
        ("alpaca", {"question": "q", "answer": "a"}, "no column for the instruction (instruction"),
        ("alpaca", {"instruction": "i"}, "no column for the output"),
        ("qa", {"instruction": "i", "output": "o"}, "no column for the question (question, query"),
        ("qa", {"question": "i"}, "no column for the answer"),
        ("messages", {"conversations": []}, "no column for the messages"),
        ("preference", {"prompt": "q", "chosen": "c"}, "no column for the rejected answer"),
        ("kto", {"prompt": "q", "completion": "c"}, "no column for the label"),
        ("kto", {"prompt": "q", "completion": "c", "label": "maths"}, "neither true nor false"),
        ("prompt_completion", {"prompt": "q"}, "no column for the completion"),
        ("self_instruct", {"instruction": "q"}, "no column for the instances"),
        ("text", {"question": "q"}, "no column for the text"),
        ("llama2", {"text": "hello"}, "no Llama-2 chat"),
    ],
)
def test_a_forced_format_names_what_is_missing(forced: str, obj: dict, says: str) -> None:
    with pytest.raises(BadRecord) as caught:
        read_record(obj, None, forced)
    assert caught.value.reason == "wrong_format"
    assert says in caught.value.detail


def test_forced_format_wins_over_a_better_one() -> None:
    obj = {"text": "t", "question": "q", "answer": "a"}
    assert read_record(obj, None, None)[0] == "qa"
    assert read_record(obj, None, "text")[1] == [("text", "t")]


def test_primary_is_tried_first_and_only_first() -> None:
    both = {"text": "t", "question": "q", "answer": "a"}
    assert read_record(both, "text", None)[0] == "text"
    assert read_record({"question": "q", "answer": "a"}, "text", None)[0] == "qa"


def test_detect_takes_the_most_frequent_and_the_first_of_equals() -> None:
    text, qa = {"text": "t"}, {"question": "q", "answer": "a"}
    assert detect([text, text, qa]) == "text"
    assert detect([text, qa]) == "qa"
    assert detect([{"x": 1}, text]) == "text"
    assert detect([]) is None


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(RecipeError) as caught:
        get("sharegtp")
    assert caught.value.hint == "Did you mean 'sharegpt'?"
    with pytest.raises(RecipeError):
        read_record({"text": "t"}, None, "nonsense")


def test_every_format_says_what_it_is() -> None:
    assert all(known.name == name and known.title for name, known in FORMATS.items())


def test_layouts_remembered_are_bounded() -> None:
    known = type(get("text"))()
    for number in range(300):
        known.parse({"text": "t", **{f"column{number}_{other}": 0 for other in range(400)}})
    assert sum(map(len, known._layouts)) <= 50_000


def test_unseen_tells_pictures_and_calls_apart_and_nothing_else() -> None:
    def meta(obj: dict) -> str:
        return read_record(obj, None, None)[2]

    def asked(url: str, text: str = "what is this?") -> dict:
        picture = {"type": "image_url", "image_url": {"url": url}}
        return {"messages": [{"role": "user", "content": [{"type": "text", "text": text}, picture]}]}

    assert unseen(meta(asked("a"))) != unseen(meta(asked("b"))) != ""
    assert unseen(meta(asked("a", "x"))) == unseen(meta(asked("a", "y")))
    calling = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    called = {"messages": [{"role": "user", "content": "q"}, calling]}
    assert "c1" in unseen(meta(called))
    share = {"conversations": [{"from": "human", "value": "q"}, {"from": "function_call", "value": "the call"}]}
    assert "the call" in unseen(meta(share))
    assert "the call" in unseen(meta({"conversations": dumps_exact(share["conversations"])}))
    assert "a.png" in unseen(meta({"question": "q", "answer": "a", "images": ["a.png"]}))
    assert unseen(meta({"question": "q", "answer": "a", "images": [], "id": 1})) == ""
    assert unseen(meta({"messages": [{"role": "user", "content": "q", "name": "Bob"}], "score": 1})) == ""
