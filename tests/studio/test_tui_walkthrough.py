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
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest
from pty_screen import PtyScreen

from curation.verdicts import JOURNAL, fold, read_journal
from curation.verdicts.fold import RecordVerdicts
from studio.runs.events import EventReader
from studio.runs.folder import RunFolder, every
from studio.runs.lock import holder, is_held
from studio.runs.spec import read_spec
from studio.runs.status import Status, read_result, status_of

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")

Found = TypeVar("Found")
PATIENCE = 120.0  # seconds; the machine may be busy
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
        for name in ("TMUX", "COLUMNS", "LINES"):  # what this process knows of a terminal is not that terminal's size
            self.environment.pop(name, None)
        self.do("-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40", "PS1='$ ' sh")
        self.do("resize-window", "-x", "120", "-y", "40")  # and so it stays

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

        return wait(seen, lambda: f"{pattern!r} in:\n{self.screen.rstrip()}")


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


def enlarged(sample: Path, folder: Path, copies: int) -> Path:
    """The sample, and behind it copies whose turns end each in a number of their own, so that none is a duplicate."""
    lines = sample.read_text("utf-8").splitlines()
    records = []
    for line in lines:
        with suppress(ValueError):
            record = json.loads(line)
            if isinstance(record.get("messages"), list) and "NaN" not in line:
                records.append(record)
    path = folder / "many.jsonl"
    with path.open("w", encoding="utf-8") as out:
        out.writelines(f"{line}\n" for line in lines)
        for copy in range(copies):
            for record in records:
                turns = [{**turn, "content": f"{turn['content']} ({copy})"} for turn in record["messages"]]
                out.write(json.dumps({**record, "messages": turns}, ensure_ascii=False) + "\n")
    return path


def progress(run: RunFolder) -> int:
    """The number of shards that are finished."""
    return sum(event["event"] == "shard_finished" for event in EventReader(run.events).read())


