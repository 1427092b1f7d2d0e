"""Inputs in a bucket, against a real S3-compatible server on this machine."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from s3_server import KEY, SECRET, Wire, client, s3_server, settings

from curation import Recipe, curate
from curation.address import checked, shown
from curation.copying import Copying, watched
from curation.errors import InputError, OutputError
from curation.readers import find_sources
from curation.readers.buckets import Bucket
from curation.readers.copies import copied, copies_folder

BUCKET = "data"
RECORDS = [{"question": f"What is {n} plus {n}?", "answer": f"It is {2 * n}, 答案是{2 * n}。"} for n in range(40)]
LINES = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in RECORDS).encode()
RECIPE = "stages:\n  - use: clean\n  - use: exact\n  - use: near\n  - use: length\n    min_chars: 10\n"


def write_all(folder: Path) -> None:
    """Files of every container and compression, copies and broken lines among them, with Chinese names."""
    (folder / "中文 目录").mkdir(parents=True)
    (folder / "a.jsonl").write_bytes(LINES + b"{broken\n\n" + LINES[:300])
    (folder / "packed.jsonl.gz").write_bytes(gzip.compress(LINES, mtime=0))
    (folder / "packed.json.bz2").write_bytes(bz2.compress(json.dumps(RECORDS[:5]).encode()))
    (folder / "table.csv").write_text("question,answer\nWhat is it?,It is a table of one row.\n")
    (folder / "中文 目录" / "数据 [1].jsonl").write_bytes(LINES.replace(b"What", b"Which"))
    pl.DataFrame(RECORDS[3:9]).write_parquet(folder / "中文 目录" / "列.parquet")
    (folder / "README.md").write_text("About the data.")
    (folder / ".hidden.jsonl").write_bytes(LINES)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with s3_server() as (_, found):
        client(found).create_bucket(Bucket=BUCKET)
        yield found


@pytest.fixture
def s3(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in {**settings(port), "STUDIO_CACHE": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    return client(port)


def upload(s3: Any, folder: Path, prefix: str) -> None:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            s3.put_object(Bucket=BUCKET, Key=f"{prefix}/{file.relative_to(folder).as_posix()}", Body=file.read_bytes())


def kept() -> list[Path]:
    return sorted(file for file in copies_folder().rglob("*") if file.is_file())


def names(*inputs: str, note: Any = None) -> list[str]:
    return [source.name for source in find_sources(inputs, note=note)]


def outcome(folder: Path) -> dict[str, Any]:
    """All that a run says about its records: the dataset's bytes, the ledger, the quarantine, the counts."""
    ledger = pl.read_parquet(folder / "ledger" / "*.parquet").sort("record_id", "stage")
    summary = json.loads((folder / "summary.json").read_bytes())
    return {
        "dataset": {file.name: file.read_bytes() for file in sorted((folder / "dataset").glob("*.jsonl"))},
        "ledger": ledger.to_dicts(),
        "quarantine": (folder / "quarantine.jsonl").read_bytes(),
        "counts": summary["counts"],
    }


def test_a_bucket_gives_the_same_bytes_as_the_folder_it_was_filled_from(s3: Any, tmp_path: Path) -> None:
    write_all(tmp_path / "in")
    upload(s3, tmp_path / "in", "whole")
    recipe = Recipe.from_text(RECIPE, "probe")
    here = curate(tmp_path / "in", recipe, run_dir=tmp_path / "here", workers=1, report=False)
    there = curate(f"s3://{BUCKET}/whole", recipe, run_dir=tmp_path / "there", workers=1, report=False)
    assert here.counts["read"] > 100 and here.counts["dropped"] > 0 and here.counts["quarantined"] == 2
    assert outcome(there.folder) == outcome(here.folder)
    assert b"a.jsonl" in (there.folder / "quarantine.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("named", ["a.jsonl", "packed.json.bz2", "packed.jsonl.gz", "table.csv", "列.parquet", "数据 [1].jsonl"]),
        ("named/", ["a.jsonl", "packed.json.bz2", "packed.jsonl.gz", "table.csv", "列.parquet", "数据 [1].jsonl"]),
        ("named/a.jsonl", ["a.jsonl"]),
        ("named/中文 目录/数据 [1].jsonl", ["数据 [1].jsonl"]),
        ("named/*.jsonl", ["a.jsonl"]),
        ("named/packed.?son*", ["packed.json.bz2", "packed.jsonl.gz"]),
        ("named/**/*.jsonl", ["a.jsonl", "数据 [1].jsonl"]),
        ("named/中*", ["列.parquet", "数据 [1].jsonl"]),
    ],
)
def test_files_folders_and_patterns(s3: Any, tmp_path: Path, given: str, found: list[str]) -> None:
    write_all(tmp_path / "in")
    upload(s3, tmp_path / "in", "named")
    assert names(f"s3://{BUCKET}/{given}") == found


