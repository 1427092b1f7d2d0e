"""A training that is killed, interrupted or robbed of its disk goes on where it was, and ends with the same weights."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from train_runs import (
    DIES_IN_A_SAVE,
    arguments,
    environment,
    events,
    finish,
    kill,
    start,
    steps,
    the_run,
    until,
    wait_for_step,
    weights,
)

from training.checkpoint import checkpoints, newest_valid, verify
from training.manifest import sha256_of

KILLS = int(os.environ.get("STUDIO_KILLS", "3"))
KILLS_IN_A_SAVE = max(2, KILLS // 2)
LEGS = 3  # kills that one run must survive

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole(tiny: Path, questions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nothing happens to."""
    runs = tmp_path_factory.mktemp("whole")
    finish(start(arguments(tiny, questions, runs)))
    return the_run(runs)


def resume(folder: Path, code: int = 0, *words: str) -> str:
    return finish(start(["train", "--resume", str(folder), *(words or ("--json",))]), code)


def result_files(folder: Path) -> Iterator[tuple[str, object]]:
    """Names, sizes and digests of what a run ended with; the card tells the recipe, which some tests change."""
    (manifest,) = folder.glob("*/manifest.json")
    listed = json.loads(manifest.read_bytes())["files"]
    return ((name, facts) for name, facts in listed.items() if name != "README.md")


def check_same(folder: Path, whole: Path) -> None:
    """The same weights, and the same losses at every step, however often it was told."""
    assert weights(folder) == weights(whole)
    mine, theirs = (dict(result_files(place)) for place in (folder, whole))
    assert mine == theirs and "tokenizer.json" in mine, "and every other file of the result"
    expected = {event["step"]: (event["loss"], event["tokens"]) for event in events(whole, "step_logged")}
    for event in events(folder, "step_logged"):
        assert (event["loss"], event["tokens"]) == expected[event["step"]], event["step"]
    assert set(steps(folder)) == set(expected)
    losses = {(event["step"], event["split"], event["who"]): event["loss"] for event in events(whole, "evaluated")}
    for event in events(folder, "evaluated"):
        assert event["loss"] == losses[event["step"], event["split"], event["who"]]
    assert not [path for path in (folder / "checkpoints").iterdir() if path.name.startswith(".")]


def test_killed_at_random_steps_it_ends_with_the_same_weights(
    tiny: Path, questions: Path, whole: Path, tmp_path: Path
) -> None:
    draw, left, hit = random.Random(11), KILLS, 0
    while left > 0:
        runs = tmp_path / f"runs-{left}"
        runs.mkdir()
        words = arguments(tiny, questions, runs)
        reached = 0
        for _ in range(min(LEGS, left)):
            left -= 1
            process = start(words)
            reached = draw.randint(reached + 1, min(reached + 10, 23))
            wait_for_step(runs, process, reached)
            hit += kill(process)
            words = ["train", "--resume", str(the_run(runs)), "--json"]
        folder = the_run(runs)
        resume(folder)
        check_same(folder, whole)
    assert hit >= KILLS * 0.8, "the kills must hit runs, not what they left"


def test_killed_inside_a_save_it_ends_with_the_same_weights(
    tiny: Path, questions: Path, whole: Path, tmp_path: Path
) -> None:
    draw, left, torn = random.Random(12), KILLS_IN_A_SAVE, 0
    while left > 0:
        runs = tmp_path / f"runs-{left}"
        runs.mkdir()
        words = arguments(tiny, questions, runs)
        for _ in range(min(LEGS, left)):
            left -= 1
            moment = ["/.staged-", str(draw.randint(0, 2)), str(draw.randint(1, 40))]
            process = start(words, before=["-c", DIES_IN_A_SAVE, *moment])
            finish(process, -signal.SIGKILL)
            folder = the_run(runs)
            torn += any(path.name.startswith(".staged-") for path in (folder / "checkpoints").iterdir())
            assert not newest_valid(folder / "checkpoints")[1], "no checkpoint may be torn"
            words = ["train", "--resume", str(folder), "--json"]
        resume(folder)
        check_same(folder, whole)
    assert torn >= KILLS_IN_A_SAVE * 0.5, "the kills must hit saves"


