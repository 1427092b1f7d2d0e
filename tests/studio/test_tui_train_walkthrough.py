"""A person trains in a real terminal (tmux): look at the tokens, start, watch, leave, return, pause, stop, resume, finish."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_tui_walkthrough import Tmux, the_run, wait
from train_drawn import make_tiny_model

from studio.runs.curves import TrainSnapshot, read_snapshot
from studio.runs.folder import RunFolder
from studio.runs.lock import is_held
from studio.runs.status import Status, status_of

pytestmark = [pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux"), pytest.mark.slow]

STEPS = 120


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Tmux]:
    found = Tmux(tmp_path)
    yield found
    found.do("kill-server")


def curves(run: RunFolder) -> TrainSnapshot:
    return read_snapshot(run.events)


def test_train_leave_return_pause_stop_and_resume(terminal: Tmux, tmp_path: Path) -> None:
    make_tiny_model(tmp_path / "tiny")
    data = tmp_path / "boxes.jsonl"
    with data.open("w", encoding="utf-8") as stream:
        for number in range(60):
            colour = ("red", "blue", "green")[number % 3]
            record = {"question": f"第{number}个盒子是什么颜色?", "answer": f"Box {number} is {colour}."}
            stream.write(json.dumps(record, ensure_ascii=False) + "\n")
    recipe = tmp_path / "boxes.yaml"
    recipe.write_text(
        "name: boxes\nmodel:\n  name: " + str(tmp_path / "tiny") + "\n"
        "schedule:\n  max_steps: 120\n  batch_size: 2\noptimizer:\n  learning_rate: 0.01\n"
        "evaluation:\n  every: 20\n  samples: 1\n  sample_tokens: 16\ncheckpoints:\n  every: 10\ndevice:\n  threads: 1\n"
    )

    terminal.studio(str(data))
    terminal.until("boxes.jsonl")
    terminal.keys("5")
    terminal.until("no model: m")
    terminal.keys("o")
    terminal.until("the recipe of a run")
    terminal.keys("End", "Enter")
    terminal.until("a YAML file")
    terminal.do("send-keys", "-l", str(recipe))
    terminal.keys("Enter")
    terminal.until(r"boxes.jsonl · tiny · boxes.yaml")
    terminal.keys("p")  # what would be trained, before anything is
    screen = terminal.until("tokens are trained")
    assert "‹Box 0 is red.<|im_end|>›" in screen and "第0个盒子是什么颜色?" in screen
    terminal.keys("Escape", "r")
    wait(lambda: (tmp_path / "runs").is_dir() and list((tmp_path / "runs").iterdir()), lambda: terminal.screen)
    run = the_run(tmp_path)
    terminal.until(r"step [1-9]\d* of 120")
    terminal.until("-- base 6")
    terminal.until("base, step 0")

    terminal.keys("space")
    terminal.until("paused")
    wait(lambda: curves(run).paused, lambda: "no pause")
    paused = curves(run).step
    terminal.keys("C-q")
    terminal.until("continues in the background")
    terminal.keys("C-q")
    assert is_held(run)

    terminal.studio()  # it waits; somebody comes back through the list of runs
    terminal.until("1 Data")
    terminal.keys("4")
    terminal.until(rf"running +{run.name}")
    terminal.keys("a")
    terminal.until(r"‖ paused")
    assert curves(run).step == paused
    terminal.keys("space")
    terminal.until(rf"step ({paused + 2}|{paused + 3}|\d*[1-9]\d) of 120")
    terminal.keys("s")
    terminal.until("Save a checkpoint and stop")
    terminal.keys("y")
    terminal.until("■ stopped")
    assert status_of(run) is Status.STOPPED
    stopped = curves(run)
    assert paused <= stopped.step < STEPS
    assert stopped.checkpoints[-1]["step"] >= stopped.step  # nothing that was learned is lost
    assert (run.path / stopped.checkpoints[-1]["path"]).is_dir()

    terminal.keys("c")
    terminal.until(r"● running")
    terminal.until("✓ finished")
    ended = curves(run)
    assert ended.points.rows()[:, 0].tolist() == list(range(1, STEPS + 1))
    base, tuned = ended.loss("validation", "base"), ended.loss("validation", "tuned")
    assert base is not None and tuned is not None and tuned < base - 0.5
    terminal.until(r"held out: loss \d\.\d+ → \d\.\d+ ↓")
    terminal.until(r"weights:\s+\S*/adapter")
    assert (run.path / "adapter" / "adapter_model.safetensors").is_file()

    terminal.keys("x")  # some steps more
    terminal.until("More steps")
    terminal.keys("5", "Enter")
    terminal.until(r"✓ finished(.|\n)*step 125 of 125")
    assert curves(run).points.rows()[:, 0].tolist() == list(range(1, STEPS + 6))
