"""From what a user names to sources: files, folders, patterns, standard input, and errors that say how to go on."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from curation.errors import InputError, OutputError
from curation.readers import find_sources, read_chunks, sample_objects

LINE = b'{"instruction": "a", "output": "b"}\n'


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, data: bytes = LINE) -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return file

    return write


def names(*inputs: object) -> list[str]:
    return [source.name for source in find_sources([str(given) for given in inputs])]


def test_names_are_unique_short_and_in_order(put: Callable[..., Path]) -> None:
    files = [put(name) for name in ("b/x/data.jsonl", "a/x/data.jsonl", "c/data.jsonl", "only.jsonl", "b/y.jsonl")]
    expected = ["a/x/data.jsonl", "b/x/data.jsonl", "c/data.jsonl", "only.jsonl", "y.jsonl"]
    assert names(*files) == expected
    assert names(*reversed(files)) == expected


def test_a_file_name_need_not_be_text(tmp_path: Path) -> None:
    for name in (b"caf\xe9.jsonl", rb"caf\xe9.jsonl"):
        (tmp_path / os.fsdecode(name)).write_bytes(LINE)
    found = names(tmp_path)
    assert len(set(found)) == 2
    assert all(name.encode().startswith(rb"caf\xe9.jsonl") for name in found)


def test_folders_are_searched_without_hidden_or_strange_files(put: Callable[..., Path], tmp_path: Path) -> None:
    for name in (
        "d/a.jsonl",
        "d/e/b.csv.gz",
        "d/.git/c.jsonl",
        "d/.c.jsonl",
        "d/f.bin",
        "d/README.md",
        "d/LICENSE.txt",
    ):
        put(name, b"q,a\n1,2\n" if "csv" in name else LINE)
    put("d/dataset_info.json", b"{}")
    (tmp_path / "d" / "e" / "up").symlink_to(tmp_path / "d")
    (tmp_path / "d" / "e" / "nowhere.txt").symlink_to("missing")
    notes: list[str] = []
    found = find_sources([str(tmp_path / "d")], note=notes.append)
    assert [(source.name, source.kind) for source in found] == [("a.jsonl", "jsonl"), ("b.csv.gz", "csv")]
    assert {Path(note.split(" was left out")[0]).name for note in notes} == {
        "f.bin", "README.md", "LICENSE.txt", "dataset_info.json", "nowhere.txt"
    }  # fmt: skip


def test_a_folder_of_texts_is_all_data(put: Callable[..., Path], tmp_path: Path) -> None:
    for name in ("t/README.md", "t/notes.txt"):
        put(name)
    assert names(tmp_path / "t") == ["README.md", "notes.txt"]


def test_patterns(put: Callable[..., Path], tmp_path: Path) -> None:
    for name in ("a1.jsonl", "a2.jsonl", "b.csv", "s/a3.jsonl", "s/t/a4.jsonl", ".a5.jsonl", "s/.h/a6.jsonl", "a7.bin"):
        put(name)
    for link in ("s/loop", "s/t/loop", "s/t/loop2"):
        (tmp_path / link).symlink_to(tmp_path)
    assert names(tmp_path / "a*") == ["a1.jsonl", "a2.jsonl"]
    assert names(tmp_path / "a[12].jsonl") == ["a1.jsonl", "a2.jsonl"]
    assert names(tmp_path / "**" / "*.jsonl") == ["a1.jsonl", "a2.jsonl", "a3.jsonl", "a4.jsonl"]
    assert names(tmp_path / "s" / "t" / "a?.jsonl") == ["a4.jsonl"]
    assert names(tmp_path / "s" / "**" / "t" / "*") == ["a4.jsonl"]


def test_a_file_that_exists_is_no_pattern(put: Callable[..., Path]) -> None:
    literal = put("a[1].jsonl")
    put("a1.jsonl")
    assert names(literal) == ["a[1].jsonl"]


def test_a_file_named_twice_is_read_once(put: Callable[..., Path], tmp_path: Path) -> None:
    file = put("d/a.jsonl")
    (tmp_path / "link.jsonl").symlink_to(file)
    os.link(file, tmp_path / "hard.jsonl")
    notes: list[str] = []
    inputs = [file, tmp_path / "link.jsonl", tmp_path / "hard.jsonl", tmp_path / "d", tmp_path / "d" / "*.jsonl"]
    assert [source.path for source in find_sources(list(map(str, inputs)), note=notes.append)] == [str(file)]
    assert len(notes) == 4 and all("read once" in note for note in notes)


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.json", LINE * 3, "jsonl"),
        ("a.json", b'{"a": \n' + LINE * 3, "jsonl"),
        ("a.jsonl", b'[{"a": 1},\n {"a": 2}]', "json"),
        ("a.jsonl", b'[1, 2]\n{"a": 1}\n', "jsonl"),
        ("a.jsonl", b'{\n "a": 1\n}\n{\n "a": 2\n}\n', "json"),
        ("a.jsonl", b'{"a": oops}\n{"b": oops}\n', "jsonl"),
        ("a.json", b'{"messages": [\n{"role": "user"},\n{"role": "assistant"}\n]}', "json"),
        ("a.json", b'{"data": [\n' + LINE.strip() + b",\n" + LINE + b"]}", "json"),
        ("a.json", LINE, "json"),
        ("a.jsonl", LINE, "jsonl"),
        ("a.jsonl", b'{"acts": [{"a": 1}]}\n', "jsonl"),
        ("a.jsonl", b'{"acts": ["' + b"x" * (2 << 20) + b'"]}\n', "jsonl"),
        ("a.jsonl", b'[{"a": "' + b"x" * (2 << 20) + b'"}]', "json"),
        ("a.jsonl", ('{"a": "' + "x" * 700_000 + '"}\n{"a": "').encode("utf-16"), "jsonl"),
        ("a.csv", LINE * 2, "jsonl"),
        ("a.txt", LINE * 2, "jsonl"),
        ("a.txt", LINE + b"plain\n", "txt"),
        ("a.tsv", b"a,b\n1,2\n", "tsv"),
    ],
)
def test_content_decides_where_it_is_clear(put: Callable[..., Path], name: str, data: bytes, kind: str) -> None:
    notes: list[str] = []
    (source,) = find_sources([str(put(name, data))], note=notes.append)
    assert source.kind == kind
    assert bool(notes) == (Path(name).suffix[1:] != kind)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (LINE * 2, "jsonl"),
        (LINE, "jsonl"),
        (b'[{"a": 1}]', "json"),
        (b'{"data": [{"a": 1}]}', "json"),
        (b"name,answer\na,b\nc,d\n", "csv"),
        (b"name\tanswer\na\tb\n", "tsv"),
        (b"Well, this is prose.\nIt has, here and there, commas.\n", "txt"),
        ("﻿问题,回答\n甲,乙\n".encode(), "csv"),
    ],
)
def test_standard_input_is_kept_and_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, kind: str
) -> None:
    spool = tmp_path / "stdin.bin"
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    (source,) = find_sources(["-", "-"], spool=spool)
    assert (source.name, source.path, source.kind, source.size) == ("stdin", "-", kind, len(data))
    assert spool.stat().st_mode & 0o777 == 0o600
    first = sample_objects(source)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"something else")))
    (again,) = find_sources(["-"], spool=spool)
    assert again == source
    assert sample_objects(again) == first != []


def test_standard_input_through_a_real_pipe(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from curation.readers import *\n"
        "s, = find_sources(['-'], spool=Path(sys.argv[1]))\n"
        "print(s.kind, s.compression, sum(len(c.payloads) for c in read_chunks(s, chunk_records=9, chunk_bytes=999)))"
    )
    import gzip

    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "s"], input=gzip.compress(LINE * 3000), capture_output=True, check=True
    )
    assert done.stdout.decode().split() == ["jsonl", "gz", "3000"]


def test_standard_input_needs_a_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(LINE)))
    with pytest.raises(InputError):
        find_sources(["-"])
    with pytest.raises(OutputError) as caught:
        find_sources(["-"], spool=tmp_path / "no" / "such" / "folder")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("given", "says", "hint"),
    [
        ([], "no input", "Name"),
        (["missing.jsonl"], "no file", "Check the spelling"),
        (["dta.jsonl"], "no file", "Did you mean '{}/data.jsonl'"),
        (["*.parquet"], "no file matches", "pattern"),
        (["https://example.org/a.jsonl"], "address", "Download"),
        (["data.unknown"], "ending", "Rename"),
        (["data.jsnol"], "ending", "Did you mean '.jsonl'"),
        (["d*.unknown"], "ending", "Rename"),
        (["empty.jsonl"], "empty", "Check"),
        (["empty.jsonl", "blank.txt"], "empty", "Check"),
        (["hollow"], "holds no file", ".jsonl"),
        (["data.jsonl/below"], "no file", "Check"),
        (["a\0b.jsonl"], "no file", "."),
        (["x" * 300 + ".jsonl"], "cannot read", ""),
        (["hf:"], "names no dataset", "hf:NAME"),
    ],
)
def test_errors_name_the_input_and_the_way_on(
    put: Callable[..., Path], tmp_path: Path, given: list[str], says: str, hint: str
) -> None:
    put("data.jsonl")
    put("data.unknown")
    put("data.jsnol")
    put("empty.jsonl", b"")
    put("blank.txt", b" \n\n")
    (tmp_path / "hollow").mkdir()
    inputs = [one if ":" in one else str(tmp_path / one) for one in given]
    with pytest.raises(InputError) as caught:
        find_sources(inputs)
    assert says in caught.value.message
    assert hint.format(tmp_path) in caught.value.hint
    assert all(Path(one).name.strip("d*")[-6:] in caught.value.message for one in given[:1])


def test_one_empty_file_among_others_is_no_error(put: Callable[..., Path]) -> None:
    notes: list[str] = []
    found = find_sources([str(put("a.jsonl")), str(put("empty.jsonl", b""))], note=notes.append)
    assert [source.name for source in found] == ["a.jsonl", "empty.jsonl"]
    assert [note for note in notes if "empty" in note]
    assert list(read_chunks(found[1], chunk_records=1, chunk_bytes=1)) == []


def test_no_permission(put: Callable[..., Path], tmp_path: Path) -> None:
    file, folder = put("locked.jsonl"), put("d/closed/a.jsonl").parent
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:3]:
        if parent.name.startswith(("pytest-", "popen-")):
            parent.chmod(0o755)
    file.chmod(0)
    folder.chmod(0)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)  # the superuser may read everything
        for given, named in ((file, file), (folder.parent, folder), (folder, folder)):
            with pytest.raises(InputError) as caught:
                find_sources([str(given)])
            assert "permission" in caught.value.message and str(named) in caught.value.message
            assert "chmod" in caught.value.hint
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)


def test_a_file_that_vanishes_is_an_input_error(put: Callable[..., Path]) -> None:
    file = put("a.jsonl")
    (source,) = find_sources([str(file)])
    file.unlink()
    with pytest.raises(InputError, match="no file"):
        list(read_chunks(source, chunk_records=1, chunk_bytes=1))


def test_a_late_encoding_is_found(put: Callable[..., Path]) -> None:
    """A mebibyte of plain ASCII says nothing; the text behind it does."""
    late = (json.dumps({"q": "请用中文回答这个问题。"}, ensure_ascii=False) + "\n").encode("gb18030")
    assert find_sources([str(put("a.jsonl", LINE * 40_000 + late * 20))])[0].encoding == "gb18030"


@pytest.mark.parametrize(
    "encoding", ["latin-1", "cp1252", "big5", "euc_kr", "euc_jp", "shift_jis", "cp1251", "iso8859-7"]
)
def test_other_encodings_are_not_taken_for_chinese(put: Callable[..., Path], encoding: str) -> None:
    texts = {
        "big5": "他們的問題是為什麼這個模型不能理解我們說的話",
        "euc_kr": "안녕하세요 저는 인공지능 모델입니다 오늘은 날씨가",
        "euc_jp": "日本語の文章を書いてください。今日は天気がいいですね。",
        "shift_jis": "日本語の文章を書いてください。",
        "cp1251": "Привет, как дела? Это предложение на русском языке",
        "iso8859-7": "Καλημέρα κόσμε, αυτό είναι",
    }
    text = texts.get(encoding, "Où est le café ? C'était très bon. Übergrößenträger äöüß ñandú garçon")
    assert find_sources([str(put("a.txt", (text + "\n").encode(encoding) * 5))])[0].encoding == "utf-8"