def test_names_are_tails_of_the_address_and_a_file_is_read_once(s3: Any, tmp_path: Path) -> None:
    for key in ("x/train.jsonl", "y/train.jsonl"):
        s3.put_object(Bucket=BUCKET, Key=f"tails/{key}", Body=LINES)
    (tmp_path / "train.jsonl").write_bytes(LINES)
    notes: list[str] = []
    local = str(tmp_path / "train.jsonl")
    found = names(f"s3://{BUCKET}/tails", f"s3://{BUCKET}/tails/x/train.jsonl", local, note=notes.append)
    assert found == [f"{tmp_path.name}/train.jsonl", "x/train.jsonl", "y/train.jsonl"]
    assert (
        f"s3://{BUCKET}/tails/x/train.jsonl is the same as s3://{BUCKET}/tails/x/train.jsonl; it is read once" in notes
    )


def test_a_prefix_of_three_hundred_files_is_copied_once(s3: Any) -> None:
    for n in range(300):
        s3.put_object(Bucket=BUCKET, Key=f"many/{n % 7}/part-{n:03}.jsonl", Body=LINES[: 80 + n])
    notes: list[str] = []
    seen: list[Copying] = []
    with watched(seen.append):
        found = find_sources([f"s3://{BUCKET}/many"], note=notes.append)
    assert [source.name for source in found] == sorted(f"part-{n:03}.jsonl" for n in range(300))
    total = sum(80 + n for n in range(300))
    assert (seen[0].files, seen[0].total, seen[-1].done) == (300, total, total)
    assert any("300 files (68.8 kB) copied to" in note and "now holds 68.8 kB" in note for note in notes)
    notes.clear()
    with watched(seen.append):
        before = len(seen)
        assert find_sources([f"s3://{BUCKET}/many"], note=notes.append) == found
    assert (notes, len(seen)) == ([], before)
    assert {file.stat().st_mode & 0o777 for file in kept()} == {0o600}
    assert copies_folder().stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("s3://data/none.jsonl", "there is nothing at s3://data/none.jsonl"),
        ("s3://data/none*", "there is nothing at s3://data/none*"),
        ("s3://nobucket/x.jsonl", "there is no bucket behind s3://nobucket/x.jsonl"),
        ("s3://nobucket", "there is no bucket behind s3://nobucket"),
        ("s3://", "s3:// names no bucket"),
        ("s3://data/odd/x.bin", "s3://data/odd/x.bin has an ending that says nothing about what it holds"),
        ("s3://data/odd", "s3://data/odd holds no file that can be read"),
        ("s3://data/a.jsonl?X-Amz-Signature=abc&k=1", "the address of s3://data/a.jsonl holds a user, a password"),
        ("s3://me:pass@data/a.jsonl", "the address of s3://data/a.jsonl holds a user, a password or a query"),
        ("https://h.example/x.jsonl?sig=abc", "https://h.example/x.jsonl is an address of a kind that is not read"),
    ],
)
def test_what_is_not_there(s3: Any, given: str, message: str) -> None:
    s3.put_object(Bucket=BUCKET, Key="odd/x.bin", Body=b"x")
    with pytest.raises(InputError) as caught:
        find_sources([given])
    assert caught.value.message.startswith(message)
    assert caught.value.hint
    assert not any(secret in str(caught.value) + caught.value.hint for secret in ("abc", "pass@", "me:"))


@pytest.mark.parametrize(
    ("scheme", "package", "line"),
    [
        ("s3", "s3fs", "pip install 'curation-studio[remote]'"),
        ("gs", "gcsfs", "pip install gcsfs"),
        ("az", "adlfs", "pip install adlfs"),
        ("abfs", "adlfs", "pip install adlfs"),
    ],
)
def test_a_missing_package(scheme: str, package: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError) as caught:
        find_sources([f"{scheme}://bucket/a.jsonl"])
    assert package in caught.value.message and line in caught.value.hint


def test_what_addresses_show() -> None:
    assert (
        shown("abfs://files@account.dfs.core.windows.net/a.csv?sig=1")
        == "abfs://files@account.dfs.core.windows.net/a.csv"
    )
    assert checked("abfs://files@account.dfs.core.windows.net/a.csv")[0] == "abfs"
    assert checked("s3://data/part-?.jsonl") == ("s3", "data/part-?.jsonl")
    assert shown("https://me:pass@host/x?token=1") == "https://host/x"


