"""`studio experiment`: three arms, the same budget and questions; killed it goes on; it says what its numbers say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from train_drawn import make_tiny_model

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))

import warm_start

from studio.cli.main import main
from studio.exit_codes import ExitCode

pytestmark = pytest.mark.slow

RECIPE = """name: two-stages
stages:
  - use: length
    part: answer
    max_chars: 60
  - use: exact
  - use: split
    validation: 0.2
"""
HELD_OUT, CLEAN, NOTICES = 10, 32, 14


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model, a raw set with copies and notices and three held-out records in it, the held-out file, a recipe."""
    folder = tmp_path_factory.mktemp("experiment")
    make_tiny_model(folder / "tiny")
    colours = ("red", "blue", "green", "black")
    clean = [
        {
            "question": f"What colour is the box with number {n} on the upper shelf?",
            "answer": f"Box {n} is {colours[n % 4]}.",
        }
        for n in range(HELD_OUT + CLEAN)
    ]
    held, rest = clean[:HELD_OUT], clean[HELD_OUT:]
    notice = "Click here to accept all cookies of this page. " * 2
    raw = [*rest, *rest[:8] * 2, *({"question": f"And page {n}?", "answer": notice} for n in range(NOTICES)), *held[:3]]
    for name, records in (("raw", raw), ("validation", held)):
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / f"{name}.jsonl").write_text(lines)
    (folder / "recipe.yaml").write_text(RECIPE)
    return folder


def words(place: Path, runs: Path, *more: str) -> list[str]:
    settings = ("lora.r=4", "optimizer.learning_rate=0.003", "schedule.batch_size=4", "schedule.accumulation=1")
    settings += ("device.kind=cpu", "device.threads=1", "checkpoints.every=3")
    return [
        "experiment", "--in", str(place / "raw.jsonl"), "--heldout", str(place / "validation.jsonl"), "--recipe",
        str(place / "recipe.yaml"), "--model", str(place / "tiny"), "--runs-dir", str(runs), "--workers", "1", "--json",
        *(part for setting in settings for part in ("--train-set", setting)), *more,
    ]  # fmt: skip


USUAL = ("--seeds", "2", "--max-steps", "8", "--allow", "learning_rate")


def start(*args: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    return warm_start.start(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)  # type: ignore[no-any-return]


def finish(process: subprocess.Popen[str], code: int = 0) -> str:
    said = process.communicate(timeout=240)[0]
    assert process.returncode == code, said[-3000:]
    return said


def the_run(runs: Path) -> Path:
    (folder,) = runs.iterdir()
    return folder


def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_bytes())
    return found


def told(folder: Path, kind: str) -> list[dict[str, Any]]:
    lines = (folder / "events.jsonl").read_bytes().split(b"\n")[:-1] if (folder / "events.jsonl").exists() else []
    return [event for event in map(json.loads, lines) if event["event"] == kind]


