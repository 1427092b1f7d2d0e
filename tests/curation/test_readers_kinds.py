"""Every kind of source in every compression and encoding gives the same records, and says where each stood."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from damaged import CODECS

from curation.readers import RawChunk, Source, find_sources, parse_payload, read_chunks

RECORDS = [
    {"question": f"{n} 请问今天天气怎么样？", "answer": f'He said: "fine", really; "{n}"\nand\tthen…'}
    for n in range(40)
]
NAMES = {".gz": "gz", ".zst": "zst", ".bz2": "bz2", ".xz": "xz", "": "none"}
ENCODINGS = {"utf-8": "utf-8", "utf-8-sig": "utf-8-sig", "utf-16": "utf-16", "utf-32": "utf-32", "gb18030": "gb18030"}


def as_table(delimiter: str) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, ["question", "answer"], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(RECORDS)
    return out.getvalue()


TEXTS = {
    "jsonl": "\n".join(json.dumps(record, ensure_ascii=False) for record in RECORDS) + "\n",
    "json": json.dumps(RECORDS, ensure_ascii=False, indent=2),
    "csv": as_table(","),
    "tsv": as_table("\t"),
    "txt": "\r\n".join(record["question"] for record in RECORDS),
    "md": "# 标题\n\n" + "\n\n".join(record["question"] for record in RECORDS),
}


def expected(kind: str) -> list[dict[str, Any]]:
    if kind == "txt":
        return [{"text": record["question"]} for record in RECORDS]
    return [{"text": TEXTS["md"]}] if kind == "md" else RECORDS


def read(source: Source, **sizes: int) -> list[RawChunk]:
    return list(read_chunks(source, **{"chunk_records": 1000, "chunk_bytes": 1 << 24, **sizes}))


def objects(chunks: list[RawChunk]) -> list[dict[str, Any]]:
    assert not [bad for chunk in chunks for bad in chunk.bad]
    return [parse_payload(payload) for chunk in chunks for payload in chunk.payloads]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("suffix", CODECS)
@pytest.mark.parametrize("kind", TEXTS)
def test_text_kinds_in_every_dress(tmp_path: Path, kind: str, suffix: str, encoding: str) -> None:
    file = tmp_path / f"data.{kind}{suffix}"
    file.write_bytes(CODECS[suffix](TEXTS[kind].encode(encoding)))
    (source,) = find_sources([str(file)])
    assert (source.name, source.kind) == (file.name, kind)
    assert (source.compression, source.encoding) == (NAMES[suffix], ENCODINGS[encoding])
    assert source.size == file.stat().st_size
    assert objects(read(source)) == expected(kind)


@pytest.mark.parametrize("suffix", CODECS)
def test_parquet_in_every_dress(tmp_path: Path, suffix: str) -> None:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(RECORDS), out, row_group_size=7)
    file = tmp_path / f"data.parquet{suffix}"
    file.write_bytes(CODECS[suffix](out.getvalue()))
    (source,) = find_sources([str(file)])
    assert (source.kind, source.compression) == ("parquet", NAMES[suffix])
    (chunk,) = read(source)
    assert objects([chunk]) == RECORDS
    assert chunk.positions == chunk.lines == list(range(1, 41))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "tsv", "txt"])
def test_lines_and_offsets_point_at_the_record(tmp_path: Path, kind: str, encoding: str) -> None:
    raw = TEXTS[kind].encode(encoding)
    file = tmp_path / f"data.{kind}"
    file.write_bytes(raw)
    chunks = read(find_sources([str(file)])[0], chunk_records=7)
    seen = 0
    for chunk in chunks:
        for position, line, offset, payload in zip(
            chunk.positions, chunk.lines, chunk.offsets, chunk.payloads, strict=True
        ):
            seen += 1
            record = parse_payload(payload)
            begins = {"jsonl": payload, "json": payload, "txt": record.get("text", "").encode()}
            begin = begins.get(kind, record.get("question", "").encode())
            assert raw[offset:].startswith(begin)
            assert line == raw[:offset].count(b"\n") + 1
            assert position == (line if kind in ("jsonl", "txt") else seen)
    assert seen == len(RECORDS)


def test_columns_that_json_has_no_word_for(tmp_path: Path) -> None:
    import datetime
    from decimal import Decimal

    row = {
        "when": datetime.datetime(2026, 11, 22, 10, 0, tzinfo=datetime.UTC),
        "day": datetime.date(2026, 11, 22),
        "price": Decimal("1.10"),
        "blob": b"\xff\x00",
        "bytes": b"text",
        "nested": {"list": [1, None, 2.5], "big": 2**63},
        "nothing": None,
    }
    schema = pa.schema(
        [
            ("when", pa.timestamp("us", "UTC")),
            ("day", pa.date32()),
            ("price", pa.decimal128(5, 2)),
            ("blob", pa.binary()),
            ("bytes", pa.binary()),
            ("nested", pa.struct([("list", pa.list_(pa.float64())), ("big", pa.uint64())])),
            ("nothing", pa.null()),
        ]
    )
    file = tmp_path / "data.parquet"
    pq.write_table(pa.Table.from_pylist([row], schema), file)
    assert objects(read(find_sources([str(file)])[0])) == [
        {
            "when": "2026-11-22T10:00:00+00:00",
            "day": "2026-11-22",
            "price": "1.10",
            "blob": "/wA=",
            "bytes": "text",
            "nested": {"list": [1.0, None, 2.5], "big": 2**63},
            "nothing": None,
        }
    ]


def test_cells_that_python_cannot_hold_cost_one_row_each(tmp_path: Path) -> None:
    file = tmp_path / "data.parquet"
    far = pa.array([0, 4 * 10**14, 0], pa.int64()).cast(pa.timestamp("s"))
    text = pa.array([b"a", b"b", b"\xff"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"when": far, "text": text}), file)
    (chunk,) = read(find_sources([str(file)])[0])
    assert chunk.positions == [1]
    assert [(bad.line, bad.reason) for bad in chunk.bad] == [(2, "number_out_of_range"), (3, "invalid_encoding")]


@pytest.mark.parametrize(
    ("path", "kind", "records"),
    [
        ("sarcasm/sarcasm.csv", "csv", 199),
        ("self_instruct/seed_tasks.jsonl", "jsonl", 175),
        ("llamafactory/alpaca_zh_demo.json", "json", 1000),
        ("llamafactory/dpo_en_demo.json", "json", 300),
        ("llamafactory/wiki_demo.txt", "txt", 30),
        ("presidio_research/generated_small.json", "json", 100),
    ],
)
def test_real_files(real_data: Path, path: str, kind: str, records: int) -> None:
    (source,) = find_sources([str(real_data / path)])
    assert (source.kind, source.encoding) == (kind, "utf-8")
    found = objects(read(source))
    assert len(found) == records
    if kind == "json":
        assert found == json.loads((real_data / path).read_text("utf-8"))
