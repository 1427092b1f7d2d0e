"""From one format to another: what is kept, how it looks, and what is refused rather than lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import RecipeError
from curation.formats import INEXPRESSIBLE_REASONS, Inexpressible, add_columns, read_record, write_record


def convert(obj: dict, out_format: str | None, forced: str | None = None, extra: dict | None = None) -> dict:
    name, turns, meta = read_record(obj, None, forced)
    return write_record(name, meta, turns, out_format, extra)


def said(**turns: str) -> list[dict]:
    return [{"role": role.rstrip("0123456789"), "content": content} for role, content in turns.items()]


CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"巴黎"}'}}
SAYS_AND_CALLS = {"role": "assistant", "content": "a", "tool_calls": [CALL]}
ALPACA = {"id": 9, "instruction": "i", "input": "", "output": "o", "tags": ["x"]}


def test_alpaca_to_messages() -> None:
    full = {"instruction": "i", "input": "x", "output": "o", "system": "s", "history": [["q", "a"]], "id": 9}
    assert convert(full, "messages") == {
        "messages": said(system="s", user="q", assistant="a", user2="i\nx", assistant2="o"),
        "id": 9,
    }
    assert convert(ALPACA, "messages") == {"messages": said(user="i", assistant="o"), "id": 9, "tags": ["x"]}


def test_messages_to_alpaca_with_system_and_history() -> None:
    obj = {"messages": said(system="s", user="q", assistant="a", user2="r", assistant2="b"), "id": 1}
    assert convert(obj, "alpaca") == {
        "instruction": "r",
        "input": "",
        "output": "b",
        "system": "s",
        "history": [["q", "a"]],
        "id": 1,
    }


@pytest.mark.parametrize(
    ("name", "obj"),
    [
        ("alpaca", {"instruction": "i", "input": "", "output": "o", "system": "s", "history": [["q", "a"]], "id": 9}),
        ("qa", {"question": "q", "answer": "a", "n": None}),
        ("qa", {"system": "s", "question": "q", "answer": "a"}),
        ("messages", {"messages": said(system="s", user="q", assistant="a"), "tools": [1]}),
        (
            "sharegpt",
            {
                "conversations": [
                    {"from": "system", "value": "s"},
                    {"from": "human", "value": "q"},
                    {"from": "gpt", "value": "a", "loss": True},
                ],
                "id": 2,
            },
        ),
        (
            "sharegpt",
            {
                "conversations": [
                    {"from": "human", "value": "q"},
                    {"from": "function_call", "value": '{"name":"f","arguments":{"a":1}}'},
                    {"from": "observation", "value": "r"},
                    {"from": "gpt", "value": "a"},
                ],
                "tools": "[]",
            },
        ),
        ("prompt_completion", {"prompt": said(system="s", user="q"), "completion": said(assistant="a"), "n": 1}),
        ("kto", {"prompt": said(user="q"), "completion": said(assistant="a"), "label": True, "n": 1}),
        ("self_instruct", {"instruction": "i", "instances": [{"input": "", "output": "o"}], "id": "t"}),
        ("llama2", {"text": "<s>[INST] <<SYS>>\ns\n<</SYS>>\n\nq [/INST] a </s><s>[INST] r [/INST] b </s>", "n": 1}),
        ("chatml", {"text": "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\na<|im_end|>\n"}),
    ],
)
def test_there_and_back_is_the_same(name: str, obj: dict) -> None:
    there = convert(obj, "messages", name)
    assert "messages" in there
    assert convert(there, name, "messages") == obj


def test_other_columns_keep_their_order_and_values() -> None:
    obj = {"b": 1, "question": "q", "a": {"deep": [None, 1.0]}, "answer": "x", "c": ""}
    found = convert(obj, "messages")
    assert list(found) == ["messages", "b", "a", "c"]
    assert found["a"] == {"deep": [None, 1.0]}


def test_a_column_in_the_way_of_a_new_one_moves_aside() -> None:
    obj = {"question": "q", "answer": "a", "messages": "not a list", "messages_": 1}
    assert convert(obj, "messages", "qa") == {
        "messages": said(user="q", assistant="a"),
        "messages__": "not a list",
        "messages_": 1,
    }


def test_extra_columns_come_last_and_move_aside() -> None:
    found = convert(ALPACA, None, extra={"language": "en", "id": "new"})
    assert list(found)[-2:] == ["language", "id_"]
    assert found["id"] == 9 and found["id_"] == "new"
    assert add_columns({"a": 1}, {"a": 2, "b": 3}) == ["a"]


def test_tool_calls_between_openai_and_sharegpt() -> None:
    obj = {
        "messages": [
            *said(user="q"),
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "rain"},
            *said(assistant="a"),
        ]
    }
    share = convert(obj, "sharegpt")
    assert [message["from"] for message in share["conversations"]] == ["human", "function_call", "observation", "gpt"]
    assert share["conversations"][1]["value"] == '{"name":"weather","arguments":{"city":"巴黎"}}'
    assert convert(share, "messages") == obj


def test_pictures_are_carried_where_they_fit_and_refused_elsewhere() -> None:
    picture = {"type": "image_url", "image_url": {"url": "u"}}
    content = [{"type": "text", "text": "what?"}, picture]
    obj = {"messages": [{"role": "user", "content": content}, *said(assistant="a")]}
    assert convert(obj, "prompt_completion")["prompt"] == obj["messages"][:1]
    for name in ("alpaca", "sharegpt", "qa", "chatml"):
        refuse(obj, name, "multimodal")
    obj["messages"][0]["content"] = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert convert(obj, "qa")["question"] == "one\ntwo"


def refuse(obj: dict, out_format: str, reason: str) -> None:
    with pytest.raises(Inexpressible) as caught:
        convert(obj, out_format)
    assert caught.value.reason == reason
    assert reason in INEXPRESSIBLE_REASONS


@pytest.mark.parametrize(
    ("obj", "out_format", "reason"),
    [
        ({"messages": said(user="q", assistant="a", user2="r", assistant2="b")}, "qa", "several_turns"),
        ({"messages": said(user="q", assistant="a", user2="r", assistant2="b")}, "self_instruct", "several_turns"),
        ({"messages": said(user="q")}, "qa", "no_answer"),
        ({"messages": said(user="q")}, "prompt_completion", "no_answer"),
        ({"messages": said(user="q", user2="r", assistant="a")}, "alpaca", "not_alternating"),
        ({"messages": said(assistant="a", user="q")}, "alpaca", "not_alternating"),
        ({"messages": said(user="q", system="s", assistant="a")}, "alpaca", "system_midway"),
        ({"messages": said(user="q", tool="t", assistant="a")}, "alpaca", "tool_calls"),
        ({"messages": said(user="q", narrator="t")}, "alpaca", "unknown_role"),
        ({"messages": [*said(user="q"), SAYS_AND_CALLS]}, "qa", "tool_calls"),
        ({"messages": [*said(user="q"), {"role": "assistant", "content": "a", "weight": 0}]}, "qa", "message_keys"),
        ({"messages": [*said(user="q"), {"role": "assistant", "content": None}]}, "qa", "no_content"),
        ({"messages": [*said(user="q"), SAYS_AND_CALLS]}, "sharegpt", "tool_call_with_text"),
        (
            {
                "messages": [
                    *said(user="q"),
                    {**SAYS_AND_CALLS, "content": None, "tool_calls": [{"id": 1, "custom": {}}]},
                ]
            },
            "sharegpt",
            "tool_calls",
        ),
        (
            {"conversations": [{"from": "human", "value": "q"}, {"from": "function_call", "value": "no json"}]},
            "messages",
            "tool_calls",
        ),
        ({"prompt": "q", "chosen": "c", "rejected": "r"}, "alpaca", "preference_pair"),
        ({"prompt": "q", "chosen": "c", "rejected": "r"}, "messages", "preference_pair"),
        ({"question": "q", "answer": "a"}, "preference", "no_rejected"),
        ({"question": "q", "answer": "a"}, "kto", "no_label"),
        ({"prompt": "q", "completion": "a", "label": False}, "messages", "unwanted_answer"),
        ({"prompt": "q", "completion": "a", "label": "false"}, "alpaca", "unwanted_answer"),
        ({"text": "t"}, "messages", "plain_text"),
        ({"question": "q", "answer": "a"}, "text", "conversation"),
        (
            {"instruction": "i", "instances": [{"input": "a", "output": "b"}, {"input": "c", "output": "d"}]},
            "alpaca",
            "several_instances",
        ),
    ],
)
def test_what_cannot_be_said_is_refused(obj: dict, out_format: str, reason: str) -> None:
    refuse(obj, out_format, reason)


def test_every_way_of_refusing_is_tested() -> None:
    marks = [mark for mark in test_what_cannot_be_said_is_refused.pytestmark if mark.name == "parametrize"]
    tested = {reason for _, _, reason in marks[0].args[1]} | {"multimodal", "markup_in_text"}
    assert tested == set(INEXPRESSIBLE_REASONS)


def test_its_own_format_asked_for_opens_lists_in_cells() -> None:
    obj = {"messages": '[{"role": "user", "content": "q"}]', "id": "1"}
    assert convert(obj, None) == obj
    assert convert(obj, "messages") == {"messages": said(user="q"), "id": "1"}


def test_an_unknown_format_is_a_usage_error() -> None:
    with pytest.raises(RecipeError):
        convert(ALPACA, "alpacca")


text = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
pairs = st.lists(st.tuples(text, text), min_size=1, max_size=4)


@settings(max_examples=100, deadline=None)
@given(pairs, st.none() | text.filter(bool), st.dictionaries(st.sampled_from(["id", "列", " "]), st.integers()))
def test_text_and_columns_survive_every_way_round(turns, system, other) -> None:
    messages = [] if system is None else [{"role": "system", "content": system}]
    for question, answer in turns:
        messages += said(user=question, assistant=answer)
    obj = {"messages": messages, **other}
    ways = ["sharegpt", "alpaca", "prompt_completion"] + ["qa", "self_instruct"] * (len(turns) == 1)
    for name in ways:
        there = convert(obj, name)
        assert convert(there, "messages", name) == obj
        for further in ways:
            assert convert(convert(there, further, name), "messages", further) == obj
