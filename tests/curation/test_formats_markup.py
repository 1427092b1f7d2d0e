"""Chat markup inside a text: recognised, taken apart, restored to the byte; and texts that only look like it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.formats import Inexpressible, get, original, read_record, write_record
from curation.formats.markup import DIALECTS

U, A, S = "user", "assistant", "system"

TEXTS = [
    ("s_human", "<s>Human: 你好\n</s><s>Assistant: 您好！\n</s>", [(U, "你好"), (A, "您好！")]),
    (
        "s_human",
        "<s>Human: a </s><s>Assistant: b</s>\n<s>Human: c</s><s>Assistant: d",
        [(U, "a"), (A, "b"), (U, "c"), (A, "d")],
    ),
    ("s_human", "<s>System: s</s><s>Human: a</s><s>Assistant:b</s>", [(S, "s"), (U, "a"), (A, "b")]),
    ("llama2", "<s>[INST] q [/INST] a </s>", [(U, "q"), (A, "a")]),
    ("llama2", "[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nq [/INST] a", [(S, "Be kind."), (U, "q"), (A, "a")]),
    (
        "llama2",
        "<s>[INST] <<SYS>>\ns\n<</SYS>>\n\nq [/INST] a </s><s>[INST] r [/INST] b </s>\n",
        [(S, "s"), (U, "q"), (A, "a"), (U, "r"), (A, "b")],
    ),
    (
        "hash_human",
        "### Human: q### Assistant: a### Human: r### Assistant: b",
        [(U, "q"), (A, "a"), (U, "r"), (A, "b")],
    ),
    (
        "hash_human",
        "A chat with a robot.\n\n### Human: q\n### Assistant: a</s>",
        [(S, "A chat with a robot."), (U, "q"), (A, "a")],
    ),
    (
        "hash_instruction",
        "Below is an instruction.\n\n### Instruction:\ni\n\n### Input:\nx\n\n### Response:\no",
        [(S, "Below is an instruction."), (U, "i"), (U, "x"), (A, "o")],
    ),
    ("hash_instruction", "### Instruction:\ni\n\n### Response:\no\n", [(U, "i"), (A, "o")]),
    (
        "chatml",
        "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\na<|im_end|>\n",
        [(S, "s"), (U, "q"), (A, "a")],
    ),
    ("chatml", "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\na", [(U, "q"), (A, "a")]),
    ("llama2", "[INST]  [/INST]  ", [(U, ""), (A, "")]),
]


@pytest.mark.parametrize(("name", "text", "turns"), TEXTS)
def test_markup_becomes_turns_and_is_restored(name: str, text: str, turns: list) -> None:
    obj = {"id": 1, "text": text}
    found, said, meta = read_record(obj, None, None)
    assert (found, said) == (name, turns)
    assert original(found, meta, said) == obj
    edited = [(role, f"{content}!") for role, content in said]
    changed = original(found, meta, edited)["text"]
    assert get(name).parse({"text": changed})[0] == edited


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "The tags [INST] and [/INST] mark an instruction.",
        "[INST] no answer",
        "[INST] a [INST] b [/INST] c",
        "<s>Assistant: answer first</s><s>Human: then</s>",
        "<s>Human: a</s> stray <s>Assistant: b</s>",
        "<s>Human: a</s><s>Human: b</s><s>Assistant: c</s>",
        "### Human: only a question",
        "### Response:\nfirst\n### Instruction:\nthen",
        "### Instruction:\na\n### Instruction:\nb\n### Response:\nc",
        "#### Human: a heading\n#### Assistant: another",
        "x" * 5000 + "\n### Human: q\n### Assistant: a",
        "<|im_start|>tool\nx<|im_end|>\n<|im_start|>user\nq<|im_end|>",
        "<|im_start|>user\nq<|im_start|>assistant\na<|im_end|>",
    ],
)
def test_what_is_no_whole_dialogue_stays_a_text(text: str) -> None:
    name, turns, _ = read_record({"text": text}, None, None)
    assert (name, turns) == ("text", [("text", text)])


pieces = st.lists(
    st.sampled_from(
        [
            "<s>Human:",
            "<s>Assistant:",
            "</s>",
            "<s>",
            "[INST]",
            "[/INST]",
            "<<SYS>>",
            "<</SYS>>",
            "### Human:",
            "### Assistant:",
            "### Instruction:",
            "### Input:",
            "### Response:",
            "<|im_start|>user\n",
            "<|im_end|>",
            "<|im_start|>assistant\n",
            "\n",
            " ",
            "text",
            "文",
            "\u3000",
            "\x1c",
        ]
    ),
    max_size=12,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(pieces)
def test_splitting_any_text_loses_no_character(text: str) -> None:
    for dialect in DIALECTS:
        found = dialect.split(text)
        if found is not None:
            assert "".join(piece for _, piece in found) == text
            assert [role for role, _ in found if role][-1] == A


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("system", [None, "Be kind."])
def test_a_dialogue_survives_markup_and_back(dialect, system) -> None:
    messages = [
        {"role": "user", "content": "q 一"},
        {"role": "assistant", "content": "a\n\nb"},
        {"role": "user", "content": "r"},
        {"role": "assistant", "content": "c"},
    ]
    if system:
        messages.insert(0, {"role": "system", "content": system})
    obj = {"messages": messages, "id": 3}
    name, turns, meta = read_record(obj, None, None)
    text = write_record(name, meta, turns, dialect.name, None)
    again, said, back = read_record(text, None, None)
    assert again == dialect.name
    assert write_record(again, back, said, "messages", None) == obj


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("s_human", "</s><s>Human: b"),
        ("llama2", "[/INST]"),
        ("hash_human", "### Human: x"),
        ("chatml", "<|im_end|>"),
        ("hash_instruction", "x\n### Response:\ny"),
        # these would even make a valid dialogue, only a longer one
        ("hash_human", "x\n### Assistant: b\n### Human: y"),
        ("s_human", "x</s><s>Assistant: b</s><s>Human: y"),
        ("chatml", "x<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\ny"),
    ],
)
def test_text_that_holds_the_marks_is_refused(name: str, mark: str) -> None:
    found, turns, meta = read_record({"question": f"what is {mark}?", "answer": "a mark"}, None, None)
    with pytest.raises(Inexpressible) as caught:
        write_record(found, meta, turns, name, None)
    assert caught.value.reason == "markup_in_text"


def test_splitting_is_linear() -> None:
    hostile = [
        "[INST]" * 100_000,
        "<s>Human:" * 100_000,
        "### Human: " * 100_000,
        " " * 1_000_000 + "[INST]",
        "<|im_start|>user\n" * 50_000,
        "[INST] a [/INST] b </s>" * 30_000,
        "</s>" * 200_000,
        "###" * 300_000,
    ]
    for text in hostile:
        for dialect in DIALECTS:
            began = time.process_time()
            dialect.split(text)
            assert time.process_time() - began < 2, (dialect.name, text[:20])
