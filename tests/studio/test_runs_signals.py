"""Stopping, killing, detaching, watching and resuming real runs, by real signals to real processes."""

import hashlib
import json
import os
import pty
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from studio.runs.events import EventReader
from studio.runs.folder import RunFolder, every
from studio.runs.lock import holder, is_held
from studio.runs.snapshot import RunSnapshot, fold
from studio.runs.status import Status, read_result, status_of

STUDIO = [sys.executable, "-m", "studio"]
CURATE = [*STUDIO, "curate", "big.jsonl", "--recipe", "tiny.yaml"]
RECORDS = 20_000  # five shards: some seconds, so that there is a middle to interrupt


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe, a file of 20,000 records, a tenth of them copies, and the dataset that comes of it."""
    folder = tmp_path_factory.mktemp("source")
    (folder / "tiny.yaml").write_text("name: tiny\nstages:\n  - use: exact\n")
    draw = random.Random(3)
    words = [f"word{number}" for number in range(500)]
    lines: list[str] = []
    for number in range(RECORDS):
        text = " ".join(draw.choices(words, k=20))
        new = json.dumps({"question": f"{number}?", "answer": text})
        lines.append(draw.choice(lines) if number % 10 == 9 else new)
    (folder / "big.jsonl").write_text("\n".join(lines) + "\n")
    subprocess.run([*CURATE, "--quiet", "--runs-dir", "whole", "--workers", "1"], cwd=folder, check=True, timeout=120)
    return folder


@pytest.fixture
def here(source: Path, tmp_path: Path) -> Iterator[Path]:
    """A folder of the test's own with the same recipe and file. Whatever still runs in it is ended afterwards."""
    for name in ("tiny.yaml", "big.jsonl"):
        (tmp_path / name).hardlink_to(source / name)
    yield tmp_path
    for run in every(tmp_path / "runs"):
        by = holder(run)
        if is_held(run) and by is not None:
            os.kill(by.pid, signal.SIGCONT)
            os.kill(by.pid, signal.SIGKILL)


def dataset_digest(run: RunFolder) -> str:
    return hashlib.sha256((run.path / "dataset" / "train.jsonl").read_bytes()).hexdigest()


def wait_for(what: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def begun(here: Path) -> RunFolder:
    """The run in `here`, once its first shard is done: it is in the middle then."""
    wait_for(lambda: every(here / "runs"))
    run = every(here / "runs")[-1]
    wait_for(lambda: any(event["event"] == "shard_finished" for event in EventReader(run.events).read()))
    return run


def start(here: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*CURATE, *words], cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def studio(here: Path, *words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*STUDIO, *words], cwd=here, capture_output=True, text=True, timeout=timeout)


def test_interrupted_stopped_killed_and_resumed_runs_give_the_same_bytes(here: Path, source: Path) -> None:
    process = start(here, "--workers", "2")
    run = begun(here)
    os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C does: the whole foreground group gets it
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Press Ctrl-C again" in err
    assert f"studio runs resume {run.name}" in err
    assert "Traceback" not in err
    assert status_of(run) is Status.STOPPED
    assert not (run.path / "dataset").exists(), "no dataset before every shard is done"

    again = [*STUDIO, "runs", "resume", run.name, "--quiet", "--workers", "1"]
    resumed = subprocess.Popen(again, cwd=here, start_new_session=True)
    size = run.events.stat().st_size
    wait_for(lambda: any(e["event"] == "shard_finished" for e in EventReader(run.events, size).read()))
    resumed.kill()
    resumed.wait()
    wait_for(lambda: not is_held(run))
    assert status_of(run) is Status.CRASHED

    done = studio(here, "runs", "resume", "last", "--json")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["resumed"] is True
    assert any(event["event"] == "shard_finished" and event["reused"] for event in events), "finished work is kept"
    assert status_of(run) is Status.FINISHED
    assert dataset_digest(run) == dataset_digest(every(source / "whole")[0])
    snapshot = fold(RunSnapshot(), EventReader(run.events).read())
    assert (snapshot.outcome, snapshot.resumed, snapshot.run) == ("finished", True, run.name)
    assert snapshot.summary["counts"]["read"] == RECORDS


