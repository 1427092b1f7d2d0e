"""`studio chat`: in a terminal, in a pipe, and for programs."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "curation"))

from compare_runs import make_tiny, train_run
from llm_server import FaultyServer, last_user_text

from studio.cli.main import main

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

Cli = Callable[..., tuple[int, str, str]]
ASKED = "What colour is box 3?"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Path:
    """A folder with one training run."""
    data = tmp_path_factory.mktemp("data") / "mine.jsonl"
    colours = ("red", "blue", "green", "black")
    records = [
        {"question": f"What colour is box {n}?", "answer": f"Box {n} is {colours[n % 4]}. 它是"} for n in range(20)
    ]
    data.write_text("".join(json.dumps(one) + "\n" for one in records))
    folder = tmp_path_factory.mktemp("runs")
    train_run(folder, data, tiny, "template.name=chatml")
    return folder


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, runs: Path) -> Cli:
    """The verb in this process: exit code, stdout, stderr."""
    monkeypatch.setenv("STUDIO_RUNS_DIR", str(runs))

    def call(*words: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = main(["chat", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def answer(cli: Cli, *words: str, prompt: str = ASKED) -> str:
    """The text of the one answer."""
    code, out, err = cli(*words, "--prompt", prompt, "--json", "--max-tokens", "12")
    assert code == 0, err
    (found,) = json.loads(out)["answers"]
    return str(found["text"])


def test_the_last_run_answers_and_so_do_its_sides(cli: Cli, runs: Path, tiny: Path) -> None:
    (run,) = runs.iterdir()
    tuned, base = answer(cli), answer(cli, "--side", "base")
    assert tuned != base
    for words in (
        [run.name],
        [str(run)],
        ["last"],
        ["--side", "checkpoint:6"],
        [str(run / "adapter")],
        [run.name[-4:]],
    ):
        assert answer(cli, *words) == tuned, words
    assert answer(cli, str(tiny), "--template", "chatml") == base
    assert answer(cli, str(tiny), "--adapter", str(run / "adapter"), "--template", "chatml") == tuned
    assert answer(cli, "--adapter", str(run / "adapter")) == tuned


def test_json_is_one_object_a_question_with_both_answers(cli: Cli) -> None:
    code, out, err = cli("--compare", "--prompt", ASKED, "--json", "--max-tokens", "5", "--seed", "3")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["prompt"] == ASKED
    assert [one["side"] for one in found["answers"]] == ["base", "tuned"]
    assert {one["tokens"] for one in found["answers"]} == {5}
    assert {one["stopped"] for one in found["answers"]} == {"length"}
    assert len({one["seed"] for one in found["answers"]}) == 1
    assert out.isascii()


def test_plain_text_is_the_same_answer_and_narration_is_on_stderr(cli: Cli) -> None:
    text = answer(cli)
    code, out, err = cli("--prompt", ASKED, "--max-tokens", "12")
    from studio.display import display

    assert code == 0
    assert out == display(text, lines=True) + "\n"
    assert "12 tokens" in err
    code, out, err = cli("--prompt", ASKED, "--max-tokens", "12", "--quiet")
    assert (out, err) == (display(text, lines=True) + "\n", "")


def test_two_answers_are_told_apart(cli: Cli, runs: Path) -> None:
    (run,) = runs.iterdir()
    _, out, err = cli("--compare", "--prompt", ASKED, "--max-tokens", "6")
    heads = [line for line in out.splitlines() if line.startswith("[")]
    assert len(heads) == 2
    assert heads[0].startswith("[base (")
    assert heads[1] == f"[tuned ({run.name})]"
    assert err.count("6 tokens") == 2


@pytest.mark.parametrize(
    "changed",
    [
        ["--temperature", "0"],
        ["--top-p", "0.2"],
        ["--top-k", "1"],
        ["--repetition-penalty", "0.1"],
        ["--max-tokens", "5"],
        ["--seed", "9"],
        ["--system", "Answer in numbers."],
        ["--template", "zephyr"],
        ["--quantization", "nf4"],
        ["--dtype", "bfloat16"],
    ],
    ids=lambda words: words[0].strip("-"),
)
def test_every_option_changes_the_answer(changed: list[str], cli: Cli) -> None:
    usual = ["--temperature", "0.3", "--max-tokens", "60", "--seed", "1", "--prompt", ASKED, "--json"]
    before, after = (json.loads(cli(*usual, *more)[1])["answers"][0] for more in ([], changed))
    assert (before["text"], before["logprob"]) != (after["text"], after["logprob"])
    assert before["logprob"] < 0


def test_threads_are_those_that_are_wished(cli: Cli) -> None:
    import torch

    before = torch.get_num_threads()
    try:
        for threads in (2, 1):
            cli("--threads", str(threads), "--prompt", "x", "--max-tokens", "1")
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_each_line_of_a_pipe_is_a_question_of_its_own(cli: Cli) -> None:
    alone = [answer(cli, prompt=text) for text in (ASKED, "Two?")]
    code, out, _ = cli("--json", "--max-tokens", "12", stdin=f"{ASKED}\n\nTwo?\n/side base\nTwo?\n/quit\nnever\n")
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [one["prompt"] for one in found] == [ASKED, "Two?", "Two?"]
    assert [one["answers"][0]["text"] for one in found[:2]] == alone
    assert [one["answers"][0]["side"] for one in found] == ["tuned", "tuned", "base"]


@pytest.fixture
def endpoint() -> Iterator[FaultyServer]:
    def said(body: dict[str, Any]) -> str:
        return f"\x1b]0;owned\x07 You said {last_user_text(body)}, {len(body['messages'])} messages"

    with FaultyServer(said) as server:
        yield server


def test_an_endpoint_is_talked_to_and_cannot_steer_the_terminal(cli: Cli, endpoint: FaultyServer) -> None:
    code, out, _ = cli(endpoint.address, "--prompt", "hello", "--system", "Be kind.")
    assert code == 0
    assert out == "\\x1b]0;owned\\x07 You said hello, 2 messages\n"
    assert endpoint.requests[-1].body["messages"][0] == {"role": "system", "content": "Be kind."}


def test_the_key_of_an_endpoint_comes_from_a_variable(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "secret-1234")
    with FaultyServer(key="secret-1234") as server:
        assert cli(server.address, "--prompt", "hello", "--key-env", "MY_KEY")[:2] == (0, "You said: hello\n")
        code, out, err = cli(server.address, "--prompt", "hello", "--json")
    assert code != 0
    assert "secret" not in out + err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["no-such/place/here"], 3, "no-such/place/here"),
        (["--side", "checkpoint:4"], 3, "no checkpoint of step 4"),
        (["--adapter", "/nowhere"], 3, "adapter_config.json"),
        (["--temperature", "-1"], 2, "--temperature"),
    ],
)
def test_mistakes_get_one_line_and_a_hint(words: list[str], code: int, said: str, cli: Cli) -> None:
    found, out, err = cli(*words, "--prompt", "x")
    assert (found, out) == (code, "")
    assert said in err
    assert len([line for line in err.splitlines() if line.startswith(("Error: ", "Hint: "))]) == 2


def test_without_a_run_it_says_what_to_name(cli: Cli, tmp_path: Path) -> None:
    code, _, err = cli("--runs-dir", str(tmp_path), "--prompt", "x")
    assert code == 3
    assert "There is no training run" in err


class Terminal:
    """`studio chat` in a terminal of its own."""

    def __init__(self, *words: str, runs: Path) -> None:
        self.master, slave = pty.openpty()
        environment = {**os.environ, "STUDIO_RUNS_DIR": str(runs), "TERM": "dumb", "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "studio", "chat", *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
            preexec_fn=_own_terminal,
        )
        os.close(slave)
        os.set_blocking(self.master, False)
        self.text = ""

    def wait_for(self, text: str, seconds: float = 60) -> str:
        """Everything up to `text`, which is taken from what is waiting."""
        deadline = time.monotonic() + seconds
        while text not in self.text:
            assert time.monotonic() < deadline, f"{text!r} never came: {self.text[-2000:]!r}"
            try:
                self.text += os.read(self.master, 65536).decode(errors="replace")
            except BlockingIOError:
                time.sleep(0.01)
            except OSError:
                assert text in self.text, self.text[-2000:]
        before, found, self.text = self.text.partition(text)
        return before + found

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.wait(timeout=20)
        os.close(self.master)
        return self.process.returncode


def _own_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_a_conversation_in_a_terminal(runs: Path, endpoint: FaultyServer) -> None:
    """Turns are remembered, sides go on with them, Ctrl-C ends one answer, mistakes end nothing, Ctrl-D ends it."""
    terminal = Terminal("--max-tokens", "900", "--temperature", "1.2", "--seed", "10", runs=runs)
    try:
        terminal.wait_for("> ")
        terminal.type("Tell me everything.\n")
        time.sleep(0.2)  # with this seed it writes 900 tokens
        terminal.type("\x03")
        pressed = time.monotonic()
        terminal.wait_for("tokens")
        assert time.monotonic() - pressed < 2
        terminal.wait_for("> ")
        terminal.type("/sidee\n")
        assert "Did you mean '/side'?" in terminal.wait_for("> ")
        terminal.type("/side nowhere/at/all\n")
        assert "Error: " in terminal.wait_for("> ")
        terminal.type(f"/side {endpoint.address}\n")
        assert "answers." in terminal.wait_for("> ")
        terminal.type("And now?\n")
        assert "You said And now?, 3 messages" in terminal.wait_for("tokens")
        terminal.wait_for("> ")
        terminal.type("/reset\n")
        terminal.wait_for("> ")
        terminal.type("Again?\n")
        assert "You said Again?, 1 messages" in terminal.wait_for("tokens")
        terminal.wait_for("> ")
        terminal.type("\x03")
        assert "Ctrl-D ends" in terminal.wait_for("> ")
        terminal.type("\x04")
        assert terminal.end() == 0
    finally:
        if terminal.process.poll() is None:
            os.killpg(terminal.process.pid, signal.SIGKILL)


def test_both_answer_in_turns_and_each_remembers_its_own(runs: Path, endpoint: FaultyServer, tiny: Path) -> None:
    terminal = Terminal(str(tiny), "--template", "chatml", "--max-tokens", "4", runs=runs)
    try:
        terminal.wait_for("> ")
        terminal.type("/compare\n")
        assert "nobody to compare with" in terminal.wait_for("> ")
        terminal.type(f"/side {endpoint.address}\n")
        terminal.wait_for("> ")
        terminal.type("/compare One?\n")
        said = terminal.wait_for("> ")
        assert said.count("[") >= 2
        assert "You said One?, 1 messages" in said
        terminal.type("/compare\n")
        assert "answer." in terminal.wait_for("> ")
        terminal.type("Two?\n")
        assert "You said Two?, 3 messages" in terminal.wait_for("> ")
        sent = endpoint.requests[-1].body["messages"]
        assert "You said One?" in sent[1]["content"], "its own answer, not the other one's"
        terminal.type("/help\n")
        assert "/reset" in terminal.wait_for("> ")
        terminal.type("/quit\n")
        assert terminal.end() == 0
    finally:
        if terminal.process.poll() is None:
            os.killpg(terminal.process.pid, signal.SIGKILL)
