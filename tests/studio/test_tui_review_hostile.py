"""Hostile data on the Review screen and in the commands beside it, in a real terminal; and keys at random.

STUDIO_MONKEY=10000 sets the number of random keys, STUDIO_MONKEY_SEED where they begin.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from payloads import escapes, markups
from pty_screen import PtyScreen
from test_tui_hostile import UNSAFE, controls_in
from textual.pilot import WaitForScreenTimeout
from textual.widgets import Input
from tui_pilot import driven, run, write_jsonl

from curation.diff import Hunk
from curation.ledger import Turn
from studio.runs.folder import every
from studio.runs.lock import is_held
from studio.runs.stop import force_stop
from studio.tui.app import StudioApp
from studio.tui.screens import PLACES
from studio.tui.screens.review_messages import Shown
from studio.tui.screens.review_text import hunk_content
from studio.tui.settings import Settings

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


class Monkey:
    """Presses keys at random, and goes on to the next screen every now and then, so that it comes to all of them."""

    KEYS = (
        *"j k g G n p N down up pageup pagedown left right home end tab shift+tab".split(),
        *"a x e u U r R D t m c d f v w y A E J K o i slash plus minus equals_sign".split(),
        *"enter escape space backspace delete ctrl+r ctrl+o ctrl+p ctrl+u ctrl+e ctrl+d".split(),
        *"s l z 1 2 3 4 6 f1 question_mark right_square_bracket left_square_bracket 5 comma".split(),
    )
    STAYS = 25
    RUNS = 4  # each run that it starts is a real one

    def __init__(self, app: StudioApp, seed: int) -> None:
        self.app = app
        self.draw = random.Random(seed)
        self.pressed: list[str] = []
        self.at: Counter[str] = Counter()

    def choose(self) -> str:
        """A key. In a path that is being typed no slash, or files would be written anywhere."""
        while True:
            key = self.draw.choice(self.KEYS)
            typing = isinstance(self.app.focused, Input)
            starts = key in ("r", "R", "c", "y", "enter") and len(every(self.app.runs_dir)) >= self.RUNS and not typing
            if not (typing and key == "slash") and not (starts and self.app.current_mode != "review"):
                return key

    async def press(self, key: str) -> None:
        # Not the pilot's own press: it waits for ever for keys of a footer that was drawn anew meanwhile.
        self.pressed.append(key)
        self.at[self.app.current_mode] += 1
        await self.app._press_keys([key])
        await asyncio.sleep(0.02)

    async def go_on(self, count: int) -> None:
        """The next key, or the next screen."""
        if count % self.STAYS == 0:
            for key in ("escape", "escape", "escape", PLACES[count // self.STAYS % len(PLACES)].key):
                await self.press(key)
        await self.press(self.choose())


def end_runs(runs_dir: Path) -> None:
    for folder in every(runs_dir):
        if is_held(folder):
            force_stop(folder, 10.0)


def test_random_keys_on_every_screen(hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    number = int(os.environ.get("STUDIO_MONKEY", "300"))
    seed = int(os.environ.get("STUDIO_MONKEY_SEED", "5"))
    folder = next((hostile / "runs").iterdir())
    copy = Path(shutil.copytree(folder, tmp_path / "runs" / folder.name))
    monkeypatch.chdir(tmp_path)  # whatever is written by an export typed at random
    monkeypatch.setenv("STUDIO_CONFIG", str(tmp_path / "none.toml"))
    settings = Settings(language="en", animation="none")

    async def test() -> None:
        async with driven(copy, size=(120, 40), settings=settings, runs_dir=tmp_path / "runs") as found:
            found.app.action_leave = lambda: None  # the list of commands holds Quit, too
            monkey = Monkey(found.app, seed)
            for count in range(number):
                try:
                    await monkey.go_on(count)
                except Exception as error:
                    told = f"seed {seed}, after {count} keys, the last of them {monkey.pressed[-12:]}"
                    raise AssertionError(told) from error
                assert found.app._exception is None, (seed, count, monkey.pressed[-12:])
                if count % 60 == 0:
                    with suppress(WaitForScreenTimeout):  # for the same reason
                        await found.pilot.resize_terminal(monkey.draw.randint(1, 200), monkey.draw.randint(1, 60))
            await asyncio.sleep(0.5)
            assert found.app._exception is None, (seed, monkey.pressed[-12:])
            assert found.app.is_running
            assert all(monkey.at[place.name] >= number // (8 * len(PLACES)) for place in PLACES), monkey.at

    try:
        run(test())
    finally:
        end_runs(tmp_path / "runs")
