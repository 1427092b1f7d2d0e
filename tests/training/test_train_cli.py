"""`studio train` as a person and a program use it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import warm_start

from training.recipe import TrainRecipe

SHORT = ["--max-steps", "4", "--set", "schedule.accumulation=1", "--set", "evaluation.samples=1"]
SHORT += ["--set", "evaluation.sample_tokens=4", "--set", "evaluation.retention=false"]


def studio(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return warm_start.run(words, cwd=cwd, env={**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1"})


def test_a_run_from_the_command_line(tiny: Path, questions: Path, tmp_path: Path) -> None:
    done = studio("train", "--data", str(questions), "--model", str(tiny), *SHORT, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds[0] == "run_started"
    assert kinds[-1] == "run_finished"
    assert kinds.count("step_logged") == 4
    (run,) = (tmp_path / "runs").iterdir()
    written = [json.loads(line)["event"] for line in (run / "events.jsonl").read_text().splitlines()]
    assert written == kinds, "the terminal hears what the folder holds"

    command = (run / "recipe.yaml").read_text().splitlines()[0].removeprefix("# ")
    assert command.startswith("studio train --data ")
    again = TrainRecipe.load(run / "recipe.yaml")
    assert again == TrainRecipe.from_text(json.loads((run / "run.json").read_bytes())["recipe"]["yaml"])

    shown = studio("runs", "show", "last", cwd=tmp_path)
    assert "held out" in shown.stdout
    assert events[-1]["summary"]["weights_sha256"] in shown.stdout

    told = studio("train", "--resume", "last", cwd=tmp_path)
    assert told.returncode == 0
    assert "finished already" in told.stderr

    longer = studio("train", "--resume", "last", "--max-steps", "6", "--json", cwd=tmp_path)
    assert longer.returncode == 0, longer.stderr
    steps = [event["step"] for event in map(json.loads, longer.stdout.splitlines()) if event["event"] == "step_logged"]
    assert steps == [5, 6]

    clone = studio("train", "--clone", run.name, "--set", "lora.r=4", "--print", cwd=tmp_path)
    assert TrainRecipe.from_text(clone.stdout).lora.r == 4
    assert TrainRecipe.from_text(clone.stdout).schedule.max_steps == 6


def test_what_is_wrong_is_said_before_anything_is_made(tiny: Path, questions: Path, tmp_path: Path) -> None:
    cases = [
        (["--data", str(questions)], 3, "No model is named"),
        (["--model", str(tiny)], 2, "Name a dataset"),
        (["--data", "nowhere.csv", "--model", str(tiny)], 3, "no file nowhere.csv"),
        (["--data", str(questions), "--model", str(tiny), "--preset", "lor"], 2, "Did you mean 'lora'?"),
        (["--data", str(questions), "--model", str(tiny), "--set", "lora.rank=3"], 2, "lora"),
        (["--data", str(questions), "--model", str(tiny), "--set", "lora.r=0"], 2, "at least 1"),
        (
            ["--data", str(questions), "--model", str(tiny), "--preset", "prefix", "--set", "data.packing=true"],
            2,
            "pack",
        ),
        (["--resume", "last", "--model", "other"], 2, "--clone makes a new run"),
    ]
    for words, code, said in cases:
        done = studio("train", *words, cwd=tmp_path)
        assert (done.returncode, said in done.stderr) == (code, True), (words, done.stderr)
    assert not (tmp_path / "runs").exists()


def test_a_finding_that_blocks_stops_the_run_and_can_be_allowed(tiny: Path, questions: Path, tmp_path: Path) -> None:
    words = ["train", "--data", str(questions), "--model", str(tiny), *SHORT, "--set", "data.max_length=40"]
    refused = studio(*words, cwd=tmp_path)
    assert refused.returncode == 1
    assert "data.max_length" in refused.stderr
    assert "--allow too_long" in refused.stderr
    allowed = studio(*words, "--allow", "too_long", cwd=tmp_path)
    assert allowed.returncode == 0, allowed.stderr


@pytest.mark.parametrize("name", TrainRecipe.preset_names())
def test_a_preset_prints_itself_and_is_read_again(name: str, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from studio.cli.train import train

    printed = CliRunner().invoke(train, ["--preset", name, "--print"], standalone_mode=False)
    assert TrainRecipe.from_text(printed.output) == TrainRecipe.load(name)
    assert TrainRecipe.load(name).name == name
    assert printed.output.startswith("# studio train --data")
