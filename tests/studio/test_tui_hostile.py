"""Hostile data on every part of the Data screen, in a real terminal: nothing of it but visible text comes out."""

import random
import re
from pathlib import Path

import pytest
from payloads import escapes, markups
from pty_screen import PtyScreen
from rich.cells import cell_len
from textual.content import Content
from tui_pilot import chats, driven, run, write_jsonl

from studio.display import display
from studio.tui.frames import record_content
from studio.tui.text import LIMIT, block, cell, line

# What Textual itself writes: colours, cursor movement, modes, and a few questions to the terminal at start.
OURS = re.compile(
    rb"\x1b\[[0-9;:]*m|\x1b\[[0-9;]*[HABCDJK]|\x1b\[\?(?:1049|1000|1002|1003|1004|1006|1015|1016|2004|2026|2027|2031|2048|25|7)(?:\$p|[hl])"
    rb"|\x1b\[[<>=?][0-9;]*u|\x1b\[\?[0-9;]*\$p|\x1b\[c|\x1b\[>[0-9]*[cq]|\x1b\[\?996n|\x1b\[16t|\x1b\[14t|\x1b7|\x1b8"
    rb"|\x1b\]22;[a-z-]*\x07|\x1b\[[0-9]*q"
)
UNSAFE = re.compile(
    "[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u180b-\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)


def hostile_records() -> list[dict[str, object]]:
    return [
        {
            "messages": [{"role": "user", "content": text}, {"role": text[:20], "content": text}],
            text[:30]: text,
            "n": [text],
        }
        for text in (*escapes(), *markups())
    ]


def test_there_are_enough_payloads_and_they_differ() -> None:
    assert len(set(escapes())) >= 120
    assert len(set(markups())) >= 60
    assert all(display(text) != text for text in escapes() if "\u0301" not in text)


@pytest.mark.parametrize("text", [*escapes(), *markups()], ids=range(len(escapes()) + len(markups())))
def test_the_door_lets_nothing_through(text: str) -> None:
    for content in (line(text), block(text), Content("\n").join([line(text, style="bold")])):
        assert not UNSAFE.search(content.plain)
        assert not [span for span in content.spans if "@" in str(span.style) or "link" in str(span.style)]
    for width in (0, 1, 2, 7, 30):
        assert cell_len(cell(text, width)) == width
        assert not UNSAFE.search(cell(text, width))
    if "[" in text and "\x1b" not in text and "\x9b" not in text:
        assert text in line(text).plain


def test_long_texts_are_cut_with_a_mark() -> None:
    assert len(block("x" * 1_000_000).plain) < LIMIT + 100
    assert "996,000 more characters" in block("x" * 1_000_000).plain
    assert cell("字" * 1_000_000, 9) == "字字字字…"
    assert cell("ab", 5, right=True) == "   ab"
    assert cell("字", 3, right=True) == " 字"


def controls_in(output: bytes) -> list[str]:
    """What is left of an output without what Textual writes and without text."""
    text = OURS.sub(b"", output).decode("utf-8", "surrogateescape")
    return UNSAFE.findall(text)


def test_every_payload_on_the_data_screen_in_a_real_terminal(tmp_path: Path) -> None:
    """Table, record pane, charts, status, top bar, prompts, notes: as text, never as bytes that mean something."""
    records = hostile_records()
    folder = tmp_path / "owned \x1b]0;OWNED\a [b]"
    folder.mkdir()
    path = write_jsonl(folder / "o\x9b2J\u202e[@click=quit].jsonl", records)
    with PtyScreen([str(path)], size=(130, 60), environment={"STUDIO_CONFIG": str(tmp_path / "none")}) as screen:
        assert screen.pump(60, until=f"1/{len(records)} ".encode()), screen.output[-2000:]
        screen.pump(4)
        shown = 0
        while shown < len(records):  # every record on the table and in the pane
            screen.send("j" * 3)
            shown += 3
            screen.pump(0.05)
        for keys in ("/owned\r", "n", "N", "foops > 3\r", "s-length\r", "d", "d", "G", "\r", "\t", "?", "\x1b"):
            screen.send(keys)
            screen.pump(0.7)
        screen.send("\x11")
        assert screen.finish() == 0, screen.output[-3000:]
    assert controls_in(bytes(screen.output)) == []
    assert b"]0;OWNED" not in screen.output.replace(b"\\x1b]0;OWNED", b"")
    assert b"\\x1b" in screen.output


def test_the_pane_shows_each_record_without_parsing_it(tmp_path: Path) -> None:
    from curation.browsing import open_records

    records = open_records(str(write_jsonl(tmp_path / "a.jsonl", hostile_records())))
    for _ in records.grow(lambda: False):
        pass
    for row in range(len(records)):
        content = record_content(records.record(row), "en")
        assert not UNSAFE.search(content.plain)
        assert not [span for span in content.spans if "click" in str(span.style) or "link" in str(span.style)]


def test_megabyte_cells_are_quick(tmp_path: Path) -> None:
    texts = ["x" * 3_000_000, "字" * 1_000_000, "\x1b" * 1_000_000, "a\n" * 500_000]
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": text} for text in texts])

    async def test() -> None:
        async with driven(path) as found:
            for _ in texts:
                await found.press("j")
                await found.settled()
            assert "more characters" in str(found.screen.query_one("#pane").content)

    run(test())


def test_three_hundred_random_keys(tmp_path: Path) -> None:
    draw = random.Random(7)
    moves = "j k g G n N down up pageup pagedown left right home end tab shift+tab".split()
    keys = [
        *moves,
        *"f s o t d r y escape enter slash question_mark f1 1 2 3 4 ctrl+p backspace a z 5 space ctrl+u".split(),
    ]

    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(200) + hostile_records())) as found:
            for number in range(300):
                await found.press(draw.choice(keys))
                if number % 60 == 0:
                    await found.pilot.resize_terminal(draw.randint(1, 200), draw.randint(1, 60))
            await found.pilot.pause()
            assert found.app._exception is None
            assert found.app.is_running

    run(test())
