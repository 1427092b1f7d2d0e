"""500 values planted in records of a whole run: none is left in any file of its folder but the shards and the quarantine."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from engine_inputs import digests, run
from planted_values import leaks, squash, texts_of, values, write_records

from curation.engine import local
from studio.cli.main import main

KEY = "a key of this test, not of anybody"
PLANTED = values(500)
RECIPE = """
seed: 3
stages:
  - use: clean
  - use: length
    part: answer
    min_chars: 1
  - use: pii
    names: false
    operator: pseudonym
  - use: exact
    normalise: letters
  - use: length
    name: again
    min_chars: 12
  - use: split
    validation: 0.1
"""


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_PII_KEY", KEY)


def test_the_search_for_leaks_finds_what_was_not_masked(tmp_path: Path) -> None:
    """Without the stage every value is in the dataset, and some are in the report: the tests below can fail."""
    source = write_records(tmp_path / "in.jsonl", PLANTED[:40])
    run(tmp_path / "run", source, recipe="stages:\n  - use: clean\n  - use: exact", report=True, workers=1)
    found = leaks(tmp_path / "run", PLANTED[:40])
    assert {form for name, form in found if name == "dataset/train.jsonl"} == {
        squash(value) for _, value in PLANTED[:40]
    }
    assert any(name == "report.html" for name, _ in found)


@pytest.mark.slow
@pytest.mark.parametrize("operator", ["replace", "pseudonym", "fake", "hash"])
def test_no_planted_value_is_left_in_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], operator: str
) -> None:
    monkeypatch.setattr(local, "SHARD_RECORDS", 300)
    source = write_records(tmp_path / "in.jsonl", PLANTED)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.replace("pseudonym", operator))
    words = ["curate", str(source), "--recipe", str(recipe), "--runs-dir", str(tmp_path / "runs"), "--workers", "2"]
    assert main(words) == 0
    said = capfd.readouterr()
    (folder,) = (tmp_path / "runs").iterdir()
    files = {name for name, _ in texts_of(folder)}
    assert {
        "events.jsonl",
        "run.json",
        "summary.json",
        "report.html",
        "dataset/README.md",
        "dataset/train.jsonl",
    } <= files
    assert leaks(folder, PLANTED) == []
    told = squash(said.out + said.err)
    assert not [value for _, value in PLANTED if squash(value) in told]
    summary = json.loads((folder / "summary.json").read_text())
    assert sum(summary["privacy"][0]["masked"].values()) >= 500
    assert summary["counts"]["dropped"] > 60
    assert summary["counts"]["quarantined"] == 20


@pytest.mark.slow
def test_no_planted_value_is_in_the_log_of_a_detached_run(tmp_path: Path) -> None:
    source = write_records(tmp_path / "in.jsonl", PLANTED[:100])
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE)
    words = [sys.executable, "-m", "studio", "curate", str(source), "--recipe", str(recipe), "--detach"]
    subprocess.run([*words, "--runs-dir", str(tmp_path / "runs")], check=True, capture_output=True)
    (folder,) = (tmp_path / "runs").iterdir()
    deadline = time.monotonic() + 120
    while not (folder / "result.json").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert json.loads((folder / "result.json").read_text())
    assert (folder / "worker.log").exists()
    assert leaks(folder, PLANTED[:100]) == []
    assert KEY not in "".join(path.read_text("utf-8", "replace") for path in folder.glob("*") if path.is_file())


def test_the_report_shows_no_text_from_before_the_search(tmp_path: Path) -> None:
    """Examples of stages before it say that they are withheld, those after it show masks."""
    rows = [
        {"question": "Call   13812345678\u200b now", "answer": "ok then"},
        {"question": "13912345678", "answer": ""},
        {"question": "Call 13712345678 now", "answer": "fine"},
        {"question": "Call 13712345678 now", "answer": "fine"},
    ]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run(tmp_path / "run", source, recipe=RECIPE, report=True, workers=1)
    page = (tmp_path / "run" / "report.html").read_text()
    examples = page.split('<section id="examples">')[1].split("</section>")[0]
    by_stage = {part.split("</strong>")[0]: part for part in examples.split("<strong>")[1:]}
    assert "Its text is not shown" in by_stage["clean"]
    assert "Its text is not shown" in by_stage["length"]
    assert "&lt;PHONE_NUMBER_" in by_stage["pii"]
    assert "<del>" not in by_stage["pii"]
    assert "&lt;PHONE_NUMBER_" in by_stage["exact"]
    assert not re.search(r"13[789]12345678|12345678", re.sub("<[^>]*>", "", page))


@pytest.mark.parametrize(
    ("change", "value"),
    [("operator: flag", "in the text"), ("part: answer", "in the part that is not searched")],
)
def test_the_report_withholds_what_was_found_and_left(tmp_path: Path, change: str, value: str) -> None:
    rows = [{"question": "Call 13812345678 now", "answer": "Call 13812345678 now"}] * 2
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = f"stages:\n  - use: pii\n    names: false\n    {change}\n  - use: exact\n"
    run(tmp_path / "run", source, recipe=recipe, report=True, workers=1)
    assert "13812345678" not in (tmp_path / "run" / "report.html").read_text()
    assert "13812345678" in (tmp_path / "run" / "dataset" / "train.jsonl").read_text()


def test_the_report_and_the_card_say_what_could_not_be_looked_for(tmp_path: Path) -> None:
    rows = [
        {
            "question": "Wie heißt du und wo wohnst du denn eigentlich?",
            "answer": "Ich heiße Hans und wohne an der Spree.",
        },
        {"question": "Comment vous appelez-vous, et où habitez-vous ?", "answer": "Je m'appelle Jeanne, j'habite ici."},
        {
            "question": "What time is it, and where are we going?",
            "answer": "It is noon, and we are going home.",
            "by": "x@y-z.com",
        },
    ]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = "stages:\n  - use: pii\n    only: [PERSON, EMAIL_ADDRESS]\n"
    summary = run(tmp_path / "run", source, recipe=recipe, report=True, workers=1)
    (fact,) = summary["privacy"]
    assert fact["not_searched"] == [
        {"language": "de", "records": 1, "types": ["PERSON"]},
        {"language": "fr", "records": 1, "types": ["PERSON"]},
    ]
    assert fact["columns"] == {"EMAIL_ADDRESS": 1}
    assert fact["in_columns"] == {"by": 1}
    assert "ADDRESS" in fact["off"]
    assert any("'de', where PERSON could not be looked for" in warning for warning in summary["warnings"])
    for name in ("report.html", "dataset/README.md"):
        text = (tmp_path / "run" / name).read_text().replace("&#39;", "'")
        assert "'de', where PERSON could not be looked for" in text
        assert "'fr', where PERSON could not be looked for" in text
        assert "by (1 record)" in text or "by 1" in text
    dataset = (tmp_path / "run" / "dataset" / "train.jsonl").read_text()
    assert "not_searched" not in dataset


def test_a_run_without_the_stage_says_nothing_of_it(tmp_path: Path) -> None:
    source = write_records(tmp_path / "in.jsonl", PLANTED[:3])
    summary = run(tmp_path / "run", source, recipe="stages:\n  - use: exact", report=True, workers=1)
    assert "privacy" not in summary
    assert "Personal data" not in (tmp_path / "run" / "report.html").read_text()


# The same pseudonyms however the run went


def _run(folder: Path, source: Path, monkeypatch: pytest.MonkeyPatch, shard: int, **options: Any) -> dict[str, str]:
    monkeypatch.setattr(local, "SHARD_RECORDS", shard)
    run(folder, source, recipe=RECIPE, **options)
    return digests(folder)


@pytest.mark.slow
def test_pseudonyms_do_not_depend_on_workers_or_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_records(tmp_path / "in.jsonl", PLANTED[:120] * 2)
    made = [_run(tmp_path / f"w{workers}", source, monkeypatch, 80, workers=workers) for workers in (1, 2, 4)]
    assert made[0] == made[1] == made[2]
    _run(tmp_path / "big", source, monkeypatch, 8192, workers=1)
    for split in ("train", "validation"):
        one, other = (tmp_path / name / "dataset" / f"{split}.jsonl" for name in ("w1", "big"))
        assert one.read_bytes() == other.read_bytes()


CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from curation.engine import local
from engine_inputs import run
local.SHARD_RECORDS = 60
run(Path(sys.argv[2]), Path(sys.argv[3]), recipe=Path(sys.argv[4]).read_text(), workers=2)
"""


