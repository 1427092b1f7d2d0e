"""Chunks: borders by content alone, order, prompt stop, bounded memory; and what a sample tells about columns."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from itertools import chain, pairwise
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from damaged import CODECS
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import InputError, OutputError
from curation.readers import (
    Limits,
    RawChunk,
    Source,
    column_types,
    find_sources,
    parse_payload,
    read_chunks,
    sample_objects,
)
from curation.readers.chunker import Chunker
from curation.readers.lines import Lines, Overlong, frame
from curation.readers.text import read_jsonl

plain = st.sampled_from([b"x", b"{}", b"\xe2\x80\xa8", b"y" * 30])
line = plain | st.sampled_from([b"", b" ", b"\r", b"\t\r", b"{}\r", b"z" * 31, b"w" * 90])


@settings(max_examples=150, deadline=None)
@given(st.lists(line, max_size=30), st.booleans(), st.integers(1, 70))
def test_lines_are_split_on_newlines_only(lines: list[bytes], ended: bool, block: int) -> None:
    text = b"\n".join(lines) + (b"\n" if ended else b"")
    numbered = [(number, piece) for number, piece in enumerate(text.split(b"\n"), 1)]
    if not numbered[-1][1]:
        numbered.pop()
    blocks = [text[at : at + block] for at in range(0, len(text), block)]
    if b"\n" not in b"".join(blocks[:1]) and b"\r" in b"".join(blocks[:1])[:-1]:
        return  # taken for a source whose lines end in carriage returns
    found = []
    for item in frame(iter(blocks), 30):
        if isinstance(item, Lines):
            for at, (offset, piece) in enumerate(zip(item.offsets, item.lines, strict=True)):
                assert text[offset:].startswith(piece)
                assert not (item.plain and (not piece.strip(b" \t\r") or piece.endswith(b"\r")))
                found.append((item.number + at, piece))
        else:
            assert isinstance(item, Overlong) and text[item.offset :].startswith(item.head)
            found.append((item.number, text[item.offset : item.offset + item.size]))
            assert item.size > 30
    assert found == numbered


def cut(text: bytes, block: int, records: int, size: int) -> list[RawChunk]:
    chunks = Chunker("x", records, size, Limits(max_bytes=60))
    blocks = iter([text[at : at + block] for at in range(0, len(text), block)])
    return [*read_jsonl(blocks, 0, Limits(max_bytes=60), chunks), *chunks.rest()]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(line, min_size=1, max_size=60) | st.lists(plain, min_size=1, max_size=60),
    st.integers(1, 7),
    st.integers(1, 80),
    st.integers(8, 100),
)
def test_borders_depend_on_content_and_sizes_only(lines: list[bytes], records: int, size: int, block: int) -> None:
    text = b"{}\n" + b"\n".join(lines)
    chunks = cut(text, 1 << 20, records, size)
    assert cut(text, block, records, size) == chunks
    assert all(len(chunk.payloads) + len(chunk.bad) <= records for chunk in chunks)
    for chunk in chunks:
        sizes = [*map(len, chunk.payloads), *(len(bad.raw) for bad in chunk.bad)]
        assert sum(sizes) < size + max(sizes, default=0)
    for chunk, _ in pairwise(chunks):
        held = sum(map(len, chunk.payloads)) + sum(len(bad.raw) for bad in chunk.bad)
        assert len(chunk.payloads) + len(chunk.bad) == records or held >= size
    positions = list(chain.from_iterable(chunk.positions for chunk in chunks))
    assert positions == sorted(set(positions))
    everything = sum(len(chunk.payloads) + len(chunk.bad) + chunk.blank for chunk in chunks)
    assert everything == len(text.removesuffix(b"\n").split(b"\n")) or text.endswith(b"\n\n") or not lines[-1]


def test_sizes_must_be_positive() -> None:
    source = Source("x", "x", "jsonl")
    for sizes in ({"chunk_records": 0, "chunk_bytes": 1}, {"chunk_records": 1, "chunk_bytes": 0}):
        with pytest.raises(ValueError, match="at least 1"):
            read_chunks(source, **sizes)


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "txt"])
def test_reading_stops_when_its_consumer_does(tmp_path: Path, kind: str) -> None:
    records = [{"instruction": str(n), "output": "x" * 300} for n in range(20_000)]
    texts = {
        "json": json.dumps(records),
        "jsonl": "\n".join(map(json.dumps, records)),
        "csv": "instruction,output\n" + "\n".join(",".join(record.values()) for record in records),
        "txt": "\n".join(record["output"] for record in records),
    }
    file = tmp_path / f"a.{kind}"
    file.write_text(texts[kind])
    (source,) = find_sources([str(file)])
    reader = read_chunks(source, chunk_records=10, chunk_bytes=1 << 20)
    first = next(reader)
    assert len(first.payloads) == 10
    (opened,) = [one for one in psutil.Process().open_files() if one.path == str(file)]
    assert opened.position < file.stat().st_size // 2
    reader.close()
    assert not [one for one in psutil.Process().open_files() if one.path == str(file)]
    again = read_chunks(source, chunk_records=10, chunk_bytes=1 << 20)
    assert next(again) == first


@pytest.mark.parametrize(
    ("name", "before", "after", "good"),
    [
        ("a.jsonl", b'{}\n{"a": "', b'"}\n{}\n', 2),
        ("a.json", b'[{}, {"a": "', b'"}, {}]', 2),
        ("a.csv", b"a,b\n1,2\n3,", b"\n4,5\n", 2),
        ("a.txt", b"a\n", b"\nb\n", 2),
        ("a.md", b"# a\n", b"", 0),
    ],
)
def test_a_long_record_takes_little_memory(tmp_path: Path, name: str, before: bytes, after: bytes, good: int) -> None:
    """64 MB in one record: quarantined with its length; the process grows by far less than holding it would take."""
    file = tmp_path / name
    with file.open("wb") as out:
        out.write(before)
        for _ in range(64):
            out.write(b"x" * 1_000_000)
        out.write(after)
    code = """
