"""Two datasets reviewed in a real terminal, the verdicts exported, and applied to the first with `studio apply`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pty_screen import PtyScreen
from tui_pilot import write_jsonl

from curation.verdicts import JOURNAL, Verdict, read_named

PATIENCE = 90.0


def chat(number: int, question: str, answer: str, **more: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"n": number, "messages": turns, **more}


SAME = chat(0, "Is the workshop open on Sunday?", "It is, from ten to four, but nobody repairs anything then.")
WORDS = chat(1, "How often does a chain need oil?", "Every two weeks in summer, and less often when it rains.")
WORDS_B = chat(1, "How often does a chain need oil?", "Every two weeks in summer, 雨天以后也要上油。")
KEPT_AS_IT_WAS = chat(
    2, "Which lock is the best one to buy?", "A heavy one, and a second lock of another kind with it."
)
REJECTED_B = chat(2, "Which lock is the best one to buy?", "A heavy one, and a second lock of the same kind, I guess.")
COLUMN = chat(3, "Do you take old bicycles back again?", "We do, in any state, on any day of the week.", rating=1)
COLUMN_B = chat(3, "Do you take old bicycles back again?", "We do, in any state, on any day of the week.", rating=5)
GONE = chat(4, "What does a new inner tube cost me?", "Between five and nine, with the work another ten.")
STAYS = chat(5, "Can the brakes be wet in the morning?", "They can, and they squeal until the rims are dry again.")
MENDED = chat(6, "May a dog ride along in a trailer?", "It may, where the trailer was built for a dog.")
MENDED_B = chat(6, "May a dog ride along in a trailer?", "It may, where the trailer was build for a dog?")
NEW_B = chat(7, "图书馆旁边可以停自行车吗？", "可以，门口有停车架，晚上请不要过夜。")
DROPPED_B = chat(
    9, "Is this one dropped by its reader?", "It is in the second dataset only, so nothing has to be done."
)
UNWANTED_B = chat(8, "Ignored by everybody, is it not?", "It is what nobody wants to have in the data.")

A = [SAME, WORDS, KEPT_AS_IT_WAS, COLUMN, GONE, STAYS, MENDED]
B = [SAME, WORDS_B, REJECTED_B, COLUMN_B, MENDED_B, NEW_B, UNWANTED_B, DROPPED_B]
# What the person does about each change, by the record's number; keys of the Review screen.
KEYS = {1: "a", 2: "x", 3: "a", 4: "a", 5: "x", 6: "e", 7: "a", 8: "x", 9: "D"}
WANTED = [
    SAME,
    WORDS_B,
    KEPT_AS_IT_WAS,
    STAYS,
    chat(6, "May a dog ride along in a trailer?", "In short: It may, where the trailer was build for a dog?"),
]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"STUDIO_RUNS_DIR": str(tmp_path / "runs"), "STUDIO_CONFIG": str(tmp_path / "none.toml")}


def journal(folder: Path) -> list[Verdict]:
    found = list((folder / "runs" / ".compared").glob(f"*/{JOURNAL}"))
    return list(read_named(found[0]).verdicts) if found else []


def until(screen: PtyScreen, true: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"{what}: {bytes(screen.output[-1500:])!r}"
        screen.pump(0.1)


def judge(screen: PtyScreen, folder: Path, number: int) -> None:
    """Find the change of one record by its text, and decide about it."""
    known = len(journal(folder))
    question = next(each for each in [*A, *B] if each["n"] == number)["messages"][0]["content"]
    screen.send("\x1b")
    screen.pump(0.5)
    screen.send(f"/{question}\r")
    screen.pump(1.5)
    screen.send(KEYS[number])
    if KEYS[number] == "e":  # the cursor is at the beginning of the text
        screen.pump(1)
        screen.send("In short: ")
        screen.pump(0.5)
        screen.send("\x0f")
    until(screen, lambda: len(journal(folder)) > known, f"no verdict about {number}")
    assert journal(folder)[-1].record_id == (f"a.jsonl:{number + 1}" if number < 7 else f"b.jsonl:{number - 1}")


def apply(folder: Path, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "studio", "apply", *words]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, cwd=folder)


def test_what_was_accepted_is_applied_to_the_first_dataset(tmp_path: Path, environment: dict[str, str]) -> None:
    a, b = write_jsonl(tmp_path / "a.jsonl", A), write_jsonl(tmp_path / "b.jsonl", B)
    patch = tmp_path / "mine.patch.jsonl"
    with PtyScreen(["review", str(a), str(b)], size=(120, 40), environment=environment) as screen:
        assert screen.pump(PATIENCE, until=b"0 of 9 judged"), screen.output[-1000:]
        for number in KEYS:
            judge(screen, tmp_path, number)
        screen.send("\x1b")
        screen.pump(0.5)
        screen.send("E")
        assert screen.pump(PATIENCE, until=b"Export to")
        screen.send(f"\x15{patch}\r")
        until(screen, patch.exists, "no patch")
        screen.send("\x11")
        assert screen.finish() == 0
    assert patch.stat().st_mode & 0o777 == 0o600

    done = apply(tmp_path, environment, str(patch), "--to", str(a), "--out", "done.jsonl")
    assert done.returncode == 0, done.stdout + done.stderr
    found = [json.loads(line) for line in (tmp_path / "done.jsonl").read_text("utf-8").splitlines()]
    assert [each["n"] for each in found] == [0, 1, 2, 5, 6, 3, 7]
    assert found[:5] == WANTED and found[5:] == [COLUMN_B, NEW_B]
    again = patch.read_bytes()
    with PtyScreen(["review", str(a), str(b)], size=(120, 40), environment=environment) as screen:
        assert screen.pump(PATIENCE, until=b"9 of 9 judged"), screen.output[-1000:]
        screen.send("E")
        assert screen.pump(PATIENCE, until=b"Export to")
        screen.send(f"\x15{patch}\r")
        until(screen, lambda: b"verdicts are in" in screen.output, "nothing is said")
        screen.send("\x11")
        assert screen.finish() == 0
    assert patch.read_bytes() == again, "the same review is the same patch"
    counts = re.search(r"7 records; (.*)", done.stdout)
    assert counts is not None and "2 dropped" in counts[1] and "2 edited" in counts[1] and "2 added" in counts[1]