@pytest.mark.slow
def test_pseudonyms_are_the_same_after_a_kill_and_in_a_resumed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_records(tmp_path / "in.jsonl", PLANTED[:250])
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    whole = _run(tmp_path / "whole", source, monkeypatch, 60, workers=1)
    here = str(Path(__file__).resolve().parent)
    words = [sys.executable, "-c", CHILD, here, str(tmp_path / "killed"), str(source), str(tmp_path / "recipe.yaml")]
    process = subprocess.Popen(words, start_new_session=True, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(list((tmp_path / "killed").glob("shards/*"))) < 12:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed" / "summary.json").exists()
    assert subprocess.run(words, check=False).returncode == 0
    assert digests(tmp_path / "killed") == whole
    events: list[Any] = []
    _run(tmp_path / "reused", source, monkeypatch, 60, workers=1, reuse=[tmp_path / "whole"], listener=events.append)
    assert digests(tmp_path / "reused") == whole
    assert any(getattr(event, "reused", False) for event in events)


def test_another_key_does_the_shards_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_records(tmp_path / "in.jsonl", PLANTED[:20])
    first = _run(tmp_path / "one", source, monkeypatch, 8192, workers=1)
    monkeypatch.setenv("STUDIO_PII_KEY", "quite another key of this test")
    second = _run(tmp_path / "two", source, monkeypatch, 8192, workers=1, reuse=[tmp_path / "one"])
    assert first["dataset/train.jsonl"] != second["dataset/train.jsonl"]


def test_a_missing_key_stops_the_run_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STUDIO_PII_KEY")
    source = write_records(tmp_path / "in.jsonl", PLANTED[:3])
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    assert (
        main(["curate", str(source), "--recipe", str(tmp_path / "recipe.yaml"), "--runs-dir", str(tmp_path / "runs")])
        == 6
    )
    (folder,) = (tmp_path / "runs").iterdir()
    assert not list(folder.glob("shards/*"))
