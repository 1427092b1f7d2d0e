"""JSON files element by element: the scan against a real parser, shapes, and going on behind what is broken."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.readers import Bad, BadRecord, Limits, parse_payload
from curation.readers.chunker import Chunker
from curation.readers.json_scan import WHOLE_VALUE, Scanner
from curation.readers.json_shape import holds_records
from curation.readers.json_values import read_json

values = st.recursive(
    st.integers() | st.booleans() | st.none() | st.text('ab"\\{}[],: \n', max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('k"{', max_size=4), inner, max_size=3),
    max_leaves=15,
)


def read(text: bytes, block: int = 1 << 20, **limits: int) -> tuple[list[Any], list[Bad], list[tuple[int, int]]]:
    """Records, bad things, and (line, offset) of each record, of a text that comes in blocks of `block` bytes."""
    blocks: Iterator[bytes] = iter([text[at : at + block] for at in range(0, len(text), block)])
    chunks = Chunker("x", 10_000, 1 << 30, Limits(**limits))
    found = [*read_json(blocks, 0, Limits(**limits), chunks), *chunks.rest()]
    records, bad = [], []
    for chunk in found:
        bad += chunk.bad
        for line, offset, payload in zip(chunk.lines, chunk.offsets, chunk.payloads, strict=True):
            try:
                records.append(parse_payload(payload))
            except BadRecord as error:
                bad.append(Bad("x", line, offset, error.reason, error.detail, payload))
    places = [place for chunk in found for place in zip(chunk.lines, chunk.offsets, strict=True)]
    return records, bad, places


@settings(max_examples=80, deadline=None)
@given(st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=3), values, max_size=3), st.integers(1, 9))
def test_both_scans_end_where_the_value_ends(value: Any, piece: int) -> None:
    text = json.dumps(value, indent=1 if piece % 2 else None).encode()
    noise = b', {"x": "}'
    match = WHOLE_VALUE.match(text + noise)
    assert match is None or match.end() == len(text)
    scanner, whole, end = Scanner(), text + noise, -1
    for at in range(0, len(whole), piece):
        found = scanner.feed(whole[at : at + piece], 0)
        if found >= 0:
            end = at + found
            break
    assert end == len(text)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.dictionaries(st.text("ab", max_size=2), values, max_size=3), max_size=8),
    st.integers(1, 64),
    st.sampled_from([None, 0, 2]),
)
def test_arrays_come_out_the_same_whatever_the_blocks(records: list[Any], block: int, indent: int | None) -> None:
    text = b" \n" + json.dumps(records, indent=indent).encode() + b"\n"
    found, bad, places = read(text, block)
    assert (found, bad) == (records, [])
    assert all(text[offset : offset + 1] == b"{" for _, offset in places)
    assert all(line == text[:offset].count(b"\n") + 1 for line, offset in places)


@pytest.mark.parametrize(
    ("text", "records"),
    [
        ('{"messages": [{"role": "user", "content": "a"}], "n": 1}', 1),
        ('{"data": [{"a": 1}, {"a": 2}]}', 2),
        ('{"about": {"a": [{"b": 1}]}, "n": [1, 2], "s": "[{", "rows": [{"a": 1}, {"a": 2}], "end": null}', 2),
        ('{"train": [{"a": 1}], "test": [{"a": 2}, {"a": 3}]}', 3),
        ('{"rows": [], "more": [{"a": 1}]}', 1),
        ('{"a": {"b": 1}}', 1),
        ('{"a": 1} {"a": 2}\n{"a": 3}', 3),
        ('[{"a": 1}]\n[{"a": 2}]', 2),
        ("[]", 0),
        ("{}", 1),
    ],
)
def test_shapes(text: str, records: int) -> None:
    for block in (1, 7, 1 << 20):
        found, bad, _ = read(text.encode(), block)
        assert (len(found), bad) == (records, []), block


def test_what_is_a_record_and_what_holds_records() -> None:
    assert holds_records(b'{"v": 1, "data": [ {"a": 1}')
    assert not holds_records(b'{"data": [1, 2], "v": {"x": [{"a": 1}]}}')
    assert not holds_records('{"对话": 1, "问题": "a", "注释": [{"a": 1}]}'.encode())
    assert not holds_records(b'[{"data": [{"a": 1}]}]')


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_byte_costs_few_records(seed: int, indent: int | None) -> None:
    """Quotes, brackets and braces deleted at random: what is untouched comes out, and nothing is counted twice."""
    draw = random.Random(seed)
    records = [
        {"instruction": f'record {n} says "no" {{', "output": "x" * draw.randint(0, 90), "tags": [{"k": n}, []]}
        for n in range(200)
    ]
    parts = [json.dumps(record, indent=indent) for record in records]
    hurt = set(draw.sample(range(200), 12))
    for number in hurt:
        places = [at for at, character in enumerate(parts[number]) if character in '"{}[]:']
        at = draw.choice(places[1:])
        parts[number] = parts[number][:at] + parts[number][at + 1 :]
    if indent:
        parts = ["  " + part.replace("\n", "\n  ") for part in parts]
    text = "[\n" + (",\n" if indent else ", ").join(parts) + "\n]"
    found, bad, _ = read(text.encode(), 4096)
    whole = [record for record in found if record in records]
    untouched = [record for number, record in enumerate(records) if number not in hurt]
    assert len(bad) <= 2 * len(hurt)
    missing = [record for record in untouched if record not in whole]
    assert not missing
    assert whole == [record for record in records if record in whole]


@pytest.mark.parametrize(
    ("broken", "raw"),
    [
        # closing brackets too many belong to it
        ('{"id": x}]}', None),
        # nor objects inside it: with another first key, behind a bracket or a colon, or further in
        ('{"id": 2 "c": [1, {"k": 2}, {"k": 3}]}', None),
        ('{"id": 2, "c": [{"id": 9}] "d": {"id": 8}}', None),
        ('{"id": 2 "c": [\n      {"x": 1},\n      {"id": 9},\n      {"id": 8}\n    ]}', None),
        ('{"id": 2, "c": {"id": 7}, "d": [{"id": 8}]', '{"id": 2, "c": {"id": 7}, "d": [{"id": 8}]'),
    ],
)
@pytest.mark.parametrize("block", [1, 5, 64, 1 << 20])
def test_a_broken_element_is_one_bad_thing(broken: str, raw: str | None, block: int) -> None:
    text = '[\n  {"id": 1, "c": {"k": 1}},\n  {"id": 11},\n  ' + broken + ',\n  {"id": 3}\n]'
    found, bad, _ = read(text.encode(), block)
    assert found == [{"id": 1, "c": {"k": 1}}, {"id": 11}, {"id": 3}]
    assert [(item.reason, item.line, item.raw.decode()) for item in bad] == [("bad_json", 4, raw or broken)]


@pytest.mark.parametrize(
    "broken", ['{"id": 2 "c": [1, {"k": 2}, {"k": 3}]}', '{"id": 2, "c": [{"id": 9}] "d": {"id": 8}}']
)
def test_a_broken_element_on_the_line_of_its_neighbours(broken: str) -> None:
    found, bad, _ = read(f'[{{"id": 1}}, {{"id": 11}}, {broken}, {{"id": 3}}]'.encode())
    assert found == [{"id": 1}, {"id": 11}, {"id": 3}]
    assert [(item.reason, item.raw.decode()) for item in bad] == [("bad_json", broken)]


def test_an_element_beyond_the_limit_is_passed_over_and_measured() -> None:
    long = b'{"a": "' + b'\\"{' * 5000 + b'", "b": [[["' + b"y" * 5000 + b'"]]]}'
    text = b'[{"a": 1}, ' + long + b', {"a": 2}, "' + b"z" * 3000 + b'", {"a": 3}]'
    for block in (100, 999, 1 << 20):
        found, bad, _ = read(text, block, max_bytes=1000)
        assert found == [{"a": 1}, {"a": 2}, {"a": 3}]
        assert [item.reason for item in bad] == ["too_long", "too_long"]
        assert bad[0].detail.startswith(f"{len(long)} bytes")
        assert bad[0].offset == text.index(long)


def test_thousands_of_broken_elements_take_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    scanned = 0
    feed = Scanner.feed

    def counting(self: Scanner, text: bytes, at: int, stop: int | None = None) -> int:
        nonlocal scanned
        end = feed(self, text, at, stop)
        scanned += (end if end >= 0 else min(len(text), stop or len(text))) - at
        return end

    monkeypatch.setattr(Scanner, "feed", counting)
    text = "[" + ",\n".join(f'{{"a": "{n} {"x" * 200}, "b": [{{"c": 1}}' for n in range(3000)) + "]"
    found, bad, _ = read(text.encode())
    assert (len(found), len(bad)) == (0, 3000)
    # scanned to the end from each of them, these 0.7 MB would be 1 GB
    assert scanned < 60 * len(text)
