"""`studio export` as a person and a program use it."""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))

import warm_start

TRAINING = Path(__file__).resolve().parents[1] / "training"


def studio(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1", "HF_HUB_OFFLINE": "1"}
    return warm_start.run(words, cwd=cwd, env=environment, timeout=600)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `runs/`, in it a training of the tiny model."""
    from export_bench import trained

    folder = tmp_path_factory.mktemp("place")
    make_tiny = runpy.run_path(str(TRAINING / "conftest.py"))["make_tiny"]  # this folder has a conftest of its own
    model = make_tiny(folder / "tiny")
    lines = [{"question": f"What is {n} plus 1?", "answer": f"It is {n + 1}."} for n in range(24)]
    (folder / "sums.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    trained(model, folder / "sums.jsonl", folder / "runs")
    return folder


def events_of(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines()]


def test_an_export_from_the_command_line(place: Path) -> None:
    done = studio("export", "last", "--to", "adapter", "--to", "merged", "--prompts", "6", "--json", cwd=place)
    assert done.returncode == 0, done.stderr
    events = events_of(done.stdout)
    kinds = [event["event"] for event in events]
    assert kinds[0] == "run_started"
    assert kinds[-1] == "run_finished"
    assert kinds.count("exported") == 2
    assert [event["passed"] for event in events if event["event"] == "export_checked"] == [True, True]
    run = place / "runs" / events[0]["run"]
    assert json.loads((run / "export.json").read_bytes()) == events[-1]["summary"]

    shown = studio("runs", "show", run.name, cwd=place)
    assert "6 of 6 greedy answers are the same" in shown.stdout
    assert "export" in studio("runs", "list", cwd=place).stdout
    again = studio("export", "--resume", run.name, cwd=place)
    assert again.returncode == 0
    assert "finished already" in again.stderr


def test_what_is_wrong_is_said_before_anything_is_made(place: Path) -> None:
    before = len(list((place / "runs").iterdir()))
    code = """
import json, sys
from studio.cli.main import main
print(json.dumps([main(words) for words in json.loads(sys.argv[1])]))
"""
    cases: list[tuple[list[str], int, str]] = [
        ([], 2, "Name what to export"),
        (["nothing-like-it"], 3, "There is no run"),
        (["last", "--to", "gguf", "--llama-cpp", "."], 3, "no checkout of llama.cpp"),
        (["last", "--to", "merged", "--hub", "me/x"], 3, "nothing goes there"),
        (["last", "--name", "../../x"], 3, "cannot be a name"),
        (["last", "--shard-size", "many"], 2, "--shard-size"),
        (["sums", "--to", "hub", "--hub", "x"], 3, "There is no run"),
        (["last", "--to", "merged", "--resume", "last"], 2, "keeps its source"),
        ([str(place)], 3, "no config.json"),
    ]
    words = json.dumps([["export", *case[0]] for case in cases])
    done = subprocess.run([sys.executable, "-c", code, words], cwd=place, text=True, capture_output=True, timeout=300)
    assert json.loads(done.stdout.splitlines()[-1]) == [case[1] for case in cases], done.stderr
    for _, _, said in cases:
        assert said in done.stderr
    assert len(list((place / "runs").iterdir())) == before


def test_a_failing_check_ends_with_exit_code_1_and_says_what_differs(place: Path) -> None:
    """Of a converter whose file holds another template than the one that was trained."""
    from export_bench import checkout

    folder = checkout(place / "checkout")
    script = folder / "convert_hf_to_gguf.py"
    script.write_text(script.read_text().replace(".read_text()\n", ".read_text().upper()\n", 1))
    done = studio(
        "export",
        "last",
        "--to",
        "gguf",
        "--quant",
        "f16",
        "--llama-cpp",
        str(folder),
        "--prompts",
        "2",
        "--json",
        cwd=place,
    )
    assert done.returncode == 1, done.stderr
    events = events_of(done.stdout)
    assert events[-1]["event"] == "run_failed"
    assert events[-1]["error"] == "Refused"
    assert "the template in the file is not the one that was trained" in events[-1]["message"]
    checks = {event["check"]: event["passed"] for event in events if event["event"] == "export_checked"}
    assert checks["template in gguf"] is False
    assert checks["merged"] is True


def test_it_stops_when_asked_and_goes_on(place: Path) -> None:
    words = ["export", "last", "--to", "merged", "--prompts", "2000", "--tokens", "200", "--runs-dir", "runs", "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    process = warm_start.start(words, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    name, asked = "", 0.0
    for line in process.stdout:
        event = json.loads(line)
        name = event.get("run", name)
        if event["event"] == "progress" and event["phase"] == "asking base and adapter":
            asked = time.monotonic()
            process.send_signal(signal.SIGINT)
            break
    process.communicate(timeout=120)
    assert process.returncode == 130
    assert time.monotonic() - asked < 20
    assert not (place / "runs" / name / "merged").exists()
    assert studio("runs", "show", name, cwd=place).stdout.count("stopped") >= 1
