"""Dataset files: every container, the same bytes however the parts were cut, bounded memory."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import tracemalloc
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import OutputError
from curation.readers.payload import dumps_exact
from curation.writers import Columns, OutputFile, encode_part, write_dataset
from curation.writers.columns import kind_of, merge, settled

ALL = ["d.jsonl", "d.json", "d.csv", "d.tsv", "d.parquet"]
NAMES = [*ALL, *(f"{name}.gz" for name in ALL), *(f"{name}.zst" for name in ALL)]

OBJECTS = [
    {"id": 1, "text": 'say "hi",\nthen 你好', "messages": [{"role": "user", "content": "q"}]},
    {"id": 2, "text": "", "score": 1},
    {
        "text": None,
        "id": 3,
        "score": 2.5,
        "late": [1, "a"],
        "messages": [{"role": "user", "content": None, "name": "x"}],
    },
    {"id": 2**70, "text": " padded ", "late": {"a": None}, "ok": True},
]


def plain(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    return zstandard.ZstdDecompressor().stream_reader(data).read() if path.suffix == ".zst" else data


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_of_the_file_is_true_and_cutting_changes_nothing(tmp_path: Path, name: str) -> None:
    lines = [encode_part([obj]) for obj in [*OBJECTS * 50, {"id": 5, "text": "数" * 800_000}, *OBJECTS]]
    whole = write_dataset(tmp_path / name, [b"".join(lines)])
    data = (tmp_path / name).read_bytes()
    assert whole == {
        "path": str(tmp_path / name),
        "records": len(lines),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    again = write_dataset(tmp_path / "other" / name, [b"", *lines])
    assert again["sha256"] == whole["sha256"]


def test_a_compressor_is_fed_in_blocks_that_do_not_depend_on_the_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed: list[int] = []

    class Recorder:
        def compress(self, data: bytes) -> bytes:
            fed.append(len(data))
            return data

        def flush(self) -> bytes:
            return b""

    monkeypatch.setattr("curation.writers.output.compressor", lambda _: Recorder())
    line = encode_part([{"text": "x" * 700_000}])
    write_dataset(tmp_path / "a.jsonl.gz", [line] * 4)
    first = fed.copy()
    fed.clear()
    write_dataset(tmp_path / "a.jsonl.gz", [line * 4])
    assert fed == first == [1 << 20, 1 << 20, 4 * len(line) - (2 << 20)]


@pytest.mark.parametrize("name", ["d.jsonl", "d.json", "d.jsonl.gz", "d.json.zst"])
def test_json_is_exact(tmp_path: Path, name: str) -> None:
    write_dataset(tmp_path / name, [encode_part(OBJECTS[:2]), encode_part(OBJECTS[2:])])
    text = plain(tmp_path / name).decode()
    found = json.loads(text) if ".json" in name and ".jsonl" not in name else list(map(json.loads, text.splitlines()))
    assert dumps_exact(found) == dumps_exact(OBJECTS)


@pytest.mark.parametrize("name", ALL)
def test_no_record_at_all_is_a_valid_file(tmp_path: Path, name: str) -> None:
    assert write_dataset(tmp_path / name, [])["records"] == 0
    data = (tmp_path / name).read_bytes()
    if name == "d.parquet":
        assert pq.read_table(tmp_path / name).num_rows == 0
    else:
        assert data == {"d.json": b"[]\n"}.get(name, b"")


@pytest.mark.parametrize(("name", "delimiter"), [("d.csv", ","), ("d.tsv", "\t"), ("d.csv.gz", ",")])
def test_tables_have_the_columns_of_all_parts(tmp_path: Path, name: str, delimiter: str) -> None:
    write_dataset(tmp_path / name, [encode_part([obj]) for obj in OBJECTS])
    rows = list(csv.reader(io.StringIO(plain(tmp_path / name).decode(), newline=""), delimiter=delimiter))
    assert rows == [
        ["id", "text", "messages", "score", "late", "ok"],
        ["1", 'say "hi",\nthen 你好', '[{"role":"user","content":"q"}]', "", "", ""],
        ["2", "", "", "1", "", ""],
        ["3", "", '[{"role":"user","content":null,"name":"x"}]', "2.5", '[1,"a"]', ""],
        [str(2**70), " padded ", "", "", '{"a":null}', "true"],
    ]
    assert b'\n2,"",,1' in plain(tmp_path / name) or delimiter == "\t"  # "" and null differ on the page


def test_one_empty_cell_is_no_blank_line(tmp_path: Path) -> None:
    write_dataset(tmp_path / "d.csv", [encode_part([{"a": None}, {"a": ""}, {"a": "x"}])])
    assert (tmp_path / "d.csv").read_bytes() == b'a\n""\n""\nx\n'


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"]


def test_formulas_are_left_alone_unless_asked(tmp_path: Path) -> None:
    objects = [{"=head": text, "n": -1} for text in [*FORMULAS, "fine", "a=1"]]
    for safe in (False, True):
        write_dataset(tmp_path / "d.csv", [encode_part(objects)], safe_csv=safe)
        with (tmp_path / "d.csv").open(newline="") as stream:
            header, *rows = csv.reader(stream)
        lead = "'" if safe else ""
        assert header == [f"{lead}=head", "n"]
        assert [row[0] for row in rows] == [*(lead + text for text in FORMULAS), "fine", "a=1"]
        assert {row[1] for row in rows} == {"-1"}  # a number is no formula


def test_parquet_types_follow_the_values(tmp_path: Path) -> None:
    objects = [
        {
            "s": "a",
            "i": 1,
            "f": 1,
            "b": True,
            "long": 2**62,
            "mixed": "x",
            "big": 2**70,
            "n": None,
            "wide": 2**62,
            "chat": [{"role": "user", "content": "q"}],
            "parts": [{"content": "q"}],
            "empty": [],
            "map": {},
        },
        {
            "s": None,
            "i": 2,
            "f": 2.5,
            "b": False,
            "long": 1,
            "mixed": 5,
            "big": 1,
            "n": None,
            "wide": 0.5,
            "chat": [{"content": "a", "role": "assistant", "name": "x"}, {}],
            "parts": [{"content": ["q"]}],
            "empty": None,
        },
    ]
    write_dataset(tmp_path / "d.parquet", [encode_part(objects[:1]), encode_part(objects[1:])])
    table = pq.read_table(tmp_path / "d.parquet")
    types = {field.name: str(field.type) for field in table.schema}
    assert {types.pop(name) for name in ("s", "mixed", "big", "n", "wide", "parts", "map")} == {"string"}
    assert types.pop("chat") == "list<element: struct<role: string, content: string, name: string>>"
    assert types == {"i": "int64", "f": "double", "b": "bool", "long": "int64", "empty": "list<element: string>"}
    first, second = table.to_pylist()
    assert (first["mixed"], second["mixed"]) == ('"x"', "5")
    assert (first["parts"], second["parts"]) == ('[{"content":"q"}]', '[{"content":["q"]}]')
    assert (first["big"], first["wide"], second["wide"]) == (str(2**70), str(2**62), "0.5")
    assert second["chat"][0] == {"role": "assistant", "content": "a", "name": "x"}
    assert (first["map"], second["map"]) == ("{}", None)


def test_a_map_with_many_keys_is_json_text(tmp_path: Path) -> None:
    write_dataset(tmp_path / "d.parquet", [encode_part([{"a": {f"k{number}": 1}} for number in range(100)])])
    assert str(pq.read_schema(tmp_path / "d.parquet").field("a").type) == "string"


def test_columns_given_beforehand_need_no_spool(tmp_path: Path) -> None:
    columns = Columns()
    for obj in OBJECTS[:2]:
        columns.see(obj)
    rest = Columns()
    for obj in OBJECTS[2:]:
        rest.see(obj)
    columns.merge(rest)
    for name in ("d.csv", "d.parquet"):
        free = write_dataset(tmp_path / name, [encode_part(OBJECTS)])
        with OutputFile(tmp_path / name, columns=columns) as output:
            output.add(encode_part(OBJECTS))
            assert output._spool is None
            assert output.close().sha256 == free["sha256"]
    with OutputFile(tmp_path / "d.csv", columns=columns) as output, pytest.raises(ValueError, match="does not fit"):
        output.add(encode_part([{"new": 1}]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.csv", "d.parquet"]


def test_nothing_at_the_final_path_before_the_end(tmp_path: Path) -> None:
    with OutputFile(tmp_path / "d.jsonl") as output:
        output.add(encode_part(OBJECTS))
        assert not (tmp_path / "d.jsonl").exists()
    assert list(tmp_path.iterdir()) == []  # left without close
    with pytest.raises(RuntimeError), OutputFile(tmp_path / "d.parquet") as output:
        output.add(encode_part(OBJECTS))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_mode_of_the_file(tmp_path: Path) -> None:
    write_dataset(tmp_path / "d.jsonl", [], mode=0o600)
    assert (tmp_path / "d.jsonl").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["d.xlsx", "d", "d.jsonl.bz2", "d.gz"])
def test_a_name_that_says_no_container_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="does not say") as caught:
        write_dataset(tmp_path / name, [])
    assert ".parquet" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["d.csv", "d.parquet", "d.jsonl.gz"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.writers.tables.ROW_GROUP_BYTES", 2 << 20)
    part = encode_part([{"id": number, "text": "x" * 8000} for number in range(256)])  # 2 MB

    def peak(parts: int) -> int:
        tracemalloc.start()
        write_dataset(tmp_path / name, [part] * parts)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1)
    assert peak(15) < peak(5) + 3_000_000  # 20 MB more in the file


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**66), 2**66)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",)), max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)


def blanks(value: object, kind) -> object:
    """A value as Parquet gives it back: numbers as the column's type, missing keys null."""
    if value is None:
        return None
    if kind.name == "list":
        return [blanks(item, kind.item) for item in value]
    if kind.name == "object":
        return {key: blanks(value.get(key), member) for key, member in kind.keys.items()}
    return float(value) if kind.name == "float" else value


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("xyz"), values, min_size=1, max_size=3), min_size=1, max_size=4))
def test_any_records_survive_parquet_and_csv(tmp_path_factory: pytest.TempPathFactory, objects: list[dict]) -> None:
    folder = tmp_path_factory.getbasetemp()
    columns = Columns()
    for obj in objects:
        columns.see(obj)
    write_dataset(folder / "any.parquet", [encode_part(objects)])
    rows = pq.read_table(folder / "any.parquet").to_pylist()
    for row, obj in zip(rows, objects, strict=True):
        assert list(row) == list(columns.kinds)
        for name, kind in columns.kinds.items():
            kind = settled(kind)
            if kind.name == "json" and obj.get(name) is not None:
                assert row[name] == dumps_exact(obj[name])
            else:
                assert dumps_exact(row[name]) == dumps_exact(blanks(obj.get(name), kind))
    write_dataset(folder / "any.csv", [encode_part(objects)])
    if columns.kinds:
        with (folder / "any.csv").open(newline="") as stream:
            for cells, obj in zip(list(csv.DictReader(stream)), objects, strict=True):
                for name, value in obj.items():
                    plainly = "" if value is None else value if isinstance(value, str) else dumps_exact(value)
                    assert cells[name] == plainly


@settings(max_examples=100, deadline=None)
@given(values, values, values)
def test_kinds_form_a_lattice(one: object, two: object, three: object) -> None:
    a, b, c = kind_of(one), kind_of(two), kind_of(three)
    assert merge(a, a) == a
    assert _shape(merge(a, b)) == _shape(merge(b, a))
    assert _shape(merge(merge(a, b), c)) == _shape(merge(a, merge(b, c)))


def _shape(kind) -> object:
    return (kind.name, kind.item and _shape(kind.item), {key: _shape(member) for key, member in kind.keys.items()})