def dataset(folder: Path, leg: str) -> list[dict[str, str]]:
    (run,) = (folder / "legs" / leg).iterdir()
    return [json.loads(line) for line in (run / "dataset" / "train.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(place: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """The experiment that nothing happens to, and what it printed."""
    runs = tmp_path_factory.mktemp("whole")
    said = finish(start(*words(place, runs, *USUAL)))
    return the_run(runs), [json.loads(line) for line in said.splitlines()]


def test_the_arms_hold_what_they_should(whole: tuple[Path, list[dict[str, Any]]], place: Path) -> None:
    folder, _ = whole
    held = {json.loads(line)["question"] for line in (place / "validation.jsonl").read_text().splitlines()}
    raw, curated = dataset(folder, "data-raw"), dataset(folder, "data-curated")
    draws = [dataset(folder, f"data-random-{seed}") for seed in (0, 1)]
    for records in (raw, curated, *draws):
        assert held.isdisjoint(record["question"] for record in records)
    assert len(raw) == CLEAN + 16 + NOTICES
    assert len(curated) == CLEAN == len({record["question"] for record in curated}), "all splits are trained on"
    assert [len(draw) for draw in draws] == [CLEAN, CLEAN]
    assert draws[0] != draws[1], "each seed draws anew"
    whole_set = Counter(map(json.dumps, raw))
    for draw in draws:
        assert not Counter(map(json.dumps, draw)) - whole_set
    facts = report(folder)["curation"]
    assert facts == {"read": CLEAN + 16 + NOTICES + 3, "kept_out": 3, "dropped": 16 + NOTICES, "edited": 0}


def test_every_arm_has_the_same_budget_and_questions(whole: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, _ = whole
    facts = report(folder)
    legs = facts["legs"]
    assert [(leg["arm"], leg["seed"]) for leg in legs] == [
        ("raw", 0), ("raw", 1), ("curated", 0), ("curated", 1), ("random", 0), ("random", 1),
    ]  # fmt: skip
    assert {leg["steps"] for leg in legs if leg["arm"] == "curated"} == {8}
    assert max(leg["tokens"] for leg in legs) < 1.25 * min(leg["tokens"] for leg in legs)
    assert facts["heldout"]["records"] == HELD_OUT
    seeds = set()
    for leg in legs:
        rows = [json.loads(line) for line in (folder / leg["run"] / "losses.jsonl").read_text().splitlines()]
        mine = [row for row in rows if row["dataset"] == "heldout"]
        assert {row["record_id"] for row in mine} == {f"evaluation.jsonl:{n}" for n in range(1, HELD_OUT + 1)}
        loss = sum(row["loss_sum"] for row in mine) / sum(row["tokens"] for row in mine)
        assert loss == pytest.approx(leg["heldout"])
        assert loss < facts["base"]["heldout"], "it has learned something"
        spec = json.loads((folder / leg["run"] / "run.json").read_bytes())
        seeds.add((leg["arm"], spec["seed"]))
        assert spec["recipe"]["resolved"]["data"]["validation"] == 0
    assert len(seeds) == 6


def test_what_is_told_is_what_was_found(whole: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, said = whole
    facts = report(folder)
    assert said[-1]["event"] == "run_finished" and said[-1]["summary"]["sentence"] == facts["sentence"]
    raw, curated = ([leg["heldout"] for leg in facts["legs"] if leg["arm"] == arm] for arm in ("raw", "curated"))
    first = facts["differences"][0]
    assert (first["arm"], first["other"]) == ("curated", "raw")
    assert first["mean"] == pytest.approx(sum(c - r for c, r in zip(curated, raw, strict=True)) / 2)
    assert facts["verdict"] == first["verdict"]
    assert facts["sentence"] in (folder / "report.md").read_text()
    done = [event for event in said if event["event"] == "leg_done"]
    assert [event["loss"] for event in done] != [] and len(done) == 6
    progress = [event for event in said if event["event"] == "progress" and event["unit"] == "steps"]
    assert progress[-1]["done"] == progress[-1]["total"] == sum(leg["steps"] for leg in facts["legs"])
    assert all(event["eta"] is not None and event["eta"] >= 0 for event in progress)
    assert json.loads((folder / "noise_floor.json").read_bytes())["loss"] == facts["noise_floor"]["retention"]


def test_show_and_a_finished_experiment_asked_again(
    whole: tuple[Path, list[dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = whole
    for asked in (
        ["runs", "show", str(folder)],
        ["experiment", "--resume", str(folder)],
        ["runs", "resume", str(folder)],
    ):
        assert main(asked) == 0
        said = capsys.readouterr().out
        assert report(folder)["sentence"] in said
        assert "curated - random" in said and "report.md" in said


def wait_for(runs: Path, process: subprocess.Popen[str], legs: int, steps: int) -> None:
    """Until so many legs are done and another one has told a step, or the process has ended."""
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if runs.is_dir() and any(runs.iterdir()):
            folder = the_run(runs)
            logs = folder.glob("legs/*/*-train-*/events.jsonl")
            begun = sum(b'"step_logged"' in log.read_bytes() for log in logs)
            if len(told(folder, "leg_done")) >= legs and begun > legs + steps - 1:
                return
        time.sleep(0.02)
    raise AssertionError("it never came so far")


def test_interrupted_and_killed_it_goes_on_to_the_same_numbers(
    whole: tuple[Path, list[dict[str, Any]]], place: Path, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    process = start(*words(place, runs, *USUAL))
    wait_for(runs, process, 0, 1)
    process.send_signal(signal.SIGINT)
    finish(process, ExitCode.STOPPED)
    folder = the_run(runs)
    assert not (folder / "report.json").exists()

    process = start("experiment", "--resume", str(folder), "--json")
    wait_for(runs, process, 3, 1)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("legs/*/*/result.json")}
    assert len(kept) >= 4 + 3

    finish(start("runs", "resume", str(folder), "--json"))
    found, expected = report(folder), report(whole[0])
    for facts in (found, expected):
        for leg in facts["legs"]:
            del leg["run"]
    assert found == expected, "the very same losses, intervals and verdict"
    assert all(path.stat().st_mtime_ns == then for path, then in kept.items()), "what was finished is not done again"
    assert len(list(folder.glob("legs/*/*"))) == len(list(whole[0].glob("legs/*/*"))) == 10


def test_every_option_has_its_effect(whole: tuple[Path, list[dict[str, Any]]], place: Path, tmp_path: Path) -> None:
    (tmp_path / "train.yaml").write_text("name: own\nmethod:\n  kind: full\n")
    more = (
        "--seeds", "1", "--seed", "5", "--budget", "steps", "--confidence", "0.8", "--resamples", "300", "--max-steps", "3",
        "--set", "exact.enabled=false", "--train-recipe", str(tmp_path / "train.yaml"), "--allow", "learning_rate",
    )  # fmt: skip
    finish(start(*words(place, tmp_path / "runs", *more)))
    folder = the_run(tmp_path / "runs")
    usual, found = report(whole[0]), report(folder)
    assert [(leg["arm"], leg["seed"], leg["steps"]) for leg in found["legs"]] == [
        ("raw", 5, 3), ("curated", 5, 3), ("random", 5, 3),
    ]  # fmt: skip
    assert {leg["steps"] for leg in usual["legs"]} != {8}, "with the budget tokens, arms differ in steps"
    assert found["arms"]["curated"]["records"] == usual["arms"]["curated"]["records"] + 16
    assert (found["verdict"], found["confidence"]) == ("not shown", 0.8)
    assert found["differences"][0]["over_seeds"] is None and found["noise_floor"]["heldout"] is None
    assert next((folder / found["legs"][0]["run"]).glob("model/model.safetensors")).is_file()
    spec = json.loads((folder / "run.json").read_bytes())
    assert spec["recipe"]["resolved"]["resamples"] == 300
    assert spec["options"]["workers"] == 1


def test_an_arm_that_cannot_be_trained_ends_it_with_its_name(place: Path, tmp_path: Path) -> None:
    said = finish(
        start(*words(place, tmp_path / "runs", "--max-steps", "2", "--train-set", "data.max_length=24")),
        ExitCode.FINDINGS,
    )
    ending = json.loads([line for line in said.splitlines() if line.startswith("{")][-1])
    assert ending["event"] == "run_failed" and ending["message"].startswith("raw-0: ")


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"--in": None}, 2, "--in"),
        ({"--heldout": None}, 2, "--heldout"),
        ({"--heldout": "nowhere.jsonl"}, 3, "nowhere.jsonl"),
        ({"--in": "nowhere.jsonl"}, 3, "nowhere.jsonl"),
        ({"--model": None}, 3, "--model"),
        ({"--train-preset": "dpo"}, 2, "pairs"),
        ({"--train-preset": "nothing"}, 2, "nothing"),
        ({"--recipe": "no-such-recipe"}, 2, "no-such-recipe"),
        ({"--set": "length.nothing=1"}, 2, "nothing"),
        ({"--train-set": "lora.nothing=1"}, 2, "nothing"),
        ({"--allow": "nothing"}, 2, "nothing"),
        ({"--resume": "last", "--seeds": "4"}, 2, "--seeds"),
        ({"--confidence": "1"}, 2, "--confidence"),
        ({"--resamples": "10"}, 2, "--resamples"),
    ],
)
def test_mistakes_leave_nothing_behind(
    place: Path,
    tmp_path: Path,
    change: dict[str, str | None],
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given: dict[str, str | None] = {
        "--in": str(place / "raw.jsonl"),
        "--heldout": str(place / "validation.jsonl"),
        "--model": str(place / "tiny"),
        "--recipe": str(place / "recipe.yaml"),
        **change,
    }
    if "--resume" in change:
        given = change
    options = [word for name, value in given.items() if value is not None for word in (name, value)]
    found = main(["experiment", *options, "--runs-dir", str(tmp_path / "runs")])
    err = capsys.readouterr().err
    assert (found, said in err) == (code, True), err
    assert not (tmp_path / "runs").exists()