@contextmanager
def held_still(run: RunFolder) -> Iterator[None]:
    """The run goes on only after this: however slow the terminal is on a busy machine, the run has not ended before."""
    by = holder(run)
    assert by is not None
    os.kill(by.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(by.pid, signal.SIGCONT)


def start_a_run_with_another_parameter(terminal: Tmux, path: Path, folder: Path) -> RunFolder:
    """Open the data, go to Curate, change `min_chars` of `length` in its form, start the run."""
    terminal.studio(str(path))
    terminal.until(r"1/\d\d,\d\d\d ")
    terminal.keys("2")
    terminal.until(r"▸\+ clean +~\d+")  # the preview is made, too
    terminal.keys("j", "j", "j")
    terminal.until(r"▸\+ length")
    terminal.keys("Enter", "j")
    terminal.until(r"▸\* min_chars +10")
    terminal.keys("Enter")
    terminal.until(r"(?m)^ min_chars 10")  # the line at the bottom asks
    terminal.do("send-keys", "C-u", "6", "0", "Enter")  # as fast as it can be typed
    terminal.until(r"▸\* min_chars +60")
    terminal.until(r"▸?\+ length +-\d\d")  # the preview says what that does
    terminal.keys("r")
    wait(lambda: every(folder / "runs"), lambda: f"no run\n{terminal.screen}")
    run = the_run(folder)
    terminal.until(rf"● running +{run.name}")
    return run


def leave_while_it_runs(terminal: Tmux, run: RunFolder) -> None:
    """Quit, which says that the run goes on; and it does."""
    wait(lambda: progress(run) >= 1, lambda: f"no shard\n{terminal.screen}")
    with held_still(run):
        terminal.keys("C-q")
        terminal.until(r"1 run continues in the background")
        terminal.keys("Enter")
        terminal.until(rf"(?m)^ +studio runs attach {run.name}$")
        assert status_of(run) is Status.RUNNING
        seen = progress(run)
    wait(lambda: progress(run) > seen, lambda: "the run does not go on with nobody looking")


def return_and_follow(terminal: Tmux, path: Path, run: RunFolder) -> None:
    """Open again: the run is found on Runs, attached, and followed to its end."""
    with held_still(run):
        assert status_of(run) is Status.RUNNING
        terminal.studio(str(path))
        terminal.until("● 1 run going on")
        terminal.keys("4")
        terminal.until(rf"▸ ● running +{run.name}")
        terminal.keys("a")
        terminal.until(rf"(?s)sft.*{path.name}.*● running +{run.name}.*\d records")
        assert "2 Curate" in terminal.screen and "s Stop" in terminal.screen
        assert status_of(run) is Status.RUNNING
    terminal.until(rf"✓ finished +{run.name}")
    assert status_of(run) is Status.FINISHED
    assert re.search(r"too_short|length", terminal.screen)


def review_ten(terminal: Tmux, run: RunFolder) -> list[RecordVerdicts]:
    """Ten changes judged, the second, fifth and eighth rejected; the last verdict taken back. What is left."""
    terminal.keys("4")
    terminal.until(rf"▸ ✓ finished +{run.name}")
    terminal.keys("v")
    terminal.until(r"0 of [\d,]+ judged")
    for number in range(10):
        terminal.until(rf"\S+:\d+ +{number + 1}/[\d,]+")  # the change is drawn: a key pressed before is about nothing
        terminal.keys("x" if number in (1, 4, 7) else "a")
        terminal.until(rf"\b{number + 1} of [\d,]+ judged")
    state = fold(read_journal(run.path / JOURNAL).verdicts)
    assert sorted(of.status for of in state.records.values()) == ["accepted"] * 7 + ["rejected"] * 3
    last = list(state.records)[-1]
    terminal.keys("u")
    terminal.until(r"\b9 of [\d,]+ judged")
    state = fold(read_journal(run.path / JOURNAL).verdicts)
    assert last not in state.records and len(state.records) == 9
    return list(state.records.values())


def run_again(terminal: Tmux, run: RunFolder) -> None:
    """The run is done again from the Review screen, with the verdicts."""
    first = run.result.stat().st_mtime_ns
    terminal.keys("R")
    terminal.until("Do the run again")
    terminal.keys("y")
    terminal.until("The run is done again")
    terminal.until(r"\b9 of [\d,]+ judged")
    assert status_of(run) is Status.FINISHED and run.result.stat().st_mtime_ns > first
    terminal.keys("C-q")
    terminal.until(r"\$ ?\n*$")


def test_open_curate_leave_return_follow_review_and_run_again(terminal: Tmux, samples: Path, tmp_path: Path) -> None:
    path = enlarged(samples / "support_desk.jsonl", tmp_path, 400)
    run = start_a_run_with_another_parameter(terminal, path, tmp_path)
    assert "min_chars: 60" in read_spec(run).recipe["yaml"]
    leave_while_it_runs(terminal, run)
    return_and_follow(terminal, path, run)
    before = dataset(run)
    judged = review_ten(terminal, run)
    run_again(terminal, run)

    after = dataset(run)
    rejected = {of.rejects[0].record_id: of.rejects for of in judged if of.rejects}
    assert len(rejected) == 3 and {line.author for lines in rejected.values() for line in lines} == {"walker"}
    source = path.read_text("utf-8").splitlines()
    texts = Counter(json.dumps(json.loads(line)["messages"], ensure_ascii=False) for line in after)
    texts_before = Counter(json.dumps(json.loads(line)["messages"], ensure_ascii=False) for line in before)
    back = 0
    for name, lines in rejected.items():
        original = json.dumps(json.loads(source[int(name.rpartition(":")[2]) - 1])["messages"], ensure_ascii=False)
        assert texts[original] == texts_before[original] + 1, name  # as it was read, which it was not before
        back += any(line.stage in ("length", "exact") for line in lines)
    assert len(after) == len(before) + back and sum((texts - texts_before).values()) == 3
    told = subprocess.run(
        [sys.executable, "-m", "studio", "why", "--runs-dir", str(tmp_path / "runs"), run.name, next(iter(rejected))],
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
