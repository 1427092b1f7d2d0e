"""The dataset card: a header the hub accepts, true numbers, and no way for a name to become markup."""

from __future__ import annotations

import hashlib
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from finished_run import BAD, USES, small
from huggingface_hub import DatasetCard

from curation.report import build_card
from curation.report.card import languages, source_digest


@pytest.fixture
def summary(tmp_path: Path) -> dict[str, Any]:
    run = small(tmp_path / "run")
    run.write(USES, [BAD])
    return run.summary


def card(tmp_path: Path, summary: dict[str, Any]) -> tuple[dict[str, Any], str]:
    text = build_card(tmp_path / "run", summary).read_text(encoding="utf-8")
    _, header, body = text.split("---\n", 2)
    return yaml.safe_load(header), body


def test_the_hub_library_reads_it(tmp_path: Path, summary: dict[str, Any]) -> None:
    path = build_card(tmp_path / "run", summary)
    assert path == tmp_path / "run" / "dataset" / "README.md"
    data = DatasetCard.load(path).data
    assert data.license == "unknown"
    assert data.size_categories == "n<1K"
    assert data.language == ["en", "zh"]
    assert data.task_categories == ["text-generation"]
    assert data.tags == ["curation-studio", "messages"]


def test_splits_are_named_with_their_files(tmp_path: Path, summary: dict[str, Any]) -> None:
    for split in ("validation", "test"):
        summary["outputs"].append({**summary["outputs"][0], "path": f"/far/away/{split}.parquet", "split": split})
    header, body = card(tmp_path, summary)
    assert header["configs"] == [
        {
            "config_name": "default",
            "data_files": [
                {"split": "train", "path": "train.jsonl"},
                {"split": "validation", "path": "validation.parquet"},
                {"split": "test", "path": "test.parquet"},
            ],
        }
    ]
    assert "/far/away" not in body


def test_a_given_licence_is_used(tmp_path: Path, summary: dict[str, Any]) -> None:
    header, _ = card(tmp_path, summary | {"license": "cc-by-4.0"})
    assert header["license"] == "cc-by-4.0"


@pytest.mark.parametrize(
    ("kept", "category"), [(999, "n<1K"), (1000, "1K<n<10K"), (10**6, "1M<n<10M"), (10**13, "n>1T")]
)
def test_size_categories(tmp_path: Path, summary: dict[str, Any], kept: int, category: str) -> None:
    summary["counts"]["kept"] = kept
    assert card(tmp_path, summary)[0]["size_categories"] == category


def test_languages_are_codes_that_are_more_than_a_slip() -> None:
    counted = {"zh": 900, "en": 500, "de": 3, "unknown": 400, "und": 400, "zh-Hant": 300, "<b>": 200}
    assert languages({"languages": counted}) == ["zh", "en"]


def test_provenance_has_the_digest_of_each_source(tmp_path: Path, summary: dict[str, Any]) -> None:
    source = tmp_path / "a.jsonl"
    source.write_bytes(b'{"text": "x"}\n')
    summary["sources"][0]["path"] = str(source)
    _, body = card(tmp_path, summary)
    assert hashlib.sha256(source.read_bytes()).hexdigest() in body
    assert str(tmp_path) not in body
    assert source_digest({"path": "-"}) == source_digest({"path": str(tmp_path)}) == ""
    assert source_digest({"path": "-", "sha256": "ab"}) == "`ab`"


def test_the_funnel_is_told_in_numbers(tmp_path: Path, summary: dict[str, Any]) -> None:
    _, body = card(tmp_path, summary)
    assert "read 6 = kept 3 + dropped 2 + quarantined 1 + blank 0" in body
    assert re.search(r"^\| too\\_short \|  \| 1 \|  \|  \| ", body, re.MULTILINE)
    assert "bad\\_json 1" in body


def test_it_says_how_to_make_it_again(tmp_path: Path, summary: dict[str, Any]) -> None:
    recipe = "name: demo\n# a fence: ````\nstages:\n  - use: exact\n"
    _, body = card(tmp_path, summary | {"recipe_yaml": recipe})
    assert "`````yaml\n" + recipe.rstrip() + "\n`````" in body
    command = re.search(r"^studio curate (.*)$", body, re.MULTILINE)
    assert command is not None
    assert shlex.split(command[1]) == ["--in", "a.jsonl", "--recipe", "recipe.yaml"]


def test_hostile_names_stay_names(tmp_path: Path, summary: dict[str, Any]) -> None:
    evil = "a | b\n---\nlicense: mit\n<img src=x onerror=alert(1)> [x](javascript:1) `c` \x1b[31m\u202e.jsonl"
    summary["sources"][0]["source"] = evil
    summary |= {"recipe": evil, "languages": {evil: 10}}
    header, body = card(tmp_path, summary)
    assert header["license"] == "unknown"
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", body)
    text = re.sub(r"(?ms)^```.*?^```$|(?<!\\)`[^`\n]*`", "", body)  # without code
    assert not re.search(r"(?<!\\)<img", text)
    assert not re.search(r"(?<!\\)\[x", text)
    rows = [line for line in body.splitlines() if line.startswith("| a ")]
    assert rows
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 8 for row in rows)


def test_no_text_of_a_record_is_in_it(tmp_path: Path) -> None:
    secret = "Zanzibar-4711"
    run = small(tmp_path / "run", secret)
    run.write(USES)
    assert secret not in build_card(tmp_path / "run", run.summary).read_text(encoding="utf-8")


def test_the_card_says_the_same_twice(tmp_path: Path, summary: dict[str, Any]) -> None:
    assert card(tmp_path, summary) == card(tmp_path, summary)
