"""Strict parsing of one payload, and JSON without loss."""

from __future__ import annotations

import json
import math
import pickle
from typing import Any

import pytest
from damaged import BROKEN_LINES, ODD_BUT_SOUND
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.formats.errors import FORMAT_REASONS
from curation.readers import (
    QUARANTINE_REASONS,
    BadRecord,
    Limits,
    dumps_exact,
    loads_exact,
    parse_payload,
)

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20) | st.sampled_from(
    ['"', "\\", '\\"', '": ', " :", "\\u0022", "{", "[", "\0", "\u2028", "😀"]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.integers(2**63 - 2, 2**64 + 2)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
objects = st.dictionaries(texts, values, max_size=5)
styles = st.sampled_from(
    [
        {},
        {"ensure_ascii": False},
        {"separators": (",", ":")},
        {"separators": (" , ", " : ")},
        {"indent": 1, "ensure_ascii": False},
    ]
)


def same(one: Any, other: Any) -> bool:
    """Equal with types and key order, which == alone does not look at."""
    if isinstance(one, dict):
        return isinstance(other, dict) and list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


@settings(max_examples=100, deadline=None)
@given(objects, styles)
def test_valid_objects_come_back_exactly(value: dict[str, Any], style: dict[str, Any]) -> None:
    assert same(parse_payload(json.dumps(value, **style).encode()), value)
    assert same(loads_exact(dumps_exact(value)), value)


def spelled(key: str, how: int) -> str:
    """A key as JSON, the same one in several spellings."""
    return ['"%s"', ' "%s" ', '"%s"\t'][how % 3] % ("".join(f"\\u{ord(c):04x}" for c in key) if how > 2 else key)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5), values), min_size=1, max_size=5),
    st.integers(0, 2),
    styles,
)
def test_duplicate_keys_never_slip_through(
    members: list[tuple[str, int, Any]], nesting: int, style: dict[str, Any]
) -> None:
    inner = ",".join(f"{spelled(key, how)}:{json.dumps(value, **style)}" for key, how, value in members)
    text = '{"o":[' * nesting + "{" + inner + "}" + "]}" * nesting
    keys = [key for key, _, _ in members]
    if len(set(keys)) == len(keys):
        assert same(parse_payload(text.encode()), json.loads(text))
    else:
        with pytest.raises(BadRecord) as caught:
            parse_payload(text.encode())
        assert caught.value.reason == "duplicate_key"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80) | st.text('{}[]",:\\u0d8truefalsn1e+-. \n\0', max_size=60).map(str.encode))
def test_any_bytes_are_an_object_or_a_bad_record(payload: bytes) -> None:
    try:
        value = parse_payload(payload)
    except BadRecord as error:
        assert error.reason in QUARANTINE_REASONS
    else:
        assert same(loads_exact(dumps_exact(value)), value)


@pytest.mark.parametrize("name", BROKEN_LINES)
def test_each_defect_has_its_reason(name: str) -> None:
    line, reason = BROKEN_LINES[name]
    with pytest.raises(BadRecord) as caught:
        parse_payload(line)
    assert caught.value.reason == reason


@pytest.mark.parametrize("name", ODD_BUT_SOUND)
def test_odd_but_sound_objects_are_kept(name: str) -> None:
    line = ODD_BUT_SOUND[name]
    assert same(parse_payload(line), json.loads(line.decode("utf-8-sig")))


def test_each_limit_is_the_limit_that_was_given() -> None:
    deep, wide = b'{"a": [[1]]}', b'{"a": 1, "b": 2, "c": {"d": 1}}'
    assert parse_payload(deep, Limits(max_depth=3))
    assert parse_payload(wide, Limits(max_keys=3, max_bytes=len(wide)))
    for payload, limits, reason in (
        (deep, Limits(max_depth=2), "too_deep"),
        (wide, Limits(max_keys=2), "too_many_keys"),
        (b'{"a": 1, "b": 2}', Limits(max_keys=1), "too_many_keys"),
        (wide, Limits(max_bytes=len(wide) - 1), "too_long"),
    ):
        with pytest.raises(BadRecord) as caught:
            parse_payload(payload, limits)
        assert caught.value.reason == reason


def test_an_open_string_full_of_escaped_quotes_takes_no_quadratic_time() -> None:
    # read again from each quote, these 2 MiB would take hours
    with pytest.raises(BadRecord):
        parse_payload(b'{"a": "' + b"[" * 70 + b'\\"' * (1 << 20))


def test_integers_and_floats_keep_their_size_and_kind() -> None:
    text = f'{{"a":{10**400},"b":{"7" * 4300},"c":1.0,"d":18446744073709551616,"e":-9223372036854775809}}'
    value = loads_exact(text)
    assert value["a"] == 10**400
    assert value["d"] == 2**64
    assert dumps_exact(value) == text


@pytest.mark.parametrize("value", [math.nan, [math.inf], {"a": [None, -math.inf]}, "\ud800", {"n": [10**30, math.nan]}])
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        dumps_exact(value)


@pytest.mark.parametrize("value", [{1: "a"}, {"n": 10**30, "m": {2: 1}}, {1, 2}, b"a"])
def test_what_json_has_no_word_for_is_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError):
        dumps_exact(value)


@pytest.mark.parametrize("text", ["", "{", "NaN", "[1e999]", '"\\ud800"', "9" * 5000, "[" * 100_000])
def test_loads_exact_raises_nothing_but_value_errors(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads_exact(text)


def test_a_bad_record_survives_the_way_from_a_worker() -> None:
    again = pickle.loads(pickle.dumps(BadRecord("too_deep", "why")))
    assert (again.reason, again.detail) == ("too_deep", "why")


def test_the_reasons_of_formats_are_among_the_reasons() -> None:
    assert dict(FORMAT_REASONS).items() <= dict(QUARANTINE_REASONS).items()
