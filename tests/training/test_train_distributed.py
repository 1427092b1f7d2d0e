"""One run in two processes (gloo, on the CPU): the same curve as one process, one folder, and the same endings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from train_runs import arguments, environment, events, finish, start, steps, the_run, wait_for_step, weights

from training.checkpoint import checkpoints, newest_valid
from training.launch import config_names, config_path

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "studio")
STEPS = 10
# No dropout: its masks are drawn a process. Every step sees 4 records, whoever sees them.
SAME = ("lora.dropout=0", f"schedule.max_steps={STEPS}", "checkpoints.every=3")


def losses(folder: Path) -> list[float]:
    return [event["loss"] for event in events(folder, "step_logged")]


@pytest.fixture(scope="module")
def two(tiny: Path, questions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two processes that nothing happens to."""
    runs = tmp_path_factory.mktemp("two")
    finish(start(arguments(tiny, questions, runs, *SAME, "schedule.batch_size=2"), before=TORCHRUN))
    return the_run(runs)


@pytest.mark.slow
def test_two_processes_give_the_curve_of_one(tiny: Path, questions: Path, two: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    finish(start(arguments(tiny, questions, tmp_path, *SAME, "schedule.batch_size=4")))
    one = the_run(tmp_path)
    assert len(losses(one)) == STEPS
    assert losses(two) == pytest.approx(losses(one), rel=1e-4)
    told = {(event["step"], event["split"], event["who"]): event for event in events(one, "evaluated")}
    for event in events(two, "evaluated"):
        expected = told[event["step"], event["split"], event["who"]]
        assert event["loss"] == pytest.approx(expected["loss"], rel=1e-4)
        assert event["tokens"] == expected["tokens"], "no record is counted twice"
    mine, theirs = (load_file(folder / "adapter" / "adapter_model.safetensors") for folder in (one, two))
    moved = max(float(tensor.abs().max()) for name, tensor in mine.items() if "lora_B" in name)
    assert moved > 1e-3
    assert max(float((mine[name] - theirs[name]).abs().max()) for name in mine) < moved / 20
    assert [event["tokens"] for event in events(two, "step_logged")] == [
        event["tokens"] for event in events(one, "step_logged")
    ]


@pytest.mark.slow
def test_only_the_first_process_writes(two: Path) -> None:
    assert steps(two) == list(range(1, STEPS + 1)), "every step once"
    assert len(events(two, "run_started")) == len(events(two, "run_finished")) == 1
    assert [event["step"] for event in events(two, "checkpoint_saved")] == [3, 6, 9, 10]
    assert [path.name for path in two.parent.iterdir()] == [two.name], "one folder"
    newest, refused = newest_valid(two / "checkpoints")
    assert newest is not None and newest.step == STEPS and not refused
    assert sorted(path.name for path in newest.path.glob("rng_state*")) == ["rng_state_0.pth", "rng_state_1.pth"]


@pytest.mark.slow
def test_it_stops_and_dies_and_goes_on_as_one(tiny: Path, questions: Path, two: Path, tmp_path: Path) -> None:
    """SIGTERM to the launcher, then SIGKILL to one of two processes: the same weights at the end."""
    words = arguments(tiny, questions, tmp_path, *SAME, "schedule.batch_size=2")
    process = start(words, before=TORCHRUN)
    wait_for_step(tmp_path, process, 4)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    folder = the_run(tmp_path)
    assert events(folder)[-1]["event"] == "run_stopped"
    assert checkpoints(folder / "checkpoints")[-1].name == f"checkpoint-{steps(folder)[-1]:08d}"

    words = ["train", "--resume", str(folder), "--json"]
    process = start(words, before=TORCHRUN)
    wait_for_step(tmp_path, process, 7)
    workers = psutil.Process(process.pid).children(recursive=True)
    (second,) = [worker for worker in workers if worker.environ().get("RANK") == "1"]
    second.send_signal(signal.SIGKILL)
    process.communicate(timeout=120)
    assert process.returncode != 0
    assert not any(worker.is_running() for worker in workers), "the others do not stay behind"

    finish(start(words, before=TORCHRUN))
    assert weights(folder) == weights(two)


def test_launchers_keep_their_processes(tiny: Path, questions: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "studio", *arguments(tiny, questions, tmp_path), "--detach"],
        capture_output=True,
        text=True,
        env={**environment(), "RANK": "0", "WORLD_SIZE": "2"},
    )
    assert done.returncode == 2 and "nohup" in done.stdout + done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", config_names())
def test_accelerate_reads_the_configurations(name: str) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(config_path(name)))
    assert config.num_processes == 2
    text = config_path(name).read_text()
    assert text.startswith(f'# accelerate launch --config_file "$(python -m training.launch {name})"')


@pytest.mark.slow
def test_accelerate_starts_it(tiny: Path, questions: Path, two: Path, tmp_path: Path) -> None:
    launch = ("-m", "accelerate.commands.launch", "--config_file", str(config_path("ddp")))
    before = (*launch, "--main_process_port", str(29500 + os.getpid() % 1000), "-m", "studio")
    finish(start(arguments(tiny, questions, tmp_path, *SAME, "schedule.batch_size=2"), before=before))
    assert weights(the_run(tmp_path)) == weights(two)


def test_the_names_of_the_configurations_are_printed() -> None:
    command = [sys.executable, "-m", "training.launch"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert listed == ["ddp", "fsdp", "zero2", "zero3"]
    assert (
        Path(subprocess.run([*command, "ddp"], capture_output=True, text=True).stdout.strip())
        .read_text()
        .startswith("#")
    )
    wrong = subprocess.run([*command, "zero4"], capture_output=True, text=True)
    assert wrong.returncode == 3 and "zero" in wrong.stderr
