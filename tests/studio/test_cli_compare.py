"""`studio compare` and `studio evaluate`, whole: a tiny training run, its answers, votes, judge, report and gate."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "curation"))

import warm_start
from compare_runs import make_tiny, train_run
from llm_server import FaultyServer

from studio.cli.main import main
from studio.runs.folder import RunFolder
from training.compare.asks import AskWriter
from training.compare.model import ANSWERS, JUDGEMENTS, Answer, last_answers, read

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

Cli = Callable[..., tuple[int, str, str]]
SHORT = ("--set", "sampling.max_tokens=8", "--set", "losses.retention=false", "--set", "statistics.resamples=400")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a training run in `runs`."""
    folder = tmp_path_factory.mktemp("home")
    tiny = make_tiny(folder / "tiny")
    colours = ("red", "blue", "green", "black")
    records = [
        {"question": f"What colour is box {n}?", "answer": f"Box {n} is {colours[n % 4]}. 它是"} for n in range(60)
    ]
    (folder / "mine.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    train_run(folder / "runs", folder / "mine.jsonl", tiny, "template.name=chatml")
    return folder


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, home: Path) -> Cli:
    """A verb in this process: exit code, stdout, stderr."""
    monkeypatch.setenv("STUDIO_RUNS_DIR", str(home / "runs"))
    monkeypatch.chdir(home)

    def call(*words: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = main(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    return call


def comparisons(home: Path) -> list[Path]:
    return sorted((path for path in (home / "runs").glob("*-compare-*")), key=lambda path: path.stat().st_mtime)


def test_from_a_run_to_a_verdict(cli: Cli, home: Path) -> None:
    code, out, err = cli("compare", "last", *SHORT)
    assert code == 0, err
    assert out.strip().splitlines()[0].startswith(("BETTER. ", "WORSE. ", "NOT SHOWN. "))
    assert "held-out loss" in out and "studio compare --vote" in out
    folder = comparisons(home)[-1]
    facts = json.loads((folder / "compare.json").read_text())
    assert facts["counts"]["answered"] == facts["counts"]["prompts"] == 12
    assert facts["heldout"]["records"] == 12 and facts["heldout"]["b"] < facts["heldout"]["a"]
    assert (folder / "compare.html").is_file() and (folder / "card.md").is_file()
    assert oct((folder / "answers.jsonl").stat().st_mode)[-3:] == "600"

    # Nothing is done twice
    before = (folder / "answers.jsonl").read_bytes()
    code, _, err = cli("compare", "--resume", "last")
    assert code == 0 and "finished already" in err
    code, out, err = cli("compare", "--resume", "last", "--set", "suites.names=[copying]", "--set", "suites.size=2")
    assert code == 0, err
    assert (folder / "answers.jsonl").read_bytes() == before
    assert "copying (en)" in out and "copying (zh)" in out

    # Blind votes, with one taken back
    letters = ["l", "t", "u", *("lrtb"[n % 4] for n in range(20))]
    code, out, err = cli("compare", "--vote", "last", stdin="\n".join(letters) + "\n")
    assert code == 0 and "Taken back." in err and "Every pair is voted on." in err, err
    assert "Pair 1 of" in out and "── Left" in out
    code, out, _ = cli("compare", "--report", "last", "--json")
    tally = json.loads(out)["votes"]["tally"]
    assert (
        code == 0 and tally["votes"] == json.loads(out)["counts"]["answered"] - json.loads(out)["counts"]["identical"]
    )

    # The gate
    policy = home / "policy.yaml"
    policy.write_text("verdicts: [better, worse, not shown]\nmax_heldout_loss_increase: 0.5\n")
    code, out, err = cli("evaluate", folder.name, "--gate", str(policy))
    assert code == 0 and "The gate passes" in out, out + err
    policy.write_text("verdicts: [better, worse, not shown]\nmax_heldout_loss_increase: -9\n")
    code, out, _ = cli("evaluate", folder.name, "--gate", str(policy), "--json")
    assert code == 1 and not json.loads(out)["passed"]
    policy.write_text("max_heldout_los_increase: 1\n")
    code, _, err = cli("evaluate", folder.name, "--gate", str(policy))
    assert code == 2 and "max_heldout_loss_increase" in err


def test_a_judge_at_an_endpoint_is_asked_in_both_orders(cli: Cli, home: Path) -> None:
    def answer(request: dict[str, Any]) -> str:
        return json.dumps({"reason": "The first one reads better.", "winner": "A"})

    with FaultyServer(answer) as server:
        code, out, err = cli("compare", "last", *SHORT, "--limit", "3", "--judge", f"{server.url}#judge")
        assert code == 0, err
        rows = [json.loads(line) for line in (comparisons(home)[-1] / JUDGEMENTS).read_text().splitlines()]
        different = [row for row in rows if row["verdicts"]]
        assert len(rows) == 3 and server.billed == 2 * len(different)
        assert {row["winner"] for row in rows} <= {"tie", "failed"}, "whoever stands first is nobody's victory"
        assert "preferred, judge" in out


def test_any_two_sides_and_a_file(cli: Cli, home: Path) -> None:
    asked = home / "asked.txt"
    asked.write_text("你好\nWhat colour is box 1?\n")
    words = ("--left", "tiny", "--right", "checkpoint:3", "--prompts", "asked.txt", "--set", "losses.heldout=false")
    code, out, err = cli("compare", "last", *words, *SHORT)
    assert code == 0, err
    answers = last_answers(comparisons(home)[-1])
    assert len(answers) == 4 and all(answer.tokens for answer in answers.values())
    assert "NOT SHOWN" in out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("compare", "--left", "a", "--right", "b"), 3, "studio compare RUN"),
        (("compare", "nothing-like-it"), 3, "There is no run"),
        (("compare", "last", "--preset", "ful"), 2, "full"),
        (("compare", "last", "--set", "sampling.max_token=3"), 2, "max_tokens"),
        (("compare", "last", "--set", "judge.rubrics=[helpfulness]"), 2, "judge.model"),
        (("compare", "last", "--right", "base"), 2, "both sides are base"),
        (("compare", "last", "--right", "checkpoint:99"), 3, "checkpoint:3"),
        (("compare", "--resume", "last", "--left", "base"), 2, "--left"),
        (("evaluate", "last", "--gate", "missing.yaml"), 3, "missing.yaml"),
    ],
)
def test_what_is_wrong_is_said(cli: Cli, words: tuple[str, ...], code: int, said: str) -> None:
    if "--resume" in words:
        assert cli("compare", "last", *SHORT, "--limit", "1")[0] == 0
    found, _, err = cli(*words)
    assert found == code and said in err, err


