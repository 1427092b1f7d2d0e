"""A person compares in a real terminal (tmux): watch both answer, ask, go on, call off, vote, reveal, read the figures, and go
back from an answer to the record that it was learned from, and to what became of it.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_tui_walkthrough import Tmux, wait
from train_drawn import make_tiny_model

from curation.verdicts import JOURNAL, fold, read_journal
from studio.runs.compare_begin import begin_compare
from studio.runs.compared import CompareSnapshot, read_compared
from studio.runs.events import EventReader
from studio.runs.folder import RunFolder, every
from studio.runs.lock import is_held
from studio.runs.spec import read_spec
from studio.runs.status import Status, status_of
from studio.runs.stop import force_stop
from training.compare.report import compare_facts
from training.compare.votes import VoteBook

pytestmark = [pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux"), pytest.mark.slow]

RECIPE = """
name: boxes
model:
  name: {model}
data:
  validation: 0.15
schedule:
  max_steps: 60
  batch_size: 2
optimizer:
  learning_rate: 0.01
evaluation:
  every: 60
  samples: 0
checkpoints:
  every: 60
device:
  threads: 1
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model, a curation of sixty records, and a finished training on what it kept."""
    folder = tmp_path_factory.mktemp("compared")
    make_tiny_model(folder / "tiny")
    with (folder / "boxes.jsonl").open("w", encoding="utf-8") as stream:
        for number in range(60):
            colour = ("red", "blue", "green")[number % 3]
            record = {"question": f"第{number}个盒子是什么颜色?", "answer": f"Box {number} is {colour}."}
            stream.write(json.dumps(record, ensure_ascii=False) + "\n")
    (folder / "clean.yaml").write_text("stages:\n  - {use: clean}\n  - {use: length, min_chars: 5}\n")
    (folder / "boxes.yaml").write_text(RECIPE.format(model=folder / "tiny"))
    studio(folder, "curate", "--in", "boxes.jsonl", "--recipe", "clean.yaml", "--no-report", "--quiet")
    studio(folder, "train", "--data", "last", "--recipe", "boxes.yaml", "--quiet")
    return folder


def studio(folder: Path, *words: str) -> None:
    command = [sys.executable, "-m", "studio", *words, "--runs-dir", str(folder / "runs")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture
def terminal(trained: Path, tmp_path: Path) -> Iterator[Tmux]:
    (tmp_path / "runs").symlink_to(trained / "runs")
    found = Tmux(tmp_path)
    yield found
    found.do("kill-server")
    for run in every(trained / "runs"):
        if is_held(run):
            force_stop(run, 10.0)


def the_comparison(folder: Path) -> RunFolder:
    return [run for run in every(folder / "runs") if "-compare-" in run.name][-1]


def run_of(run: RunFolder) -> str:
    return str(read_spec(run).options["run"])


def seen(run: RunFolder) -> CompareSnapshot:
    return read_compared(run.path)


def typed(terminal: Tmux, key: str, asks: str, words: str) -> None:
    for _ in range(5):  # a key is not heard while the answers before it are being laid out
        terminal.keys(key)
        end = time.monotonic() + 5
        while time.monotonic() < end and not re.search(asks, terminal.screen):
            time.sleep(0.1)
        if re.search(asks, terminal.screen):
            break
    terminal.until(asks)
    terminal.do("send-keys", "-l", words)
    terminal.keys("Enter")


def test_watch_ask_vote_reveal_and_go_back_to_the_data(terminal: Tmux, trained: Path) -> None:
    terminal.studio()
    terminal.until("1 Data")
    terminal.keys("6")
    terminal.until(r"finished training +\S+-train-")
    terminal.keys("n")
    terminal.until("any two models")
    terminal.keys("End", "Up", "Enter")  # quick
    terminal.until(r"\d+ tokens · \d+\.\d/s · writing …(.|\n)*▌")  # both stream, side by side
    terminal.until("waiting for you")
    run = the_comparison(trained)
    prompts = seen(run).prompts
    assert len(prompts) == 9 and {prompt.source for prompt in prompts} == {"heldout"}
    short = re.escape("-".join(Path(str(run_of(run))).name.split("-")[-2:]))
    assert re.search(rf"A tiny \(base\) .*│ B tuned {short}", terminal.screen)

    typed(terminal, "i", "Ask both", "第3个盒子是什么颜色?")
    terminal.until("9 of 10 answered|10 of 10 answered")
    wait(lambda: seen(run).answered == 10 and not seen(run).writing, lambda: terminal.screen)
    terminal.until("typed(.|\n)*第3个盒子是什么颜色?")
    typed(terminal, "I", "Ask on", "And number 4?")
    wait(lambda: seen(run).answered == 11, lambda: terminal.screen)
    screen = terminal.until("And number 4?(.|\n)*ended by itself|And number 4?(.|\n)*cut at the limit")
    assert screen.index("第3个盒子是什么颜色?", screen.index("typed")) < screen.index("And number 4?")

    vote(terminal, VoteBook(run.path))
    terminal.keys("R")
    terminal.until("Show which side is which")
    terminal.keys("y")
    terminal.until(r"Blind votes +\d+ votes?")
    facts = compare_facts(run.path)
    low, high = facts["votes"]["preference"]["interval"]
    terminal.until(rf"win rate of .* {facts['votes']['preference']['rate']:.0%} \({low:.0%} to {high:.0%}\)")
    terminal.until("not shown|Not shown|is better|is worse|fits the held-out records")
    terminal.keys("Escape", "w")
    terminal.until("The report is")
    assert (run.path / "compare.html").is_file()

    terminal.keys("g")
    back_to_the_data(terminal, trained)
    terminal.keys("Escape", "s")
    terminal.until("Stop")
    terminal.keys("y")
    terminal.until("■ stopped|✓ finished")
    assert status_of(run) in (Status.STOPPED, Status.FINISHED) and not is_held(run)


def vote(terminal: Tmux, book: VoteBook) -> None:
    """On every pair, with one vote taken back, and an interruption."""
    done, total = book.progress("walker")
    assert (done, total > 3) == (0, True)
    terminal.keys("v")
    screen = terminal.until(rf"0 of {total} voted")
    assert "A tiny" not in screen and "B tuned" not in screen and "/s ·" not in screen
    terminal.keys("Left")
    terminal.until(rf"1 of {total} voted")
    terminal.keys("u")
    terminal.until(rf"0 of {total} voted")
    for number, key in enumerate(["Left", "Right", "t", "b", "Down", *["Right"] * (total - 5)][:total], start=1):
        if number == 3:
            terminal.keys("v")
            terminal.until("A .*↔")
            terminal.keys("v")
        terminal.keys(key)
        wait(lambda number=number: book.progress("walker")[0] == number, lambda: terminal.screen)  # type: ignore[misc]
    assert book.progress("walker") == (total, total)


def back_to_the_data(terminal: Tmux, trained: Path) -> None:
    """From the tuned side's answer to a training record, its story, and a verdict that is taken back."""
    terminal.keys("o")
    terminal.until("Training records nearest to the answer of B")
    terminal.until(r"alike \d\.\d\d")
    terminal.keys("Enter")
    screen = terminal.until(r"Curation \S+-curate-(.|\n)*It begins in(.|\n)*boxes\.jsonl")
    record = re.search(r"record (boxes\.jsonl:\d+): kept", screen)
    assert record is not None
    journal = next(run for run in every(trained / "runs") if "-curate-" in run.name).path / JOURNAL
    terminal.keys("D")
    terminal.until("Dropped: the next run of")
    terminal.until("decided by people: dropped")
    (verdicts,) = fold(read_journal(journal).verdicts).records.values()
    assert verdicts.drop is not None and verdicts.drop.record_id == record[1]
    terminal.keys("u")
    terminal.until("Taken back in")
    assert not fold(read_journal(journal).verdicts)


