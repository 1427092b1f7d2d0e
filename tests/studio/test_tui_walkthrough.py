"""A person's whole way through the program, in a real terminal (tmux) with real runs, and over a connection that drops."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from pty_screen import PtyScreen

from curation.verdicts import JOURNAL, fold, read_journal
from studio.runs.folder import RunFolder, every
from studio.runs.lock import is_held
from studio.runs.status import Status, read_result, status_of

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")

Found = TypeVar("Found")
PATIENCE = 60.0
RECIPE = """
stages:
  - {use: clean}
  - {use: length, min_chars: 20}
  - {use: exact}
"""


class Tmux:
    """A terminal of its own: keys in, the screen as text out."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "tmux"
        self.environment = {
            **os.environ, "LANG": "C.UTF-8", "STUDIO_RUNS_DIR": str(folder / "runs"), "STUDIO_AUTHOR": "walker",
            "STUDIO_CONFIG": str(folder / "none.toml"), "PYTHONPATH": str(Path.cwd()),
        }  # fmt: skip
        self.environment.pop("TMUX", None)
        self.do("-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40", "PS1='$ ' sh")

    def do(self, *words: str) -> str:
        command = ["tmux", "-S", str(self.socket), *words]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.do("send-keys", key)
            time.sleep(0.3)

    def studio(self, *words: str) -> None:
        """A command, typed when the shell waits for one."""
        wait(lambda: re.search(r"[$#] ?$", self.screen.rstrip("\n")), lambda: f"no prompt in:\n{self.screen}")
        self.do("send-keys", "-l", shlex.join([sys.executable, "-m", "studio", *words]))
        self.do("send-keys", "Enter")

    @property
    def screen(self) -> str:
        return self.do("capture-pane", "-p")

    def until(self, pattern: str) -> str:
        def seen() -> str:
            screen = self.screen
            return screen if re.search(pattern, screen) else ""

        return wait(seen, lambda: f"{pattern!r} in:\n{self.screen}")


def wait(true: Callable[[], Found], what: Callable[[], str]) -> Found:
    end = time.monotonic() + PATIENCE
    while not (found := true()):
        assert time.monotonic() < end, what()
        time.sleep(0.1)
    return found


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Tmux]:
    found = Tmux(tmp_path)
    yield found
    found.do("kill-server")


def the_run(folder: Path) -> RunFolder:
    (run,) = every(folder / "runs")
    return run


def dataset(run: RunFolder) -> list[str]:
    outputs = json.loads(run.summary.read_bytes())["outputs"]
    return [line for output in outputs for line in Path(output["path"]).read_text("utf-8").splitlines()]


def test_open_run_leave_return_review_and_run_again(terminal: Tmux, samples: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(RECIPE)
    sample = samples / "support_desk.jsonl"

    terminal.studio(str(sample))  # the data first
    terminal.until(r"1/1\d\d ")
    terminal.keys("C-q")
    # A parameter is changed and the run is started; it needs nobody who looks.
    terminal.studio(
        "curate", str(sample), "--recipe", str(recipe), "--set", "length.min_chars=60", "--detach", "--no-report"
    )
    wait(lambda: every(tmp_path / "runs"), lambda: "no run")
    run = the_run(tmp_path)
    terminal.studio(str(sample))
    terminal.until("1 Data")
    terminal.keys("C-q", "C-q")  # the second where a run goes on and quitting asks
    wait(lambda: read_result(run) is not None, lambda: "the run did not go on")
    assert status_of(run) is Status.FINISHED
    before = dataset(run)

    terminal.studio("review", "last")  # opened again: ten changes, three of them rejected
    terminal.until(r"0 of \d+ judged")
    for number in range(10):
        terminal.until(rf"\S+:\d+ +{number + 1}/\d+")  # the change is drawn: a key pressed before is about nothing
        terminal.keys("x" if number in (1, 4, 7) else "a")
        terminal.until(rf"\b{number + 1} of \d+ judged")
    state = fold(read_journal(run.path / JOURNAL).verdicts)
    assert sorted(of.status for of in state.records.values()) == ["accepted"] * 7 + ["rejected"] * 3
    last = list(state.records)[-1]
    terminal.keys("u")
    terminal.until(r"\b9 of \d+ judged")
    state = fold(read_journal(run.path / JOURNAL).verdicts)
    assert last not in state.records and len(state.records) == 9

    terminal.keys("R")
    terminal.until("Do the run again")
    terminal.keys("y")
    terminal.until("The run is done again")
    terminal.until(r"\b9 of \d+ judged")
    terminal.keys("C-q")
    rejected = [of.rejects[0] for of in state.records.values() if of.rejects]
    assert len(rejected) == 3 and {line.author for line in rejected} == {"walker"}
    after = dataset(run)
    back = sum(line.stage in ("length", "exact") for line in rejected)
    assert after != before and len(after) == len(before) + back
    told = subprocess.run(
        [sys.executable, "-m", "studio", "why", "--runs-dir", str(tmp_path / "runs"), run.name, rejected[0].record_id],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "overruled" in told


def test_a_dropped_connection_leaves_the_run_alone(samples: Path, tmp_path: Path) -> None:
    """The terminal vanishes (SIGHUP) while the run that the Review screen started again is going on."""
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(RECIPE)
    environment = {"STUDIO_RUNS_DIR": str(tmp_path / "runs"), "STUDIO_CONFIG": str(tmp_path / "none.toml")}
    command = [sys.executable, "-m", "studio", "curate", str(samples / "support_desk.jsonl"), "--recipe", str(recipe)]
    subprocess.run(
        [*command, "--set", "length.min_chars=60"], env={**os.environ, **environment}, check=True, capture_output=True
    )
    run = the_run(tmp_path)
    with PtyScreen(["review", "last"], size=(120, 40), environment=environment) as screen:
        assert screen.pump(PATIENCE, until=b"judged"), screen.output[-1000:]
        screen.pump(1)
        screen.send("x")
        screen.pump(1)
        screen.send("R")
        assert screen.pump(PATIENCE, until=b"Do the run again")
        screen.send("y")
        wait(lambda: is_held(run) or read_result(run) is None, lambda: "it did not start")
        assert screen.hang_up() == -signal.SIGHUP
    wait(lambda: read_result(run) is not None and not is_held(run), lambda: "it did not end")
    assert status_of(run) is Status.FINISHED
    state = fold(read_journal(run.path / JOURNAL).verdicts)
    assert [of.status for of in state.records.values()] == ["rejected"]
    used = json.loads(run.result.read_bytes())["summary"]["verdicts"]
    assert used["digest"] == state.digest()