def test_the_recipe_is_printed(cli: Cli) -> None:
    code, out, _ = cli("compare", "last", "--preset", "full", "--limit", "7", "--print")
    assert code == 0 and "limit: 7" in out and "# studio compare RUN" in out


@pytest.fixture
def opened(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunFolder]:
    """A comparison that waits for questions, in a process of its own."""
    from studio.runs.compare_begin import begin_compare
    from studio.runs.stop import request_stop, wait_until_free

    monkeypatch.chdir(home)
    settings = ["prompts.limit=1", "sampling.max_tokens=2000", "losses.heldout=false", "losses.retention=false"]
    folder = begin_compare("last", home / "runs", settings=[*settings, "sides.threads=1"])
    try:
        yield folder
    finally:
        request_stop(folder)
        wait_until_free(folder, 20)


def _until(what: Callable[[], bool], seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def test_an_open_comparison_answers_is_cancelled_and_goes_on(opened: RunFolder) -> None:
    """A stopped generation frees the model within a second: the next question is begun."""
    writer = AskWriter(opened.path)
    events = opened.events

    def text() -> str:
        return events.read_text() if events.exists() else ""

    _until(lambda: '"answer_grew"' in text())
    first = json.loads((opened.path / "prompts.jsonl").read_text().splitlines()[0])["prompt_id"]
    asked = time.monotonic()
    writer.cancel(first)
    _until(lambda: text().count('"answered"') >= 2)
    assert time.monotonic() - asked < 3  # a second, and the wait for a shared core
    assert {answer.stopped for answer in read(opened.path / ANSWERS, Answer)} <= {"stopped", "end"}
    _until(lambda: '"waiting"' in text())
    typed = writer.prompt("你好")
    _until(lambda: text().count(f'"{typed}"') >= 3)
    writer.cancel(typed)
    _until(lambda: (typed, "b") in last_answers(opened.path))
    follow = writer.follow(typed, "And?")
    writer.cancel(follow)
    threading.Event().wait(0.5)
    assert text().count('"run_failed"') == 0


def test_a_killed_comparison_goes_on_where_it_was(home: Path) -> None:
    words = ["compare", "last", *SHORT, "--set", "sampling.max_tokens=24", "--quiet"]
    environment = {**os.environ, "STUDIO_RUNS_DIR": str(home / "runs"), "OMP_NUM_THREADS": "1"}
    before = set(comparisons(home))
    process = warm_start.start(words, cwd=home, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)

    def answered() -> int:
        made = [path for path in comparisons(home) if path not in before]
        return len(read(made[-1] / ANSWERS, Answer)) if made else 0

    _until(lambda: answered() >= 3)
    process.kill()
    process.communicate()
    folder = next(path for path in comparisons(home) if path not in before)
    kept = (folder / ANSWERS).read_bytes()
    done = warm_start.run(["compare", "--resume", folder.name, "--json"], cwd=home, env=environment)
    assert done.returncode == 0, done.stderr
    whole = (folder / ANSWERS).read_bytes()
    assert whole.startswith(kept.rpartition(b"\n")[0])
    rows = read(folder / ANSWERS, Answer)
    assert len({(row.prompt_id, row.side) for row in rows}) == 24 and len(rows) <= 26
