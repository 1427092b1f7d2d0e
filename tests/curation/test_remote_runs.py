"""Runs over a bucket, as commands: what they leave, what they resume, whom they talk to, and that no key is in any of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from s3_server import GUARD, KEY, SECRET, client, s3_server, settings

BUCKET = "runs"
RECORDS = [{"question": f"What is {n} plus {n}?", "answer": f"It is {2 * n}, 答案是{2 * n}。"} for n in range(40)]
LINES = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in RECORDS).encode()
RECIPE = "stages:\n  - use: clean\n  - use: exact\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with s3_server() as (_, found):
        client(found).create_bucket(Bucket=BUCKET)
        yield found


class Commands:
    """`studio …` in a folder of its own, in processes that note whom they connect to."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.s3 = folder, client(port)
        (folder / "guard").mkdir()
        (folder / "guard" / "sitecustomize.py").write_text(GUARD)
        (folder / "recipe.yaml").write_text(RECIPE)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            **settings(port),
            "STUDIO_CACHE": str(folder / "cache"),
            "PYTHONPATH": str(folder / "guard"),
            "CONNECTED": str(folder / "connected"),
        }

    def put(self, name: str, data: bytes) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=name, Body=data)

    def studio(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "studio.cli.main", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def curate(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.studio("curate", *words, "--recipe", "recipe.yaml", "--plain")

    def run(self) -> Path:
        (folder,) = (self.folder / "runs").iterdir()
        return folder

    def dataset(self) -> bytes:
        return (self.run() / "dataset" / "train.jsonl").read_bytes()


@pytest.fixture
def commands(port: int, tmp_path: Path) -> Commands:
    return Commands(tmp_path, port)


def files_with(folder: Path, secret: str) -> list[str]:
    return [
        str(file)
        for file in folder.rglob("*")
        if file.is_file() and "guard" not in file.parts and secret.encode() in file.read_bytes()
    ]


def test_a_run_over_a_bucket_leaves_no_key_and_connects_to_nobody_else(commands: Commands) -> None:
    commands.put("first/甲.jsonl", LINES)
    commands.put("first/乙.jsonl", LINES + b"{broken\n")
    done = commands.curate(f"s3://{BUCKET}/first", "--workers", "2")
    assert done.returncode == 0, done.stderr
    size = len(LINES) * 2 + 8
    assert f"Copying s3://{BUCKET}/first: 2 files, {size / 1000:.1f} kB" in done.stderr
    assert commands.dataset().count(b"\n") == 40
    spec = json.loads((commands.run() / "run.json").read_bytes())
    assert spec["inputs"] == [f"s3://{BUCKET}/first"]
    assert [(source["name"], source["path"]) for source in spec["sources"]] == [
        ("乙.jsonl", f"s3://{BUCKET}/first/乙.jsonl"),
        ("甲.jsonl", f"s3://{BUCKET}/first/甲.jsonl"),
    ]
    assert all(len(source["digest"]) == 32 for source in spec["sources"])
    for secret in (KEY, SECRET):
        assert files_with(commands.folder, secret) == []
        assert secret not in done.stdout + done.stderr
    connected = set((commands.folder / "connected").read_text().split())
    assert connected == {"127.0.0.1"}
    why = commands.studio("why", "last", "甲.jsonl:3")
    assert why.returncode == 0 and "乙.jsonl:3" in why.stdout


def test_a_key_in_an_address_is_refused_before_anything_is_written(commands: Commands) -> None:
    for address in (f"s3://{BUCKET}/a.jsonl?X-Amz-Signature={SECRET}", f"s3://{KEY}:{SECRET}@{BUCKET}/a.jsonl"):
        done = commands.curate(address)
        assert done.returncode != 0
        assert f"the address of s3://{BUCKET}/a.jsonl holds" in done.stderr
        assert SECRET not in done.stdout + done.stderr and KEY not in done.stdout + done.stderr
    assert not (commands.folder / "runs").exists() or not list((commands.folder / "runs").iterdir())
    assert not (commands.folder / "connected").exists()


def test_a_finished_run_is_done_again_over_the_same_copies(commands: Commands) -> None:
    commands.put("same/a.jsonl", LINES + LINES[:100])
    assert commands.curate(f"s3://{BUCKET}/same/a.jsonl").returncode == 0
    before, first = commands.dataset(), commands.run()
    done = commands.studio("curate", "--resume", "last", "--set", "exact.keep=longest", "--json")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert not [event for event in events if event["event"] == "warned"]
    assert sorted(commands.dataset().splitlines()) == sorted(before.splitlines())
    again = commands.curate(f"s3://{BUCKET}/same/a.jsonl", "--set", "exact.keep=first")
    assert again.returncode == 0 and "Copying" not in again.stderr
    (newest,) = set((commands.folder / "runs").iterdir()) - {first}
    spec = json.loads((newest / "run.json").read_bytes())
    assert spec["options"]["reuse"] == [str(first)]


def test_a_file_that_changed_between_legs_is_noticed(commands: Commands) -> None:
    commands.put("legs/a.jsonl", LINES)
    commands.put("legs/b.jsonl", LINES.replace(b"What", b"Which"))
    assert commands.curate(f"s3://{BUCKET}/legs").returncode == 0
    commands.put("legs/b.jsonl", LINES.replace(b"What", b"Where"))
    done = commands.studio("curate", "--resume", "last", "--set", "seed=7", "--plain")
    assert done.returncode == 0, done.stderr
    assert "b.jsonl has changed since this run was made." in done.stderr
    assert "a.jsonl has changed" not in done.stderr
    assert b"Where" in commands.dataset() and b"Which" not in commands.dataset()
    commands.s3.delete_object(Bucket=BUCKET, Key="legs/b.jsonl")
    commands.s3.delete_object(Bucket=BUCKET, Key="legs/a.jsonl")
    done = commands.studio("curate", "--resume", "last", "--set", "seed=8", "--plain")
    assert done.returncode != 0
    assert f"there is nothing at s3://{BUCKET}/legs" in done.stderr


def test_looking_and_converting(commands: Commands) -> None:
    commands.put("look/a.jsonl", LINES)
    address = f"s3://{BUCKET}/look/a.jsonl"
    looked = commands.studio("inspect", address, "--json", "--no-languages")
    facts: dict[str, Any] = json.loads(looked.stdout)
    assert (facts["path"], facts["records"], facts["bytes"]) == (address, 40, len(LINES))
    planned = json.loads(commands.curate(address, "--dry-run", "--json").stdout)
    assert planned["sources"][0]["path"] == address
    converted = commands.studio("convert", address, "--out", "out.csv")
    assert converted.returncode == 0, converted.stderr
    assert (commands.folder / "out.csv").read_text().count("答案") == 40


@pytest.mark.parametrize("verb", ["curate", "convert"])
def test_a_dataset_is_not_written_to_a_bucket(commands: Commands, verb: str) -> None:
    (commands.folder / "a.jsonl").write_bytes(LINES)
    done = commands.studio(verb, "a.jsonl", "--out", f"s3://{BUCKET}/out.jsonl")
    assert done.returncode != 0
    assert "not to s3://" in done.stderr and "aws s3 cp" in done.stderr
    assert not (commands.folder / "s3:").exists()
