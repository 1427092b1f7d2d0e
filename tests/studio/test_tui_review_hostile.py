"""Hostile data on the Review screen and in the commands beside it, in a real terminal; and keys at random.

STUDIO_MONKEY=10000 sets the number of random keys, STUDIO_MONKEY_SEED where they begin.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from payloads import escapes, markups
from pty_screen import PtyScreen
from test_tui_hostile import UNSAFE, controls_in
from test_tui_review import reviewing
from textual.pilot import WaitForScreenTimeout
from tui_pilot import run, write_jsonl

from curation.diff import Hunk
from curation.ledger import Turn
from studio.tui.screens.review_messages import Shown
from studio.tui.screens.review_text import hunk_content

RECIPE = """
stages:
  - {use: clean}
  - {use: length, min_chars: 12}
  - {use: exact}
"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run over every payload: many edited by `clean`, some too short, some copies; file and roles hostile, too."""
    folder = tmp_path_factory.mktemp("hostile")
    texts = [*escapes(), *markups()]
    rows = [
        {
            "messages": [{"role": "user", "content": f"{text} <b>{text}</b>"}, {"role": "assistant", "content": text}],
            text[:30]: text,
        }
        for text in texts
    ] + [{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": t[:9]}]} for t in texts[::7]]
    path = write_jsonl(folder / "o\x9b2J\u202e[@click=quit].jsonl", [*rows, *rows[::5]])
    (folder / "r.yaml").write_text(RECIPE)
    command = [
        "curate",
        str(path),
        "--recipe",
        str(folder / "r.yaml"),
        "--runs-dir",
        str(folder / "runs"),
        "--no-report",
    ]
    done = subprocess.run([sys.executable, "-m", "studio", *command, "--quiet"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def environment(folder: Path) -> dict[str, str]:
    return {"STUDIO_RUNS_DIR": str(folder / "runs"), "STUDIO_CONFIG": str(folder / "none.toml")}


@pytest.mark.parametrize("text", [*escapes(), *markups()], ids=range(len(escapes()) + len(markups())))
def test_a_hunk_lets_nothing_through(text: str) -> None:
    from curation.diff import Cause, FieldChange

    cause = Cause(text, "drop", text, text, 0.5, 0.4, text, text)
    old, new = (
        (Turn(0, text, text), Turn(1, text, f"{text}x")),
        (Turn(0, text, text), Turn(1, text, f"{text}y\n{text}")),
    )
    for status, before, after in (("removed", old, ()), ("changed", old, new), ("added", (), new)):
        fields = (FieldChange(text, text, f"{text}!"),)
        hunk = Hunk(0, status, text, "0", text, text, text, 0.5, text, (cause,), before, after, fields)  # type: ignore[arg-type]
        for side in (True, False):
            for twin in ((), new):
                content = hunk_content(Shown(hunk, twin), "1/1", 90, side=side, whole=True)
                assert not UNSAFE.search(content.plain)
                assert not [span for span in content.spans if "@" in str(span.style) or "link" in str(span.style)]


def test_every_payload_on_the_review_screen_in_a_real_terminal(hostile: Path) -> None:
    with PtyScreen(["review", "last"], size=(130, 50), environment=environment(hostile)) as screen:
        assert screen.pump(60, until=b"judged"), screen.output[-2000:]
        screen.pump(3)
        shown = 0
        while shown < len([*escapes(), *markups()]) + 60:
            screen.send("n" * 2)
            shown += 2
            screen.pump(0.06)
        # Layouts, duplicates, edits, prompts, bulk, help, notes in the corner, errors.
        for keys in ("v", "w", "]", "]", "]", "d", "j", "\x1b", "e", "\x1b", "c", "\x1b", "/owned\r", "f", "f", "A", "\x1b",
                     "t\x1b]0;OWNED\a\r", "mowned\r", "a", "x", "u", "D", "r", "?", "\x1b",
                     "E/nowhere/owned\r", "o[b]owned\r", "olast\r"):  # fmt: skip
            screen.send(keys)
            screen.pump(0.6)
        screen.send("\x11")
        assert screen.finish() == 0, screen.output[-3000:]
    assert controls_in(bytes(screen.output)) == []
    assert b"\x1b]0;OWNED" not in screen.output and "\x9d0;OWNED".encode() not in screen.output
    assert b"\\x1b" in screen.output


@pytest.mark.parametrize(
    "words",
    [
        ["diff", "last"],
        ["diff", "last", "--stat"],
        ["review", "last", "--most", "400"],
        ["dupes", "last"],
        ["why", "last", "owned"],
        ["why", "last", "no \x1b]0;OWNED\a such"],
        ["runs", "show", "last", "--plain"],
    ],
    ids=" ".join,
)
def test_every_payload_through_the_commands_in_a_real_terminal(hostile: Path, words: list[str]) -> None:
    help_text = subprocess.run(
        [sys.executable, "-m", "studio", words[0], "--help"], capture_output=True, text=True
    ).stdout
    if words[0] == "why" and "RUN" not in help_text.splitlines()[0]:
        words = [words[0], words[2], "--run", "last"]
    if "--plain" in words and "--plain" not in help_text:
        words = [word for word in words if word != "--plain"]
    with PtyScreen(words, size=(200, 60), environment=environment(hostile)) as screen:
        code = screen.finish(60)
    assert code in (0, 1, 2, 3), screen.output[-500:]
    assert len(screen.output) > 20
    left = [c for c in controls_in(bytes(screen.output)) if c not in "\r"]
    assert left == []
    assert b"Traceback" not in screen.output


def test_random_keys_on_every_screen(hostile: Path, tmp_path: Path) -> None:
    import shutil

    number = int(os.environ.get("STUDIO_MONKEY", "300"))
    draw = random.Random(int(os.environ.get("STUDIO_MONKEY_SEED", "5")))
    moves = "j k g G n p N down up pageup pagedown left right home end tab shift+tab".split()
    acts = (
        "a x e u r D t m c d f v w y A E o slash plus enter escape space backspace ctrl+r ctrl+o ctrl+p ctrl+u".split()
    )
    keys = [*moves, *acts, *"s l z 1 2 3 4 f1 question_mark right_square_bracket left_square_bracket 5 comma".split()]
    folder = next((hostile / "runs").iterdir())
    copy = Path(shutil.copytree(folder, tmp_path / "runs" / folder.name))

    pressed: list[str] = []

    async def test() -> None:
        async with reviewing(copy) as found:
            found.app.action_leave = lambda: None  # the list of commands holds Quit, too
            for count in range(number):
                pressed.append(draw.choice(keys))
                try:
                    # Not the pilot's own press: it waits for ever for keys of a footer that was drawn anew meanwhile.
                    await found.app._press_keys([pressed[-1]])
                    await asyncio.sleep(0.02)
                except Exception as error:
                    raise AssertionError(f"after {count} keys, the last of them {pressed[-12:]}") from error
                if count % 60 == 0:
                    with suppress(WaitForScreenTimeout):  # for the same reason
                        await found.pilot.resize_terminal(draw.randint(1, 200), draw.randint(1, 60))
            await asyncio.sleep(0.5)
            assert found.app._exception is None
            assert found.app.is_running

    previous = Path.cwd()
    os.chdir(tmp_path)  # whatever is written by an export typed at random
    try:
        run(test())
    finally:
        os.chdir(previous)
