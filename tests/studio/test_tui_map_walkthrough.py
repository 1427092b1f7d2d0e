"""A person looks at what a file is about, in a real terminal (tmux): the map is made while they watch, leave and come back;
topics, a rectangle, a record on the screen Data; and a topic's records become the seeds of a generation.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_tui_walkthrough import Tmux, wait

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "curation"))
from known_topics import known_topics

from curation.topics.model import read_map, read_points
from studio.runs.folder import every
from studio.runs.lock import is_held
from studio.runs.status import Status, status_of
from studio.runs.stop import force_stop

pytestmark = [pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux"), pytest.mark.slow]

RECORDS = 300
NAMES = ("cooking", "astronomy", "law")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Tmux]:
    (tmp_path / "runs").mkdir()
    found = Tmux(tmp_path)
    found.do("send-keys", "-l", f"cd {tmp_path}")
    found.do("send-keys", "Enter")
    yield found
    found.do("kill-server")
    for run in every(tmp_path / "runs"):
        if is_held(run):
            force_stop(run, 10.0)


def test_make_watch_look_and_take_seeds(terminal: Tmux, tmp_path: Path) -> None:
    records, _ = known_topics(RECORDS, NAMES)
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    (tmp_path / "questions.jsonl").write_text("\n".join(lines) + "\n")

    # Nothing there yet: the screen says what to press; what is open is what would be mapped
    terminal.studio("questions.jsonl")
    terminal.until(r"1 Data(.|\n)*/300")
    terminal.keys("8")
    terminal.until("No map was made here yet(.|\n)*n makes one of a run, or of files")
    terminal.keys("n")
    terminal.until(r"Map of questions\.jsonl")
    terminal.keys("End")  # what stands there is chosen, and would be typed over
    terminal.do("send-keys", "-l", " --topics 3")
    terminal.keys("Enter")
    terminal.until(r"● running(.|\n)*embed")
    (run,) = every(tmp_path / "runs")

    # Quitting leaves it running, and says so; the map is there when one comes back
    terminal.keys("C-q")
    terminal.until("1 run continues in the background")
    terminal.keys("Enter")
    wait(lambda: status_of(run) is Status.FINISHED, lambda: terminal.screen)
    terminal.studio(str(run.path))
    terminal.until("1 Data")
    terminal.keys("8")
    terminal.until(r"✓ finished  300 records · 3 topics(.|\n)*coloured by topic(.|\n)*[⠁-⣿]{2}")

    # A topic: its records, its dots
    found, points = read_map(run.path), read_points(run.path)
    first = found.topics[0]
    terminal.keys("Down")
    screen = terminal.until(rf"{first.size} of 300 records · topic 1")
    assert ", ".join(first.words[:3]) in screen
    terminal.keys("s", "s")
    terminal.until(r"topic +records +near")

    # A rectangle around a corner of the plane, then closer, then away
    terminal.keys("Home")
    terminal.until("300 of 300 records")
    terminal.keys("Tab", "K", "K", "K", "H", "H", "H", "Space", "J", "J", "L", "L", "L")
    screen = terminal.until(r"(\d+) of 300 records · in the rectangle")
    number = int(re.search(r"(\d+) of 300 records", screen)[1])  # type: ignore[index]
    assert 0 < number < 300 and "┌" in screen and "┐" in screen
    terminal.keys("Space", "+")
    terminal.until("×")
    terminal.keys("Escape")
    terminal.until("300 of 300 records")
    terminal.keys("0")

    # A record: all of it here, and its place on the screen Data
    terminal.keys("Tab", "G")
    (last,) = points.sort("topic", "central", descending=[False, True], maintain_order=True)["record_id"].tail(1)
    terminal.until(rf"│ {re.escape(last)}\b")
    terminal.keys("w")
    terminal.until(r"(user|question)(.|\n)*(assistant|answer)")
    terminal.keys("Escape", "Enter")
    terminal.until(rf"2 Curate(.|\n)* {last.rpartition(':')[2]}/300")

    # The topic's records as seeds
    terminal.keys("8", "BTab", "BTab", "Down", "g")
    terminal.until(r"Seeds of topic \d topic-\d\.jsonl")
    terminal.keys("Enter")
    terminal.until(r"seeds of topic \d are in(.|\n)*--from-seeds ")
    (seeds,) = tmp_path.glob("topic-*.jsonl")
    written = seeds.read_text().splitlines()
    assert written and {json.dumps(json.loads(line), ensure_ascii=False) for line in written} <= set(lines)
    terminal.keys("C-q")
    terminal.until(r"\n\$\s*$")