import resource, sys
from curation.readers import find_sources, read_chunks
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
bad, good = [], 0
for source in find_sources([sys.argv[1]]):
    for chunk in read_chunks(source, chunk_records=100, chunk_bytes=1 << 24):
        bad += chunk.bad
        good += len(chunk.payloads)
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
print(good, [item.reason for item in bad], bad[0].detail.split()[0], len(bad[0].raw), grown, sep=";")
"""
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
    count, reasons, length, raw, grown = done.stdout.strip().split(";")
    assert (count, reasons, raw) == (str(good), "['too_long']", "65536")
    assert 64_000_000 <= int(length) < 64_000_100
    assert int(grown) < 90


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".bz2", ".xz"])
def test_a_ratio_is_held_against_a_source_only_beyond_the_floor(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"a.txt{suffix}"
    file.write_bytes(CODECS[suffix](b"words and words\n" * 80_000))
    (source,) = find_sources([str(file)])

    def reasons(limits: Limits) -> list[str]:
        chunks = read_chunks(source, chunk_records=1 << 20, chunk_bytes=1 << 30, limits=limits)
        return [bad.reason for chunk in chunks for bad in chunk.bad]

    assert reasons(Limits()) == []
    assert reasons(Limits(ratio_floor=1 << 20)) == ["decompression_bomb"]
    assert reasons(Limits(ratio_floor=1 << 20, max_ratio=1e6)) == []


def test_the_spool_is_read_and_is_where_room_is_made(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.write_bytes(b'{"a": 1}\n')
    source = Source("stdin", "-", "jsonl")
    assert [c.payloads for c in read_chunks(source, chunk_records=9, chunk_bytes=9, spool=spool)] == [[b'{"a": 1}']]
    with pytest.raises(InputError, match="not kept"):
        list(read_chunks(source, chunk_records=9, chunk_bytes=9))
    packed = tmp_path / "a.parquet.gz"
    pq.write_table(pa.table({"a": [1, 2]}), spool)
    packed.write_bytes(gzip.compress(spool.read_bytes()))
    (source,) = find_sources([str(packed)])
    assert len(next(read_chunks(source, chunk_records=9, chunk_bytes=99, spool=spool)).payloads) == 2
    with pytest.raises(OutputError, match="nowhere"):
        list(read_chunks(source, chunk_records=9, chunk_bytes=99, spool=tmp_path / "nowhere" / "spool"))


def test_samples_and_column_types(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    rows = [f"{n},{n / 4},00{n},{'' if n else 7},{n}{'0' * 15},text {n}" for n in range(300)]
    file.write_text("n,score,zip,some,id,words\n" + "\n".join(rows))
    (source,) = find_sources([str(file)])
    assert len(sample_objects(source)) == 200
    assert sample_objects(source, n=3) == [
        parse_payload(p) for p in next(read_chunks(source, chunk_records=3, chunk_bytes=999)).payloads
    ]
    assert column_types(sample_objects(source)) == {
        "n": "number", "score": "number", "zip": "string", "some": "number", "id": "string", "words": "string"
    }  # fmt: skip


def test_column_types_of_json() -> None:
    objects = [
        {"i": 1, "b": True, "s": "x", "l": [], "m": 1, "z": None, "f": None, "e": "", "mixed": "1"},
        {"i": 2.5, "b": False, "s": "12", "l": [1], "m": "a", "z": None, "f": 0.5, "e": " ", "mixed": 2},
    ]
    assert column_types(objects) == {
        "i": "number", "b": "bool", "s": "string", "l": "other", "m": "other", "z": "other", "f": "number",
        "e": "string", "mixed": "other",
    }  # fmt: skip


def test_a_sample_passes_over_what_is_no_record_but_not_for_ever(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"rubbish\n" * 50 + b'{"a": 1}\n' + b"rubbish\n" * 100_000 + b'{"a": 2}\n')
    (source,) = find_sources([str(file)])
    assert sample_objects(source, n=10) == [{"a": 1}]
    assert sample_objects(source, Limits(max_bytes=7), n=10) == []
