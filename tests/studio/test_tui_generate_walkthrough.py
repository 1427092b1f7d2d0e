"""A person generates in a real terminal (tmux), from an endpoint on this machine: plan, preview, watch, quit and come back,
accept, reject, edit, ask anew, undo; and the dataset is as they decided.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_tui_walkthrough import Tmux, wait

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "curation"))
from generate_village import answer as village_answer
from generate_village import expected, line, person, write_village
from llm_server import FaultyServer

from curation.synthesis.decisions import decided
from curation.synthesis.model import Outcome, last_outcomes
from studio.runs.folder import RunFolder, every
from studio.runs.lock import is_held
from studio.runs.status import Status, status_of
from studio.runs.stop import force_stop

pytestmark = [pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux"), pytest.mark.slow]

PEOPLE = 18
RECIPE = """
name: village
source: {{kind: documents, lines: true}}
ask: {{per_chunk: 2, per_call: 2}}
model: {{name: "{address}", concurrency: 2, structured: "off"}}
gates: {{semantic: 0}}
budget: {{price_prompt: 1.0, price_completion: 2.0}}
"""


def slowly(body: dict[str, Any]) -> str:
    time.sleep(0.7)
    return village_answer(body)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer(slowly) as found:
        yield found


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Tmux]:
    (tmp_path / "runs").mkdir()
    found = Tmux(tmp_path)
    yield found
    found.do("kill-server")
    for run in every(tmp_path / "runs"):
        if is_held(run):
            force_stop(run, 10.0)


def type_in(terminal: Tmux, asks: str, words: str) -> None:
    terminal.until(asks)
    terminal.do("send-keys", "-l", words)
    terminal.keys("Enter")


def dataset(run: RunFolder) -> dict[str, dict[str, Any]]:
    lines = (run.path / "dataset" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    return {record["id"]: record for record in map(json.loads, lines)}


def said(record: dict[str, Any]) -> str:
    return str(record["messages"][-1]["content"])


def outcomes(run: RunFolder) -> dict[str, Outcome]:
    return last_outcomes(run.path)


def test_plan_watch_leave_come_back_and_decide(terminal: Tmux, server: FaultyServer, tmp_path: Path) -> None:
    write_village(tmp_path / "parish.txt", PEOPLE)
    (tmp_path / "village.yaml").write_text(RECIPE.format(address=server.address), encoding="utf-8")

    # Nothing there yet: the screen says what to press
    terminal.studio()
    terminal.until("1 Data")
    terminal.keys("7")
    terminal.until("Nothing was generated here yet(.|\n)*n makes questions and answers")
    terminal.keys("n")
    terminal.until("What are records made from")
    terminal.keys("End", "Enter")
    type_in(terminal, "a YAML file, or the folder", str(tmp_path / "village.yaml"))
    type_in(terminal, "documents, folders or patterns, with", str(tmp_path / "parish.txt"))
    terminal.until(r"parish\.txt · stub")

    # What would be read and asked, before anybody is
    terminal.keys("p")
    screen = terminal.until(rf"{PEOPLE} calls · about")
    assert "stay on this machine" in screen and f"{PEOPLE} documents · {PEOPLE} chunks" in screen
    terminal.until("Prompt 1 of(.|\n)*Entry 0: ")
    assert not server.requests
    terminal.keys("r")

    # Live: counts, tokens, cost, rate
    terminal.until(r"● asking +stub")
    screen = terminal.until(r"\d+ of 36 items .* accepted \d+ \(")
    terminal.until(r"\d+ tokens · cost [\d.e-]+ · [\d.]+ items/s · .* left · \d of \d calls at once")
    (run,) = every(tmp_path / "runs")

    # Quitting leaves it running, and says so; it is there again
    terminal.keys("C-q")
    terminal.until("1 run continues in the background")
    terminal.keys("Enter")
    terminal.until(rf"studio runs attach {run.name}")
    assert is_held(run)
    before = len(outcomes(run))
    terminal.studio(str(run.path))
    terminal.until("1 Data")
    terminal.keys("7")
    terminal.until(r"● asking|✓ finished")
    terminal.until("✓ finished")
    assert status_of(run) is Status.FINISHED and len(outcomes(run)) == PEOPLE > before
    wanted = expected(PEOPLE)
    assert len(dataset(run)) == wanted["accepted"]
    terminal.until(rf"36 of 36 items +✓ accepted {wanted['accepted']} .*✗ rejected \d+ +! failed {wanted['missing']}")

    decide(terminal, run, wanted["accepted"])
    regenerate(terminal, run, server)


QUEUES = ("everything", "accepted", "rejected", "near_duplicate", "quote_not_found", "failed", "missing")


def open_queue(terminal: Tmux, name: str) -> None:
    for _ in range(len(QUEUES)):
        now = terminal.until(r"([a-z_ ]+)  \d+/\d+")
        found = re.search(r"(?m)^ ([a-z_]+)  \d+/\d+", now)
        assert found is not None, now
        if found[1] == name:
            return
        on = QUEUES.index(name) > QUEUES.index(found[1])
        terminal.keys("]" if on else "[")
        wait(lambda before=found[0]: before not in terminal.screen, lambda: terminal.screen)  # type: ignore[misc]
    raise AssertionError(f"no queue {name} in\n{terminal.screen}")


def decide(terminal: Tmux, run: RunFolder, accepted: int) -> None:
    # Accept what a gate turned away
    open_queue(terminal, "near_duplicate")
    terminal.until(r"near_duplicate: Nearly the same(.|\n)*like u00002\.1: +Where are all books")
    terminal.keys("a")
    wait(lambda: len(dataset(run)) == accepted + 1, lambda: terminal.screen)
    terminal.until(rf"1 decided by people → {accepted + 1} in the dataset")

    # Mend a quote that does not occur in its source: a wrong one is refused, the right one is located
    open_queue(terminal, "quote_not_found")
    name, thing, many, place, _parent = person(2)
    terminal.until(rf"{name} is said to keep")
    terminal.keys("e")
    terminal.until("Edit u00003.0")
    terminal.keys("Tab")  # from the answer to the quote
    terminal.do("send-keys", "-l", "Not so: ")
    terminal.keys("C-o")
    terminal.until("The quote does not occur in the source")
    terminal.keys("F7")  # all of it
    quote = f"{name} keeps {many} {thing} in the barn of {place}."
    terminal.do("send-keys", "-l", quote)
    terminal.keys("C-o")
    wait(lambda: len(dataset(run)) == accepted + 2, lambda: terminal.screen)
    edited = next(record for record in dataset(run).values() if record["id"] == "u00003.0")
    (span,) = edited["spans"]
    assert span["quote"] == quote
    assert line(2)[span["start"] : span["end"]] == quote

    # Reject an accepted one, take that back, and reject it again
    open_queue(terminal, "accepted")
    terminal.keys("x")
    wait(lambda: "u00001.0" not in dataset(run), lambda: terminal.screen)
    terminal.keys("u")
    terminal.until("Taken back: u00001.0")
    wait(lambda: "u00001.0" in dataset(run), lambda: terminal.screen)
    terminal.keys("x")
    wait(lambda: "u00001.0" not in dataset(run), lambda: terminal.screen)
    assert decided(run.path)["u00001.0"].author == "walker"


def regenerate(terminal: Tmux, run: RunFolder, server: FaultyServer) -> None:
    """Ask for another in the place of an accepted one; the run goes on, and asks this alone."""
    asked = len(server.requests)
    kept = len(dataset(run))
    terminal.keys("r")
    terminal.until("c goes on, and asks for 1 item anew")
    wait(lambda: "u00001.1" not in dataset(run), lambda: terminal.screen)
    terminal.keys("c")
    wait(lambda: "u00001-1r1" in outcomes(run), lambda: terminal.screen)
    terminal.until(r"✓ finished(.|\n)*37 of 37 items")
    wait(lambda: len(dataset(run)) == kept, lambda: terminal.screen)
    assert len(server.requests) == asked + 1
    assert "u00001-1r1.0" in dataset(run)
    terminal.keys("Escape")
    terminal.until(r"✓ finished +\S+-generate-\S+ +\d+ of 37 accepted")