def test_a_second_interrupt_ends_it_at_once_with_all_its_workers(here: Path) -> None:
    process = start(here, "--workers", "2")
    run = begun(here)
    children = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGSTOP)  # both signals are waiting when it goes on: it cannot stop gracefully between
    os.kill(process.pid, signal.SIGINT)
    os.kill(process.pid, signal.SIGTERM)
    os.kill(process.pid, signal.SIGCONT)
    began = time.monotonic()
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - began < 5
    assert children
    wait_for(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children))
    assert status_of(run) is Status.STOPPED


def test_a_detached_run_outlives_its_terminal_is_watched_stopped_and_resumed(here: Path, source: Path) -> None:
    main_end, its_end = pty.openpty()
    command = [*CURATE, "--detach", "--workers", "1"]
    launcher = subprocess.Popen(
        command, cwd=here, stdin=its_end, stdout=its_end, stderr=its_end, start_new_session=True
    )
    os.close(its_end)
    assert launcher.wait(timeout=60) == 0
    os.close(main_end)  # the terminal is gone
    run = every(here / "runs")[-1]
    by = holder(run)
    assert status_of(run) is Status.RUNNING
    assert by is not None
    os.kill(by.pid, signal.SIGHUP)
    begun(here)
    os.kill(by.pid, signal.SIGSTOP)  # so that it is still there when the others come

    attach = [*STUDIO, "runs", "attach", "last", "--json"]
    watcher = subprocess.Popen(attach, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert watcher.stdout is not None
    assert json.loads(watcher.stdout.readline())["event"] == "run_started", "it replays from the beginning"
    watcher.send_signal(signal.SIGINT)
    _, err = watcher.communicate(timeout=60)
    assert watcher.returncode == 0
    assert "Traceback" not in err
    busy = studio(here, "runs", "resume", run.name)
    assert busy.returncode == 4
    assert f"process {by.pid}" in busy.stderr
    assert f"studio runs attach {run.name}" in busy.stderr
    assert studio(here, "runs", "rm", run.name, "--yes").returncode == 4
    assert studio(here, "runs", "stop", "last", "--no-wait").returncode == 0
    assert status_of(run) is Status.RUNNING
    os.kill(by.pid, signal.SIGCONT)

    assert studio(here, "runs", "attach", "last").returncode == 130, "the exit code of the run"
    assert status_of(run) is Status.STOPPED
    assert studio(here, "runs", "resume", "last", "--detach").returncode == 0
    assert not run.stop.exists(), "an old wish to stop does not stop the next leg"
    assert studio(here, "runs", "attach", "last", "--quiet").returncode == 0
    assert dataset_digest(run) == dataset_digest(every(source / "whole")[0])
    assert run.log.read_text() == ""


def test_force_ends_a_run_that_does_not_answer(here: Path) -> None:
    assert start(here, "--detach", "--workers", "2").wait(timeout=60) == 0
    run = begun(here)
    by = holder(run)
    assert by is not None
    children = psutil.Process(by.pid).children(recursive=True)
    os.kill(by.pid, signal.SIGSTOP)
    asked = studio(here, "runs", "stop", "last", "--grace", "0.2")
    assert asked.returncode == 4
    assert "--force" in asked.stderr
    forced = studio(here, "runs", "stop", "last", "--grace", "0.2", "--force")
    assert forced.returncode == 0
    assert status_of(run) is Status.CRASHED
    assert read_result(run) is None
    wait_for(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children))
    watched = studio(here, "runs", "attach", "last", "--quiet")
    assert watched.returncode == 6
    assert "was killed" in watched.stderr


def test_a_worker_that_cannot_start_says_why(here: Path, source: Path) -> None:
    run = RunFolder(here / "runs" / every(source / "whole")[0].name)
    shutil.copytree(every(source / "whole")[0].path, run.path)
    worker = [sys.executable, "-P", "-m", "studio.runs.worker"]
    done = subprocess.run([*worker, str(here / "nowhere")], capture_output=True, text=True, timeout=60)
    assert done.returncode in (3, 5)
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr
    spec = json.loads(run.spec.read_text())
    run.spec.write_text(json.dumps({**spec, "cwd": str(here / "gone")}))
    failed = subprocess.run([*worker, str(run.path)], capture_output=True, text=True, timeout=60)
    assert failed.returncode == 3
    assert "gone" in studio(here, "runs", "show", "last").stdout
