"""The law of formats: what is taken apart is put back exactly, whatever the object."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.formats import FORMATS, BadRecord, get, read_record, recognise, write_record
from curation.formats.columns import (
    CHOSEN,
    COMPLETION,
    CONVERSATIONS,
    HISTORY,
    INPUT,
    INSTANCES,
    INSTRUCTION,
    KTO_TAG,
    LABEL,
    MESSAGES,
    OUTPUT,
    PROMPT,
    QUESTION_ANSWER,
    REJECTED,
    SYSTEM,
    TEXT,
    plain,
)
from curation.readers.payload import dumps_exact, loads_exact, parse_payload

EXAMPLES = int(os.environ.get("STUDIO_EXAMPLES", "20"))  # a nightly run sets 10000


def examples(share: int = 1) -> settings:
    return settings(max_examples=EXAMPLES * share, deadline=None, suppress_health_check=list(HealthCheck))


text = st.text(st.characters(exclude_categories=("Cs",)), max_size=12) | st.sampled_from(
    ["", " ", "你好，世界", "{{name}}", "<|im_start|>", "[INST]", "\r\n", "\0", "[1]", '[{"role":"me","content":"x"}]']
)
number = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 3)
leaf = st.none() | st.booleans() | number | text
json_value = st.recursive(
    leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3), max_leaves=6
)
role = st.sampled_from(
    ["user", "assistant", "system", "developer", "tool", "human", "gpt", "observation", "function_call", "助手", "me"]
)
part = (
    text
    | st.fixed_dictionaries({"type": st.just("text"), "text": text})
    | st.fixed_dictionaries({"type": st.just("image_url"), "image_url": json_value})
)


@st.composite
def message(draw: st.DrawFn, keys: tuple[str, str]) -> dict:
    found = {keys[0]: draw(role)}
    if draw(st.integers(0, 9)):
        found[keys[1]] = draw(text if draw(st.integers(0, 2)) else st.none() | st.lists(part, max_size=3))
        if found[keys[0]] == "function_call" and isinstance(found[keys[1]], list):
            found[keys[1]] = '{"name": "f", "arguments": {}}'
    if not draw(st.integers(0, 3)):
        names = st.sampled_from(["name", "weight", "tool_calls", "slot", "was", "json"])
        extra = draw(st.dictionaries(names, json_value))
        found |= {key: value for key, value in extra.items() if key not in found}
    return shuffled(draw, found)


def shuffled(draw: st.DrawFn, found: dict) -> dict:
    return dict(draw(st.permutations(list(found.items()))))


def chat(least: int = 1) -> st.SearchStrategy[list]:
    return st.sampled_from([("role", "content"), ("from", "value")]).flatmap(
        lambda keys: st.lists(message(keys), min_size=least, max_size=4)
    )


def either(names: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.sampled_from(names)


as_json = chat().map(dumps_exact)
openai = st.lists(message(("role", "content")), min_size=1, max_size=5)
scalar = text | number | st.booleans()
side = text | chat() | as_json | message(("role", "content"))
pairs = st.lists(st.lists(text, min_size=2, max_size=2), max_size=2)
columns: dict[str, dict[str, tuple[st.SearchStrategy[str], st.SearchStrategy]]] = {
    "alpaca": {
        "instruction": (st.just("instruction"), scalar),
        "input": (either(INPUT[:2]), scalar | st.none()),
        "output": (either(OUTPUT[:3]), scalar | st.none()),
        "?system": (either(SYSTEM), text),
        "?history": (either(HISTORY), pairs | pairs.map(dumps_exact) | st.none() | st.just("")),
    },
    "messages": {
        "messages": (either(MESSAGES), openai | openai.map(dumps_exact)),
        "?system": (st.just("system"), text),
    },
    "sharegpt": {"conversations": (either(CONVERSATIONS), chat() | as_json), "?system": (st.just("system"), text)},
    "self_instruct": {
        "instruction": (either(INSTRUCTION), text),
        "instances": (
            either(INSTANCES),
            st.lists(
                st.fixed_dictionaries({"output": scalar}, optional={"input": scalar, "extra": json_value}), max_size=3
            ),
        ),
    },
    "prompt_completion": {"prompt": (either(PROMPT), side), "completion": (either(COMPLETION), side)},
    "preference": {
        "chosen": (either(CHOSEN), side),
        "rejected": (either(REJECTED), side),
        "?prompt": (either(PROMPT), side),
        "?conversations": (either(CONVERSATIONS), chat()),
    },
    "kto": {
        "prompt": (either(PROMPT), side),
        "completion": (either(COMPLETION), side),
        "label": (either((*LABEL, *KTO_TAG)), st.booleans() | st.sampled_from([0, 1, "true", "False"])),
    },
    "text": {"text": (either(TEXT), scalar)},
} | {
    f"qa{number}": {
        "question": (either(questions), scalar),
        "answer": (either(answers), scalar),
        "?system": (either(SYSTEM), text),
    }
    for number, (questions, answers) in enumerate(QUESTION_ANSWER)
}

NAMES = (
    SYSTEM,
    HISTORY,
    INSTRUCTION,
    INPUT,
    OUTPUT,
    INSTANCES,
    PROMPT,
    COMPLETION,
    CHOSEN,
    REJECTED,
    LABEL,
    KTO_TAG,
    MESSAGES,
    CONVERSATIONS,
    TEXT,
    *(names for two in QUESTION_ANSWER for names in two),
)
KNOWN = {plain(name) for group in NAMES for name in group}


@st.composite
def objects(draw: st.DrawFn, shape: str) -> dict:
    found = {}
    for key, (name, value) in columns[shape].items():
        if not key.startswith("?") or draw(st.booleans()):
            found[draw(name)] = draw(value)
    found |= {
        name: value
        for name, value in draw(st.dictionaries(text, json_value, max_size=3)).items()
        if plain(name) not in KNOWN
    }
    return shuffled(draw, found)


@pytest.mark.parametrize("shape", columns)
@examples()
@given(st.data())
def test_every_object_of_a_format_is_restored_exactly(shape: str, data: st.DataObject) -> None:
    obj = data.draw(objects(shape))
    name = shape.rstrip("0123456789")
    try:
        found, turns, meta = read_record(obj, None, name)
    except BadRecord as error:
        assert error.reason == "no_text", error
        return
    assert found == name and turns
    assert dumps_exact(write_record(found, meta, turns, None, None)) == dumps_exact(obj)
    assert dumps_exact(loads_exact(meta)) == meta.lstrip()


anything = st.dictionaries(
    st.sampled_from(sorted({name for group in NAMES for name in group[:4]})) | text,
    json_value | chat(0) | as_json | pairs | text | side,
    max_size=6,
)


@examples(8)
@given(anything)
def test_any_object_is_restored_exactly_or_refused(obj: dict) -> None:
    try:
        name, turns, meta = read_record(obj, None, None)
    except BadRecord as error:
        assert error.reason in {"unknown_format", "no_text"}
        assert recognise(obj) is None
        return
    assert recognise(obj) == name
    assert dumps_exact(write_record(name, meta, turns, None, None)) == dumps_exact(obj)


@examples(4)
@given(anything, st.data())
def test_an_edit_changes_its_text_and_nothing_else(obj: dict, data: st.DataObject) -> None:
    for name, known in FORMATS.items():
        if not known.recognises(obj):
            continue
        turns, template = known.parse(obj)
        at = data.draw(st.integers(0, len(turns) - 1))
        edited = [*turns]
        edited[at] = (turns[at][0], "edited ✓" * (len(turns[at][1]) + 1))
        changed = known.render(template, edited)
        assert list(changed) == list(obj)
        again, _ = get(name).parse(changed)
        assert [content for _, content in again] == [content for _, content in edited]


@pytest.mark.parametrize("empty", ["", " "])
def test_an_edit_may_empty_a_turn(empty: str) -> None:
    _, turns, meta = read_record({"id": 1, "question": "a", "answer": "b"}, None, None)
    assert write_record("qa", meta, [turns[0], ("assistant", empty)], None, None) == {
        "id": 1,
        "question": "a",
        "answer": empty,
    }


def test_large_integers_and_floats_of_other_columns_survive() -> None:
    payload = b'{"text":"x","big":123456789012345678901234567890,"float":1.0,"exp":1e+300,"neg":-0.0}'
    name, turns, meta = read_record(parse_payload(payload), None, None)
    back = write_record(name, meta, turns, None, None)
    assert back["big"] == 123456789012345678901234567890
    assert dumps_exact(back).encode() == payload
