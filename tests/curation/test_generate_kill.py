"""A generation at an endpoint that fails in every way, killed again and again: everything once, nothing paid for twice.

STUDIO_GENERATE_KILLS=20 asks about 1,000 people and kills 20 times; by default it is 200 and 4.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from generate_village import answer, expected, person, write_village
from llm_server import PASSING, Fault, FaultyServer, last_user_text

from curation.llm.ledger import CallLedger
from curation.synthesis.model import CALLS, OUTCOMES, UNITS, Outcome, Unit, read_rows

RUNNER = Path(__file__).with_name("generate_runner.py")
KILLS = int(os.environ.get("STUDIO_GENERATE_KILLS", "4"))
PEOPLE = 50 * KILLS
CONCURRENCY = 16
FAULTS = (*PASSING, "429_date", "drip_headers", "gzip")
WAITS = ("429", "429_later", "429_date", "503_later", "hang", "drip", "drip_headers")
FULL = KILLS >= 20
FIRST = () if FULL else tuple(fault for name in WAITS for fault in (name, None))  # once each: they take time
KINDS = FAULTS if FULL else tuple(fault for fault in FAULTS if fault not in WAITS)
CUT_OFF = 25  # one answer in so many is always cut off at max_tokens


def cut_off(number: int) -> bool:
    return number % CUT_OFF == 3


def sometimes_cut_off(body: dict[str, Any]) -> str:
    for number in range(3, PEOPLE, CUT_OFF):
        if person(number)[0] in last_user_text(body) and f"Entry {number}:" in last_user_text(body):
            raise Fault("length")
    return answer(body)


def start(base: Path, folder: Path, *settings: str) -> subprocess.Popen[str]:
    """A leg of the run in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    file = base / "settings.json"
    told = {
        "folder": str(folder),
        "events": str(folder / "events.jsonl"),
        "inputs": [str(base / "village.txt")],
        "set": [
            "source.lines=true", "chunks.minimum=0", "ask.per_chunk=2", "ask.per_call=2", "gates.semantic=0", "model.attempts=12",
            "model.timeout=1.0", f"model.concurrency={CONCURRENCY}", *settings,
        ],
    }  # fmt: skip
    file.write_text(json.dumps(told))
    return subprocess.Popen([sys.executable, str(RUNNER), str(file)], stdout=subprocess.PIPE, text=True)


def summary_of(leg: subprocess.Popen[str]) -> dict[str, Any]:
    said, _ = leg.communicate(timeout=600)
    assert leg.returncode == 0
    return json.loads(said)


def expected_here() -> Counter[str]:
    found = expected(PEOPLE, left_out=cut_off)
    found["truncated"] = 2 * len(range(3, PEOPLE, CUT_OFF))
    return found


def test_faults_and_kills_finalise_everything_once_and_pay_for_nothing_twice(tmp_path: Path) -> None:
    write_village(tmp_path / "village.txt", PEOPLE)
    run = tmp_path / "killed" / "run"
    draw = random.Random(7)
    with FaultyServer(sometimes_cut_off, faults=FIRST, rate=0.3, kinds=KINDS, delay=0.03, seed=23) as server:
        here = f"model.name={server.address}"
        kills = 0
        for kill in range(KILLS):
            leg = start(tmp_path, run, here)
            goal = (kill + 1) * PEOPLE * 0.9 / (KILLS + 1)
            while server.billed < goal and leg.poll() is None:
                time.sleep(0.005)
            time.sleep(draw.uniform(0, 0.1))
            leg.send_signal(signal.SIGKILL)
            kills += leg.wait() == -signal.SIGKILL
        summary = summary_of(start(tmp_path, run, here))
        failed = Counter(seen.fault for seen in server.requests if seen.fault)
        assert kills == KILLS and set(failed) >= set(FAULTS if FULL else WAITS) and len(failed) >= 14
        assert 0.2 < sum(failed.values()) / len(server.requests) < 0.45

        counts = summary["counts"]
        assert counts["planned"] == counts["requested"] == 2 * PEOPLE and counts["left"] == 0
        assert counts["requested"] == counts["accepted"] + counts["rejected"] + counts["failed"]
        assert Counter({"accepted": counts["accepted"], **summary["reasons"]}) == expected_here()

        finalised = [row.unit_id for row in read_rows(run / OUTCOMES, Outcome)]
        assert finalised == [unit.unit_id for unit in read_rows(run / UNITS, Unit)] and len(finalised) == PEOPLE
        told = Counter(event["unit_id"] for event in events(run) if event["event"] == "unit_finished")
        assert max(told.values()) == 1 and len(told) > PEOPLE - kills * CONCURRENCY * 2

        spent = CallLedger(run / CALLS).summary()
        answered = PEOPLE - len(range(3, PEOPLE, CUT_OFF))
        assert (spent.calls, spent.answered) == (PEOPLE, answered) and len(server.answered) == answered
        print(
            f"{PEOPLE} units, {kills} kills: {len(server.requests)} requests, {sum(failed.values())} failed in "
            f"{len(failed)} ways; {spent.unended} under way in the kills, {server.billed - answered} answers paid for twice"
        )
        assert server.billed - answered <= spent.unended <= kills * CONCURRENCY
        assert (
            0 <= spent.attempts - len(server.requests) <= kills * CONCURRENCY
        )  # written down, killed before it was sent

        before = len(server.requests)
        the_same_replies_are_the_same_bytes(tmp_path, run, here)
        assert len(server.requests) == before


def the_same_replies_are_the_same_bytes(base: Path, run: Path, here: str) -> None:
    """One call after the other, without a kill: the files are those of the run that was killed."""
    other = base / "whole" / "run"
    other.mkdir(parents=True)
    shutil.copy(run / CALLS, other / CALLS)
    summary_of(start(base, other, here, "model.concurrency=1"))
    for name in (OUTCOMES, UNITS, "dataset/train.jsonl"):
        assert (other / name).read_bytes() == (run / name).read_bytes(), name


def events(run: Path) -> list[dict[str, Any]]:
    """What the legs told; a kill may have torn the last line of each."""
    found = []
    for line in (run / "events.jsonl").read_text().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found
