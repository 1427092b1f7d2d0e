"""The user's own editor, a real program in a real terminal: it has the terminal to itself, and what it writes is taken over."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pty_screen import PtyScreen
from tui_pilot import write_jsonl

from curation.verdicts import JOURNAL, Verdict, read_journal
from studio.runs.folder import every

PATIENCE = 90.0
TEXTS = [
    "too short",
    "This record is long enough to stay as it is, and nobody complains about it.",
    "also short",
]
# An editor that asks what to do, as a person would be asked: its answer comes from the same terminal.
EDITOR = """#!/bin/sh
cd "$(dirname "$0")"
stty -a > terminal
stat -c %a "$1" > mode
cp "$1" given
printf 'EDITING '
touch asking
read -r act word
rm asking
case "$act" in
  write) sed -i "s/$word/" "$1" ;;
  fail) sed -i 's/short/lost/' "$1"; exit 3 ;;
esac
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished run, and beside it an editor."""
    source = write_jsonl(tmp_path / "a.jsonl", [{"text": text} for text in TEXTS])
    (tmp_path / "r.yaml").write_text("stages:\n  - {use: length, min_chars: 40}\n")
    command = ["curate", str(source), "--recipe", str(tmp_path / "r.yaml"), "--no-report", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "studio", *command], env={**os.environ, **environment(tmp_path)}, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    (tmp_path / "desk").mkdir()
    editor = tmp_path / "desk" / "my editor"
    editor.write_text(EDITOR)
    editor.chmod(0o755)
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    return {
        "STUDIO_RUNS_DIR": str(folder / "runs"),
        "STUDIO_CONFIG": str(folder / "none.toml"),
        "VISUAL": "",
        "EDITOR": f"'{folder}/desk/my editor'",
    }


def until(screen: PtyScreen, true: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"{what}: {bytes(screen.output[-1500:])!r}"
        screen.pump(0.1)


def edit(screen: PtyScreen, folder: Path, key: str, answer: str) -> str:
    """Open the editor, answer it, wait until the interface is back. The text that the editor was given."""
    asking = folder / "desk" / "asking"
    begin = len(screen.output)
    screen.send(key)
    until(screen, asking.exists, "the editor was not started")
    until(screen, lambda: b"EDITING" in screen.output[begin:], "the editor does not reach the terminal")
    assert b"\x1b[?1049l" in screen.output[begin:], "the interface has not left the screen"
    begin = len(screen.output)
    screen.send(f"{answer}\r")
    until(screen, lambda: not asking.exists(), "the editor got no keys")
    until(screen, lambda: b"\x1b[?1049h" in screen.output[begin:], "the interface did not come back")
    screen.pump(1)
    return (folder / "desk" / "given").read_text("utf-8")


def edits(folder: Path) -> list[Verdict]:
    (run,) = every(folder / "runs")
    return [line for line in read_journal(run.path / JOURNAL).verdicts if line.kind == "edit"]


def test_a_record_in_the_users_editor(folder: Path) -> None:
    with PtyScreen(["review", "last"], size=(120, 40), environment=environment(folder)) as screen:
        assert screen.pump(PATIENCE, until=b"0 of 2 judged"), screen.output[-1000:]
        until(
            screen, lambda: b"threshold 40" in screen.output, "the change is not drawn; a key before is about nothing"
        )
        screen.pump(1)
        assert edit(screen, folder, "\x05", "leave") == "too short\n"
        assert edits(folder) == [], "nothing was changed"
        begin = len(screen.output)
        edit(screen, folder, "\x05", "fail")
        until(screen, lambda: b"editor ended" in screen.output[begin:], "nothing is said")
        assert edits(folder) == [], "an editor that ends with an error has said: not this"
        edit(screen, folder, "\x05", "write too short/很 brief \\&c.")
        until(screen, lambda: edits(folder), "no verdict")
        (verdict,) = edits(folder)
        assert (verdict.after, verdict.turn) == ("很 brief &c.", 0)
        screen.send("\x11")
        assert screen.finish() == 0
    settings = (folder / "desk" / "terminal").read_text()
    assert " icanon" in settings and " echo " in settings.replace(";", " "), (
        "the editor had a terminal in no usual state"
    )
    assert (folder / "desk" / "mode").read_text().strip() == "600"


def test_the_recipe_in_the_users_editor(folder: Path) -> None:
    """A text that cannot be read is kept, said, and there again for the next try."""
    recipe = folder / "mine.yaml"
    with PtyScreen([str(folder / "a.jsonl")], size=(120, 40), environment=environment(folder)) as screen:
        assert screen.pump(PATIENCE, until=b"too short")
        screen.send("2")
        assert screen.pump(PATIENCE, until=b"answered")
        assert screen.pump(PATIENCE, until=b" kept"), "no preview"
        begin = len(screen.output)
        given = edit(screen, folder, "e", "write min_chars: 10/min_chars: [ten")
        assert "name: sft" in given and "min_chars: 10" in given
        until(screen, lambda: b"e opens your text" in screen.output[begin:], "nothing is said")
        given = edit(screen, folder, "e", "write min_chars: \\[ten/min_chars: 41")
        assert "min_chars: [ten" in given
        screen.send("w")
        assert screen.pump(PATIENCE, until=b"Save as")
        screen.send(f"\x15{recipe}\r")
        until(screen, recipe.exists, "the recipe was not saved")
        screen.send("\x11")
        assert screen.finish() == 0
    assert "min_chars: 41" in recipe.read_text() and "min_chars: 10\n" not in recipe.read_text()
