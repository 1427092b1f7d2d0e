"""Pushing to a stand-in of the Hub, over HTTP: whole or not at all, private, and never with the token left anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from export_bench import trained
from hub_server import TOKEN, Hub, hub_server


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_server() as found:
        yield found


@pytest.fixture(scope="module")
def runs(tiny: Path, questions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with one training in it."""
    folder = tmp_path_factory.mktemp("pushed") / "runs"
    trained(tiny, questions, folder)
    return folder


# Several pushes in one process: what takes the time is loading the libraries.
_PUSHES = """
import json, sys
from studio.cli.main import main
for words in json.loads(sys.argv[1]):
    print("\\nCODE", main(words))
"""


def push(hub: Hub, runs: Path, *commands: list[str], **environment: str) -> list[tuple[int, str]]:
    """`studio export …` for each of the commands; their exit codes, and all that was said."""
    settings = {"HF_ENDPOINT": hub.address, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
    base = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HOME": str(runs.parent / "hf"), **settings, **environment}
    short = ["--runs-dir", str(runs), "--prompts", "2", "--tokens", "2", "--plain"]
    words = [["export", *command, *short] for command in commands]
    done = subprocess.run(
        [sys.executable, "-c", _PUSHES, json.dumps(words)],
        capture_output=True, text=True, env=base, timeout=600, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert TOKEN not in said
    codes = [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("CODE ")]
    assert len(codes) == len(commands), said[-3000:]
    return [(code, said) for code in codes]


def test_a_private_repository_whole_commits_and_nothing_twice(hub: Hub, runs: Path) -> None:
    adapter = ["last", "--to", "hub", "--hub", "me/box"]
    merged = [*adapter, "--hub-content", "merged"]
    codes = [code for code, _ in push(hub, runs, adapter, adapter, merged, [*adapter[:-1], "me/open", "--public"])]
    assert codes == [0, 0, 0, 0]
    box = hub.repositories["me/box"]
    assert box.private
    assert not hub.repositories["me/open"].private
    assert len(box.commits) == 3  # the first one, and two pushes that changed something
    assert hub.count("PUT", "/lfs/") == 2  # the adapter once, the merged weights once
    assert set(box.files) == {
        "README.md", "chat_template.jinja", "config.json", "generation_config.json", "model.safetensors",
        "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    card = box.files["README.md"].decode()
    assert "## Checked after export" in card
    assert "greedy answers are the same to the token" in card
    assert "questions.jsonl" in card
    assert "## Limits" in card
    assert "adapter_config.json" in hub.repositories["me/open"].files
    for path in runs.rglob("*"):
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes(), path
    assert "agent-harnesses" not in " ".join(hub.requests)  # the library's telemetry is off


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (("POST", "/commit/", 500), 6, "Push again"),
        (("POST", "/commit/", "drop"), 6, "cannot be reached"),
        (("POST", "/commit/", 412), 6, "Somebody changed it"),
        (("PUT", "/lfs/", 403), 6, "right to write"),
        (("POST", "/preupload/", 401), 6, "log in again"),
        (("POST", "/objects/batch", 404), 6, "Check the owner's name"),
        (("POST", "/validate-yaml", 400), 6, "was not changed"),
    ],
)
def test_a_push_that_fails_changes_nothing_and_the_next_one_does(
    fault: tuple[str, str, int | str], code: int, said: str, hub: Hub, runs: Path
) -> None:
    hub.faults = [fault]
    command = ["last", "--to", "hub", "--hub", "me/box"]
    (first, words), (second, _) = push(hub, runs, command, command)
    assert (first, second) == (code, 0)
    assert said in words
    assert "me/box was not changed" in words
    assert not hub.faults
    assert len(hub.repositories["me/box"].commits) == 2
    assert "adapter_model.safetensors" in hub.repositories["me/box"].files


def test_what_cannot_be_pushed_is_said_before_anything_is_done(hub: Hub, runs: Path) -> None:
    command = ["last", "--to", "hub", "--hub", "me/box"]
    before = len(list(runs.iterdir()))
    assert push(hub, runs, command, HF_HUB_OFFLINE="1")[0][0] == 3
    (code, said) = push(hub, runs, command, HF_TOKEN="", HF_HUB_OFFLINE="0", HF_TOKEN_PATH=str(runs / "none"))[0]
    assert code == 3
    assert "Nobody is logged in" in said
    (code, said), (_, _) = push(hub, runs, ["last", "--to", "hub"], ["last", "--to", "hub", "--hub", "box"])
    assert code == 3
    assert "No repository on the Hub is named" in said
    assert len(list(runs.iterdir())) == before
    assert not hub.requests


def test_a_repository_for_everybody_needs_the_word_public(hub: Hub, runs: Path) -> None:
    command = ["last", "--to", "hub", "--hub", "me/box"]
    codes = push(hub, runs, [*command, "--public"], command, ["last", "--to", "hub", "--hub", "others/box"])
    assert [code for code, _ in codes] == [0, 3, 6]
    assert "for everybody to see" in codes[1][1]
    assert len(hub.repositories["me/box"].commits) == 2
    assert "others/box" not in hub.repositories


def test_the_dataset_of_a_curation(hub: Hub, tmp_path: Path) -> None:
    from studio.cli.main import main

    source = tmp_path / "in.jsonl"
    lines = [{"question": f"What is {n} plus {n}?", "answer": f"It is {2 * n}, of course."} for n in range(30)]
    source.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(["curate", str(source), "--runs-dir", str(tmp_path / "runs"), "--quiet"]) == 0
    command = ["curate", "--to", "hub", "--hub", "me/sums"]
    assert [code for code, _ in push(hub, tmp_path / "runs", command, command)] == [0, 0]
    sums = hub.repositories["me/sums"]
    assert (sums.kind, sums.private, len(sums.commits)) == ("dataset", True, 2)
    assert "README.md" in sums.files
    assert sums.files["train.jsonl"].count(b"\n") > 20