def test_killed_while_its_result_is_saved_it_ends_with_the_same_weights(
    tiny: Path, questions: Path, tmp_path: Path
) -> None:
    """After early stopping, too: what goes on must not train further, and must find the best step again."""
    rates = ("method.kind=full", "optimizer.learning_rate=0.3", "evaluation.early_stopping=1", "evaluation.every=1")
    finish(start(arguments(tiny, questions, tmp_path / "whole", *rates)))
    whole = the_run(tmp_path / "whole")
    assert steps(whole)[-1] < 24, "it must stop early"
    best = events(whole, "run_finished")[0]["summary"]["best_step"]
    assert best < steps(whole)[-1] and best % 3, "no checkpoint would be due at the best step"
    held = sha256_of(whole / "checkpoints" / f"checkpoint-{best:08d}" / "model.safetensors")
    assert weights(whole) == held, "the best step is the result"
    words = arguments(tiny, questions, tmp_path / "killed", *rates)
    finish(start(words, before=["-c", DIES_IN_A_SAVE, "/.model.part", "0", "3"]), -signal.SIGKILL)
    folder = the_run(tmp_path / "killed")
    assert not (folder / "model").exists()
    resume(folder)
    check_same(folder, whole)
    assert steps(folder) == steps(whole), "nothing is trained again"


def test_a_damaged_newest_checkpoint_falls_back_and_says_so(
    tiny: Path, questions: Path, whole: Path, tmp_path: Path
) -> None:
    process = start(arguments(tiny, questions, tmp_path))
    wait_for_step(tmp_path, process, 11)
    kill(process)
    folder = the_run(tmp_path)
    *_, older, newest = checkpoints(folder / "checkpoints")
    victim = newest / "adapter_model.safetensors"
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    said = resume(folder, 0, "--plain")
    (resumed,) = events(folder, "resumed")
    assert resumed["path"].endswith(older.name)
    assert resumed["refused"] == [
        f"{newest.name}: adapter_model.safetensors has other bytes than those that were saved"
    ]
    assert newest.name in said, "the terminal says so too"
    check_same(folder, whole)
    assert all(verify(path) is None for path in checkpoints(folder / "checkpoints"))


@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT", "SIGTERM"])
def test_signals_save_within_one_step(tiny: Path, questions: Path, whole: Path, tmp_path: Path, name: str) -> None:
    process = start(arguments(tiny, questions, tmp_path, "checkpoints.every=1000"))
    wait_for_step(tmp_path, process, 4)
    os.kill(process.pid, getattr(signal, name))
    told = len(steps(the_run(tmp_path)))
    finish(process, 130)
    folder = the_run(tmp_path)
    newest, refused = newest_valid(folder / "checkpoints")
    assert newest is not None and not refused
    assert newest.step == steps(folder)[-1], "the last step that was made is saved"
    assert len(steps(folder)) - told <= 2, "the step under way when the signal came, and no further one"
    assert events(folder)[-1]["event"] == "run_stopped"
    resume(folder)
    check_same(folder, whole)


def test_a_second_signal_ends_it_at_once(tiny: Path, questions: Path, whole: Path, tmp_path: Path) -> None:
    process = start(arguments(tiny, questions, tmp_path))
    wait_for_step(tmp_path, process, 4)
    os.kill(process.pid, signal.SIGTERM)
    os.kill(process.pid, signal.SIGINT)
    finish(process, 130)
    resume(the_run(tmp_path))
    check_same(the_run(tmp_path), whole)


