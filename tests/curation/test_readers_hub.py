"""Hugging Face datasets: saved folders, splits, configurations, and what is missing. No network."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from curation.errors import InputError
from curation.readers import Source, find_sources, parse_payload, read_chunks
from curation.readers.hub import HubName, parse_hub_name

RECORDS = [{"instruction": f"q {n}", "output": f"答 {n}", "score": n / 2, "tags": ["a", None]} for n in range(25)]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset, one with splits, one without `train`, and a folder of plain files with two configurations."""
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    folder = tmp_path_factory.mktemp("saved")
    datasets.config.HF_DATASETS_CACHE = folder / "cache"
    whole = datasets.Dataset.from_list(RECORDS)
    whole.save_to_disk(str(folder / "single"))
    parts = {"train": whole.select(range(20)), "test": whole.select(range(20, 25))}
    datasets.DatasetDict(parts).save_to_disk(str(folder / "split"))
    datasets.DatasetDict({"a": parts["train"], "b": parts["test"]}).save_to_disk(str(folder / "letters"))
    for name, rows in (("small", RECORDS[:3]), ("large", RECORDS)):
        file = folder / "plain" / name / "train.jsonl"
        file.parent.mkdir(parents=True)
        file.write_text("\n".join(json.dumps(row) for row in rows))
    card = "---\nconfigs:\n" + "".join(
        f"- config_name: {name}\n  data_files: {name}/*.jsonl\n" for name in ("small", "large")
    )
    (folder / "plain" / "README.md").write_text(card + "---\n")
    return folder


def read(source: Source) -> list[dict[str, Any]]:
    chunks = list(read_chunks(source, chunk_records=7, chunk_bytes=1 << 20))
    assert [position for chunk in chunks for position in chunk.positions] == list(
        range(1, 1 + sum(len(chunk.payloads) for chunk in chunks))
    )
    return [parse_payload(payload) for chunk in chunks for payload in chunk.payloads]


@pytest.mark.parametrize(
    ("given", "records", "left_out"),
    [
        ("{}/single", RECORDS, None),
        ("hf:{}/single", RECORDS, None),
        ("hf:{}/single:all", RECORDS, None),
        ("{}/split", RECORDS[:20], "test"),
        ("hf:{}/split:test", RECORDS[20:], "train"),
        ("hf:{}/split:all", RECORDS, None),
        ("hf:{}/letters:b", RECORDS[20:], "a"),
        ("hf:{}/plain#small", RECORDS[:3], None),
        ("hf:{}/plain#large:train", RECORDS, None),
    ],
)
def test_saved_folders_and_splits(saved: Path, given: str, records: list[Any], left_out: str | None) -> None:
    notes: list[str] = []
    (source,) = find_sources([given.format(saved)], note=notes.append)
    assert (source.kind, source.size) == ("hf", -1)
    assert read(source) == records
    assert bool(notes) == bool(left_out)
    assert all(f"splits {left_out} were left out" in note for note in notes)


@pytest.mark.parametrize(
    ("given", "says", "hint"),
    [
        ("hf:{}/letters", "several splits: a, b", "hf:{}/letters:a"),
        ("hf:{}/split:tset", "no split 'tset'", "Did you mean 'test'?"),
        ("hf:{}/single:train", "no splits", "Leave"),
        ("hf:{}/plain", "cannot be loaded", "spelling"),
        ("hf:{}/plain#tiny", "cannot be loaded", "spelling"),
        ("hf:{}/nowhere", "cannot be loaded", "HF_HUB_OFFLINE"),
    ],
)
def test_what_is_missing_is_said_before_the_run(saved: Path, given: str, says: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        find_sources([given.format(saved)])
    assert says in caught.value.message
    assert hint.format(saved) in caught.value.hint


def test_a_damaged_saved_folder(saved: Path, tmp_path: Path) -> None:
    for name in ("dataset_dict.json", "state.json"):
        folder = tmp_path / name.split(".", maxsplit=1)[0]
        folder.mkdir()
        (folder / name).write_text("{")
        with pytest.raises(InputError, match="cannot be read"):
            list(read_chunks(find_sources([str(folder)])[0], chunk_records=1, chunk_bytes=1))


def test_an_index_of_plain_files_is_no_dataset(tmp_path: Path) -> None:
    """Collections of files carry a `dataset_info.json` of their own, which `save_to_disk` did not write."""
    (tmp_path / "dataset_info.json").write_text("{}")
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n')
    assert [source.kind for source in find_sources([str(tmp_path)])] == ["jsonl"]


def test_offline_is_respected_and_a_missing_name_is_a_typed_error(tmp_path: Path) -> None:
    code = (
        "from curation.readers import find_sources\n"
        "from curation.errors import InputError\n"
        "try: find_sources(['hf:no-such-owner/no-such-dataset'])\n"
        "except InputError as error: print(error.message, '|', error.hint)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "no-such-owner/no-such-dataset" in done.stdout and "HF_HUB_OFFLINE" in done.stdout


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("hf:owner/name", HubName("owner/name")),
        ("hf:name:test", HubName("name", split="test")),
        ("hf:owner/name@main:all", HubName("owner/name", revision="main", split="all")),
        ("hf:owner/name#config", HubName("owner/name", config="config")),
        ("hf:o/n@1a2b#c:s", HubName("o/n", "1a2b", "c", "s")),
    ],
)
def test_names_are_taken_apart_and_put_together(text: str, name: HubName) -> None:
    assert parse_hub_name(text) == name
    assert f"hf:{name}" == text


def test_readers_import_nothing_heavy() -> None:
    code = "import sys, curation.readers; print(sorted({'datasets', 'pyarrow', 'polars', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