def test_a_call_off_frees_the_models_within_a_second(terminal: Tmux, trained: Path) -> None:
    training = next(run for run in every(trained / "runs") if "-train-" in run.name)
    long = [
        "prompts.limit=0",
        "sampling.max_tokens=4000",
        "sampling.temperature=1.5",
        "losses.heldout=false",
        "losses.retention=false",
    ]
    run = begin_compare(str(training.path), trained / "runs", settings=long)
    terminal.studio(str(run.path))
    terminal.until("1 Data")
    terminal.keys("6")
    terminal.until("waiting for you")
    for number in range(1, 9):  # a model this small may end by itself before anybody can press a key
        typed(terminal, "i", "Ask both", f"Tell me everything, {number}.")
        wait(lambda number=number: len(seen(run).prompts) == number and seen(run).replies, lambda: terminal.screen)  # type: ignore[misc]
        began = time.time()
        terminal.do("send-keys", "x")
        wait(
            lambda number=number: seen(run).answered == number and not seen(run).writing,  # type: ignore[misc]
            lambda: terminal.screen,
        )
        ended = [event for event in EventReader(run.events).read() if event["event"] == "answered"][-2:]
        if {event["stopped"] for event in ended} == {"stopped"}:
            break
    assert {event["stopped"] for event in ended} == {"stopped"} and len(ended) == 2
    assert max(event["time"] for event in ended) - began < 1.0
    terminal.until("called off")
    terminal.until("waiting for you")