def test_keys_that_are_refused_or_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server(INITIAL_NO_AUTH_ACTION_COUNT="2") as (_, port):
        filler = client(port)
        filler.create_bucket(Bucket=BUCKET)
        filler.put_object(Bucket=BUCKET, Key="a.jsonl", Body=LINES)
        for name, value in {**settings(port), "STUDIO_CACHE": str(tmp_path)}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(InputError, match=r"^s3://data/a.jsonl may not be read with these keys") as caught:
            find_sources([f"s3://{BUCKET}/a.jsonl"])
        assert "AWS_PROFILE" in caught.value.hint
        assert KEY not in str(caught.value) and SECRET not in str(caught.value)
        assert caught.value.__cause__ is None and caught.value.__suppress_context__
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        with pytest.raises(InputError, match=r"^there are no keys to read s3://data/a.jsonl with"):
            find_sources([f"s3://{BUCKET}/a.jsonl"])
    assert kept() == []


def test_another_version_is_another_copy(s3: Any) -> None:
    address = f"s3://{BUCKET}/versions/a.jsonl"
    s3.put_object(Bucket=BUCKET, Key="versions/a.jsonl", Body=LINES)
    (before,) = find_sources([address])
    s3.put_object(Bucket=BUCKET, Key="versions/a.jsonl", Body=LINES.replace(b"What", b"Whay"))
    (after,) = find_sources([address])
    assert (before.size, before.name, before.path) == (after.size, after.name, after.path)
    assert Path(before.file).read_bytes() == LINES  # who reads it still does
    assert b"Whay" in Path(after.file).read_bytes()


def test_a_copy_that_was_cut_is_made_again(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="cut/a.jsonl", Body=LINES)
    (source,) = find_sources([f"s3://{BUCKET}/cut/a.jsonl"])
    Path(source.file).write_bytes(LINES[:10])
    assert find_sources([f"s3://{BUCKET}/cut/a.jsonl"]) == [source]
    assert Path(source.file).read_bytes() == LINES


def test_a_file_that_changes_while_it_is_copied(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="moving/a.jsonl", Body=b"x" * (20 << 20))
    address = f"s3://{BUCKET}/moving/a.jsonl"
    bucket = Bucket(address, "s3")
    how, files = bucket.files()

    def overwrite(_: int) -> None:
        s3.put_object(Bucket=BUCKET, Key="moving/a.jsonl", Body=b"y" * (20 << 20))

    with pytest.raises(InputError, match="changed while it was read"):
        copied(address, files, lambda file, place, told: bucket.fetch(file, place, overwrite), print)
    assert how == "file" and kept() == []


def test_no_room_for_a_copy(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put_object(Bucket=BUCKET, Key="room/a.jsonl", Body=LINES)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 40, 1 << 40, 256 << 20))
    with pytest.raises(OutputError, match=r"s3://data/room/a.jsonl takes .* has room for 0 bytes"):
        find_sources([f"s3://{BUCKET}/room/a.jsonl"])
    assert kept() == []


def test_a_wire_that_breaks_in_passing_changes_nothing(s3: Any, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    body = os.urandom(12 << 20).hex().encode()
    s3.put_object(Bucket=BUCKET, Key="broken/a.txt", Body=body)
    wire = Wire(port)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{wire.port}")
    wire.cuts = 3
    (source,) = find_sources([f"s3://{BUCKET}/broken/a.txt"])
    wire.close()
    assert wire.cut == 3
    assert Path(source.file).read_bytes() == body


@pytest.mark.slow
def test_a_server_that_dies_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server() as (server, port):
        client(port).create_bucket(Bucket=BUCKET)
        client(port).put_object(Bucket=BUCKET, Key="a.jsonl", Body=b"x" * (30 << 20))
        for name, value in {**settings(port), "STUDIO_CACHE": str(tmp_path)}.items():
            monkeypatch.setenv(name, value)

        def kill(_: int) -> None:
            server.kill()

        address = f"s3://{BUCKET}/a.jsonl"
        bucket = Bucket(address, "s3")
        files = bucket.files()[1]
        with pytest.raises(InputError, match=r"^s3://data/a.jsonl cannot be read, after several tries") as caught:
            copied(address, files, lambda file, place, told: bucket.fetch(file, place, kill), print)
        assert "AWS_ENDPOINT_URL" in caught.value.hint
    assert kept() == []


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="large/a.txt", Body=b"one line of text\n" * (6 << 20))
    s3.put_object(Bucket=BUCKET, Key="small/a.txt", Body=b"one line of text\n" * 1000)
    code = (
        "import resource, sys\nfrom curation.readers import find_sources\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "find_sources(['s3://data/small/a.txt'])\nbefore = peak()\n"
        "(source,) = find_sources(['s3://data/large/a.txt'])\nprint(source.size, peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    size, grown = map(int, done.stdout.split())
    assert size == 17 * (6 << 20)
    assert grown < 60_000  # kB, of a file of 107 MB
