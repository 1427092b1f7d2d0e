"""Training runs as a user starts them, in processes of their own, and ways to end them early."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import warm_start

from training.manifest import sha256_of

# Everything that moves random numbers or the disk is on: dropout, shuffling, evaluations, samples, retention, rotation.
SETTINGS = (
    "schedule.max_steps=24",
    "schedule.batch_size=4",
    "lora.r=4",
    "lora.dropout=0.1",
    "optimizer.learning_rate=0.003",
    "data.validation=0.1",
    "evaluation.every=5",
    "evaluation.samples=1",
    "evaluation.sample_tokens=8",
    "checkpoints.every=3",
    "checkpoints.keep=2",
    "device.kind=cpu",
    "device.threads=1",
)

ALLOWED = ("--allow", "learning_rate")  # some tests want what it warns of

# Dies by SIGKILL at the N-th thing it does inside a folder whose name has MARK, counted from the K-th such folder on.
DIES_IN_A_SAVE = """
import signal, sys
mark, saves, moment = sys.argv.pop(1), int(sys.argv.pop(1)), int(sys.argv.pop(1))
def hook(event, arguments):
    global saves, moment
    inside = event in ("open", "os.mkdir", "os.rename", "os.scandir") and mark in str(arguments[0])
    if inside and event == "os.mkdir":
        saves -= 1
    if inside and saves < 0:
        moment -= 1
        if moment < 0:
            signal.raise_signal(signal.SIGKILL)
sys.addaudithook(hook)
from studio.cli.main import main
sys.exit(main())
"""


def environment() -> dict[str, str]:
    """One thread, and no network: the tests share their machine."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


def arguments(model: Path, data: Path, runs: Path, *settings: str) -> list[str]:
    """What follows `studio` on the command line."""
    wanted = [part for setting in (*SETTINGS, *settings) for part in ("--set", setting)]
    return ["train", "--data", str(data), "--model", str(model), "--runs-dir", str(runs), "--json", *wanted, *ALLOWED]


def start(words: Sequence[str], *, before: Sequence[str] = ("-m", "studio"), **options: Any) -> subprocess.Popen[str]:
    """`studio WORDS`, in a session of its own."""
    chosen: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "env": environment(), **options}
    return warm_start.start(words, before=before, **chosen)  # type: ignore[no-any-return]


def finish(process: subprocess.Popen[str], code: int = 0) -> str:
    """What it said, once it has ended with `code`."""
    said = process.communicate(timeout=180)[0] or ""
    assert process.returncode == code, said[-3000:]
    return said


def the_run(runs: Path) -> Path:
    """The only run in a folder of runs."""
    (folder,) = [path for path in runs.iterdir() if path.is_dir()]
    return folder


def events(folder: Path, kind: str = "") -> list[dict[str, Any]]:
    """The events that were written whole, of one kind where it is named."""
    lines = (folder / "events.jsonl").read_bytes().split(b"\n")[:-1] if (folder / "events.jsonl").exists() else []
    found = [json.loads(line) for line in lines if line]
    return [event for event in found if kind in ("", event["event"])]


def steps(folder: Path) -> list[int]:
    """The steps that were told."""
    return [event["step"] for event in events(folder, "step_logged")]


def wait_for_step(runs: Path, process: subprocess.Popen[str], step: int) -> None:
    """Until a step at or past `step` is told, or the process has ended."""
    for _ in until(120):
        folders = [path for path in runs.iterdir() if path.is_dir()] if runs.is_dir() else []
        if process.poll() is not None or (folders and max(steps(folders[0]), default=0) >= step):
            return


def until(seconds: float, every: float = 0.004) -> Iterator[None]:
    """Turns of a waiting loop; fails when the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(every)
    raise AssertionError(f"waited {seconds} s in vain")


def kill(process: subprocess.Popen[str]) -> bool:
    """SIGKILL; whether the process was still there."""
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return alive


def weights(folder: Path) -> str:
    """SHA-256 of the adapter, or of the model, that a run ended with."""
    (found,) = [*folder.glob("adapter/adapter_model.safetensors"), *folder.glob("model/model.safetensors")]
    return sha256_of(found)