def test_a_detached_run_outlives_its_terminal(tiny: Path, questions: Path, whole: Path, tmp_path: Path) -> None:
    """Started in a terminal that hangs up: the master's end closes, and the kernel sends SIGHUP to the session."""
    import pty

    child, terminal = pty.fork()
    if child == 0:
        words = [*arguments(tiny, questions, tmp_path), "--detach"]
        script = '"$@"; echo started; sleep 600'
        os.execve("/bin/sh", ["sh", "-c", script, "sh", sys.executable, "-m", "studio", *words], environment())
    said = b""
    while b"started" not in said:
        said += os.read(terminal, 4096)
    os.close(terminal)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGHUP
    folder = the_run(tmp_path)
    for _ in until(120, every=0.1):
        if (folder / "result.json").exists():
            break
    check_same(folder, whole)
    assert steps(folder) == list(range(1, 25))


def test_a_reader_that_comes_and_goes_loses_nothing(tiny: Path, questions: Path, tmp_path: Path) -> None:
    from studio.runs.events import EventReader

    process = start(arguments(tiny, questions, tmp_path))
    wait_for_step(tmp_path, process, 2)
    folder = the_run(tmp_path)
    offset, seen = 0, []
    for _ in until(120, every=0.01):
        ended = process.poll() is not None
        reader = EventReader(folder / "events.jsonl", offset)  # a new one each time: re-attached
        seen += reader.read()
        offset = reader.offset
        if ended:
            break
    finish(process)
    assert seen == events(folder)
    assert [event["step"] for event in seen if event["event"] == "step_logged"] == list(range(1, 25))


def test_a_full_disk_keeps_the_last_checkpoint(tiny: Path, questions: Path, whole: Path, tmp_path: Path) -> None:
    """Files may not grow past the size of the optimiser's state from the second leg on: its first save fails."""
    process = start(arguments(tiny, questions, tmp_path))
    wait_for_step(tmp_path, process, 7)
    kill(process)
    folder = the_run(tmp_path)
    before, _ = newest_valid(folder / "checkpoints")
    assert before is not None
    limit = max(path.stat().st_size for path in before.path.iterdir()) - 1
    assert limit > (folder / "events.jsonl").stat().st_size + 20_000, "the event log must still have room"
    process = start(
        ["train", "--resume", str(folder)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    said = finish(process, 5)
    assert "no room" in said and "Free some space" in said
    after, refused = newest_valid(folder / "checkpoints")
    assert (after, refused) == (before, [])
    resume(folder)
    check_same(folder, whole)


def test_a_disk_too_small_for_two_checkpoints_is_said_before_the_first_step(
    tiny: Path, questions: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a small disk")
    try:
        said = finish(start(arguments(tiny, questions, disk, "method.kind=full", "optimizer.learning_rate=1e-5")), 5)
        assert "Two checkpoints of 1.3 MB do not fit" in said
        assert not steps(the_run(disk)) and events(the_run(disk))[-1]["error"] == "OutputError"
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_numbers_that_are_none_stop_it_with_the_last_good_checkpoint(
    tiny: Path, questions: Path, tmp_path: Path
) -> None:
    """The scale of the last norm is 1e18: the first step is finite, and what it does to the weights overflows."""
    from safetensors.torch import load_file, save_file

    model = tmp_path / "model"
    shutil.copytree(tiny, model)
    tensors = load_file(model / "model.safetensors")
    tensors["model.norm.weight"] *= 1e18
    save_file(tensors, model / "model.safetensors", metadata={"format": "pt"})
    settings = ("method.kind=full", "optimizer.name=sgd", "optimizer.learning_rate=1", "optimizer.max_grad_norm=0")
    runs = tmp_path / "runs"
    words = arguments(model, questions, runs, *settings, "schedule.warmup=0", "checkpoints.every=1")
    said = finish(start(words), 6)
    folder = the_run(runs)
    assert "diverged" in said and "--set optimizer.learning_rate=0.3" in said
    last = events(folder)[-1]
    assert (last["event"], last["error"]) == ("run_failed", "Diverged")
    newest, refused = newest_valid(folder / "checkpoints")
    assert newest is not None and not refused
    assert 1 <= newest.step < steps(folder)[-1], "the step that broke is not saved"
    held = load_file(newest.path / "model.safetensors")
    assert all(bool(tensor.isfinite().all()) for tensor in held.values())
    assert not (folder / "model").exists()
